#include "sandbox/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fd.h"
#include "sandbox/supervisor.h"

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS /* Linux 6.6 */
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, uint64_t)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP 1u
#endif
#ifndef SYS_fchmodat2 /* Linux 6.6, the same number everywhere */
#define SYS_fchmodat2 452
#endif

/* ---- the caller's memory ---- */

uint64_t supervisor_arg(const struct supervisor *s, unsigned i)
{
    return s->call->data.args[i];
}

static struct iovec remote(uint64_t address, size_t size)
{
    return (struct iovec){(void *)(uintptr_t)address, size}; // NOLINT(performance-no-int-to-ptr)
}

int supervisor_read(const struct supervisor *s, uint64_t address, void *buf, size_t size)
{
    const struct iovec here = {buf, size}, there = remote(address, size);
    const ssize_t n = process_vm_readv((pid_t)s->call->pid, &here, 1, &there, 1, 0);

    return n < 0 ? -errno : (int)n;
}

int supervisor_write(const struct supervisor *s, uint64_t address, const void *buf, size_t size)
{
    const struct iovec here = {(void *)(uintptr_t)buf, size}, there = remote(address, size);

    if (!supervisor_still_there(s))
        return -ESRCH;
    const ssize_t n = process_vm_writev((pid_t)s->call->pid, &here, 1, &there, 1, 0);
    return n == (ssize_t)size ? 0 : -EFAULT;
}

/* A text may end just before an unmapped page: read up to the page's end first, then the next page.
 */
int supervisor_read_text(const struct supervisor *s, uint64_t address, char *buf, size_t size)
{
    size_t got = 0;

    while (got < size) {
        const size_t page = 4096 - (address + got) % 4096, want = MIN(page, size - got);
        const int n = supervisor_read(s, address + got, buf + got, want);

        if (n <= 0)
            return -EFAULT;
        if (memchr(buf + got, 0, (size_t)n))
            return 0;
        got += (size_t)n;
    }
    return -ENAMETOOLONG;
}

bool supervisor_still_there(const struct supervisor *s)
{
    return ioctl(s->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &s->call->id) == 0;
}

/* ---- roots ---- */

static int change_root(struct supervisor *s, int root)
{
    return fchdir(root) < 0 || chroot(".") < 0 || fchdir(s->proc_fd) < 0 ? -errno : 0;
}

int supervisor_go_home(struct supervisor *s)
{
    const int r = s->elsewhere ? change_root(s, s->root_fd) : 0;

    s->elsewhere = s->elsewhere && r < 0;
    return r;
}

/* All processes have the root of the first one until somebody calls chroot(). */
static int enter_root(struct supervisor *s)
{
    char name[32];
    struct stat st;

    if (s->root_fd >= 0 && !s->chroots)
        return 0;
    snprintf(name, sizeof(name), "%d/root", (int)s->call->pid);
    cleanup_close int root = openat(s->proc_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0 || fstat(root, &st) < 0)
        return -errno;
    if (!supervisor_still_there(s)) /* the number may be somebody else's by now */
        return -ESRCH;
    if (s->root_fd < 0) {
        s->root_fd = steal_fd(root);
        s->root = st;
        return change_root(s, s->root_fd);
    }
    if (st.st_dev == s->root.st_dev && st.st_ino == s->root.st_ino)
        return supervisor_go_home(s);
    s->elsewhere = true;
    return change_root(s, root);
}

/* ---- names ---- */

static int name_of_fd(const struct supervisor *s, int fd, char *name)
{
    if (fd == AT_FDCWD)
        snprintf(name, SUPERVISOR_NAME_SIZE, "%u/cwd", s->call->pid);
    else if (fd < 0)
        return -EBADF;
    else
        snprintf(name, SUPERVISOR_NAME_SIZE, "%u/fd/%d", s->call->pid, fd);
    return 1;
}

