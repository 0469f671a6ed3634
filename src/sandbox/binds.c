/* Mounts of the plan, and the files in /etc that tell a container about its network. */
#include <errno.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "base/fd.h"
#include "sandbox/internal.h"

#define HOSTS_SIZE_MAX (1u << 20)

struct item {
    const struct spawn_mount *mount;
    int source;   /* BIND: a detached mount; LAYERS: what is to be mounted, opened */
    size_t depth; /* parts of the target: parents are mounted before what is in them */
};

static size_t depth_of(const char *target)
{
    size_t n = 0;

    for (const char *at = target; *at; at++)
        n += *at == '/' && at[1] != '/' && at[1] != '\0';
    return n;
}

static bool plan_mounts(const struct spawn_plan *p, const char *target)
{
    for (size_t i = 0; i < p->mount_count; i++)
        if (strcmp(p->mounts[i].target, target) == 0)
            return true;
    return false;
}

static void hosts_text(const struct launch *l, struct str *ret)
{
    const struct spawn_plan *p = l->plan;

    if (l->network == SPAWN_NETWORK_HOST)
        (void)!fd_read_file(AT_FDCWD, "/etc/hosts", HOSTS_SIZE_MAX, ret, NULL);
    str_printf(ret, "127.0.0.1\tlocalhost %s\n::1\tlocalhost ip6-localhost ip6-loopback\n",
               p->hostname ? p->hostname : SPAWN_HOSTNAME);
    for (size_t i = 0; i < p->hosts.size; i++) {
        const char *line = p->hosts.at[i];

        if (asks_gateway(line))
            str_printf(ret, "%s%s\n", l->gateway, line + strlen(SPAWN_HOST_GATEWAY));
        else
            str_printf(ret, "%s\n", line);
    }
}

/* ---- files ---- */

static int write_file(const struct launch *l, size_t i, const struct spawn_mount *m,
                      struct error *err)
{
    char name[32];

    (void)snprintf(name, sizeof(name), "files/%zu", i);
    cleanup_close int fd = fd_open(l->scratch_fd, name, O_WRONLY | O_CREAT | O_EXCL, 0600, err);
    if (fd < 0)
        return fd;
    int r = fd_write_all(fd, m->data, err);
    if (r < 0)
        return r;
    /* one id can give nothing away; it is every user of the container anyway */
    if ((l->ctx->ids.kind != IDENTITY_SINGLE && fchown(fd, m->uid, m->gid) < 0) ||
        fchmod(fd, m->mode) < 0)
        return error_sys(err, "give '%s' its owner", m->target);
    return 0;
}

static int write_files(const struct launch *l, const struct item *items, size_t count,
                       struct error *err)
{
    char scratch[32];
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        if (items[i].mount->kind != SPAWN_MOUNT_FILE)
            continue;
        sum += items[i].mount->data.size;
        if (sum > SPAWN_FILES_SIZE_MAX)
            return error_set(err, -EDQUOT, "files for the container are more than %u bytes",
                             SPAWN_FILES_SIZE_MAX);
        const int r = write_file(l, i, items[i].mount, err);
        if (r < 0)
            return r;
    }
    (void)snprintf(scratch, sizeof(scratch), "/proc/self/fd/%d", l->scratch_fd);
    if (mount(NULL, scratch, NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) < 0)
        return error_sys(err, "make the scratch files read-only");
    return 0;
}

/* ---- one mount ---- */

