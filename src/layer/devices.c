#include "layer/devices.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"

#define TEMPORARY ".cooper-device" /* a name of the tree that nobody sees: it is renamed at once */

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

/* 0: still the file with its record, since nobody lets us make devices. */
static int replace(const struct place *p, const struct entry *e, struct error *err)
{
    const mode_t type = e->type == ENTRY_CHAR ? S_IFCHR : S_IFBLK;

    if (mknodat(p->dirfd, TEMPORARY, type | 0600, makedev(e->major, e->minor)) < 0)
        return errno == EPERM ? 0 : error_sys(err, "make device '%.200s'", e->path);
    int r = meta_set(p->dirfd, TEMPORARY, -1, e, OWNER_REAL, NULL, err);
    if (r >= 0)
        r = meta_set_time(p->dirfd, TEMPORARY, -1, e, err);
    if (r >= 0 && renameat(p->dirfd, TEMPORARY, p->dirfd, p->name) < 0)
        r = error_sys(err, "make device '%.200s'", e->path);
    return r < 0 ? r : 1;
}

/* Not for its content, which no layer has: a later step would read it. */
static int empty(const struct place *p, const struct entry *e, struct error *err)
{
    cleanup_close int fd = openat(p->dirfd, p->name, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return error_sys(err, "empty '%.200s'", e->path);
    return meta_set_time(p->dirfd, p->name, fd, e, err);
}

/* 1: a real one now. */
static int settle(int root, const struct entry *e, enum owner_mode owner, struct error *err)
{
    struct place p = {.dirfd = -1};
    struct stat st;
    int r = open_place(root, e->path, &p, err);

    if (r < 0)
        return r;
    if (fstatat(p.dirfd, p.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        r = error_sys(err, "stat '%.200s'", e->path);
    else if (S_ISREG(st.st_mode) && owner == OWNER_REAL && e->type != ENTRY_FIFO)
        r = replace(&p, e, err);
    if (r == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
        r = empty(&p, e, err);
    const int q = close_place(&p, r < 0 ? NULL : err);
    return r < 0 || q == 0 ? r : q;
}

static int link_again(int root, const struct entry *e, struct error *err)
{
    struct place p = {.dirfd = -1}, first = {.dirfd = -1};
    int r = open_place(root, e->link, &first, err);

    if (r >= 0)
        r = open_place(root, e->path, &p, err);
    if (r >= 0 && (linkat(first.dirfd, first.name, p.dirfd, TEMPORARY, 0) < 0 ||
                   renameat(p.dirfd, TEMPORARY, p.dirfd, p.name) < 0))
        r = error_sys(err, "link device '%.200s'", e->path);
    fd_closep(&first.dirfd);
    if (p.dirfd < 0)
        return r;
    const int q = close_place(&p, r < 0 ? NULL : err);
    return r < 0 ? r : q;
}

static bool is_special(const struct entry *e)
{
    return e && (e->type == ENTRY_CHAR || e->type == ENTRY_BLOCK || e->type == ENTRY_FIFO);
}

int devices_settle(int dirfd, const struct index *ix, enum owner_mode owner, struct error *err)
{
    size_t made = 0;
    int r = 0;

    for (size_t i = 0; r >= 0 && i < index_count(ix); i++)
        if (is_special(index_at(ix, i)) && (r = settle(dirfd, index_at(ix, i), owner, err)) > 0)
            made++;
    for (size_t i = 0; r >= 0 && made > 0 && i < index_count(ix); i++) {
        const struct entry *e = index_at(ix, i);

        if (e->type == ENTRY_HARDLINK && is_special(index_find(ix, view_of(e->link))))
            r = link_again(dirfd, e, err);
    }
    return MIN(r, 0);
}
