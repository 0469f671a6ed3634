/* What a run of maintainer scripts leaves behind that depends on the machine or the moment.
 * docs/base-images.md lists it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "distro/make.h"

#define SHADOW_MAX (1u << 20)
#define DEPTH_MAX 512

static const char *const gone[] = {
    "etc/.pwd.lock",
    "etc/group-",
    "etc/gshadow-",
    "etc/passwd-",
    "etc/shadow-",
    "etc/subgid-",
    "etc/subuid-",
    "usr/sbin/policy-rc.d",
    "var/cache/apt/pkgcache.bin",
    "var/cache/apt/srcpkgcache.bin",
    "var/cache/debconf/config.dat-old",
    "var/cache/debconf/passwords.dat-old",
    "var/cache/debconf/templates.dat-old",
    "var/cache/ldconfig/aux-cache",
    "var/lib/dbus/machine-id",
    "var/lib/dpkg/available-old",
    "var/lib/dpkg/diversions-old",
    "var/lib/dpkg/lock",
    "var/lib/dpkg/lock-frontend",
    "var/lib/dpkg/statoverride-old",
    "var/lib/dpkg/status-old",
    "var/lib/dpkg/triggers/Lock",
    "var/lib/systemd/random-seed",
    "var/log/alternatives.log",
    "var/log/bootstrap.log",
    "var/log/dpkg.log",
    "var/log/fontconfig.log",
};
static const char *const emptied[] = {"run",     "tmp",         "var/lib/apt/lists",
                                      "var/tmp", "var/log/apt", "var/cache/apt/archives"};
/* what stays in them */
static const char *const kept[] = {"lock", "partial", "auxfiles"};

static int remove_file(int root, const char *path, struct error *err)
{
    const char *slash = strrchr(path, '/');
    cleanup_free char *directory = xstrndup(path, slash ? (size_t)(slash - path) : 0);
    cleanup_close int fd =
        fd_open_in_root(root, slash ? directory : ".", O_PATH | O_DIRECTORY, 0, NULL);

    if (fd < 0)
        return 0;
    if (unlinkat(fd, slash ? slash + 1 : path, 0) < 0 && errno != ENOENT && errno != EISDIR)
        return error_sys(err, "remove '%s'", path);
    return 0;
}

static bool is_kept(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
        if (strcmp(name, kept[i]) == 0)
            return true;
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static DIR *open_directory(int at, const char *path)
{
    const int fd = fd_open_in_root(at, path, O_RDONLY | O_DIRECTORY, 0, NULL);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

    if (fd >= 0 && !dir)
        (void)close(fd);
    return dir;
}

static int empty_directory(int root, const char *path, struct error *err)
{
    DIR *dir = open_directory(root, path);
    int r = 0;

    for (const struct dirent *e; dir && r >= 0 && (e = readdir(dir));)
        if (!is_kept(e->d_name))
            r = fd_remove_tree(dirfd(dir), e->d_name, err);
    if (dir)
        closedir(dir);
    return r < 0 ? error_wrap(err, r, "empty '%s'", path) : 0;
}

/* An empty machine-id is filled at the first start (machine-id(5)); where there is none, none is
 * made. */
static void clear_machine_id(int root)
{
    cleanup_close int fd = fd_open_in_root(root, "etc/machine-id", O_WRONLY | O_TRUNC, 0, NULL);

    (void)fd;
}

/* name:password:day of the last change:...: the day becomes that of the release. */
static void shadow_line(struct view line, int64_t day, struct str *ret)
{
    struct view field;

    for (int i = 0; view_cut(&line, ':', &field); i++) {
        if (i > 0)
            str_add_char(ret, ':');
        if (i == 2 && field.size > 0)
            str_printf(ret, "%lld", (long long)day);
        else
            str_add(ret, field);
    }
    str_add_char(ret, '\n');
}

static int fix_shadow(int root, int64_t epoch_s, struct error *err)
{
    STR_AUTO(have);
    STR_AUTO(want);
    struct view rest, line;
    cleanup_close int fd = fd_open_in_root(root, "etc/shadow", O_RDWR, 0, NULL);
    int r = fd < 0 ? 0 : fd_read_all(fd, SHADOW_MAX, &have, err);

    if (fd < 0 || r < 0)
        return r;
    rest = str_view(&have);
    while (view_cut(&rest, '\n', &line))
        if (line.size)
            shadow_line(line, epoch_s / 86400, &want);
    if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0)
        return error_sys(err, "write etc/shadow");
    return fd_write_all(fd, str_view(&want), err);
}

static int clamp_one(int at, const char *name, int64_t epoch_s, const struct stat *st,
                     struct error *err)
{
    const struct timespec times[2] = {{epoch_s, 0}, {epoch_s, 0}};

    if (st->st_mtim.tv_sec <= epoch_s)
        return 0;
    return utimensat(at, name, times, AT_SYMLINK_NOFOLLOW) < 0
               ? error_sys(err, "time of '%s'", name)
               : 0;
}

static int clamp_directory(int fd, int64_t epoch_s, unsigned depth, struct error *err);

static int clamp_entry(DIR *dir, const char *name, int64_t epoch_s, unsigned depth,
                       struct error *err)
{
    const int at = dirfd(dir);
    struct stat st;
    int r = 0;

    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return error_sys(err, "look at '%s'", name);
    if (S_ISDIR(st.st_mode)) {
        const int fd = fd_open_beneath(at, name, O_RDONLY | O_DIRECTORY, 0, err);

        r = fd < 0 ? fd : clamp_directory(fd, epoch_s, depth + 1, err);
    }
    return r < 0 ? r : clamp_one(at, name, epoch_s, &st, err);
}

/* Closes fd. */
static int clamp_directory(int fd, int64_t epoch_s, unsigned depth, struct error *err)
{
    DIR *dir = fdopendir(fd);
    int r = 0;

    if (!dir) {
        (void)close(fd);
        return error_sys(err, "read a directory");
    }
    if (depth > DEPTH_MAX)
        r = error_set(err, -EDQUOT, "directories nested deeper than %d", DEPTH_MAX);
    for (const struct dirent *e; r >= 0 && (e = readdir(dir));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            r = clamp_entry(dir, e->d_name, epoch_s, depth, err);
    closedir(dir);
    return r;
}

int tidy(int fs_fd, int64_t epoch_s, struct error *err)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(gone); i++)
        r = remove_file(fs_fd, gone[i], err);
    for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(emptied); i++)
        r = empty_directory(fs_fd, emptied[i], err);
    if (r >= 0)
        clear_machine_id(fs_fd);
    if (r >= 0)
        r = fix_shadow(fs_fd, epoch_s, err);
    if (r < 0)
        return r;
    const int fd = fd_open(fs_fd, ".", O_RDONLY | O_DIRECTORY, 0, err);
    return fd < 0 ? fd : clamp_directory(fd, epoch_s, 0, err);
}
