/* Blobs: unnamed until they are complete, checked and synced. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "store/internal.h"

#define READ_SIZE (256u << 10)

struct store_blob_writer {
    int fd, tmp_fd;
    char name[96]; /* in tmp/; "": an O_TMPFILE, which needs no name to be swept by */
    bool part;     /* the name stays, for the next time */
    struct hash hash;
    uint64_t size;
    bool lent;    /* somebody else may have written */
    bool vouched; /* the caller knows the digest */
};

static int open_file(struct store *s, struct store_blob_writer *w, struct error *err)
{
    w->fd = openat(s->tmp_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0400);
    if (w->fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT))
        return w->fd < 0 ? error_sys(err, "make a file in the store") : 0;
    w->fd = store_tmp_new(s, true, w->name, err);
    return w->fd < 0 ? w->fd : 0;
}

int store_blob_begin(struct store *s, struct store_blob_writer **ret, struct error *err)
{
    struct store_blob_writer *w = xcalloc(1, sizeof(*w));
    int r;

    w->fd = -1;
    w->tmp_fd = fcntl(s->tmp_fd, F_DUPFD_CLOEXEC, 0);
    hash_init(&w->hash);
    r = w->tmp_fd < 0 ? error_sys(err, "copy descriptor") : open_file(s, w, err);
    if (r < 0) {
        store_blob_abort(w);
        return store_failed(err, r);
    }
    *ret = w;
    return 0;
}

int store_blob_write(struct store_blob_writer *w, struct view bytes, struct error *err)
{
    const int r = fd_write_all(w->fd, bytes, err);

    if (r < 0)
        return store_failed(err, error_wrap(err, r, "write a blob of the store"));
    if (!w->vouched)
        hash_add(&w->hash, bytes.at, bytes.size);
    w->size += bytes.size;
    return 0;
}

void store_blob_vouch(struct store_blob_writer *w)
{
    w->vouched = true;
}

int store_blob_writer_fd(struct store_blob_writer *w)
{
    w->lent = true;
    return w->fd;
}

void store_blob_abort(struct store_blob_writer *w)
{
    if (!w)
        return;
    if (w->name[0] && !w->part)
        (void)unlinkat(w->tmp_fd, w->name, 0);
    fd_closep(&w->fd);
    fd_closep(&w->tmp_fd);
    free(w);
}

void store_blob_discard(struct store_blob_writer *w)
{
    if (w)
        w->part = false;
    store_blob_abort(w);
}

