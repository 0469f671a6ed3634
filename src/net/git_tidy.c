#include "net/git_tidy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define DEPTH_MAX 1000 /* of directories: more than a path of PATH_MAX has in practice */

/* ---- files ---- */

static int tidy_directory(int take_fd, const struct git_tidy *t, unsigned depth, struct error *err);

static int tidy_entry(int dir, const char *name, const struct git_tidy *t, unsigned depth,
                      struct error *err)
{
    struct stat st;
    int r = 0;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return error_sys(err, "stat '%.100s' of a checkout", name);
    /* of a submodule: the way to a directory that is thrown away */
    if (strcmp(name, ".git") == 0 && (depth > 0 || !t->keep))
        return fd_remove_tree(dir, name, err);
    if (S_ISDIR(st.st_mode)) {
        const int fd = fd_open(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
        r = fd < 0 ? fd : tidy_directory(fd, t, depth + 1, err);
    }
    if (r == 0 && utimensat(dir, name, t->times, AT_SYMLINK_NOFOLLOW) < 0)
        r = error_sys(err, "set the time of '%.100s'", name);
    return r;
}

static int tidy_directory(int take_fd, const struct git_tidy *t, unsigned depth, struct error *err)
{
    DIR *dir = fdopendir(take_fd);
    struct dirent *e;
    int r = 0;

    if (!dir) {
        r = error_sys(err, "read a checkout");
        (void)close(take_fd);
        return r;
    }
    if (depth > DEPTH_MAX)
        r = error_set(err, -EDQUOT, "directories of the repository are nested too deeply");
    while (r == 0 && (e = readdir(dir)))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            r = tidy_entry(dirfd(dir), e->d_name, t, depth, err);
    (void)closedir(dir);
    return r;
}

int git_tidy(int take_fd, const struct git_tidy *t, struct error *err)
{
    return tidy_directory(take_fd, t, 0, err);
}

/* ---- a .git that is kept ---- */

static int remove_names(int git_dir, struct error *err)
{
    static const char *const names[] = {"FETCH_HEAD", "ORIG_HEAD", "logs"};
    int r = 0;

    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(names); i++)
        r = fd_remove_tree(git_dir, names[i], err);
    return r;
}

static int tidy_modules(int take_fd, unsigned depth, struct error *err);

/* modules/NAME is a submodule's directory, with modules of its own; a NAME may have slashes. */
static int tidy_module(int modules, const char *name, unsigned depth, struct error *err)
{
    cleanup_close int dir = openat(modules, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int r = 0;

    if (dir < 0)
        return errno == ENOTDIR || errno == ELOOP ? 0 : error_sys(err, "open '%.100s'", name);
    if (faccessat(dir, "HEAD", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        return tidy_modules(steal_fd(dir), depth + 1, err);
    const int below = openat(dir, "modules", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (below >= 0)
        r = tidy_modules(below, depth + 1, err);
    return r < 0 ? r : remove_names(dir, err);
}

static int tidy_modules(int take_fd, unsigned depth, struct error *err)
{
    DIR *dir = fdopendir(take_fd);
    struct dirent *e;
    int r = 0;

    if (!dir) {
        r = error_sys(err, "read submodules");
        (void)close(take_fd);
        return r;
    }
    if (depth > DEPTH_MAX)
        r = error_set(err, -EDQUOT, "submodules are nested too deeply");
    while (r == 0 && (e = readdir(dir)))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            r = tidy_module(dirfd(dir), e->d_name, depth, err);
    (void)closedir(dir);
    return r;
}

int git_remove_traces(int git_dir, struct error *err)
{
    const int r = remove_names(git_dir, err);
    const int modules =
        r < 0 ? -1 : openat(git_dir, "modules", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    return modules < 0 ? r : tidy_modules(modules, 0, err);
}
