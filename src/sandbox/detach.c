/* Descriptors of a start: detached copies of mounts, made with the job's rights, which the child
 * attaches. No path of a stranger is resolved here. */
#include <errno.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/fd.h"
#include "sandbox/internal.h"

int detach_mount(int dirfd, const char *path, unsigned flags, struct error *err)
{
    const int fd = open_tree(dirfd, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags);

    return fd < 0 ? error_sys(err, "copy the mount of '%s'", path) : fd;
}

/* The same directory or file through our own mount namespace: descriptors that main gave us are in
 * main's, whose mounts cannot be copied here. */
static int reopen(int fd, struct error *err)
{
    cleanup_free char *path = fd_name(fd);
    struct stat a, b;

    if (!path || path[0] != '/')
        return error_set(err, -ENOENT, "descriptor %d has no path", fd);
    cleanup_close int again = fd_open(AT_FDCWD, path, O_PATH, 0, err);
    if (again < 0)
        return again;
    if (fstat(fd, &a) < 0 || fstat(again, &b) < 0 || a.st_dev != b.st_dev || a.st_ino != b.st_ino)
        return error_set(err, -ESTALE, "'%s' was moved", path);
    return steal_fd(again);
}

/* Ids of a mount as the container sees them. Some file systems cannot (-EINVAL): then files of
 * unknown owners are nobody's. */
static int map_ids(const struct launch *l, int mount_fd, bool recursive)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP,
                              .userns_fd = (uint64_t)(unsigned)l->box.user_fd};

    if (l->box.user_fd < 0 || l->box.id_base == 0)
        return 0;
    return mount_setattr(mount_fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr,
                         sizeof(attr)) < 0
               ? -errno
               : 0;
}

static int copy_mapped(struct launch *l, int dirfd, const char *path, struct error *err)
{
    cleanup_close int fd = detach_mount(dirfd, path, *path ? 0 : AT_EMPTY_PATH, err);

    if (fd < 0)
        return fd;
    if (map_ids(l, fd, false) < 0)
        return -EXDEV; /* without an error: the caller starts again */
    return steal_fd(fd);
}

static int attach_later(struct launch *l, int take_fd, struct error *err)
{
    if (l->attach_count == ATTACH_MAX) {
        (void)close(take_fd);
        return error_set(err, -E2BIG, "more than %d layers", ATTACH_MAX);
    }
    l->attach[l->attach_count++] = take_fd;
    return take_fd;
}

/* Opens fd's directory inside the copy of the store's mount (l->attach[0]); -1 when it is
 * elsewhere. */
static int open_in_store(const struct launch *l, int fd, const char *store)
{
    cleanup_free char *path = fd_name(fd);
    const size_t size = strlen(store);
    struct stat a, b;

    if (!path || strncmp(path, store, size) != 0 || path[size] != '/')
        return -1;
    cleanup_close int in =
        fd_open_beneath(l->attach[0], path + size + 1, O_PATH | O_DIRECTORY, 0, NULL);
    if (in < 0 || fstat(fd, &a) < 0 || fstat(in, &b) < 0 || a.st_ino != b.st_ino ||
        a.st_dev != b.st_dev)
        return -1;
    return steal_fd(in);
}

static int layer_fd(struct launch *l, int fd, const char *store, struct error *err)
{
    int in = l->attach_count > 0 ? open_in_store(l, fd, store) : -1;

    if (in >= 0)
        return in;
    cleanup_close int again = reopen(fd, err);
    if (again < 0)
        return again;
    in = copy_mapped(l, again, "", err);
    return in < 0 ? in : attach_later(l, in, err);
}

/* Upper and work directory have to be in one mount: that of the store, or that of their parent. */
static int upper_fds(struct launch *l, int upper_fd, int work_fd, const char *store,
                     struct layers *ret, struct error *err)
{
    cleanup_free char *upper = fd_name(upper_fd), *work = fd_name(work_fd);
    char *name;

