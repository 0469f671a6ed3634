#include <errno.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "layer/context.h"
#include "layer/copy_internal.h"
#include "layer/hashfile.h"

/* A file on its way. */
struct moving {
    struct copying *cp;
    struct copy_helper *h;
    struct node *n;
    int in, out;
    bool known;
    struct hash hash;
};

static int write_all(int fd, const char *at, size_t size, struct error *err)
{
    return fd_write_all(fd, view_make(at, size), err);
}

static int changed(struct error *err)
{
    return error_set(err, -EAGAIN, "file changed while it was copied");
}

static bool all_zero(const char *at, size_t size)
{
    return size > 0 && at[0] == '\0' && memcmp(at, at + 1, size - 1) == 0;
}

/* Through the buffer: read once, hashed and written from there. Holes of sparse files stay holes. */
static int move_bytes(struct moving *m, struct error *err)
{
    const uint64_t size = (uint64_t)m->n->st.st_size;
    const bool sparse = (uint64_t)m->n->st.st_blocks * 512 < size;
    uint64_t left = size;
    bool hole = false;
    int r;

    for (;;) {
        const ssize_t n =
            read(m->in, m->h->buf, left < HASH_BUFFER ? (size_t)left + 1 : HASH_BUFFER);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_sys(err, "read");
        if ((uint64_t)n > left || (n == 0 && left > 0))
            return changed(err);
        if (!m->known)
            hash_add(&m->hash, m->h->buf, (size_t)n);
        hole = sparse && all_zero(m->h->buf, (size_t)n);
        if (hole && lseek(m->out, n, SEEK_CUR) < 0)
            return error_sys(err, "seek");
        if (!hole && (r = write_all(m->out, m->h->buf, (size_t)n, err)) < 0)
            return r;
        left -= (uint64_t)n;
        if (left == 0)
            break;
    }
    if (hole && ftruncate(m->out, (off_t)size) < 0)
        return error_sys(err, "set the size");
    return 0;
}

static int hash_only(struct moving *m, struct error *err)
{
    const int r = m->known ? 0 : hash_file(m->in, &m->n->st, m->h->buf, &m->n->e.content, err);

    if (r == 0 && !m->known)
        m->h->hashed += m->n->e.size;
    m->known = true;
    return r;
}

