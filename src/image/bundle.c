#include "image/bundle.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"

static int to_fd(void *ctx, struct view data, struct error *err)
{
    const struct bundle *b = ctx;

    return fd_write_all(b->fd, data, err);
}

static void init(struct bundle *b)
{
    *b = (struct bundle){.dir = -1, .fd = -1};
    b->tar = TAR_WRITER_INIT(to_fd, b);
}

/* Plain files are replaced in one step; pipes and devices are written as they are. */
int bundle_open_archive(const char *path, struct bundle *ret, struct error *err)
{
    struct stat st;

    init(ret);
    if (strcmp(path, "-") == 0) {
        ret->fd = fcntl(1, F_DUPFD_CLOEXEC, 3);
        return ret->fd < 0 ? error_sys(err, "write to standard output") : 0;
    }
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        ret->fd = fd_open(AT_FDCWD, path, O_WRONLY | O_NOCTTY, 0, err);
        return MIN(ret->fd, 0);
    }
    ret->dest = xstrdup(path);
    ret->temporary = xasprintf("%s.%ld.tmp", path, (long)getpid());
    ret->fd = fd_open(AT_FDCWD, ret->temporary, O_WRONLY | O_CREAT | O_EXCL, 0666, err);
    return MIN(ret->fd, 0);
}

