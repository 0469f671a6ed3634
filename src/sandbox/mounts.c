#include <errno.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <linux/magic.h>

#include "base/fd.h"
#include "sandbox/internal.h"

/* Where the new root is built: any directory that every system has. The child's mounts are its own
 * and the old ones go away with pivot_root(). */
static const char staging[] = "/tmp";

#define PSEUDO_FLAGS (MS_NOSUID | MS_NODEV | MS_NOEXEC)
#define SHM_SIZE (64u << 20)

static int mount_at(const char *type, const char *target, unsigned long flags, const char *options,
                    struct error *err)
{
    if (mount(type, target, type, flags, options) < 0)
        return error_sys(err, "mount %s", type);
    return 0;
}

/* ---- root ---- */

static int attach_all(struct launch *l, struct error *err)
{
    for (size_t i = 0; i < l->attach_count; i++)
        if (move_mount(l->attach[i], "", AT_FDCWD, staging, MOVE_MOUNT_F_EMPTY_PATH) < 0)
            return error_sys(err, "attach the layers");
    return 0;
}

/* A small file system of ours: "empty" covers what is masked, "files" holds FILE mounts, "views" is
 * where the overlays of LAYERS mounts are looked into. */
static int make_scratch(struct launch *l, struct error *err)
{
    const int r = mount_at("tmpfs", staging, PSEUDO_FLAGS, "mode=0755", err);

    if (r < 0)
        return r;
    l->scratch_fd = fd_open(AT_FDCWD, staging, O_RDONLY | O_DIRECTORY, 0, err);
    if (l->scratch_fd < 0)
        return l->scratch_fd;
    if (mkdirat(l->scratch_fd, "empty", 0755) < 0 || mkdirat(l->scratch_fd, "files", 0711) < 0 ||
        mkdirat(l->scratch_fd, "views", 0711) < 0)
        return error_sys(err, "make the scratch directories");
    return 0;
}

/* Descriptors are named relative to /proc/self/fd, so that 127 layers fit the one page of options.
 * The empty directory fills up where overlay wants more layers than there are; it is on another
 * file system and would cost the others their constant st_dev, so it is no habit. */
static void overlay_options(const struct layers *layers, bool is_volatile, int empty,
                            struct str *ret)
{
    const size_t least = layers->upper >= 0 ? 1 : 2, count = layers->count;

    str_add_text(ret, "userxattr,lowerdir=");
    for (size_t i = 0; i < count; i++)
        str_printf(ret, "%s%d", i ? ":" : "", layers->lowers[i]);
    if (count == 0)
        str_printf(ret, "%d", empty);
    else if (count < least)
        str_printf(ret, ":%d", empty);
    if (layers->upper >= 0)
        str_printf(ret, ",upperdir=%d,workdir=%d%s", layers->upper, layers->work,
                   is_volatile ? ",volatile" : "");
}

static int explain_overlay(int r, struct error *err)
{
    if (r == -ENODEV)
        return error_hint(err, r, "the kernel has no overlay file system: modprobe overlay");
    if (r == -EINVAL || r == -EPERM || r == -EOPNOTSUPP)
        return error_hint(err, r,
                          "the store's file system cannot be an overlay layer (it may be "
                          "an overlay or a network file system itself): choose another "
                          "place with --root, in a container a volume; dmesg says more");
    return r;
}

int mounts_overlay(const struct launch *l, const struct layers *layers, bool is_volatile,
                   const char *target, struct error *err)
{
    STR_AUTO(options);
    cleanup_close int empty = fd_open(l->scratch_fd, "empty", O_PATH | O_DIRECTORY, 0, err);

    if (empty < 0)
        return empty;
    overlay_options(layers, is_volatile, empty, &options);
    if (options.size >= 4096)
        return error_set(err, -E2BIG, "%zu layers are more than overlay takes", layers->count);
    if (chdir("/proc/self/fd") < 0)
        return error_sys(err, "enter /proc/self/fd");
    int r = mount_at("overlay", target, 0, options.at, err);
    return r < 0 ? explain_overlay(r, err) : 0;
}

