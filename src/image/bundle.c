#include "image/bundle.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
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

int bundle_open_directory(const char *path, struct bundle *ret, struct error *err)
{
    int r = fd_make_dirs(AT_FDCWD, path, 0755, err);

    init(ret);
    if (r < 0)
        return r;
    ret->dir = fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, err);
    return ret->dir < 0 ? ret->dir : fd_make_dirs(ret->dir, "blobs/sha256", 0755, err);
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

/* Hashes on the way: what rotted in the store is not passed on under its old name. */
static int pump(int from, uint64_t size, const struct digest *want,
                int (*put)(void *ctx, struct view data, struct error *err), void *ctx,
                struct error *err)
{
    static char buf[1 << 18];
    uint64_t done = 0;
    struct digest got;
    struct hash h;
    char text[DIGEST_TEXT_MAX];

    hash_init(&h);
    while (done < size) {
        const ssize_t n = pread(from, buf, (size_t)MIN(size - done, sizeof(buf)), (off_t)done);

        if (n < 0)
            return error_sys(err, "read blob %s", digest_format(want, text));
        if (n == 0)
            break;
        hash_add(&h, buf, (size_t)n);
        const int r = put(ctx, view_make(buf, (size_t)n), err);
        if (r < 0)
            return r;
        done += (uint64_t)n;
    }
    hash_done(&h, got.sha256);
    if (done == size && digest_eq(&got, want))
        return 0;
    return error_hint(
        err, error_set(err, -EPROTO, "blob %s in the store is damaged", digest_format(want, text)),
        "'cooper prune --damaged' takes it out; load or build the image again");
}

static int put_tar(void *ctx, struct view data, struct error *err)
{
    return tar_put_data(&((struct bundle *)ctx)->tar, data, err);
}

static int put_fd(void *ctx, struct view data, struct error *err)
{
    return fd_write_all(*(int *)ctx, data, err);
}

static int add_blob_file(struct bundle *b, const char *name, const struct digest *digest, int fd,
                         uint64_t size, struct error *err)
{
    cleanup_free char *temporary = xasprintf("%s.%ld.tmp", name, (long)getpid());
    int r;

    if (has_file(b->dir, name, size))
        return 0;
    cleanup_close int to =
        fd_open(b->dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644, err);
    if (to < 0)
        return to;
    r = pump(fd, size, digest, put_fd, &to, err);
    if (r == 0 && renameat(b->dir, temporary, b->dir, name) < 0)
        r = error_sys(err, "name blob '%s'", name);
    if (r < 0)
        (void)unlinkat(b->dir, temporary, 0);
    return r;
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

int bundle_add_blob(struct bundle *b, const struct digest *digest, int fd, uint64_t size,
                    struct error *err)
{
    char hex[DIGEST_HEX_MAX];
    cleanup_free char *name = xasprintf("blobs/sha256/%s", digest_hex(digest, hex));
    int r = put_directories(b, err);

    if (r < 0)
        return r;
    if (b->dir >= 0)
        return add_blob_file(b, name, digest, fd, size, err);
    r = put_header(b, name, ENTRY_FILE, size, err);
    return r < 0 ? r : pump(fd, size, digest, put_tar, b, err);
}

int bundle_add_blob_bytes(struct bundle *b, const struct digest *digest, struct view bytes,
                          struct error *err)
{
    char hex[DIGEST_HEX_MAX];
    cleanup_free char *name = xasprintf("blobs/sha256/%s", digest_hex(digest, hex));
    const int r = put_directories(b, err);

    return r < 0 ? r : bundle_add(b, name, bytes, err);
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
