#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define HEIRS_MS 5000 /* that the heirs of a dead process are waited for */
#define HEIRS_STEP_MS 10

static int open_resolved(int dirfd, const char *path, int flags, mode_t mode, uint64_t resolve,
                         struct error *err)
{
    const struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC),
        .mode = flags & (O_CREAT | __O_TMPFILE) ? mode : 0,
        .resolve = resolve,
    };
    long fd;

    do /* EAGAIN: a rename raced with the look-up of "..", the kernel asks to try again */
        fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
    while (fd < 0 && (errno == EINTR || errno == EAGAIN));
    if (fd < 0)
        return error_sys(err, "open '%s'", path);
    return (int)fd;
}

int fd_open_in_root(int dirfd, const char *path, int flags, mode_t mode, struct error *err)
{
    return open_resolved(dirfd, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS, err);
}

int fd_open_beneath(int dirfd, const char *path, int flags, mode_t mode, struct error *err)
{
    return open_resolved(dirfd, path, flags, mode, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS, err);
}

int fd_open(int dirfd, const char *path, int flags, mode_t mode, struct error *err)
{
    int fd;

    do
        fd = openat(dirfd, path, flags | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    return fd < 0 ? error_sys(err, "open '%s'", path) : fd;
}

int fd_write_all(int fd, struct view data, struct error *err)
{
    while (data.size > 0) {
        const ssize_t n = write(fd, data.at, data.size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_sys(err, "write");
        data.at += n;
        data.size -= (size_t)n;
    }
    return 0;
}

int fd_read_all(int fd, size_t limit, struct str *ret, struct error *err)
{
    STR_AUTO(data);
    struct stat st;

    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
        str_reserve(&data, MIN((size_t)st.st_size, limit) + 1);
    for (;;) {
        str_reserve(&data, 4096);
        const ssize_t n = read(fd, data.at + data.size, data.cap - data.size - 1);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_sys(err, "read");
        if (n == 0)
            break;
        data.size += (size_t)n;
        data.at[data.size] = '\0';
        if (data.size > limit)
            return error_set(err, -EDQUOT, "more than %zu bytes", limit);
    }
    str_add(ret, str_view(&data));
    return 0;
}

int fd_read_file(int dirfd, const char *path, size_t limit, struct str *ret, struct error *err)
{
    cleanup_close int fd = fd_open(dirfd, path, O_RDONLY, 0, err);

    if (fd < 0)
        return fd;
    const int r = fd_read_all(fd, limit, ret, err);
    return r < 0 ? error_wrap(err, r, "read '%s'", path) : 0;
}

int fd_read_regular(int dirfd, const char *path, size_t limit, struct str *ret, struct error *err)
{
    struct stat st;
    cleanup_close int fd = fd_open(dirfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, err);

    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return error_set(err, -EINVAL, "'%.200s' is not a regular file", path);
    const int r = fd_read_all(fd, limit, ret, err);
    return r < 0 ? error_wrap(err, r, "read '%.200s'", path) : 0;
}

int fd_pwrite_all(int fd, struct view data, uint64_t offset, struct error *err)
{
    for (size_t done = 0; done < data.size;) {
        const ssize_t n = pwrite(fd, data.at + done, data.size - done, (off_t)(offset + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_sys(err, "write");
        done += (size_t)n;
    }
    return 0;
}

int fd_pread_all(int fd, void *buf, size_t size, uint64_t offset, struct error *err)
{
    for (size_t done = 0; done < size;) {
        const ssize_t n = pread(fd, (char *)buf + done, size - done, (off_t)(offset + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_sys(err, "read");
        if (n == 0)
            return error_set(err, -EPROTO, "file ends %zu bytes early", size - done);
        done += (size_t)n;
    }
    return 0;
}

int fd_replace_file(int dirfd, const char *path, struct view data, mode_t mode, struct error *err)
{
    cleanup_free char *tmp = xasprintf("%s.%d.tmp", path, getpid());

    (void)unlinkat(dirfd, tmp,
                   0); /* of a process that was killed, or laid there by somebody else */
    cleanup_close int fd = fd_open(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode, err);

    if (fd < 0)
        return fd;
    int r = fd_write_all(fd, data, err);
    if (r == 0 && renameat(dirfd, tmp, dirfd, path) < 0)
        r = error_sys(err, "rename to '%s'", path);
    if (r < 0)
        (void)unlinkat(dirfd, tmp, 0);
    return r < 0 ? error_wrap(err, r, "write '%s'", path) : 0;
}

int fd_make_dirs(int dirfd, const char *path, mode_t mode, struct error *err)
{
    cleanup_free char *copy = xstrdup(path);

    for (char *slash = copy; slash;) {
        slash = strchr(slash + 1, '/');
        if (slash)
            *slash = '\0';
        if (*copy && mkdirat(dirfd, copy, mode) < 0 && errno != EEXIST)
            return error_sys(err, "make directory '%s'", copy);
        if (slash)
            *slash = '/';
    }
    return 0;
}

/* The flock belongs to the open file, so that whoever was given the descriptor holds it beyond its
 * owner's death; the lock of fcntl() belongs to a process and goes with it. */
static bool owner_lives(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    return fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type != F_UNLCK;
}

bool fd_take_over(int fd)
{
    const struct timespec step = {.tv_nsec = HEIRS_STEP_MS * 1000000L};
    struct flock mine = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited += HEIRS_STEP_MS) {
        if (owner_lives(fd) || waited >= HEIRS_MS)
            return false;
        (void)nanosleep(&step, NULL);
    }
    return fcntl(fd, F_SETLK, &mine) == 0;
}

int fd_open_unnamed(int dirfd, const char *directory, int flags, struct error *err)
{
    const int fd = openat(dirfd, directory, flags | O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT))
        return fd < 0 ? error_sys(err, "make a file in '%s'", directory) : fd;
    /* not every file system has such files */
    cleanup_free char *name = xasprintf("%s/.cooper-%d.tmp", directory, getpid());
    (void)unlinkat(dirfd, name, 0); /* of a process that was killed before it did so */
    const int named =
        fd_open(dirfd, name, flags | O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, err);
    if (named >= 0)
        (void)unlinkat(dirfd, name, 0);
    return named;
}

int fd_of_bytes(const char *name, struct view data, struct error *err)
{
    cleanup_close int fd = memfd_create(name, MFD_CLOEXEC);

    if (fd < 0)
        return error_sys(err, "make file in memory");
    const int r = fd_write_all(fd, data, err);
    if (r < 0)
        return r;
    if (lseek(fd, 0, SEEK_SET) < 0)
        return error_sys(err, "rewind");
    return steal_fd(fd);
}

int fd_pipe(int ret[2], struct error *err)
{
    return pipe2(ret, O_CLOEXEC) < 0 ? error_sys(err, "make pipe") : 0;
}

char *fd_name(int fd)
{
    char link[64], path[4096];

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    const ssize_t n = readlink(link, path, sizeof(path) - 1);
    return n < 0 ? xstrdup("?") : xstrndup(path, (size_t)n);
}

int fd_is_empty(int fd, struct error *err)
{
    const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    bool empty = true;

    if (!dir) {
        if (copy >= 0)
            close(copy);
        return error_sys(err, "read a directory");
    }
    rewinddir(dir);
    for (const struct dirent *e; (e = readdir(dir));)
        empty = empty && (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0);
    closedir(dir);
    return empty;
}

ssize_t fd_receive(int socket, void *ret, size_t size, int *ret_fd)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {ret, size};
    struct msghdr m = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof(control.bytes)};
    const ssize_t n = recvmsg(socket, &m, MSG_CMSG_CLOEXEC);
    const struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;

    *ret_fd = -1;
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
        c->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(ret_fd, CMSG_DATA(c), sizeof(int));
    return n;
}
