#include "layer/write.h"

#include <errno.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"

#define WRITE_BUFFER (256u << 10)

struct writing {
    const struct write_options *o;
    struct tar_writer *out;
    int fs;
    char *buf;
};

static int lied(const struct entry *e, struct error *err)
{
    return error_set(err, -EPROTO, "'%.200s' is not as its index says", e->path);
}

/* Exactly the announced bytes: the header is out already. */
static int put_content(struct writing *w, const struct entry *e, struct error *err)
{
    cleanup_close int fd =
        fd_open_beneath(w->fs, e->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, err);
    uint64_t left = e->size;
    struct digest digest;
    struct hash h;

    if (fd < 0)
        return fd;
    hash_init(&h);
    for (;;) {
        const ssize_t n = read(fd, w->buf, left < WRITE_BUFFER ? (size_t)left + 1 : WRITE_BUFFER);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_sys(err, "read '%.200s'", e->path);
        if ((uint64_t)n > left || (n == 0 && left > 0))
            return lied(e, err);
        if (w->o->check)
            hash_add(&h, w->buf, (size_t)n);
        const int r = n > 0 ? tar_put_data(w->out, view_make(w->buf, (size_t)n), err) : 0;
        if (r < 0)
            return r;
        left -= (uint64_t)n;
        if (left == 0)
            break;
    }
    hash_done(&h, digest.sha256);
    return w->o->check && !digest_eq(&digest, &e->content) ? lied(e, err) : 0;
}

static int put_entry(struct writing *w, const struct entry *e, struct error *err)
{
    struct entry out = *e;

    if (w->o->times == WRITE_TIMES_SET ||
        (w->o->times == WRITE_TIMES_CLAMP && out.mtime_s >= w->o->epoch_s)) {
        out.mtime_s = w->o->epoch_s;
        out.mtime_ns = 0;
    }
    const int r = tar_put(w->out, &out, err);
    if (r < 0 || e->type != ENTRY_FILE || e->size == 0)
        return r;
    return put_content(w, e, err);
}

int write_tar(const struct index *ix, int fs, const struct write_options *o, struct tar_writer *out,
              struct error *err)
{
    struct writing w = {o, out, fs, xmalloc(WRITE_BUFFER + 1)};
    size_t first, end;
    int r = 0;

    index_range(ix, view_of(o->only ? o->only : ""), &first, &end);
    for (size_t i = first; r == 0 && i < end; i++)
        r = put_entry(&w, index_at(ix, i), err);
    free(w.buf);
    return r;
}