static int open_target(struct launch *l, const struct item *it, struct error *err)
{
    const char *target = it->mount->target;
    bool is_directory = it->mount->kind == SPAWN_MOUNT_TMPFS;
    struct stat st;
    struct statfs fs;

    if (it->mount->kind == SPAWN_MOUNT_BIND || it->mount->kind == SPAWN_MOUNT_LAYERS) {
        if (fstat(it->source, &st) < 0)
            return error_sys(err, "look at the source of '%s'", target);
        is_directory = S_ISDIR(st.st_mode);
    }
    if (target[0] != '/' || depth_of(target) == 0)
        return error_set(err, -EINVAL, "mount point '%.200s' is not below /", target);
    cleanup_close int fd = stub_open(l, target, is_directory, err);
    if (fd < 0)
        return fd;
    if (fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC)
        return error_set(err, -EPERM, "mount point '%.200s' is in /proc", target);
    return steal_fd(fd);
}

static int bind_one(const struct item *it, int target, struct error *err)
{
    const struct spawn_mount *m = it->mount;
    /* the script of RUN <<EOF is to be run; resolv.conf and secrets are not */
    const bool no_exec = m->no_exec || (m->kind == SPAWN_MOUNT_FILE && !(m->mode & 0111));
    struct mount_attr attr = {.attr_set = (m->read_only ? MOUNT_ATTR_RDONLY : 0) |
                                          (no_exec ? MOUNT_ATTR_NOEXEC : 0)};

    if (attr.attr_set &&
        mount_setattr(it->source, "", AT_EMPTY_PATH | (m->recursive ? AT_RECURSIVE : 0), &attr,
                      sizeof(attr)) < 0)
        return error_sys(err, "restrict mount '%s'", m->target);
    if (move_mount(it->source, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) <
        0)
        return error_sys(err, "mount '%s'", m->target);
    return 0;
}

/* What was not asked for is as with runc: that of the directory that lies below, if there was one. */
static mode_t tmpfs_mode(const struct launch *l, const struct spawn_mount *m)
{
    struct stat st;

    if (m->mode)
        return m->mode;
    cleanup_close int there = fd_open_in_root(l->root_fd, m->target, O_PATH | O_DIRECTORY, 0, NULL);
    return there >= 0 && fstat(there, &st) == 0 ? st.st_mode & 07777 : 01777;
}

static int tmpfs_one(const struct spawn_mount *m, mode_t mode, int target, struct error *err)
{
    STR_AUTO(options);
    char path[32];

    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", target);
    str_printf(&options, "mode=%o,uid=%u,gid=%u", mode, m->uid, m->gid);
    if (m->size > 0)
        str_printf(&options, ",size=%llu", (unsigned long long)m->size);
    if (mount("tmpfs", path, "tmpfs",
              MS_NOSUID | MS_NODEV | (m->no_exec ? MS_NOEXEC : 0) | (m->read_only ? MS_RDONLY : 0),
              options.at) < 0)
        return error_sys(err, "mount tmpfs '%s'", m->target);
    return 0;
}

static int file_one(const struct launch *l, size_t i, const struct spawn_mount *m, int target,
                    struct error *err)
{
    char from[48], to[32];

    (void)snprintf(from, sizeof(from), "/proc/self/fd/%d/files/%zu", l->scratch_fd, i);
    (void)snprintf(to, sizeof(to), "/proc/self/fd/%d", target);
    if (mount(from, to, NULL, MS_BIND, NULL) < 0)
        return error_sys(err, "mount '%s'", m->target);
    return 0;
}

/* Mounts the overlay out of the container's sight and opens what of it is wanted. */
static int open_view(const struct launch *l, size_t i, const struct layers *layers,
                     const struct spawn_mount *m, struct error *err)
{
    char name[32], path[64];

    (void)snprintf(name, sizeof(name), "views/%zu", i);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", l->scratch_fd, name);
    if (mkdirat(l->scratch_fd, name, 0755) < 0)
        return error_sys(err, "make a place for the mount '%s'", m->target);
    int r = mounts_overlay(l, layers, m->is_volatile, path, err);
    if (r < 0)
        return error_wrap(err, r, "mount '%s'", m->target);
    cleanup_close int root = fd_open(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0, err);
    if (root < 0)
        return root;
    r = fd_open_in_root(root, *m->source ? m->source : "/", O_PATH, 0, err);
    return r < 0 ? error_wrap(err, r, "mount '%s'", m->target) : r;
}

