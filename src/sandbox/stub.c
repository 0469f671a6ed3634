/* Mount points: opened inside the root without following anything out of it, made when missing,
 * and taken away again when the container has ended. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "sandbox/internal.h"

char *dir_path(int fd)
{
    char *path = fd_name(fd);

    if (path && path[0] != '/') {
        free(path);
        return NULL;
    }
    return path;
}

/* Makes the last part of path below its parent, whose times stay what they were: a directory that
 * is copied up for a mount point only does not look changed. */
static int make_stub(struct launch *l, const char *path, bool is_directory, struct error *err)
{
    cleanup_free char *parent = xstrdup(path);
    char *slash = strrchr(parent, '/');
    struct stat st;

    *slash = '\0';
    cleanup_close int dir =
        fd_open_in_root(l->root_fd, *parent ? parent : "/", O_PATH | O_DIRECTORY, 0, err);
    if (dir < 0)
        return dir;
    if (fstat(dir, &st) < 0)
        return error_sys(err, "look at '%s'", parent);
    const int r =
        is_directory ? mkdirat(dir, slash + 1, 0755) : mknodat(dir, slash + 1, S_IFREG | 0644, 0);
    if (r < 0)
        return error_sys(err, "make mount point '%s'", path);
    const struct timespec times[2] = {st.st_atim, st.st_mtim};
    cleanup_free char *self = xasprintf("/proc/self/fd/%d", dir);
    (void)utimensat(AT_FDCWD, self, times, 0); /* O_PATH: no futimens */
    stage_send(l, STAGE_STUB, path, -1);
    return 0;
}

#define LINKS_MAX 16

/* path's part at the end of done is a dangling link (such as resolv.conf of systemd): *path becomes
 * what it points to, with the rest behind it, ".." taken as text. */
static bool follow_dangling(const struct launch *l, const struct str *done, struct view rest,
                            char **path)
{
    cleanup_free char *parent = xstrdup(done->at);
    char *slash = strrchr(parent, '/'), target[4096];
    STR_AUTO(joined);
    STR_AUTO(clean);
    struct view part, left;

    *slash = '\0';
    cleanup_close int dir =
        fd_open_in_root(l->root_fd, *parent ? parent : "/", O_PATH | O_DIRECTORY, 0, NULL);
    const ssize_t n = dir < 0 ? -1 : readlinkat(dir, slash + 1, target, sizeof(target) - 1);
    if (n <= 0)
        return false;
    target[n] = '\0';
    str_printf(&joined, "%s/%s/%.*s", target[0] == '/' ? "" : parent, target, VIEW_ARG(rest));
    left = str_view(&joined);
    while (view_cut(&left, '/', &part)) {
        if (view_eq_text(part, "..")) {
            const char *last = strrchr(clean.at, '/');
            str_truncate(&clean, last ? (size_t)(last - clean.at) : 0);
        } else if (part.size > 0 && !view_eq_text(part, ".")) {
            str_printf(&clean, "/%.*s", VIEW_ARG(part));
        }
    }
    free(*path);
    *path = str_take(&clean);
    return true;
}

/* The first part of *path that is missing is made; 1 when there was one (or a link was followed),
 * 0 when all are there. */
static int make_next_part(struct launch *l, char **path, bool is_directory, struct error *err)
{
    STR_AUTO(done);
    struct view rest = view_of(*path), part;

    while (view_cut(&rest, '/', &part)) {
        if (part.size == 0 || view_eq_text(part, "."))
            continue;
        if (view_eq_text(part, ".."))
            return error_set(err, -EINVAL, "mount point '%.200s' has '..'", *path);
        str_printf(&done, "/%.*s", VIEW_ARG(part));
        cleanup_close int there = fd_open_in_root(l->root_fd, done.at, O_PATH, 0, NULL);
        if (there >= 0)
            continue;
        if (follow_dangling(l, &done, rest, path))
            return 1;
        const bool last = rest.size == strspn(rest.at ? rest.at : "", "/");
        const int r = make_stub(l, done.at, !last || is_directory, err);
        return r < 0 ? r : 1;
    }
    return 0;
}

