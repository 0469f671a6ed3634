#include "layer/hashfile.h"

#include <errno.h>
#include <unistd.h>

#include "base/hash.h"

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

int hash_check_same(int fd, const struct stat *before, struct error *err)
{
    struct stat now;

    if (fstat(fd, &now) < 0)
        return error_sys(err, "stat");
    if (now.st_ino == before->st_ino && now.st_dev == before->st_dev &&
        now.st_size == before->st_size && same_time(now.st_mtim, before->st_mtim) &&
        same_time(now.st_ctim, before->st_ctim))
        return 0;
    return error_set(err, -EAGAIN, "file changed while it was read");
}

int hash_file(int fd, const struct stat *before, char *buf, struct digest *ret, struct error *err)
{
    struct hash h;
    uint64_t left = (uint64_t)before->st_size;

    hash_init(&h);
    for (;;) {
        /* one byte more than is left: a short read then proves the end without another call */
        const ssize_t n = read(fd, buf, left < HASH_BUFFER ? (size_t)left + 1 : HASH_BUFFER);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_sys(err, "read");
        if ((uint64_t)n > left || (n == 0 && left > 0))
            return error_set(err, -EAGAIN, "file changed while it was read");
        hash_add(&h, buf, (size_t)n);
        left -= (uint64_t)n;
        if (left == 0)
            break;
    }
    hash_done(&h, ret->sha256);
    return hash_check_same(fd, before, err);
}
