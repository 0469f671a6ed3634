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
#define NAMES_SIZE 4096 /* of one look into a directory, on the stack of each level */

struct removal {
    int top; /* the directory that fd_remove_tree() was told, open */
    dev_t dev;
    uint64_t moved; /* how many directories were renamed to it */
};

/* 1 when name needs no walk: a file, an empty directory, or nothing; 0: it has to be emptied. type is what the
 * directory says, DT_UNKNOWN when that is not known. */
static int remove_simple(int dirfd, const char *name, unsigned char type, struct error *err)
{
    if (type == DT_DIR)
        return unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT;
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

static int remove_children(struct removal *rm, int dirfd, int depth, struct error *err);

static int remove_below(struct removal *rm, int dirfd, const char *name, unsigned char type,
                        int depth, struct error *err)
{
    struct stat st;
    int r = remove_simple(dirfd, name, type, err);

    if (r != 0)
        return MIN(r, 0);
    if (depth > REMOVE_DEPTH)
        return move_to_top(rm, dirfd, name, err);
    cleanup_close int fd = open_for_removal(dirfd, name, &st, err);
    if (fd < 0)
        return fd;
    if (st.st_dev != rm->dev)
        return error_set(err, -EXDEV, "remove '%s': another file system is mounted there", name);
    r = remove_children(rm, fd, depth, err);
    if (r == 0 && unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        r = error_sys(err, "remove '%s'", name);
    return r;
}

static int remove_names(struct removal *rm, int dirfd, const char *buf, size_t size, int depth,
                        struct error *err)
{
    int r = 0;

    for (size_t at = 0; r == 0 && at < size;) {
        const struct dirent64 *e = (const void *)(buf + at);

        at += e->d_reclen;
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            r = remove_below(rm, dirfd, e->d_name, e->d_type, depth + 1, err);
    }
    return r;
}

/* Without readdir(): most directories are small, and four calls and 32 KiB for a stream cost more than what is in
 * them. */
static int remove_children(struct removal *rm, int dirfd, int depth, struct error *err)
{
    _Alignas(struct dirent64) char buf[NAMES_SIZE];

    for (;;) {
        const ssize_t size = getdents64(dirfd, buf, sizeof(buf));

        if (size <= 0)
            return size < 0 ? error_sys(err, "read directory") : 0;
        const int r = remove_names(rm, dirfd, buf, (size_t)size, depth, err);
        if (r < 0)
            return r;
    }
}

/* Reads the directory again as long as something was moved into it. */
static int empty_top(int fd, dev_t dev, struct error *err)
{
    struct removal rm = {.top = fd, .dev = dev};
    uint64_t before;
    int r;

    do {
        before = rm.moved;
        if (lseek(fd, 0, SEEK_SET) < 0)
            return error_sys(err, "read directory");
        r = remove_children(&rm, fd, 0, err);
    } while (r == 0 && rm.moved != before);
    return r;
}

int fd_remove_tree(int dirfd, const char *name, struct error *err)
{
    struct stat st;
    int r = remove_simple(dirfd, name, DT_UNKNOWN, err);

    if (r != 0)
        return MIN(r, 0);
    cleanup_close int fd = open_for_removal(dirfd, name, &st, err);
    if (fd < 0)
        return fd;
    r = empty_top(fd, st.st_dev, err);
    if (r < 0)
        return error_wrap(err, r, "in '%s'", name);
    if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        return error_sys(err, "remove '%s'", name);
    return 0;
}
