/* host_files.c - files, directories and links below a root that anybody may have written. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "audit/host_internal.h"
#include "base/fd.h"

/* A part of the path that is missing or no directory: the file is not there. */
static bool is_absent(int r)
{
    return r == -ENOENT || r == -ENOTDIR;
}

static const char *reason(struct arena *arena, int r)
{
    return r == -ELOOP    ? "its symbolic links lead nowhere"
           : r == -EDQUOT ? "it is larger than any file of its kind"
                          : arena_strdup(arena, strerror(-r));
}

/* Looked at before it is opened: opening a device may do something, and a FIFO would be waited for. */
static int open_plain(const struct host *h, const char *path)
{
    const int flags[] = {O_PATH, O_RDONLY | O_NONBLOCK | O_NOCTTY};
    int fd = -1;

    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        struct stat st;

        if (fd >= 0)
            (void)close(fd);
        fd = fd_open_in_root(h->root, path, flags[i], 0, NULL);
        if (fd < 0)
            return fd;
        if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
            continue;
        (void)close(fd);
        return -EINVAL;
    }
    return fd;
}

static int read_file(const struct host *h, const char *path, size_t limit, bool end,
                     struct str *ret, const char **ret_why)
{
    cleanup_close int fd = open_plain(h, path);

    if (fd >= 0 && end && lseek(fd, 0, SEEK_END) > (off_t)limit)
        (void)lseek(fd, -(off_t)limit, SEEK_END);
    else if (fd >= 0 && end)
        (void)lseek(fd, 0, SEEK_SET);
    /* a log grows while it is read */
    const int r = fd < 0 ? fd : fd_read_all(fd, end ? 2 * limit : limit, ret, NULL);
    if (r < 0 && !is_absent(r) && ret_why)
        *ret_why = r == -EINVAL ? "it is no plain file" : reason(h->f->arena, r);
    return is_absent(r) ? -ENOENT : r;
}

int host_read(const struct host *h, const char *path, size_t limit, struct str *ret,
              const char **ret_why)
{
    return read_file(h, path, limit, false, ret, ret_why);
}

int host_read_end(const struct host *h, const char *path, size_t limit, struct str *ret,
                  const char **ret_why)
{
    return read_file(h, path, limit, true, ret, ret_why);
}

/* /proc says where the descriptor leads; what is above the root is taken off. */
static const char *real_of(const struct host *h, int fd, const char *path)
{
    cleanup_free char *name = fd_name(fd);
    const size_t root = strcmp(h->root_name, "/") == 0 ? 0 : strlen(h->root_name);

    if (!name || strncmp(name, h->root_name, root) != 0 || name[root] != '/')
        return path;
    return arena_strdup(h->f->arena, name + root);
}

static const char *name_of(const struct map *names, struct arena *arena, uint32_t number)
{
    const char *text = arena_printf(arena, "%u", number);
    const char *name = map_get(names, view_of(text));

    return name ? name : text;
}

struct host_file host_look(const struct host *h, const char *path)
{
    struct host_file f = {.path = path, .real = path};
    struct stat st;
    cleanup_close int fd = fd_open_in_root(h->root, path, O_PATH, 0, NULL);

    if (fd < 0 || fstat(fd, &st) < 0) {
        const int r = fd < 0 ? fd : -errno;

        f.state = is_absent(r) ? HOST_ABSENT : HOST_UNKNOWN;
        f.why = is_absent(r) ? NULL : reason(h->f->arena, r);
        return f;
    }
    f.state = HOST_THERE;
    f.real = real_of(h, fd, path);
    f.uid = st.st_uid;
    f.gid = st.st_gid;
    f.mode = st.st_mode;
    f.mtime_s = st.st_mtim.tv_sec;
    f.owner = name_of(&h->owners, h->f->arena, f.uid);
    f.group = name_of(&h->groups, h->f->arena, f.gid);
    return f;
}

const char *host_real(const struct host *h, const char *path)
{
    const size_t size = strlen(path);
    char above[PATH_MAX];

    if (size >= sizeof(above)) /* nothing can have that name */
        return path;
    memcpy(above, path, size + 1);
    for (;;) {
        cleanup_close int fd = fd_open_in_root(h->root, above, O_PATH, 0, NULL);
        const char *real = fd < 0 ? above : real_of(h, fd, above);

        if (fd >= 0)
            return real == above ? path
                                 : arena_printf(h->f->arena, "%s%s", real, path + strlen(above));
        /* what is not there yet may have a directory that is: /var/run/x */
        char *slash = strrchr(above, '/');
        if (!slash || slash == above)
            return path;
        *slash = '\0';
    }
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int host_list(const struct host *h, const char *path, const char *suffix, struct strings *ret)
{
    int fd = fd_open_in_root(h->root, path, O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0, NULL);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *e;

    if (!d) {
        if (fd >= 0)
            (void)close(fd);
        return is_absent(fd) ? 0 : 1;
    }
    for (size_t seen = 0; seen < HOST_ENTRIES_MAX && (e = readdir(d)); seen++)
        if (e->d_name[0] != '.' && view_ends(view_of(e->d_name), suffix))
            strings_add(ret, e->d_name);
    (void)closedir(d);
    if (ret->size > 1)
        qsort(ret->at, ret->size, sizeof(*ret->at), compare);
    return 0;
}

void host_add(struct host *h, enum host_thing thing, const char *path)
{
    const struct host_file f = host_look(h, path);

    vec_each (x, &h->f->things[thing]) /* /bin may be /usr/bin */
        if (strcmp(x->real, f.real) == 0 && x->state == f.state)
            return;
    vec_push(&h->f->things[thing], f);
}