/* "self" is the caller, who has another number in the container's /proc. */
static bool replace_self(const struct supervisor *s, char *path)
{
    static const struct {
        const char *from, *to;
    } names[] = {
        {"/proc/self/", ""},     {"/dev/fd/", "fd/"},     {"/dev/stdin", "fd/0"},
        {"/dev/stdout", "fd/1"}, {"/dev/stderr", "fd/2"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const size_t size = strlen(names[i].from);

        if (strncmp(path, names[i].from, size) != 0 ||
            (names[i].from[size - 1] != '/' && path[size] != '\0'))
            continue;
        cleanup_free char *rest = xstrdup(path + size);
        return snprintf(path, SUPERVISOR_NAME_SIZE, "%u/%s%s", s->call->pid, names[i].to, rest) <
               SUPERVISOR_NAME_SIZE;
    }
    return false;
}

/* In front of a relative path: the magic link to the directory that it starts in. */
static int put_directory(const struct supervisor *s, int dirfd, char *path)
{
    char directory[32];
    const size_t size = strlen(path);

    if (dirfd != AT_FDCWD && dirfd < 0)
        return -EBADF;
    const int n = dirfd == AT_FDCWD
                      ? snprintf(directory, sizeof(directory), "%u/cwd/", s->call->pid)
                      : snprintf(directory, sizeof(directory), "%u/fd/%d/", s->call->pid, dirfd);
    if (size + (size_t)n >= SUPERVISOR_NAME_SIZE)
        return -ENAMETOOLONG;
    memmove(path + n, path, size + 1);
    memcpy(path, directory, (size_t)n);
    return 0;
}

int supervisor_target(struct supervisor *s, const struct call_row *row,
                      char name[static SUPERVISOR_NAME_SIZE])
{
    unsigned arg = row->first;
    int dirfd = AT_FDCWD, r = enter_root(s);

    if (r < 0)
        return r;
    if (row->kind == TARGET_FD)
        return (int)supervisor_arg(s, arg) < 0 ? -EBADF
                                               : name_of_fd(s, (int)supervisor_arg(s, arg), name);
    if (row->kind == TARGET_AT)
        dirfd = (int)supervisor_arg(s, arg++);
    const uint64_t flags = row->flags ? supervisor_arg(s, row->flags) : 0;
    name[0] = '\0'; /* no path at all is an empty one since Linux 6.11 */
    if (supervisor_arg(s, arg) != 0 || !(flags & AT_EMPTY_PATH))
        if ((r = supervisor_read_text(s, supervisor_arg(s, arg), name, SUPERVISOR_NAME_SIZE)) < 0)
            return r;
    if (name[0] == '\0')
        return flags & AT_EMPTY_PATH ? name_of_fd(s, dirfd, name) : -ENOENT;
    const bool follow = row->kind != TARGET_LINK && !(flags & AT_SYMLINK_NOFOLLOW);
    if (name[0] == '/') {
        if (follow)
            (void)replace_self(s, name);
        return follow;
    }
    r = put_directory(s, dirfd, name);
    return r < 0 ? r : follow;
}

/* ---- the calls ---- */

static int64_t call_chroot(struct supervisor *s, const struct call_row *row)
{
    (void)row;
    s->chroots = true;
    return SUPERVISOR_CONTINUE;
}

#define ON(name)                                                                                   \
    {                                                                                              \
        SYS_##name, SUPERVISED_ALWAYS, 0, 0                                                        \
    }
/* S_IFCHR is a bit of S_IFBLK too, and of nothing else that can be made. */
#define MAKES_DEVICE(name, arg)                                                                    \
    {                                                                                              \
        SYS_##name, SUPERVISED_BITS, arg, S_IFCHR                                                  \
    }
#define CREATES(name, arg)                                                                         \
    {                                                                                              \
        SYS_##name, SUPERVISED_BITS, arg, O_CREAT                                                  \
    }

static const struct call_row one_id_calls[] = {
#ifdef SYS_chown /* newer processors have the *at forms only */
    {ON(stat), call_stat, TARGET_PATH, .next = 1},
    {ON(lstat), call_stat, TARGET_LINK, .next = 1},
    {ON(chown), call_chown, TARGET_PATH, .next = 1},
    {ON(lchown), call_chown, TARGET_LINK, .next = 1},
    {ON(chmod), call_chmod, TARGET_PATH, .next = 1},
    {ON(mknod), call_mknod, TARGET_LINK, .next = 1},
    {CREATES(open, 1), call_open, TARGET_LINK, .next = 1},
    {ON(creat), call_creat, TARGET_LINK, .next = 1},
    {ON(mkdir), call_mkdir, TARGET_LINK, .next = 1},
    {ON(symlink), call_symlink, TARGET_LINK, .first = 1},
    {ON(rename), call_rename, TARGET_LINK},
#endif
    {ON(fstat), call_stat, TARGET_FD, .next = 1},
    {ON(newfstatat), call_stat, TARGET_AT, .flags = 3, .next = 2},
    {ON(statx), call_statx, TARGET_AT, .flags = 2, .next = 4},
    {ON(fchown), call_chown, TARGET_FD, .next = 1},
    {ON(fchownat), call_chown, TARGET_AT, .flags = 4, .next = 2},
    {ON(fchmod), call_chmod, TARGET_FD, .next = 1},
    {ON(fchmodat), call_chmod, TARGET_AT, .next = 2},
    {ON(fchmodat2), call_chmod, TARGET_AT, .flags = 3, .next = 2},
    {CREATES(openat, 2), call_open, TARGET_AT, .next = 2},
    {ON(openat2), call_openat2, TARGET_AT, .next = 2},
    {ON(mkdirat), call_mkdir, TARGET_AT, .next = 2},
    {ON(symlinkat), call_symlink, TARGET_AT, .first = 1},
    {ON(mknodat), call_mknod, TARGET_AT, .next = 2},
    {ON(execve), call_exec, TARGET_PATH},
    {ON(execveat), call_exec, TARGET_AT, .flags = 4},
    {ON(renameat), call_rename, TARGET_AT},
    {ON(renameat2), call_rename, TARGET_AT},
    {ON(chroot), call_chroot, TARGET_NONE},
    {ON(setxattr), call_set_xattr, TARGET_PATH, .next = 1},
    {ON(lsetxattr), call_set_xattr, TARGET_LINK, .next = 1},
    {ON(fsetxattr), call_set_xattr, TARGET_FD, .next = 1},
    {ON(getxattr), call_get_xattr, TARGET_PATH, .next = 1},
    {ON(lgetxattr), call_get_xattr, TARGET_LINK, .next = 1},
    {ON(fgetxattr), call_get_xattr, TARGET_FD, .next = 1},
    {ON(removexattr), call_remove_xattr, TARGET_PATH, .next = 1},
    {ON(lremovexattr), call_remove_xattr, TARGET_LINK, .next = 1},
    {ON(fremovexattr), call_remove_xattr, TARGET_FD, .next = 1},
    {ON(getuid), call_get_id, .extra = IDS_USER},
    {ON(geteuid), call_get_id, .extra = IDS_USER | IDS_EFFECTIVE},
    {ON(getgid), call_get_id, .extra = IDS_GROUP},
    {ON(getegid), call_get_id, .extra = IDS_GROUP | IDS_EFFECTIVE},
    {ON(getresuid), call_get_res, .extra = IDS_USER},
    {ON(getresgid), call_get_res, .extra = IDS_GROUP},
    {ON(getgroups), call_get_groups},
    {ON(setuid), call_set_id, .extra = IDS_USER},
    {ON(setgid), call_set_id, .extra = IDS_GROUP},
    {ON(setreuid), call_set_re, .extra = IDS_USER},
    {ON(setregid), call_set_re, .extra = IDS_GROUP},
    {ON(setresuid), call_set_res, .extra = IDS_USER},
    {ON(setresgid), call_set_res, .extra = IDS_GROUP},
    {ON(setfsuid), call_set_fs, .extra = IDS_USER},
    {ON(setfsgid), call_set_fs, .extra = IDS_GROUP},
    {ON(setgroups), call_set_groups},
    {ON(capset), call_capset},
    {{SYS_prctl, SUPERVISED_VALUE, 0, PR_SET_KEEPCAPS}, call_keep_caps},
};
_Static_assert(ARRAY_SIZE(one_id_calls) <= SUPERVISED_MAX, "the listener's filter has room");

static const struct call_row make_device_calls[] = {
#ifdef SYS_mknod
    {MAKES_DEVICE(mknod, 1), call_record_device, TARGET_LINK, .next = 1},
#endif
    {MAKES_DEVICE(mknodat, 2), call_record_device, TARGET_AT, .next = 2},
};

static const struct call_row show_device_calls[] = {
#ifdef SYS_mknod
    {MAKES_DEVICE(mknod, 1), call_record_device, TARGET_LINK, .next = 1},
    {ON(stat), call_stat, TARGET_PATH, .next = 1},
    {ON(lstat), call_stat, TARGET_LINK, .next = 1},
    {ON(open), call_open_device, TARGET_PATH, .next = 1},
#endif
    {MAKES_DEVICE(mknodat, 2), call_record_device, TARGET_AT, .next = 2},
    {ON(openat), call_open_device, TARGET_AT, .next = 2},
    {ON(fstat), call_stat, TARGET_FD, .next = 1},
    {ON(newfstatat), call_stat, TARGET_AT, .flags = 3, .next = 2},
    {ON(statx), call_statx, TARGET_AT, .flags = 2, .next = 4},
};

static const struct {
    const struct call_row *rows;
    size_t count;
} tables[] = {
    [SUPERVISE_ONE_ID] = {one_id_calls, ARRAY_SIZE(one_id_calls)},
    [SUPERVISE_DEVICES] = {make_device_calls, ARRAY_SIZE(make_device_calls)},
    [SUPERVISE_DEVICES_SHOWN] = {show_device_calls, ARRAY_SIZE(show_device_calls)},
};

size_t supervised_call_count(enum supervise_kind kind)
{
    return tables[kind].count;
}

struct supervised_call supervised_call(enum supervise_kind kind, size_t i)
{
    return tables[kind].rows[i].call;
}

static int64_t run(struct supervisor *s)
{
    for (size_t i = 0; i < s->row_count; i++)
        if (s->rows[i].call.number == (uint32_t)s->call->data.nr)
            return s->rows[i].run(s, &s->rows[i]);
    return SUPERVISOR_CONTINUE;
}

/* ---- the listener ---- */

static void answer(const struct supervisor *s, int64_t result, struct seccomp_notif_resp *response)
{
    response->id = s->call->id;
    if (result == SUPERVISOR_CONTINUE)
        response->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    else if (result < 0)
        response->error = (int)result;
    else
        response->val = result;
    (void)ioctl(s->listener, SECCOMP_IOCTL_NOTIF_SEND, response); /* ENOENT: killed meanwhile */
}

/* One call; false when there will be none any more. */
static bool serve(struct supervisor *s, struct seccomp_notif_sizes sizes,
                  struct seccomp_notif_resp *response)
{
    struct pollfd p = {s->listener, POLLIN, 0};

    if (poll(&p, 1, -1) < 0)
        return errno == EINTR;
    if (!(p.revents & POLLIN))
        return false; /* POLLHUP: the last task under the filter is gone */
    memset(s->call, 0, sizes.seccomp_notif);
    memset(response, 0, sizes.seccomp_notif_resp);
    if (ioctl(s->listener, SECCOMP_IOCTL_NOTIF_RECV, s->call) < 0)
        return errno == EINTR || errno == ENOENT;
    const int64_t result = run(s);
    if (result != SUPERVISOR_ANSWERED)
        answer(s, result, response);
    return true;
}

static void set_initial(struct creds *c, const struct supervise_options *o)
{
    for (int i = 0; i < ID_KINDS; i++) {
        c->uids[i] = o->uid;
        c->gids[i] = o->gid;
    }
    c->groups = o->groups;
    c->group_count = o->group_count;
    c->permitted = c->effective = o->uid == 0;
}

/* No more than root of the container: what we open for its processes, it could. */
static int enter_user_namespace(int fd)
{
    return fd >= 0 && (setns(fd, CLONE_NEWUSER) < 0 || syscall(SYS_setgroups, 0, NULL) < 0 ||
                       syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0)
               ? -errno
               : 0;
}

static int supervise(int listener, const struct supervise_options *o)
{
    struct seccomp_notif_sizes sizes;
    struct supervisor s = {.o = o,
                           .rows = tables[o->kind].rows,
                           .row_count = tables[o->kind].count,
                           .listener = listener,
                           .root_fd = -1,
                           .chroots = o->kind != SUPERVISE_ONE_ID}; /* it is not told of them */

    if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) < 0 ||
        enter_user_namespace(o->user_fd) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return 1; /* the signal is forgotten when ids change */
    set_initial(&s.initial, o);
    s.proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    s.call = xcalloc(1, MAX(sizes.seccomp_notif, (uint16_t)sizeof(*s.call)));
    struct seccomp_notif_resp *response =
        xcalloc(1, MAX(sizes.seccomp_notif_resp, (uint16_t)sizeof(*response)));
    (void)umask(0);
    /* the caller and we are never busy at once: stay on its processor */
    (void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS,
                (uint64_t)SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
    links_load(&s);
    if (s.proc_fd >= 0)
        while (serve(&s, sizes, response))
            ;
    return 0;
}

int supervise_start(int take_listener, const struct supervise_options *o, struct process *ret,
                    struct error *err)
{
    cleanup_close int listener = take_listener;
    const pid_t parent = getpid();
    const pid_t pid = fork();

    if (pid < 0)
        return error_sys(err, "start supervisor");
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(getppid() == parent ? supervise(listener, o) : 1);
    }
    *ret = (struct process){pid, (int)syscall(SYS_pidfd_open, pid, 0)};
    return 0;
}