    cleanup_close int in = l->attach_count > 0 ? open_in_store(l, upper_fd, store) : -1;
    cleanup_close int work_in = l->attach_count > 0 ? open_in_store(l, work_fd, store) : -1;
    if (in >= 0 && work_in >= 0) {
        ret->upper = steal_fd(in);
        ret->work = steal_fd(work_in);
        return 0;
    }
    name = upper ? strrchr(upper, '/') : NULL;
    if (!name || !work || strncmp(upper, work, (size_t)(name - upper) + 1) != 0)
        return error_set(err, -EINVAL, "upper and work directory are not beside each other");
    *name = '\0';
    int parent = copy_mapped(l, AT_FDCWD, upper, err);
    if (parent < 0 || (parent = attach_later(l, parent, err)) < 0)
        return parent;
    ret->upper = fd_open_beneath(parent, name + 1, O_PATH | O_DIRECTORY, 0, err);
    if (ret->upper < 0)
        return ret->upper;
    ret->work = fd_open_beneath(parent, work + (name - upper) + 1, O_PATH | O_DIRECTORY, 0, err);
    return MIN(ret->work, 0);
}

static int prepare_layers(struct launch *l, const int *fds, size_t count, int upper_fd, int work_fd,
                          struct layers *ret, struct error *err)
{
    cleanup_free char *store = dir_path(l->ctx->store_fd);
    int r;

    if (store && l->attach_count == 0) {
        r = copy_mapped(l, l->ctx->store_fd, "", err);
        if (r < 0 || (r = attach_later(l, r, err)) < 0)
            return r;
    }
    ret->lowers = xcalloc(count + 1, sizeof(int));
    for (ret->count = 0; ret->count < count; ret->count++) {
        r = layer_fd(l, fds[ret->count], store, err);
        if (r < 0)
            return r;
        ret->lowers[ret->count] = r;
    }
    return upper_fd >= 0 ? upper_fds(l, upper_fd, work_fd, store, ret, err) : 0;
}

static int detach_layers(struct launch *l, struct error *err)
{
    const struct spawn_plan *p = l->plan;
    cleanup_free int *lowers = xcalloc(p->lower_count + 1, sizeof(int));
    cleanup_close int stubs =
        p->lower_count && p->upper_fd >= 0 ? stub_layer(l->ctx->store_fd, NULL) : -1;
    size_t count = p->lower_count;

    if (count)
        memcpy(lowers, p->lower_fds, count * sizeof(int));
    if (stubs >= 0)
        lowers[count++] = stubs; /* below all others: only what none of them has is seen */
    return prepare_layers(l, lowers, count, p->upper_fd, p->work_fd, &l->root, err);
}

int detach_root(struct launch *l, struct error *err)
{
    if (l->plan->rootfs_fd < 0)
        return detach_layers(l, err);
    cleanup_close int again = reopen(l->plan->rootfs_fd, err);
    if (again < 0)
        return again;
    l->root_mount = copy_mapped(l, again, "", err);
    return MIN(l->root_mount, 0);
}

static int prepare_bind(struct launch *l, const struct spawn_mount *m, int *ret, struct error *err)
{
    cleanup_close int again = reopen(m->source_fd, err);

    if (again < 0)
        return again;
    *ret = detach_mount(again, "", AT_EMPTY_PATH | (m->recursive ? AT_RECURSIVE : 0), err);
    if (*ret < 0)
        return *ret;
    (void)map_ids(l, *ret, m->recursive);
    return 0;
}

int detach_sources(struct launch *l, struct error *err)
{
    const struct spawn_plan *p = l->plan;
    int r = 0;

    l->sources = xcalloc(p->mount_count + 1, sizeof(int));
    l->views = xcalloc(p->mount_count + 1, sizeof(*l->views));
    for (size_t i = 0; i < p->mount_count; i++)
        l->sources[i] = l->views[i].upper = l->views[i].work = -1;
    for (size_t i = 0; r == 0 && i < p->mount_count; i++) {
        const struct spawn_mount *m = &p->mounts[i];

        if (m->kind == SPAWN_MOUNT_BIND)
            r = prepare_bind(l, m, &l->sources[i], err);
        else if (m->kind == SPAWN_MOUNT_LAYERS)
            r = prepare_layers(l, m->lower_fds, m->lower_count, m->upper_fd, m->work_fd,
                               &l->views[i], err);
        /* -EXDEV has no text: spawn_run() tries again */
        if (r < 0 && err && err->code)
            r = error_wrap(err, r, "mount '%s'", m->target);
    }
    return r;
}
