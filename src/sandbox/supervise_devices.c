/* Devices that a step with all ids makes: no user namespace may have them, so an empty file with a
 * record stands for each (base/owned.h), made with the rights of who asked. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "sandbox/supervisor.h"

#define STATUS_SIZE_MAX (1u << 20) /* 65,536 groups are in it */
#define BIT(n) (UINT64_C(1) << (n))
/* What the kernel looks at before it makes a file; the rest is ours to keep. */
#define FILE_CAPABILITIES                                                                          \
    (BIT(CAP_DAC_OVERRIDE) | BIT(CAP_DAC_READ_SEARCH) | BIT(CAP_FOWNER) | BIT(CAP_FSETID))

struct caller {
    uint32_t uid, gid;
    VEC(gid_t) groups;
    uint64_t capabilities;
};

/* ---- who asks ---- */

static const char *status_line(const struct str *status, const char *name)
{
    const char *at = strstr(status->at, name);

    return at ? at + strlen(name) : "";
}

static void read_groups(const char *at, struct caller *c)
{
    char *end;

    for (;; at = end) {
        while (*at == ' ' || *at == '\t')
            at++;
        const unsigned long gid = strtoul(at, &end, 10);
        if (end == at || *at == '\n')
            return;
        vec_push(&c->groups, (gid_t)gid);
    }
}

/* Numbers are as our own user namespace has them, which is the container's. */
static int read_caller(const struct supervisor *s, struct caller *c)
{
    char path[32];
    STR_AUTO(status);

    (void)snprintf(path, sizeof(path), "%u/status", s->call->pid);
    if (fd_read_file(s->proc_fd, path, STATUS_SIZE_MAX, &status, NULL) < 0 ||
        sscanf(status_line(&status, "\nUid:"), "%*u %*u %*u %u", &c->uid) != 1 ||
        sscanf(status_line(&status, "\nGid:"), "%*u %*u %*u %u", &c->gid) != 1)
        return -ESRCH;
    c->capabilities = strtoull(status_line(&status, "\nCapEff:"), NULL, 16);
    read_groups(status_line(&status, "\nGroups:"), c);
    return 0;
}

/* Capabilities in a user namespace of its own make nobody a device. */
static bool is_of_our_namespace(const struct supervisor *s)
{
    char path[32];
    struct stat its, own;

    (void)snprintf(path, sizeof(path), "%u/ns/user", s->call->pid);
    return fstatat(s->proc_fd, path, &its, 0) == 0 &&
           fstatat(s->proc_fd, "self/ns/user", &own, 0) == 0 && its.st_ino == own.st_ino;
}

/* ---- being who asks ---- */

static int set_file_capabilities(uint64_t wanted)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];

    if (syscall(SYS_capget, &head, data) < 0)
        return -errno;
    for (unsigned i = 0; i < 2; i++)
        data[i].effective =
            data[i].permitted & (uint32_t)(~(FILE_CAPABILITIES & ~wanted) >> 32 * i);
    return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}

/* setfsuid() tells nothing; the second call changes nothing and tells. */
static bool set_file_ids(uint32_t uid, uint32_t gid)
{
    (void)setfsgid(gid);
    (void)setfsuid(uid);
    return (uint32_t)setfsgid(UINT32_MAX) == gid && (uint32_t)setfsuid(UINT32_MAX) == uid;
}

