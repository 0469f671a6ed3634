#include "layer/devices.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"

struct place { /* of an entry */
    int dirfd;
    const char *name;
    struct stat dir; /* the times that it keeps */
};

static int open_place(int root, const char *path, struct place *ret, struct error *err)
{
    const char *slash = strrchr(path, '/');
    cleanup_free char *dir = slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup(".");
    cleanup_close int fd = fd_open_beneath(root, dir, O_RDONLY | O_DIRECTORY, 0, err);

    if (fd < 0)
        return fd;
    if (fstat(fd, &ret->dir) < 0)
        return error_sys(err, "stat '%.200s'", dir);
    ret->name = slash ? slash + 1 : path;
    ret->dirfd = steal_fd(fd);
    return 0;
}

static int close_place(struct place *p, struct error *err)
{
    const struct timespec times[2] = {p->dir.st_atim, p->dir.st_mtim};
    const int r = futimens(p->dirfd, times) < 0 ? error_sys(err, "keep a directory's time") : 0;

    fd_closep(&p->dirfd);
    return r;
}

/* Not for its content, which no layer has: a later step would read it. */
static int empty(const struct place *p, const struct entry *e, struct error *err)
{
    cleanup_close int fd = openat(p->dirfd, p->name, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return error_sys(err, "empty '%.200s'", e->path);
    return meta_set_time(p->dirfd, p->name, fd, e, err);
}

static int settle(int root, const struct entry *e, struct error *err)
{
    struct place p = {.dirfd = -1};
    struct stat st;
    int r = open_place(root, e->path, &p, err);

    if (r < 0)
        return r;
    if (fstatat(p.dirfd, p.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        r = error_sys(err, "stat '%.200s'", e->path);
    else if (S_ISREG(st.st_mode) && st.st_size > 0)
        r = empty(&p, e, err);
    const int q = close_place(&p, r < 0 ? NULL : err);
    return r < 0 ? r : q;
}

static bool is_special(const struct entry *e)
{
    return e->type == ENTRY_CHAR || e->type == ENTRY_BLOCK || e->type == ENTRY_FIFO;
}

int devices_settle(int dirfd, const struct index *ix, struct error *err)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < index_count(ix); i++)
        if (is_special(index_at(ix, i)))
            r = settle(dirfd, index_at(ix, i), err);
    return r;
}
