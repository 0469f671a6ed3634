#include "sandbox/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/owned.h"

#define PATH_SIZE 4096   /* PATH_MAX of Linux */
#define VALUE_SIZE 65536 /* XATTR_SIZE_MAX */
#define CAPABILITY "security.capability"
#define UNCHANGED UINT32_MAX /* chown(path, -1, gid) */

struct supervisor {
    int listener, links_fd;
    int proc_fd;     /* /proc, from before we entered the container's root */
    int self_fds_fd; /* /proc/self/fd: names descriptors where /proc/self is out of reach */
    struct seccomp_notif *call;
    char task[16]; /* the caller's directory in /proc */
};

/* One way of naming a file in the arguments of a call. */
enum target { TARGET_FD, TARGET_PATH, TARGET_LINK, TARGET_AT };

/* Answers: >= 0 the call's result, -errno, or CONTINUE: the kernel shall do it. */
#define CONTINUE (-4096)

static int read_memory(const struct supervisor *s, uint64_t address, void *buf, size_t size)
{
    const struct iovec here = {buf, size}, there = {(void *)(uintptr_t)address,
                                                    size}; // NOLINT(performance-no-int-to-ptr)
    const ssize_t n = process_vm_readv((pid_t)s->call->pid, &here, 1, &there, 1, 0);

    return n < 0 ? -errno : (int)n;
}

/* A text may end just before an unmapped page: read up to the page's end first, then the next
 * page. */
static int read_text(const struct supervisor *s, uint64_t address, char *buf, size_t size)
{
    size_t got = 0;

    while (got < size) {
        const size_t page = 4096 - (address + got) % 4096, want = MIN(page, size - got);
        const int n = read_memory(s, address + got, buf + got, want);

        if (n <= 0)
            return -EFAULT;
        if (memchr(buf + got, 0, (size_t)n))
            return 0;
        got += (size_t)n;
    }
    return -ENAMETOOLONG;
}

static bool still_there(const struct supervisor *s)
{
    return ioctl(s->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &s->call->id) == 0;
}

