/* Stat caches of contexts and directories of cache mounts: the small things of others. */
#include <errno.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/internal.h"

int store_context_open(struct store *s, const struct digest *id, struct error *err)
{
    char path[DIGEST_HEX_MAX + 16], hex[DIGEST_HEX_MAX];

    snprintf(path, sizeof(path), "contexts/%s", digest_hex(id, hex));
    const int fd = openat(s->fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? -ENOENT : error_sys(err, "open '%s' of the store", path);
    (void)futimens(fd, NULL); /* last use, for prune */
    return fd;
}

int store_context_replace(struct store *s, const struct digest *id,
                          int (*fill)(void *ctx, int fd, struct error *err), void *ctx,
                          struct error *err)
{
    char hex[DIGEST_HEX_MAX], tmp[TMP_NAME_SIZE];
    cleanup_close int dir = fd_open(s->fd, "contexts", O_RDONLY | O_DIRECTORY, 0, err);

    if (dir < 0)
        return dir;
    cleanup_close int fd = store_prepare_empty(s, tmp, err);
    int r = fd < 0 ? fd : fill(ctx, fd, err);
    if (r >= 0)
        r = store_name(s, fd, tmp, dir, digest_hex(id, hex), err);
    if (r >= 0)
        return 0;
    store_forget(s, tmp);
    return store_failed(err, error_wrap(err, r, "write the memory of a build context"));
}

/* 1: open and locked; 0: prune took it meanwhile, try again. */
static int mount_try(int dir, const char *hex, int lock, int *ret, struct error *err)
{
    struct stat ours, named;

    if (mkdirat(dir, hex, 0755) < 0 && errno != EEXIST)
        return error_sys(err, "make cache mount '%s'", hex);
    cleanup_close int fd = openat(dir, hex, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd >= 0 && flock(fd, lock) < 0) {
        if (errno == EWOULDBLOCK)
            return -EAGAIN;
        return error_sys(err, "lock cache mount '%s'", hex);
    }
    if (fd < 0)
        return error_sys(err, "open cache mount '%s'", hex);
    if (fstat(fd, &ours) < 0 || fstatat(dir, hex, &named, AT_SYMLINK_NOFOLLOW) < 0 ||
        ours.st_ino != named.st_ino)
        return 0;
    *ret = steal_fd(fd);
    return 1;
}

int store_mount_open(struct store *s, const struct digest *id, enum store_mount_use use,
                     struct error *err)
{
    const int lock = use == STORE_MOUNT_SHARED  ? LOCK_SH
                     : use == STORE_MOUNT_ALONE ? LOCK_EX
                                                : LOCK_EX | LOCK_NB;
    char hex[DIGEST_HEX_MAX];
    int fd = -1, r = 0;
    cleanup_close int dir = fd_open(s->fd, "mounts", O_RDONLY | O_DIRECTORY, 0, err);

    if (dir < 0)
        return dir;
    while (r == 0)
        r = mount_try(dir, digest_hex(id, hex), lock, &fd, err);
    return r == -EAGAIN ? r : r < 0 ? store_failed(err, r) : fd;
}
