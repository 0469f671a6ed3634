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

/* As far as it matters. */
static uint64_t count_holes(int fd, off_t size)
{
    uint64_t sum = 0;

    for (off_t at = 0; at >= 0 && at < size && sum <= HASH_HOLES_MAX;) {
        off_t data = lseek(fd, at, SEEK_DATA);

        if (data < 0 && errno != ENXIO)
            break;
        if (data < 0 || data > size)
            data = size;
        sum += (uint64_t)(data - at);
        at = data < size ? lseek(fd, data, SEEK_HOLE) : size;
    }
    return sum;
}

int hash_check_holes(int fd, const struct stat *st, struct error *err)
{
    const uint64_t size = (uint64_t)st->st_size, blocks = (uint64_t)st->st_blocks * 512;

    /* few blocks may also be what compression left: only then are the holes counted */
    if (size < blocks || size - blocks <= HASH_HOLES_MAX)
        return 0;
    const bool too_many = count_holes(fd, st->st_size) > HASH_HOLES_MAX;
    if (lseek(fd, 0, SEEK_SET) < 0)
        return error_sys(err, "seek");
    if (!too_many)
        return 0;
    return error_hint(
        err,
        error_set(err, -EDQUOT, "sparse file of %llu GiB with more than %llu GiB of holes",
                  (unsigned long long)(size >> 30), (unsigned long long)(HASH_HOLES_MAX >> 30)),
        "an image holds every byte of it: leave it out, or make it smaller");
}

int hash_file(int fd, const struct stat *before, char *buf, struct digest *ret, struct error *err)
{
    struct hash h;
    uint64_t left = (uint64_t)before->st_size;
    const int r = hash_check_holes(fd, before, err);

    if (r < 0)
        return r;
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