static int open_task(const struct supervisor *s, const char *name)
{
    char path[64];

    snprintf(path, sizeof(path), "%s/%s", s->task, name);
    const int fd = openat(s->proc_fd, path, O_PATH | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int open_task_fd(const struct supervisor *s, int number)
{
    char name[32];

    if (number < 0)
        return -EBADF;
    snprintf(name, sizeof(name), "fd/%d", number);
    const int fd = open_task(s, name);
    return fd == -ENOENT ? -EBADF : fd;
}

/* Makes the caller's root and start directory (dirfd, or its own) ours. */
static int enter(const struct supervisor *s, int dirfd)
{
    cleanup_close int root = open_task(s, "root");
    cleanup_close int start = dirfd == AT_FDCWD ? open_task(s, "cwd") : open_task_fd(s, dirfd);

    if (root < 0 || start < 0)
        return root < 0 ? root : start;
    if (!still_there(s)) /* the number may be somebody else's by now */
        return -ESRCH;
    if (fchdir(root) < 0 || chroot(".") < 0 || fchdir(start) < 0)
        return -errno;
    return 0;
}

/* Opens (O_PATH) the file that a call names: argument `arg` is the path or descriptor. */
static int open_target(const struct supervisor *s, enum target kind, unsigned arg,
                       char path[static PATH_SIZE])
{
    const uint64_t *args = (const uint64_t *)s->call->data.args;
    int dirfd = AT_FDCWD, flags = O_PATH | O_CLOEXEC, r;

    if (kind == TARGET_FD)
        return open_task_fd(s, (int)args[arg]);
    if (kind == TARGET_AT)
        dirfd = (int)args[arg++];
    if (kind == TARGET_LINK || (kind == TARGET_AT && (args[4] & AT_SYMLINK_NOFOLLOW)))
        flags |= O_NOFOLLOW;
    if ((r = read_text(s, args[arg], path, PATH_SIZE)) < 0)
        return r;
    if (kind == TARGET_AT && path[0] == '\0' && (args[4] & AT_EMPTY_PATH))
        return dirfd == AT_FDCWD ? open_task(s, "cwd") : open_task_fd(s, dirfd);
    if ((r = enter(s, dirfd)) < 0)
        return r;
    const int fd = open(path, flags); // NOLINT: inside the caller's root by now
    return fd < 0 ? -errno : fd;
}

static char type_of(mode_t mode)
{
    return S_ISDIR(mode) ? 'd' : 'f';
}

/* The record of the open file, as it stands or as it would be without one. */
static int record_get(const char *name, const struct stat *st, struct owned *ret)
{
    char text[OWNED_TEXT_MAX];
    const ssize_t n = getxattr(name, OWNED_XATTR, text, sizeof(text));

    *ret = (struct owned){.type = type_of(st->st_mode)};
    if (n < 0)
        return errno == ENODATA ? 0 : -errno;
    struct owned kept;
    if (owned_parse(view_make(text, (size_t)n), &kept) == 0)
        *ret = kept;
    return 0;
}

/* mode: what it shall be on disk. */
static int record_put(const char *name, const struct stat *st, const struct owned *o, mode_t mode)
{
    char text[OWNED_TEXT_MAX];
    const size_t size = owned_format(o, text);

    if ((st->st_mode & 07777) != mode && chmod(name, mode) < 0)
        return -errno;
    return setxattr(name, OWNED_XATTR, text, size, 0) < 0 ? -errno : 0;
}

/* Symbolic links carry no attributes: a line in the table. The real chown makes the overlay copy
 * the link up. */
static int record_link(const struct supervisor *s, int fd, const char *name, uint32_t uid,
                       uint32_t gid)
{
    char path[PATH_SIZE];
    STR_AUTO(line);

    if (fchownat(fd, "", 0, 0, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    const ssize_t n = readlinkat(s->self_fds_fd, name, path, sizeof(path) - 1);
    if (n < 1 || s->links_fd < 0)
        return 0; /* outside of what is kept */
    path[n] = '\0';
    owned_link_format(&(struct owned_link){uid == UNCHANGED ? 0 : uid, gid == UNCHANGED ? 0 : gid,
                                           0, path + strspn(path, "/")},
                      &line);
    return fd_write_all(s->links_fd, str_view(&line), NULL);
}

/* What the kernel does to the mode of a file that changes its owner (chown(2)). */
static mode_t mode_after_chown(mode_t mode)
{
    if (S_ISDIR(mode))
        return mode & 07777;
    mode &= 07777 & ~(mode_t)S_ISUID;
    return mode & S_IXGRP ? mode & ~(mode_t)S_ISGID : mode;
}

static int do_chown(const struct supervisor *s, enum target kind, unsigned arg)
{
    char path[PATH_SIZE], name[16];
    struct stat st;
    struct owned o;
    int r;

    cleanup_close int fd = open_target(s, kind, arg, path);
    if (fd < 0)
        return fd;
    const unsigned ids = kind == TARGET_AT ? arg + 2 : arg + 1;
    const uint32_t uid = (uint32_t)s->call->data.args[ids],
                   gid = (uint32_t)s->call->data.args[ids + 1];
    snprintf(name, sizeof(name), "%d", fd);
    if (fstat(fd, &st) < 0 || fchdir(s->self_fds_fd) < 0)
        return -errno;
    if (S_ISLNK(st.st_mode))
        return record_link(s, fd, name, uid, gid);
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return 0; /* the terminal, a pipe: not part of a layer */
    if ((r = record_get(name, &st, &o)) < 0)
        return r == -ENOTSUP ? 0 : r; /* /proc and the like */
    if (uid != UNCHANGED)
        o.uid = uid;
    if (gid != UNCHANGED)
        o.gid = gid;
    r = record_put(name, &st, &o, mode_after_chown(st.st_mode));
    return r == -ENOTSUP ? 0 : r;
}

static uint32_t umask_of(const struct supervisor *s)
{
    char path[32];
    STR_AUTO(status);
    unsigned mask = 022;

    snprintf(path, sizeof(path), "%s/status", s->task);
    if (fd_read_file(s->proc_fd, path, 65536, &status, NULL) == 0) {
        const char *line = strstr(status.at, "Umask:");

        if (line && sscanf(line, "Umask: %o", &mask) != 1)
            mask = 022;
    }
    return mask;
}

static int do_mknod(const struct supervisor *s, enum target kind, unsigned arg)
{
    const uint64_t *args = (const uint64_t *)s->call->data.args;
    const unsigned first = kind == TARGET_AT ? arg + 2 : arg + 1;
    const mode_t mode = (mode_t)args[first];
    const dev_t device = (dev_t)args[first + 1];
    const uint32_t wanted = mode & 07777 & ~umask_of(s);
    char path[PATH_SIZE], name[16];
    struct stat st;
    int r;

    if ((!S_ISCHR(mode) && !S_ISBLK(mode)) || device == 0)
        return CONTINUE;
    if ((r = read_text(s, args[first - 1], path, sizeof(path))) < 0)
        return r;
    if ((r = enter(s, kind == TARGET_AT ? (int)args[arg] : AT_FDCWD)) < 0)
        return r;
    cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || fstat(fd, &st) < 0 || fchdir(s->self_fds_fd) < 0)
        return -errno;
    snprintf(name, sizeof(name), "%d", fd);
    return record_put(name, &st,
                      &(struct owned){.type = S_ISCHR(mode) ? 'c' : 'b',
                                      .major = major(device),
                                      .minor = minor(device)},
                      wanted);
}

/* security.capability is the one attribute that only a root of all ids may set. */
static int do_setxattr(const struct supervisor *s, enum target kind, unsigned arg)
{
    const uint64_t *args = (const uint64_t *)s->call->data.args;
    char path[PATH_SIZE], name[sizeof(CAPABILITY) + 1], number[16], value[64];

    if (read_text(s, args[1], name, sizeof(name)) < 0 || strcmp(name, CAPABILITY) != 0)
        return CONTINUE;
    if (args[3] > sizeof(value))
        return -EINVAL;
    if (read_memory(s, args[2], value, (size_t)args[3]) != (int)args[3])
        return -EFAULT;
    cleanup_close int fd = open_target(s, kind, arg, path);
    if (fd < 0)
        return fd;
    snprintf(number, sizeof(number), "%d", fd);
    if (fchdir(s->self_fds_fd) < 0)
        return -errno;
    return setxattr(number, OWNED_XATTR_CAP, value, (size_t)args[3], 0) < 0 ? -errno : 0;
}

static int do_nothing(const struct supervisor *s, enum target kind, unsigned arg)
{
    (void)s, (void)kind, (void)arg;
    return 0;
}

static const struct {
    uint32_t number;
    int (*run)(const struct supervisor *s, enum target kind, unsigned arg);
    enum target kind;
} calls[] = {
#ifdef SYS_chown /* newer processors have the *at forms only */
    {SYS_chown, do_chown, TARGET_PATH},
    {SYS_lchown, do_chown, TARGET_LINK},
    {SYS_mknod, do_mknod, TARGET_PATH},
#endif
    {SYS_fchown, do_chown, TARGET_FD},
    {SYS_fchownat, do_chown, TARGET_AT},
    {SYS_mknodat, do_mknod, TARGET_AT},
    {SYS_setxattr, do_setxattr, TARGET_PATH},
    {SYS_lsetxattr, do_setxattr, TARGET_LINK},
    {SYS_fsetxattr, do_setxattr, TARGET_FD},
    {SYS_setuid, do_nothing, 0},
    {SYS_setgid, do_nothing, 0},
    {SYS_setreuid, do_nothing, 0},
    {SYS_setregid, do_nothing, 0},
    {SYS_setresuid, do_nothing, 0},
    {SYS_setresgid, do_nothing, 0},
    {SYS_setfsuid, do_nothing, 0},
    {SYS_setfsgid, do_nothing, 0},
    {SYS_setgroups, do_nothing, 0},
};
_Static_assert(ARRAY_SIZE(calls) <= SUPERVISED_MAX, "the listener's filter has room for them");

const size_t supervised_call_count = ARRAY_SIZE(calls);

uint32_t supervised_call(size_t i)
{
    return calls[i].number;
}

static int answer(struct supervisor *s)
{
    snprintf(s->task, sizeof(s->task), "%d", (int)s->call->pid);
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
        if (calls[i].number == (uint32_t)s->call->data.nr)
            return calls[i].run(s, calls[i].kind, 0);
    return CONTINUE;
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
    const int r = answer(s);
    response->id = s->call->id;
    if (r == CONTINUE)
        response->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    else if (r < 0)
        response->error = r;
    else
        response->val = r;
    (void)ioctl(s->listener, SECCOMP_IOCTL_NOTIF_SEND, response); /* ENOENT: killed meanwhile */
    return true;
}

static int supervise(int listener, int links_fd)
{
    struct seccomp_notif_sizes sizes;
    struct supervisor s = {.listener = listener, .links_fd = links_fd};

    if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) < 0)
        return 1;
    s.proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    s.self_fds_fd = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    s.call = xcalloc(1, MAX(sizes.seccomp_notif, (uint16_t)sizeof(*s.call)));
    struct seccomp_notif_resp *response =
        xcalloc(1, MAX(sizes.seccomp_notif_resp, (uint16_t)sizeof(*response)));
    (void)umask(0);
    if (s.proc_fd >= 0 && s.self_fds_fd >= 0)
        while (serve(&s, sizes, response))
            ;
    return 0;
}

int supervise_start(int take_listener, int links_fd, struct process *ret, struct error *err)
{
    cleanup_close int listener = take_listener;
    const pid_t parent = getpid();
    const pid_t pid = fork();

    if (pid < 0)
        return error_sys(err, "start supervisor");
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(getppid() == parent ? supervise(listener, links_fd) : 1);
    }
    *ret = (struct process){pid, (int)syscall(SYS_pidfd_open, pid, 0)};
    return 0;
}