/* 1: the kernel does not copy between these file systems, and nothing was copied. */
static int move_range(struct moving *m, off_t at, off_t end, bool *moved, struct error *err)
{
    off_t out = at;

    while (at < end) {
        const size_t size = (size_t)MIN(end - at, (off_t)1 << 30);
        const ssize_t n = copy_file_range(m->in, &at, m->out, &out, size, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return *moved ? error_sys(err, "copy") : 1;
        if (n == 0)
            return changed(err);
        *moved = true;
    }
    return 0;
}

/* The next piece that is no hole, from at on; false: there is none. */
static bool next_data(int fd, off_t at, off_t size, off_t *ret_at, off_t *ret_end)
{
    const off_t data = lseek(fd, at, SEEK_DATA);

    if (data < 0 && errno == ENXIO)
        return false;
    const off_t end = data < 0 ? size : lseek(fd, data, SEEK_HOLE);
    *ret_at = data < 0 ? at : data; /* a file system without holes */
    *ret_end = end < 0 || end > size ? size : end;
    return *ret_at < size;
}

/* Big files of known content need not pass through our memory, holes not even through the kernel's. */
static int move_in_kernel(struct moving *m, struct error *err)
{
    const off_t size = m->n->st.st_size;
    bool moved = false;
    off_t at, end;

    for (off_t from = 0; next_data(m->in, from, size, &at, &end); from = end) {
        const int r = move_range(m, at, end, &moved, err);

        if (r < 0)
            return r;
        if (r > 0)
            return lseek(m->in, 0, SEEK_SET) < 0 ? error_sys(err, "seek") : move_bytes(m, err);
    }
    return ftruncate(m->out, size) < 0 ? error_sys(err, "set the size") : 0;
}

static int move_content(struct moving *m, struct error *err)
{
    const bool big = m->n->st.st_size > HASH_BUFFER;
    int r = hash_check_holes(m->in, &m->n->st, err);

    if (r < 0)
        return r;
    if (big && ioctl(m->out, FICLONE, m->in) == 0)
        r = hash_only(m, err);
    else if (big && m->known)
        r = move_in_kernel(m, err);
    else
        r = move_bytes(m, err);
    if (r == 0 && !m->known) {
        hash_done(&m->hash, m->n->e.content.sha256);
        m->h->hashed += m->n->e.size;
    }
    return r < 0 ? r : hash_check_same(m->in, &m->n->st, err);
}

static int create(const struct copy *c, int target, const char *name, const struct entry *e,
                  struct error *err)
{
    const mode_t mode = copy_is_plain(c, e) ? e->mode : 0600;
    const int fd = openat(target, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

    return fd < 0 ? error_sys(err, "make '/%.200s'", e->path) : fd;
}

static int dress(struct copy *c, struct copy_helper *h, int target, const char *name, int fd,
                 const struct entry *e, struct error *err)
{
    size_t lost = 0;
    int r = 0;

    if (!copy_is_plain(c, e))
        r = meta_set(target, name, fd, e, c->o.owner, &lost, err);
    h->lost += lost;
    return r < 0 ? r : meta_set_time(target, name, fd, e, err);
}

int copy_store(struct copy *c, int target, const char *name, struct entry *e, struct view data,
               struct error *err)
{
    cleanup_close int fd = create(c, target, name, e, err);
    int r;

    if (fd < 0)
        return fd;
    if ((r = fd_write_all(fd, data, err)) < 0)
        return r;
    e->size = data.size;
    digest_of(data, &e->content);
    return dress(c, &c->helpers[0], target, name, fd, e, err);
}

/* ---- sources ---- */

/* Attributes of a file in a directory are read here, those of trees came with the index. */
static int read_attributes(struct moving *m, int dirfd, const char *name, struct error *err)
{
    const struct copy_source *s = m->cp->s;
    struct node *n = m->n;

    if (s->trees)
        return 0;
    const int r = meta_get(dirfd, name, m->in, &n->st, s->owner, m->h->arena, &n->e, err);
    n->e.path = n->source;
    if (r == 0)
        copy_apply(s, &n->e);
    return r;
}

int copy_tell(const struct copying *cp, const char *path, size_t number, mode_t mode,
              const struct entry *e, const struct digest *content, struct error *err)
{
    struct copy_seen seen = {.path = path,
                             .number = number,
                             .mode = mode,
                             .content = content,
                             .again = e->type == ENTRY_HARDLINK};
    struct digest link;

    if (!cp->s->seen)
        return 0;
    if (e->type == ENTRY_SYMLINK) {
        digest_of(view_of(e->link), &link);
        seen.content = &link;
    }
    context_xattrs_digest(e->xattrs, e->xattr_count, &seen.xattrs);
    return cp->s->seen(cp->s->ctx, &seen, err);
}

/* Once the bytes are there: only then is the digest what was copied. */
static int tell_file(const struct moving *m, bool known, struct error *err)
{
    const struct node *n = m->n;

    return known ? 0
                 : copy_tell(m->cp, n->origin, n->number, n->st.st_mode, &n->e, &n->e.content, err);
}

static int copy_opened(struct moving *m, int target, const char *name, struct error *err)
{
    struct copy *c = m->cp->c;
    struct node *n = m->n;
    const struct copy_source *s = m->cp->s;
    bool plain;

    cleanup_close int out = create(c, target, name, &n->e, err);
    if (out < 0)
        return out;
    m->out = out;
    n->e.size = (uint64_t)n->st.st_size;
    if (s->trees)
        m->known = true;
    else if (s->known)
        m->known = s->known(s->ctx, n->origin, n->number, &n->st, &n->e.content, &plain);
    const bool known = m->known; /* move_content() sets it once it has hashed */
    hash_init(&m->hash);
    int r = n->st.st_size > 0 || !m->known ? move_content(m, err) : 0;
    if (r == 0)
        r = tell_file(m, known, err);
    if (r < 0)
        return r;
    m->h->bytes += n->e.size;
    return dress(c, m->h, target, name, out, &n->e, err);
}

static int open_source(const struct copying *cp, const struct batch *b, const struct node *n,
                       struct error *err)
{
    const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;

    if (cp->s->trees)
        return fd_open_beneath(n->fs, n->origin, flags, 0, err);
    if (b->dir->source < 0)
        return fd_open_beneath(cp->s->dir, n->origin, flags, 0, err);
    const int fd = openat(b->dir->source, path_name(n->origin), flags);
    if (fd < 0 && errno == ENOENT && n->number > 0)
        return error_set(err, -EAGAIN, "file vanished while it was copied");
    return fd < 0 ? error_sys(err, "open") : fd;
}

/* The size of a file of a tree is known from its index before it is opened, one of a list may have changed since. */
static int stat_source(const struct copying *cp, int fd, struct node *n, struct error *err)
{
    const off_t size = n->st.st_size;

    if (!cp->s->trees && n->number == 0)
        return 0;
    if (fstat(fd, &n->st) < 0)
        return error_sys(err, "stat");
    if (!cp->s->trees)
        return S_ISREG(n->st.st_mode) ? 0 : changed(err);
    return n->st.st_size == size ? 0 : error_set(err, -EPROTO, "file is not as its index says");
}

/* A file that is as the layer of the last time has it gets one more name here. Nothing is read: the key says what the
 * file is, and so it is that. */
static bool take_from_before(const struct copying *cp, const struct batch *b, struct node *n,
                             struct copy_helper *h)
{
    const struct entry *e = cp->s->trees ? NULL : n->from;

    if (!e || linkat(cp->c->o.before_fs, n->source, b->dir->target, path_name(n->source), 0) < 0)
        return false; /* EMLINK and the like: a copy is as good */
    n->e = *e;        /* the other layer's index outlives the copy */
    n->e.path = n->source;
    h->bytes += e->size;
    return true;
}

static int copy_one(struct copying *cp, const struct batch *b, struct node *n,
                    struct copy_helper *h, struct error *err)
{
    struct moving m = {.cp = cp, .h = h, .n = n};

    if (take_from_before(cp, b, n, h))
        return 0;
    cleanup_close int in = open_source(cp, b, n, err);
    int r = in < 0 ? in : stat_source(cp, in, n, err);

    m.in = in;
    if (r == 0)
        r = read_attributes(&m, b->dir->source, path_name(n->origin), err);
    if (r == 0)
        r = copy_opened(&m, b->dir->target, path_name(n->source), err);
    return r < 0 ? error_wrap(err, r, "copy '%.200s'", n->origin) : 0;
}

static int run_batch(void *ctx, void *item, unsigned worker, struct error *err)
{
    struct copying *cp = ctx;
    const struct batch *b = item;
    int r = 0;

    for (size_t i = 0; r == 0 && i < b->size; i++)
        r = copy_one(cp, b, b->nodes[i], &cp->c->helpers[worker], err);
    return r;
}

static void drop_batch(void *ctx, void *item)
{
    (void)ctx;
    batch_free(item);
}

void copy_push(struct copying *cp, struct batch *b)
{
    const struct pool_calls calls = {run_batch, drop_batch, cp};

    if (!cp->c->pool)
        cp->c->pool = pool_new(cp->c->threads, &calls);
    pool_push(cp->c->pool, b);
}