int mounts_root(struct launch *l, struct error *err)
{
    int r;

    if ((r = attach_all(l, err)) < 0 || (r = make_scratch(l, err)) < 0)
        return r;
    if (l->root_mount < 0)
        r = mounts_overlay(l, &l->root, l->plan->is_volatile, staging, err);
    else if (move_mount(l->root_mount, "", AT_FDCWD, staging, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        r = error_sys(err, "attach the root directory");
    if (r < 0)
        return r;
    if (chdir(staging) < 0)
        return error_sys(err, "enter the root");
    l->root_fd = fd_open(AT_FDCWD, ".", O_PATH | O_DIRECTORY, 0, err);
    return MIN(l->root_fd, 0);
}

/* ---- /proc, /sys, /dev ---- */

/* An image that ships /proc or /sys as a symbolic link gets no mount through it. */
static int open_system_dir(struct launch *l, const char *name, struct error *err)
{
    struct stat st;

    if (fstatat(l->root_fd, name + 1, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode))
        return error_set(err, -ENOTDIR, "%s of the image is not a directory", name);
    cleanup_close int fd = stub_open(l, name, true, err);
    if (fd < 0)
        return fd;
    if (fchdir(fd) < 0)
        return error_sys(err, "enter %s", name);
    return 0;
}

/* Mounts on the current directory; what was mounted there before stays below. When the kernel
 * refuses (a container in a container), a copy of the outer one serves: of our mount namespace's, which is
 * still there. */
static int mount_here(struct launch *l, const char *name, const char *type, unsigned long flags,
                      struct error *err)
{
    int r = open_system_dir(l, name, err);

    if (r < 0)
        return r;
    if (mount(type, ".", type, flags, NULL) < 0) {
        if (errno != EPERM && errno != EBUSY)
            return error_sys(err, "mount %s", name);
        cleanup_close int outer = detach_mount(AT_FDCWD, name, AT_RECURSIVE, err);
        if (outer < 0)
            return outer;
        if (move_mount(outer, "", AT_FDCWD, ".", MOVE_MOUNT_F_EMPTY_PATH) < 0)
            return error_sys(err, "mount the outer %s", name);
    }
    return 0;
}

static const struct device {
    const char *name;
    unsigned major, minor;
} devices[] = {{"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
               {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};

static const struct {
    const char *name, *target;
} dev_links[] = {{"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"},
                 {"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"},
                 {"ptmx", "pts/ptmx"},          {"core", "/proc/kcore"}};

/* The current directory is the new /dev. Nodes are the host's, looked at before they are bound. */
static int bind_device(const struct device *d, struct error *err)
{
    char path[32];
    struct stat st;

    (void)snprintf(path, sizeof(path), "/dev/%s", d->name);
    if (lstat(path, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(d->major, d->minor))
        return error_set(err, -ENODEV, "%s is not the device it should be", path);
    if (mknodat(AT_FDCWD, d->name, S_IFREG | 0666, 0) < 0 ||
        mount(path, d->name, NULL, MS_BIND, NULL) < 0)
        return error_sys(err, "bring in %s", path);
    return 0;
}

static int mount_pts(const struct launch *l, struct error *err)
{
    /* group tty is 5 everywhere; with one id there is no group 5 */
    const char *options = l->ctx->ids.kind == IDENTITY_SINGLE
                              ? "newinstance,ptmxmode=0666,mode=0620"
                              : "newinstance,ptmxmode=0666,mode=0620,gid=5";

    return mount_at("devpts", "pts", MS_NOSUID | MS_NOEXEC, options, err);
}

static int fill_dev(struct launch *l, struct error *err)
{
    static const char *const directories[] = {"pts", "shm", "mqueue"};
    char shm[64];
    int r;

    for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
        if ((r = bind_device(&devices[i], err)) < 0)
            return r;
    for (size_t i = 0; i < ARRAY_SIZE(dev_links); i++)
        if (symlink(dev_links[i].target, dev_links[i].name) < 0)
            return error_sys(err, "link /dev/%s", dev_links[i].name);
    for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
        if (mkdir(directories[i], 0755) < 0)
            return error_sys(err, "make /dev/%s", directories[i]);
    (void)snprintf(shm, sizeof(shm), "mode=1777,size=%llu",
                   (unsigned long long)(l->plan->shm_size ? l->plan->shm_size : SHM_SIZE));
    if ((r = mount_pts(l, err)) < 0 || (r = mount_at("tmpfs", "shm", PSEUDO_FLAGS, shm, err)) < 0)
        return r;
    (void)mount("mqueue", "mqueue", "mqueue", PSEUDO_FLAGS, NULL); /* not every kernel has it */
    return 0;
}

/* Relative to the root, not to the host's: cwd is the directory below the mount on top of it. */
static int enter(struct launch *l, const char *name, struct error *err)
{
    cleanup_close int fd = fd_open_in_root(l->root_fd, name, O_PATH | O_DIRECTORY, 0, err);

    if (fd < 0)
        return fd;
    return fchdir(fd) < 0 ? error_sys(err, "enter %s", name) : 0;
}

static int mount_dev(struct launch *l, struct error *err)
{
    int r = open_system_dir(l, "/dev", err);

    if (r < 0 || (r = mount_at("tmpfs", ".", MS_NOSUID | MS_STRICTATIME,
                               "mode=0755,size=64k,nr_inodes=256", err)) < 0)
        return r;
    if ((r = enter(l, "/dev", err)) < 0)
        return r;
    return fill_dev(l, err);
}

static void mount_cgroup(struct launch *l)
{
    struct statfs fs;

    /* version 1 is not shown at all: its release_agent runs on the host */
    if (statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC &&
        enter(l, "/sys/fs/cgroup", NULL) == 0)
        (void)mount("cgroup2", ".", "cgroup2", PSEUDO_FLAGS | MS_RDONLY, NULL);
}

int mounts_system(struct launch *l, struct error *err)
{
    int r;

    if ((r = mount_here(l, "/proc", "proc", PSEUDO_FLAGS, err)) < 0 ||
        (r = mount_here(l, "/sys", "sysfs", PSEUDO_FLAGS | (l->plan->unmasked ? 0 : MS_RDONLY),
                        err)) < 0)
        return r;
    mount_cgroup(l);
    return mount_dev(l, err);
}

/* ---- masks ---- */

static const char *const masked[] = {
    "/proc/acpi",        "/proc/asound",        "/proc/interrupts", "/proc/kcore",
    "/proc/keys",        "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
    "/proc/sched_debug", "/proc/scsi",          "/sys/firmware",    "/sys/devices/virtual/powercap",
    "/sys/kernel/debug", "/sys/kernel/tracing"};
static const char *const read_only[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                        "/proc/sysrq-trigger"};

/* Both are procfs or sysfs, which have no links of strangers; still nothing is followed. */
static int open_kernel_path(const struct launch *l, const char *path)
{
    return fd_open_beneath(l->root_fd, path + 1, O_PATH, 0, NULL);
}

static int mask(const struct launch *l, int fd, const char *path, struct error *err)
{
    char target[32], empty[48];
    struct stat st;

    (void)snprintf(target, sizeof(target), "/proc/self/fd/%d", fd);
    (void)snprintf(empty, sizeof(empty), "/proc/self/fd/%d/empty", l->scratch_fd);
    if (fstat(fd, &st) < 0)
        return error_sys(err, "look at %s", path);
    if (mount(S_ISDIR(st.st_mode) ? empty : "/dev/null", target, NULL, MS_BIND, NULL) < 0)
        return error_sys(err, "mask %s", path);
    return 0;
}

static int set_attributes(int fd, const char *path, uint64_t attributes, unsigned flags,
                          struct error *err)
{
    struct mount_attr attr = {.attr_set = attributes};

    if (mount_setattr(fd, path, flags, &attr, sizeof(attr)) < 0)
        return error_sys(err, "restrict mount '%s'", path);
    return 0;
}

static int make_read_only(const struct launch *l, int fd, const char *path, struct error *err)
{
    char target[32];

    (void)snprintf(target, sizeof(target), "/proc/self/fd/%d", fd);
    if (mount(target, target, NULL, MS_BIND | MS_REC, NULL) < 0)
        return error_sys(err, "make %s read-only", path);
    cleanup_close int top = open_kernel_path(l, path);
    return set_attributes(top, "", MOUNT_ATTR_RDONLY, AT_EMPTY_PATH | AT_RECURSIVE, err);
}

/* Only cpus that exist; the first that lacks the directory ends the search. */
static int mask_throttling(const struct launch *l, struct error *err)
{
    for (unsigned cpu = 0; cpu < 4096; cpu++) {
        char path[80];

        (void)snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/thermal_throttle", cpu);
        cleanup_close int fd = open_kernel_path(l, path);
        if (fd < 0)
            return 0;
        const int r = mask(l, fd, path, err);
        if (r < 0)
            return r;
    }
    return 0;
}

int mounts_masks(struct launch *l, struct error *err)
{
    int r;

    for (size_t i = 0; i < ARRAY_SIZE(masked); i++) {
        cleanup_close int fd = open_kernel_path(l, masked[i]);

        if (fd >= 0 && (r = mask(l, fd, masked[i], err)) < 0)
            return r;
    }
    for (size_t i = 0; i < ARRAY_SIZE(read_only); i++) {
        cleanup_close int fd = open_kernel_path(l, read_only[i]);

        if (fd >= 0 && (r = make_read_only(l, fd, read_only[i], err)) < 0)
            return r;
    }
    return mask_throttling(l, err);
}
