/* rm -rf of trees of any depth, with a fixed number of descriptors.
 *
 * The walk goes REMOVE_DEPTH levels down. A directory that lies deeper is renamed to the top of the
 * tree that is being removed and taken from there in the next pass: no path gets long, ".." is never
 * used, and a tree of n levels costs n / REMOVE_DEPTH renames. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"

#define REMOVE_DEPTH 32

struct removal {
    int top; /* the directory that fd_remove_tree() was told, open */
    dev_t dev;
    uint64_t moved; /* how many directories were renamed to it */
};

/* 1 when name needs no walk: a file, an empty directory, or nothing; 0: it has to be emptied. */
static int remove_simple(int dirfd, const char *name, struct error *err)
{
    if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
        return 1;
    if (errno != EISDIR && errno != EPERM && errno != EACCES)
        return error_sys(err, "remove '%s'", name);
    return unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

/* Readable, and writable, as what may not be written in cannot be emptied. */
static int open_for_removal(int dirfd, const char *name, struct stat *ret, struct error *err)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    cleanup_close int fd = openat(dirfd, name, flags);

    if (fd < 0 && errno == EACCES && fchmodat(dirfd, name, 0700, 0) == 0)
        fd = openat(dirfd, name, flags);
    if (fd < 0 || fstat(fd, ret) < 0)
        return error_sys(err, "remove '%s'", name);
    if ((ret->st_mode & 0700) != 0700)
        (void)fchmod(fd, 0700);
    return steal_fd(fd);
}

static int move_to_top(struct removal *rm, int dirfd, const char *name, struct error *err)
{
    char target[32];
    int r;

    do {
        snprintf(target, sizeof(target), ".deep-%" PRIu64, rm->moved++);
        r = renameat2(dirfd, name, rm->top, target, RENAME_NOREPLACE);
        if (r < 0 && errno == EACCES && fchmodat(dirfd, name, 0700, 0) == 0) /* its ".." changes */
            r = renameat2(dirfd, name, rm->top, target, RENAME_NOREPLACE);
    } while (r < 0 && errno == EEXIST);
    return r < 0 ? error_sys(err, "remove '%s'", name) : 0;
}

static int remove_children(struct removal *rm, DIR *dir, int depth, struct error *err);

static int remove_below(struct removal *rm, int dirfd, const char *name, int depth,
                        struct error *err)
{
    struct stat st;
    int r = remove_simple(dirfd, name, err);

    if (r != 0)
        return MIN(r, 0);
    if (depth > REMOVE_DEPTH)
        return move_to_top(rm, dirfd, name, err);
    cleanup_close int fd = open_for_removal(dirfd, name, &st, err);
    if (fd < 0)
        return fd;
    if (st.st_dev != rm->dev)
        return error_set(err, -EXDEV, "remove '%s': another file system is mounted there", name);
    DIR *dir = fdopendir(fd);
    if (!dir)
        return error_sys(err, "remove '%s'", name);
    (void)steal_fd(fd);
    r = remove_children(rm, dir, depth, err);
    (void)closedir(dir);
    if (r == 0 && unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        r = error_sys(err, "remove '%s'", name);
    return r;
}

static int remove_children(struct removal *rm, DIR *dir, int depth, struct error *err)
{
    const int fd = dirfd(dir);
    int r = 0;

    for (const struct dirent *e; r == 0 && (e = readdir(dir));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (e->d_type != DT_DIR && e->d_type != DT_UNKNOWN && unlinkat(fd, e->d_name, 0) == 0)
            continue;
        r = remove_below(rm, fd, e->d_name, depth + 1, err);
    }
    return r;
}

/* Reads the directory again as long as something was moved into it. */
static int empty_top(int take_fd, dev_t dev, struct error *err)
{
    cleanup_close int fd = take_fd;
    DIR *dir = fdopendir(fd);
    struct removal rm = {.top = fd, .dev = dev};
    uint64_t before;
    int r;

    if (!dir)
        return error_sys(err, "read directory");
    (void)steal_fd(fd);
    do {
        before = rm.moved;
        rewinddir(dir);
        r = remove_children(&rm, dir, 0, err);
    } while (r == 0 && rm.moved != before);
    (void)closedir(dir);
    return r;
}

int fd_remove_tree(int dirfd, const char *name, struct error *err)
{
    struct stat st;
    int r = remove_simple(dirfd, name, err);

    if (r != 0)
        return MIN(r, 0);
    const int fd = open_for_removal(dirfd, name, &st, err);
    if (fd < 0)
        return fd;
    r = empty_top(fd, st.st_dev, err);
    if (r < 0)
        return error_wrap(err, r, "in '%s'", name);
    if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        return error_sys(err, "remove '%s'", name);
    return 0;
}