/* Ours alone, and still there: 1. Another process is at it: 0. */
static int take_part(struct store *s, struct store_blob_writer *w, struct stat *ret)
{
    struct stat named;

    w->fd = openat(s->tmp_fd, w->name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return w->fd >= 0 && fd_take_over(w->fd) && fstat(w->fd, ret) == 0 &&
           fstatat(s->tmp_fd, w->name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           named.st_ino == ret->st_ino && S_ISREG(ret->st_mode);
}

int store_blob_begin_part(struct store *s, const struct digest *blob,
                          struct store_blob_writer **ret, uint64_t *ret_have, struct error *err)
{
    struct store_blob_writer *w = xcalloc(1, sizeof(*w));
    char hex[DIGEST_HEX_MAX];
    struct stat st;

    snprintf(w->name, sizeof(w->name), PART_PREFIX "%s", digest_hex(blob, hex));
    w->tmp_fd = fcntl(s->tmp_fd, F_DUPFD_CLOEXEC, 0);
    w->part = true;
    hash_init(&w->hash);
    if (w->tmp_fd >= 0 && take_part(s, w, &st)) {
        *ret_have = (uint64_t)st.st_size;
        *ret = w;
        return 0;
    }
    store_blob_abort(w);
    *ret_have = 0;
    return store_blob_begin(s, ret, err);
}

static int hash_file(int fd, struct digest *ret, uint64_t *ret_size, struct error *err)
{
    cleanup_free char *buf = xmalloc(READ_SIZE);
    struct hash hash;
    uint64_t size = 0;

    hash_init(&hash);
    for (;;) {
        const ssize_t n = pread(fd, buf, READ_SIZE, (off_t)size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_sys(err, "read");
        if (n == 0)
            break;
        hash_add(&hash, buf, (size_t)n);
        size += (uint64_t)n;
    }
    hash_done(&hash, ret->sha256);
    *ret_size = size;
    return 0;
}

static int take_word(struct store_blob_writer *w, const struct digest *want, uint64_t want_size,
                     struct digest *ret, struct error *err)
{
    struct stat st;

    if (fstat(w->fd, &st) < 0)
        return error_sys(err, "look at its size");
    w->size = (uint64_t)st.st_size;
    if (w->size != want_size)
        return error_set(err, -EPROTO, "has %" PRIu64 " bytes, %" PRIu64 " were announced", w->size,
                         want_size);
    *ret = *want;
    return 0;
}

static int measure(struct store_blob_writer *w, const struct digest *want, uint64_t want_size,
                   struct digest *ret, struct error *err)
{
    char is[DIGEST_TEXT_MAX], should[DIGEST_TEXT_MAX];
    int r = 0;

    if (w->vouched && want)
        return take_word(w, want, want_size, ret, err);
    if (w->lent)
        r = hash_file(w->fd, ret, &w->size, err);
    else
        hash_done(&w->hash, ret->sha256);
    if (r < 0)
        return r;
    if (want_size != UINT64_MAX && w->size != want_size)
        return error_set(err, -EPROTO, "has %" PRIu64 " bytes, %" PRIu64 " were announced", w->size,
                         want_size);
    if (want && !digest_eq(want, ret))
        return error_set(err, -EPROTO, "has digest %s, %s was announced", digest_format(ret, is),
                         digest_format(want, should));
    return 0;
}

/* An unnamed file gets its name through /proc, which needs no capability. */
static int name_file(struct store *s, struct store_blob_writer *w, const char *hex,
                     struct error *err)
{
    const int r = w->name[0] ? linkat(w->tmp_fd, w->name, s->blobs_fd, hex, 0)
                             : store_link(w->fd, s->blobs_fd, hex);

    return r < 0 && errno != EEXIST ? error_sys(err, "name") : 0;
}

bool store_blob_is_uncovered(const struct stat *st)
{
    return (st->st_mode & 07777) != BLOB_MODE;
}

static int commit(struct store *s, struct store_blob_writer *w, const struct digest *digest,
                  struct error *err)
{
    char hex[DIGEST_HEX_MAX];
    struct stat st;
    int r = store_lease_add(s, 'b', digest, err);

    if (r < 0)
        return r;
    if (fstatat(s->blobs_fd, digest_hex(digest, hex), &st, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    if (fchmod(w->fd, BLOB_MODE_UNCOVERED) < 0)
        return error_sys(err, "set its mode");
    return name_file(s, w, hex, err);
}

int store_blob_commit(struct store *s, struct store_blob_writer *take_w, const struct digest *want,
                      uint64_t want_size, struct digest *ret_digest, uint64_t *ret_size,
                      struct error *err)
{
    CLEANUP(store_blob_discardp) struct store_blob_writer *w = take_w;
    struct digest digest;
    char text[DIGEST_TEXT_MAX];
    int r = measure(w, want, want_size, &digest, err);

    if (r == 0)
        r = commit(s, w, &digest, err);
    if (r < 0)
        return store_failed(
            err, error_wrap(err, r, "blob %s", want ? digest_format(want, text) : "of the store"));
    if (ret_digest)
        *ret_digest = digest;
    if (ret_size)
        *ret_size = w->size;
    return 0;
}

int store_blob_put(struct store *s, struct view bytes, struct digest *ret, struct error *err)
{
    struct store_blob_writer *w = NULL;
    int r = store_blob_begin(s, &w, err);

    if (r < 0)
        return r;
    r = store_blob_write(w, bytes, err);
    if (r < 0) {
        store_blob_abort(w);
        return r;
    }
    return store_blob_commit(s, w, NULL, UINT64_MAX, ret, NULL, err);
}

bool store_blob_has(struct store *s, const struct digest *blob)
{
    char hex[DIGEST_HEX_MAX];

    return faccessat(s->blobs_fd, digest_hex(blob, hex), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int store_blob_open(struct store *s, const struct digest *blob, uint64_t *ret_size,
                    struct error *err)
{
    char hex[DIGEST_HEX_MAX];
    struct stat st;
    const int r = store_blob_hold(s, blob, err);

    if (r == -ENOENT)
        return error_set(err, r, "blob sha256:%s is not in the store", digest_hex(blob, hex));
    if (r < 0)
        return r;
    cleanup_close int fd =
        fd_open(s->blobs_fd, digest_hex(blob, hex), O_RDONLY | O_NOFOLLOW, 0, err);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0)
        return error_sys(err, "stat blob sha256:%s", hex);
    if (ret_size)
        *ret_size = (uint64_t)st.st_size;
    return steal_fd(fd);
}