static int layers_one(const struct item *it, int target, struct error *err)
{
    const struct spawn_mount *m = it->mount;
    const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
    cleanup_close int copy = open_tree(it->source, "", flags);

    if (copy < 0)
        return error_sys(err, "mount '%s'", m->target);
    const struct item bind = {m, copy, it->depth};
    return bind_one(&bind, target, err);
}

static int mount_one(struct launch *l, const struct item *items, size_t i, struct error *err)
{
    const struct item *it = &items[i];
    const mode_t mode = it->mount->kind == SPAWN_MOUNT_TMPFS ? tmpfs_mode(l, it->mount) : 0;
    cleanup_close int target = open_target(l, it, err);

    if (target < 0)
        return target;
    switch (it->mount->kind) {
    case SPAWN_MOUNT_BIND:
        return bind_one(it, target, err);
    case SPAWN_MOUNT_TMPFS:
        return tmpfs_one(it->mount, mode, target, err);
    case SPAWN_MOUNT_FILE:
        return file_one(l, i, it->mount, target, err);
    case SPAWN_MOUNT_LAYERS:
        return layers_one(it, target, err);
    default:
        return error_set(err, -EINVAL, "mount of an unknown kind");
    }
}

static int mount_sorted(struct launch *l, const struct item *items, size_t count, struct error *err)
{
    size_t deepest = 0;

    for (size_t i = 0; i < count; i++)
        deepest = MAX(deepest, items[i].depth);
    for (size_t depth = 0; depth <= deepest; depth++)
        for (size_t i = 0; i < count; i++) {
            const int r = items[i].depth == depth ? mount_one(l, items, i, err) : 0;

            if (r < 0)
                return r;
        }
    return 0;
}

static int add_planned(struct launch *l, struct item *items, size_t *count, struct error *err)
{
    for (size_t i = 0; i < l->plan->mount_count; i++) {
        const struct spawn_mount *m = &l->plan->mounts[i];

        if (m->kind == SPAWN_MOUNT_LAYERS) {
            l->sources[i] = open_view(l, i, &l->views[i], m, err);
            if (l->sources[i] < 0)
                return l->sources[i];
        }
        items[(*count)++] = (struct item){m, l->sources[i], depth_of(m->target)};
    }
    return 0;
}

int mounts_plan(struct launch *l, struct error *err)
{
    const struct spawn_plan *p = l->plan;
    STR_AUTO(resolv);
    STR_AUTO(hosts);
    STR_AUTO(hostname);

    net_resolv_conf(l->network, &resolv);
    hosts_text(l, &hosts);
    str_printf(&hostname, "%s\n", p->hostname ? p->hostname : SPAWN_HOSTNAME);
    const struct spawn_mount own[] = {
        {SPAWN_MOUNT_FILE, -1, "/etc/resolv.conf", str_view(&resolv), .mode = 0644},
        {SPAWN_MOUNT_FILE, -1, "/etc/hosts", str_view(&hosts), .mode = 0644},
        {SPAWN_MOUNT_FILE, -1, "/etc/hostname", str_view(&hostname), .mode = 0644},
    };
    const size_t own_count = ARRAY_SIZE(own) - (p->keep_hostname ? 1 : 0); /* without the last */
    cleanup_free struct item *items =
        xcalloc(ARRAY_SIZE(own) + p->mount_count, sizeof(struct item));
    size_t count = 0;

    for (size_t i = 0; i < own_count; i++)
        if (!plan_mounts(p, own[i].target))
            items[count++] = (struct item){&own[i], -1, depth_of(own[i].target)};
    int r = add_planned(l, items, &count, err);
    if (r == 0)
        r = write_files(l, items, count, err);
    return r < 0 ? r : mount_sorted(l, items, count, err);
}
