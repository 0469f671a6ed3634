/* The files of apt below a root directory. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "distro/apt.h"

struct reading {
    int root_fd;
    const char *root; /* for messages: "" for "/" */
    const char *architecture;
    struct apt_conf *conf;
    struct apt_sources *sources;
};

enum kind { KIND_CONF, KIND_LIST, KIND_DEB822 };

static int read_one(const struct reading *r, const char *path, enum kind kind, struct error *err)
{
    STR_AUTO(text);
    ERROR_AUTO(absent);
    cleanup_free char *shown = xasprintf("%s/%s", r->root, path);
    const int s = fd_read_file(r->root_fd, path, APT_FILE_MAX, &text, &absent);

    /* what only root may read (a proxy with a password) is not for us, as it is not for the user's
     * apt */
    if (s == -ENOENT || s == -EACCES)
        return 0;
    if (s < 0)
        return error_move(err, &absent);
    switch (kind) {
    case KIND_CONF:
        return apt_conf_parse(r->conf, str_view(&text), shown, err);
    case KIND_LIST:
        return apt_sources_parse_list(r->sources, str_view(&text), shown, r->architecture, err);
    case KIND_DEB822:
        return apt_sources_parse_deb822(r->sources, str_view(&text), shown, r->architecture, err);
    }
    return 0;
}

/* Names that apt reads: letters, digits, '_', '-', '.'; the ending tells what is in it. */
static bool name_kind(const char *name, bool conf, enum kind *ret)
{
    const char *dot = strrchr(name, '.');

    for (const char *p = name; *p; p++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.", *p))
            return false;
    if (name[0] == '.')
        return false;
    if (conf) {
        *ret = KIND_CONF;
        return !dot || strcmp(dot, ".conf") == 0;
    }
    *ret = dot && strcmp(dot, ".list") == 0 ? KIND_LIST : KIND_DEB822;
    return dot && (strcmp(dot, ".list") == 0 || strcmp(dot, ".sources") == 0);
}

static int text_cmp(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_names(const struct reading *r, const char *directory, struct strings *ret)
{
    cleanup_close int fd = openat(r->root_fd, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

    if (!dir)
        return 0;
    (void)steal_fd(fd);
    for (const struct dirent *e; ret->size < APT_FILES_MAX && (e = readdir(dir));)
        strings_add(ret, e->d_name);
    closedir(dir);
    if (ret->size)
        qsort(ret->at, ret->size, sizeof(*ret->at), text_cmp);
    return 0;
}

static int read_directory(const struct reading *r, const char *directory, bool conf,
                          struct error *err)
{
    CLEANUP(strings_done) struct strings names = {0};
    int s = list_names(r, directory, &names);

    vec_each (name, &names) {
        cleanup_free char *path = xasprintf("%s/%s", directory, *name);
        enum kind kind;

        if (!name_kind(*name, conf, &kind))
            continue;
        s = read_one(r, path, kind, err);
        if (s < 0)
            return s;
    }
    return s;
}

static int read_environment(const struct reading *r, struct error *err)
{
    const char *path = getenv("APT_CONFIG");
    STR_AUTO(text);

    if (!path || !path[0] || r->root[0])
        return 0;
    const int s = fd_read_file(AT_FDCWD, path, APT_FILE_MAX, &text, err);
    return s < 0 ? s : apt_conf_parse(r->conf, str_view(&text), path, err);
}

int apt_machine_read(const char *root, const char *architecture, struct apt_conf *ret_conf,
                     struct apt_sources *ret_sources, struct error *err)
{
    cleanup_close int fd = fd_open(AT_FDCWD, root, O_RDONLY | O_DIRECTORY, 0, err);
    const struct reading r = {fd, strcmp(root, "/") == 0 ? "" : root, architecture, ret_conf,
                              ret_sources};

    if (fd < 0)
        return fd;
    /* apt's order: the later ones win */
    int s = read_environment(&r, err);
    if (s >= 0)
        s = read_directory(&r, "etc/apt/apt.conf.d", true, err);
    if (s >= 0)
        s = read_one(&r, "etc/apt/apt.conf", KIND_CONF, err);
    if (s >= 0)
        s = read_one(&r, "etc/apt/sources.list", KIND_LIST, err);
    if (s >= 0)
        s = read_directory(&r, "etc/apt/sources.list.d", false, err);
    return s < 0 ? s : 0;
}