static int make_parts(struct launch *l, const char *target, bool is_directory, struct error *err)
{
    cleanup_free char *path = xstrdup(target);
    int r = 1;

    for (unsigned n = 0; r > 0; n++) {
        if (n > STUBS_MAX + LINKS_MAX)
            return error_set(err, -ELOOP, "mount point '%.200s' is too deep", target);
        r = make_next_part(l, &path, is_directory, err);
    }
    return r;
}

int stub_open(struct launch *l, const char *target, bool is_directory, struct error *err)
{
    const int flags = O_PATH | (is_directory ? O_DIRECTORY : 0);
    int fd = fd_open_in_root(l->root_fd, target, flags, 0, NULL), r;

    if (fd < 0) {
        if ((r = make_parts(l, target, is_directory, err)) < 0)
            return r;
        fd = fd_open_in_root(l->root_fd, target, flags, 0, err);
    }
    if (fd < 0)
        return error_wrap(err, fd, "mount point");
    struct stat st;
    if (fstat(fd, &st) < 0)
        st.st_mode = 0;
    if (!is_directory && !S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode) && !S_ISSOCK(st.st_mode)) {
        (void)close(fd);
        return error_set(err, -ENOTDIR, "mount point '%.200s' is not a file", target);
    }
    return fd;
}

/* Symlinks that the container put in the way are not followed: the name then is not our stub. */
void stub_remove(int upper_fd, const char *path)
{
    cleanup_free char *parent = xstrdup(path + 1);
    char *slash = strrchr(parent, '/');
    const char *name = path + 1;
    struct stat st, dir_st;

    if (slash) {
        *slash = '\0';
        name = slash + 1;
    }
    cleanup_close int dir =
        slash ? fd_open_beneath(upper_fd, parent, O_RDONLY | O_DIRECTORY, 0, NULL) : dup(upper_fd);
    if (dir < 0 || fstat(dir, &dir_st) < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    if (S_ISDIR(st.st_mode))
        (void)unlinkat(dir, name, AT_REMOVEDIR); /* fails when the container put something there */
    else if (S_ISREG(st.st_mode) && st.st_size == 0)
        (void)unlinkat(dir, name, 0);
    const struct timespec times[2] = {dir_st.st_atim, dir_st.st_mtim};
    (void)futimens(dir, times);
}

/* ---- the layer of stubs ---- */

#define LAYER "stubs/"

/* Two processes may be at it: each makes what is missing, in one order, so whoever sees the last one sees all. */
static const struct {
    const char *path;
    mode_t mode;
} layer[] = {{LAYER, S_IFDIR | 0755},
             {LAYER "proc", S_IFDIR | 0755},
             {LAYER "sys", S_IFDIR | 0755},
             {LAYER "dev", S_IFDIR | 0755},
             {LAYER "etc", S_IFDIR | 0755},
             {LAYER "etc/hosts", S_IFREG | 0644},
             {LAYER "etc/resolv.conf", S_IFREG | 0644}};

static int make_layer(int store_fd, struct error *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(layer); i++) {
        const char *path = layer[i].path;
        const mode_t mode = layer[i].mode;
        const int r =
            S_ISDIR(mode) ? mkdirat(store_fd, path, 0755) : mknodat(store_fd, path, mode, 0);

        if (r < 0 && errno == EEXIST)
            continue;
        if (r < 0 || fchmodat(store_fd, path, mode & 0777, 0) < 0)
            return error_sys(err, "make '%s' in the store", path);
    }
    return 0;
}

int stub_layer(int store_fd, struct error *err)
{
    const char *last = layer[ARRAY_SIZE(layer) - 1].path;

    if (faccessat(store_fd, last, F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
        const int r = make_layer(store_fd, err);
        if (r < 0)
            return r;
    }
    return fd_open(store_fd, LAYER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
}