static void be_ourselves(void)
{
    if (!set_file_ids(0, 0) || syscall(SYS_setgroups, 0, NULL) < 0 ||
        set_file_capabilities(UINT64_MAX) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        _exit(1);
}

static int be_caller(const struct caller *c)
{
    if (syscall(SYS_setgroups, c->groups.size, c->groups.at) == 0 && set_file_ids(c->uid, c->gid) &&
        set_file_capabilities(c->capabilities) == 0)
        return 0;
    be_ourselves();
    return -EPERM;
}

/* ---- the file ---- */

/* A file system without user.* attributes is no part of a layer. */
static int put_record(int fd, struct owned *o)
{
    char text[OWNED_TEXT_MAX];
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    o->uid = st.st_uid;
    o->gid = st.st_gid;
    const size_t size = owned_format(o, text);
    return fsetxattr(fd, OWNED_XATTR, text, size, 0) < 0 && errno != ENOTSUP ? -errno : 0;
}

static int make_placeholder(const char *name, struct owned *device, uint32_t mode)
{
    cleanup_close int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return -errno;
    int r = put_record(fd, device);
    if (r == 0 && fchmod(fd, mode) < 0)
        r = -errno;
    if (r < 0)
        (void)unlink(name);
    return r;
}

int64_t call_record_device(struct supervisor *s, const struct call_row *row)
{
    char name[SUPERVISOR_NAME_SIZE];
    struct caller c = {0};
    struct owned device;
    int r = supervisor_device(s, row, &device);

    if (r <= 0)
        return r < 0 ? r : SUPERVISOR_CONTINUE;
    const uint32_t mode = supervisor_without_umask(s, (uint32_t)supervisor_arg(s, row->next));
    r = read_caller(s, &c);
    if (r < 0 || !(c.capabilities & BIT(CAP_MKNOD)) || !is_of_our_namespace(s))
        r = -EPERM;
    else
        r = supervisor_target(s, row, name);
    if (r >= 0 && !supervisor_still_there(s))
        r = -ESRCH;
    if (r >= 0 && (r = be_caller(&c)) == 0) {
        r = make_placeholder(name, &device, mode);
        be_ourselves();
    }
    vec_done(&c.groups);
    return r;
}

/* ---- opening one ---- */

/* Those that a container has anyway, under any name. */
static const struct {
    unsigned minor;
    const char *path;
} harmless[] = {
    {3, "/dev/null"}, {5, "/dev/zero"}, {7, "/dev/full"}, {8, "/dev/random"}, {9, "/dev/urandom"}};

/* The container's own device of these numbers; the others are kept from it as by the rules of a device cgroup. */
static int open_harmless(struct supervisor *s, const struct owned *device, int flags)
{
    struct stat st;
    int r = supervisor_go_home(s);

    for (size_t i = 0; r == 0 && device->type == 'c' && i < ARRAY_SIZE(harmless); i++) {
        if (device->major != 1 || device->minor != harmless[i].minor)
            continue;
        cleanup_close int fd =
            open(harmless[i].path,
                 (flags & (O_ACCMODE | O_NONBLOCK | O_APPEND)) | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
        if (fd >= 0 && fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) &&
            st.st_rdev == makedev(device->major, device->minor))
            return steal_fd(fd);
    }
    return r < 0 ? r : -EPERM;
}

/* With the caller's rights on the file that stands for the device. */
static int may_open(struct supervisor *s, const char *name, int flags)
{
    struct caller c = {0};
    int r = read_caller(s, &c);

    if (r == 0 && (r = be_caller(&c)) == 0) {
        cleanup_close int fd =
            open(name, (flags & (O_ACCMODE | O_NOFOLLOW)) | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
            r = -errno;
        be_ourselves();
    }
    vec_done(&c.groups);
    return r;
}

int64_t call_open_device(struct supervisor *s, const struct call_row *row)
{
    const int flags = (int)supervisor_arg(s, row->next);
    char name[SUPERVISOR_NAME_SIZE];
    struct owned device;

    if (flags & (O_PATH | O_DIRECTORY) || (flags & O_CREAT && flags & O_EXCL))
        return SUPERVISOR_CONTINUE;
    const int follow = supervisor_target(s, row, name);
    if (follow < 0 || !file_record(name, follow && !(flags & O_NOFOLLOW), &device) ||
        (device.type != 'c' && device.type != 'b'))
        return SUPERVISOR_CONTINUE;
    int r = may_open(s, name, flags);
    if (r == 0 && !supervisor_still_there(s))
        r = -ESRCH;
    if (r < 0)
        return r;
    cleanup_close int fd = open_harmless(s, &device, flags);
    return fd < 0 ? fd : supervisor_hand_over(s, fd, flags);
}
