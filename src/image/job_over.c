/* The job that unpacks the layers of an image over each other into one directory, past the store. */
#include <errno.h>
#include <unistd.h>

#include "image/interim.h"
#include "image/job_layer.h"
#include "layer/unpack.h"

#define TELL_STEP (8u << 20) /* bytes between two words about progress */

struct over {
    const struct job_context *ctx;
    const int *fds; /* the directory, then files with layers */
    size_t fd_count;
    uint64_t done, total; /* packed bytes */
    struct unpack *unpack;
};

/* One layer: [at, end) of fd. */
struct part {
    struct over *over;
    int fd;
    uint64_t at, end;
    struct digest blob, diff_id; /* zero: not known */
};

static int read_part_of(const struct over *o, const json_t *doc, struct part *ret,
                        struct error *err)
{
    int64_t fd = 0, offset = 0, size = 0;
    int r = doc_need_int(doc, "fd", &fd, err);

    if (r == 0)
        r = doc_need_int(doc, "offset", &offset, err);
    if (r == 0)
        r = doc_need_int(doc, "size", &size, err);
    if (r == 0)
        r = job_digest(doc, "blob", &ret->blob, err);
    if (r == 0)
        r = job_digest(doc, "diff_id", &ret->diff_id, err);
    if (r == 0 && (offset < 0 || size < 0 || fd < 1 || (uint64_t)fd >= o->fd_count))
        r = error_set(err, -EINVAL, "image-over: no such place");
    if (r < 0)
        return r;
    ret->fd = o->fds[fd];
    ret->at = (uint64_t)offset;
    ret->end = ret->at + (uint64_t)size;
    return 0;
}

static void tell(struct over *o, size_t more)
{
    const uint64_t before = o->done;

    o->done += more;
    if (before / TELL_STEP == o->done / TELL_STEP)
        return;
    json_t *message = json_object();
    doc_set_int(message, "done", (int64_t)o->done);
    doc_set_int(message, "total", (int64_t)o->total);
    job_progress(o->ctx, message);
}

static int read_packed(void *ctx, void *buf, size_t size, struct error *err)
{
    struct part *p = ctx;
    ssize_t n;

    do
        n = pread(p->fd, buf, (size_t)MIN(size, p->end - p->at), (off_t)p->at);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return error_sys(err, "read layer");
    if (n == 0 && p->at < p->end)
        return error_set(err, -EPROTO, "layer is cut short");
    p->at += (uint64_t)n;
    tell(p->over, (size_t)n);
    return (int)n;
}

static const struct digest *known(const struct digest *d)
{
    return digest_is_zero(d) ? NULL : d;
}

static int unpack_one(struct over *o, const json_t *doc, struct error *err)
{
    struct part p = {.over = o};
    struct codec_sums sums;
    char text[DIGEST_TEXT_MAX];
    int r = read_part_of(o, doc, &p, err);

    if (r < 0)
        return r;
    CLEANUP(codec_closep)
    struct codec_reader *in = codec_open_source(
        read_packed, &p, CODEC_AHEAD | CODEC_HASH_PLAIN | CODEC_HASH_PACKED, NULL);
    r = unpack_tar(o->unpack, in, err);
    if (r == 0)
        r = codec_drain(in, &sums, err);
    if (r == 0)
        r = unpack_check_sums(&sums, known(&p.blob), known(&p.diff_id), err);
    if (r == 0)
        r = unpack_end_layer(o->unpack, err);
    return r < 0 ? error_wrap(err, r, "layer %s",
                              digest_format(known(&p.blob) ? &p.blob : &p.diff_id, text))
                 : 0;
}

static int unpack_all(struct over *o, const json_t *request, int work, json_t *answer,
                      struct error *err)
{
    struct unpack_options options = {.root_fd = work, .owner = OWNER_PLAIN, .flat = true};
    struct unpack_result result = {0};
    json_t *layers = NULL, *item;
    int64_t total = 0;
    bool owners = false;
    size_t i;
    int r = doc_bool(request, "owners", &owners, err);

    if (r == 0)
        r = doc_need_int(request, "total", &total, err);
    if (r == 0)
        r = doc_need_array(request, "layers", &layers, err);
    options.chown = !owners; /* 0:0 is in the holder's namespace whoever started us */
    o->total = (uint64_t)total;
    if (r == 0)
        r = unpack_new(&options, &o->unpack, err);
    json_array_foreach(layers, i, item)
    {
        if (r == 0)
            r = unpack_one(o, item, err);
    }
    if (r == 0)
        r = unpack_finish(o->unpack, &result, err);
    doc_set_int(answer, "skipped", (int64_t)result.left_out);
    doc_set_int(answer, "lost", (int64_t)result.lost);
    return r;
}

int job_image_over(const struct job_context *ctx, const json_t *request, const int *fds,
                   size_t fd_count, json_t **ret, struct error *err)
{
    struct over o = {.ctx = ctx, .fds = fds, .fd_count = fd_count};
    cleanup_doc json_t *answer = json_object();
    cleanup_close int work = -1;
    int r = fd_count >= 1 ? 0 : error_set(err, -EINVAL, "image-over wants a directory");

    if (r == 0)
        r = work = interim_begin(fds[0], request, err);
    if (r >= 0)
        r = unpack_all(&o, request, work, answer, err);
    if (r == 0)
        r = interim_end(fds[0], work, request, unpack_root(o.unpack), answer, err);
    unpack_free(o.unpack);
    if (r < 0)
        return r;
    *ret = steal(answer);
    return 0;
}