int bundle_make_blob_directory(int dir, struct error *err)
{
    static const char *const names[] = {"blobs", "blobs/sha256"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (mkdirat(dir, names[i], 0755) < 0 && errno != EEXIST)
            return error_sys(err, "make '%s'", names[i]);
        cleanup_close int fd =
            fd_open_beneath(dir, names[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
        if (fd < 0)
            return error_hint(err, fd, "the directories of a layout are no links");
    }
    return 0;
}

/* One writer at a time: an index that another has read meanwhile, or blobs that no index names yet,
 * would be lost. Where a file system has no locks, there is one writer. */
int bundle_open_directory(const char *path, struct bundle *ret, struct error *err)
{
    int r = fd_make_dirs(AT_FDCWD, path, 0755, err);

    init(ret);
    if (r < 0)
        return r;
    ret->dir = fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, err);
    if (ret->dir < 0)
        return ret->dir;
    (void)flock(ret->dir, LOCK_EX);
    return bundle_make_blob_directory(ret->dir, err);
}

void bundle_done(struct bundle *b)
{
    tar_writer_done(&b->tar);
    if (b->fd >= 0 && b->temporary)
        (void)unlink(b->temporary);
    if (b->fd >= 0)
        close(b->fd);
    if (b->dir >= 0)
        close(b->dir);
    map_done(&b->blobs);
    free(b->temporary);
    free(b->dest);
    *b = (struct bundle){.dir = -1, .fd = -1};
}

static int put_header(struct bundle *b, const char *name, enum entry_type type, uint64_t size,
                      struct error *err)
{
    const struct entry e = {
        .path = name, .type = type, .mode = type == ENTRY_DIR ? 0755 : 0644, .size = size};

    return tar_put(&b->tar, &e, err);
}

int bundle_add(struct bundle *b, const char *name, struct view bytes, struct error *err)
{
    if (b->dir >= 0)
        return fd_replace_file(b->dir, name, bytes, 0644, err);
    int r = put_header(b, name, ENTRY_FILE, bytes.size, err);
    if (r == 0 && bytes.size)
        r = tar_put_data(&b->tar, bytes, err);
    return r;
}

static bool has_file(int dir, const char *name, uint64_t size)
{
    struct stat st;

    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
           (uint64_t)st.st_size == size;
}

static int put_directories(struct bundle *b, struct error *err)
{
    int r = 0;

    if (!b->has_blobs && b->dir < 0) {
        r = put_header(b, "blobs", ENTRY_DIR, 0, err);
        if (r == 0)
            r = put_header(b, "blobs/sha256", ENTRY_DIR, 0, err);
    }
    b->has_blobs = true;
    return r;
}

/* ---- blobs ---- */

static struct view key_of(const struct digest *digest)
{
    return view_make(digest->sha256, sizeof(digest->sha256));
}

bool bundle_has_blob(const struct bundle *b, const struct digest *digest)
{
    return map_has(&b->blobs, key_of(digest));
}

#define RANGE_SIZE (4u << 20)  /* bytes a step that the kernel copies */
#define FOLLOW_SIZE (1u << 20) /* of a growing file: less is not worth it */

static int open_target(struct bundle_blob *c, struct error *err)
{
    struct bundle *b = c->bundle;

    if (b->dir < 0)
        return put_header(b, c->name, ENTRY_FILE, c->size, err);
    if (has_file(b->dir, c->name, c->size)) {
        c->done = c->size;
        return 0;
    }
    c->temporary = xasprintf("%s.%ld.tmp", c->name, (long)getpid());
    c->to = fd_open(b->dir, c->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644, err);
    return MIN(c->to, 0);
}

int bundle_blob_begin(struct bundle *b, const struct digest *digest, int take_from, uint64_t size,
                      bool check, struct bundle_blob *ret, struct error *err)
{
    char hex[DIGEST_HEX_MAX];
    struct bundle_blob c = {.bundle = b,
                            .from = take_from,
                            .to = -1,
                            .size = size,
                            .check = check,
                            .digest = *digest,
                            .name = xasprintf("blobs/sha256/%s", digest_hex(digest, hex))};
    int r = put_directories(b, err);

    map_set(&b->blobs, key_of(digest), b);
    hash_init(&c.hash);
    if (r == 0)
        r = open_target(&c, err);
    if (r < 0)
        bundle_blob_done(&c);
    else
        *ret = c;
    return r;
}

/* The header's place is left free until it is known. */
static int leave_head(struct bundle_blob *c, struct error *err)
{
    struct bundle *b = c->bundle;

    if (b->dir >= 0) {
        c->temporary = xasprintf("blobs/sha256/growing.%ld.tmp", (long)getpid());
        c->to = fd_open(b->dir, c->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644, err);
        return MIN(c->to, 0);
    }
    c->head = lseek(b->fd, 0, SEEK_CUR);
    if (c->head < 0 || lseek(b->fd, TAR_BLOCK, SEEK_CUR) < 0)
        return error_sys(err, "write archive");
    return 0;
}

int bundle_blob_begin_growing(struct bundle *b, int take_from, struct bundle_blob *ret,
                              struct error *err)
{
    struct bundle_blob c = {.bundle = b, .from = take_from, .to = -1, .growing = true};

    hash_init(&c.hash);
    if (b->dir < 0 && !b->temporary) { /* a pipe, a device */
        bundle_blob_done(&c);
        return -ESPIPE;
    }
    int r = put_directories(b, err);
    if (r == 0)
        r = leave_head(&c, err);
    if (r < 0)
        bundle_blob_done(&c);
    else
        *ret = c;
    return r;
}

/* The copy was for nothing: it is there, or its size needs more than a plain header. */
static int take_back(struct bundle_blob *c, struct error *err)
{
    struct bundle *b = c->bundle;

    if (b->dir >= 0) {
        (void)unlinkat(b->dir, c->temporary, 0);
        free(c->temporary);
        c->temporary = NULL;
        close(c->to);
        c->to = -1;
        return 0;
    }
    if (ftruncate(b->fd, c->head) < 0 || lseek(b->fd, c->head, SEEK_SET) < 0)
        return error_sys(err, "write archive");
    return 0;
}

static int put_head(struct bundle_blob *c, struct view head, struct error *err)
{
    static const char zeros[TAR_BLOCK];
    struct bundle *b = c->bundle;
    const size_t pad = (size_t)(-c->size & (TAR_BLOCK - 1));

    if (pwrite(b->fd, head.at, head.size, c->head) != (ssize_t)head.size)
        return error_sys(err, "write archive");
    if (c->done == c->size)
        return fd_write_all(b->fd, view_make(zeros, pad), err);
    b->tar.left = c->size - c->done; /* the rest goes on like any other file */
    b->tar.pad = (uint32_t)pad;
    return 0;
}

int bundle_blob_settle(struct bundle_blob *c, const struct digest *digest, uint64_t size,
                       struct error *err)
{
    struct bundle *b = c->bundle;
    const bool twice = bundle_has_blob(b, digest);
    char hex[DIGEST_HEX_MAX];
    STR_AUTO(head);
    int r = 0;

    map_set(&b->blobs, key_of(digest), b);
    c->growing = false;
    c->digest = *digest;
    c->size = size;
    c->name = xasprintf("blobs/sha256/%s", digest_hex(digest, hex));
    const struct entry e = {.path = c->name, .mode = 0644, .size = size};
    if (b->dir < 0)
        r = tar_head(&e, &head, err);
    if (r < 0)
        return r;
    if (twice || (b->dir >= 0 && has_file(b->dir, c->name, size))) {
        c->done = size;
        return take_back(c, err);
    }
    if (b->dir >= 0)
        return 0;
    if (head.size == TAR_BLOCK)
        return put_head(c, str_view(&head), err);
    c->done = 0;
    r = take_back(c, err);
    return r < 0 ? r : put_header(b, c->name, ENTRY_FILE, size, err);
}

static int damaged(const struct bundle_blob *c, struct error *err)
{
    char text[DIGEST_TEXT_MAX];

    return error_hint(
        err,
        error_set(err, -EPROTO, "blob %s in the store is damaged", digest_format(&c->digest, text)),
        "'cooper prune --damaged' takes it out; load or build the image again");
}

/* What grows has no head in the archive that would say how much is to come. */
static int put_bytes(struct bundle_blob *c, struct view data, struct error *err)
{
    if (c->to >= 0)
        return fd_write_all(c->to, data, err);
    return c->growing ? fd_write_all(c->bundle->fd, data, err)
                      : tar_put_data(&c->bundle->tar, data, err);
}

/* Through our memory: a count. */
static ssize_t copy_bytes(struct bundle_blob *c, struct error *err)
{
    static char buf[1 << 18];
    char text[DIGEST_TEXT_MAX];
    const size_t size = (size_t)MIN(c->size - c->done, sizeof(buf));
    const ssize_t n = pread(c->from, buf, size, (off_t)c->done);

    if (n < 0)
        return error_sys(err, "read blob %s", digest_format(&c->digest, text));
    if (n == 0)
        return damaged(c, err);
    if (c->check)
        hash_add(&c->hash, buf, (size_t)n);
    const int r = put_bytes(c, view_make(buf, (size_t)n), err);
    return r < 0 ? r : n;
}

/* By the kernel, by reference where the file systems can: a count, 0 where it cannot. */
static ssize_t copy_range(struct bundle_blob *c, struct error *err)
{
    loff_t at = (loff_t)c->done;
    const size_t size = (size_t)MIN(c->size - c->done, RANGE_SIZE);

    if (c->check || c->no_range)
        return 0;
    const ssize_t n =
        copy_file_range(c->from, &at, c->to < 0 ? c->bundle->fd : c->to, NULL, size, 0);
    if (n <= 0) {
        c->no_range = true; /* what is wrong the other way will tell */
        return 0;
    }
    const int r = c->to < 0 && !c->growing ? tar_put_copied(&c->bundle->tar, (uint64_t)n, err) : 0;
    return r < 0 ? r : n;
}

static int finish_blob(struct bundle_blob *c, struct error *err)
{
    struct digest got;

    if (!c->temporary && c->bundle->dir >= 0)
        return 0; /* it was there */
    hash_done(&c->hash, got.sha256);
    if (c->check && !digest_eq(&got, &c->digest))
        return damaged(c, err);
    if (!c->temporary)
        return 0;
    if (renameat(c->bundle->dir, c->temporary, c->bundle->dir, c->name) < 0)
        return error_sys(err, "name blob '%s'", c->name);
    free(c->temporary);
    c->temporary = NULL;
    return 0;
}

int bundle_blob_follow(struct bundle_blob *c, struct error *err)
{
    struct stat st;

    if (fstat(c->from, &st) < 0)
        return error_sys(err, "read a new blob");
    c->size = (uint64_t)st.st_size;
    if (c->size - c->done < FOLLOW_SIZE)
        return 0;
    ssize_t n = copy_range(c, err);
    if (n == 0)
        n = copy_bytes(c, err);
    if (n < 0)
        return (int)n;
    c->done += (uint64_t)n;
    return 1;
}

int bundle_blob_step(struct bundle_blob *c, struct error *err)
{
    ssize_t n = 0;

    if (c->done < c->size) {
        n = copy_range(c, err);
        if (n == 0)
            n = copy_bytes(c, err);
    }
    if (n < 0)
        return (int)n;
    c->done += (uint64_t)n;
    return c->done < c->size ? 1 : finish_blob(c, err);
}

void bundle_blob_done(struct bundle_blob *c)
{
    if (c->temporary)
        (void)unlinkat(c->bundle->dir, c->temporary, 0);
    if (c->from >= 0)
        close(c->from);
    if (c->to >= 0)
        close(c->to);
    free(c->name);
    free(c->temporary);
}

int bundle_add_blob_bytes(struct bundle *b, const struct digest *digest, struct view bytes,
                          struct error *err)
{
    char hex[DIGEST_HEX_MAX];
    cleanup_free char *name = xasprintf("blobs/sha256/%s", digest_hex(digest, hex));
    const int r = put_directories(b, err);

    if (r < 0 || bundle_has_blob(b, digest))
        return r;
    map_set(&b->blobs, key_of(digest), b);
    return bundle_add(b, name, bytes, err);
}

int bundle_close(struct bundle *b, struct error *err)
{
    int r = 0;

    const int closed = close(b->fd);
    b->fd = -1;
    if (closed < 0)
        r = error_sys(err, "write archive");
    else if (b->temporary && rename(b->temporary, b->dest) < 0)
        r = error_sys(err, "write '%s'", b->dest);
    if (r < 0 && b->temporary)
        (void)unlink(b->temporary);
    return r;
}

int bundle_finish(struct bundle *b, struct error *err)
{
    if (b->dir >= 0)
        return 0;
    const int r = tar_finish(&b->tar, err);
    return r < 0 ? r : bundle_close(b, err);
}
