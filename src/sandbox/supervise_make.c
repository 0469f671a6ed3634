/* New files of a process that is not root on paper, or in a directory that hands on its group. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "sandbox/supervisor.h"

#ifndef SECCOMP_ADDFD_FLAG_SEND /* Linux 5.14 */
#define SECCOMP_ADDFD_FLAG_SEND (1UL << 1)
#endif

struct making {
    char name[SUPERVISOR_NAME_SIZE];
    struct file file; /* .o.uid, .o.gid: its owners */
};

uint32_t supervisor_without_umask(const struct supervisor *s, uint32_t mode)
{
    char path[32];
    STR_AUTO(status);
    unsigned mask = 022;

    (void)snprintf(path, sizeof(path), "%u/status", s->call->pid);
    if (fd_read_file(s->proc_fd, path, 65536, &status, NULL) == 0) {
        const char *line = strstr(status.at, "Umask:");

        if (line && sscanf(line, "Umask: %o", &mask) != 1)
            mask = 022;
    }
    return mode & 07777 & ~mask;
}

/* The directory that a name is in: "/a/b" -> "/a", "/a" -> "/", "12/cwd/a/" -> "12/cwd". */
static void cut_last(char *name)
{
    size_t n = strlen(name);

    while (n > 1 && name[n - 1] == '/')
        n--;
    while (n > 0 && name[n - 1] != '/')
        n--;
    name[n > 1 ? n - 1 : n] = '\0';
}

/* Names the call's file and finds out whose it will be. False: root's, or there will be none; then
 * the kernel does it alone. */
static bool begin(struct supervisor *s, const struct call_row *row, struct making *m)
{
    const struct creds *c = creds_of_caller(s);
    char parent[SUPERVISOR_NAME_SIZE];
    struct file dir;

    if (supervisor_target(s, row, m->name) < 0)
        return false;
    m->file = (struct file){.o = {.uid = c->uids[ID_FILES], .gid = c->gids[ID_FILES], .type = 'f'}};
    memcpy(parent, m->name, sizeof(parent));
    cut_last(parent);
    if (stat(parent, &dir.st) < 0)
        return false;
    if (dir.st.st_mode & S_ISGID && file_get(parent, true, &dir) == 0)
        m->file.o.gid = dir.o.gid;
    return true;
}

static bool is_roots(const struct making *m)
{
    return m->file.o.uid == 0 && m->file.o.gid == 0;
}

static int finish(struct making *m, const char *name, uint32_t mode)
{
    if (lstat(m->name, &m->file.st) < 0)
        return -errno;
    return file_put(name, &m->file, mode);
}

/* ---- files ---- */

int64_t supervisor_hand_over(struct supervisor *s, int fd, int flags)
{
    struct seccomp_notif_addfd add = {.id = s->call->id,
                                      .flags = SECCOMP_ADDFD_FLAG_SEND,
                                      .srcfd = (uint32_t)fd,
                                      .newfd_flags = (uint32_t)flags & O_CLOEXEC};

    if (ioctl(s->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add) >= 0)
        return SUPERVISOR_ANSWERED;
    if (errno != EINVAL)
        return -errno;
    add.flags = 0;
    const int r = ioctl(s->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
    return r < 0 ? -errno : r;
}

/* An existing file is the kernel's to open; so is every error. */
static int64_t make_file(struct supervisor *s, struct making *m, int flags, uint32_t mode)
{
    char handle[32];
    const int keep = O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW;

    if (!(flags & O_CREAT) || flags & (O_PATH | O_DIRECTORY) || is_roots(m))
        return SUPERVISOR_CONTINUE;
    mode = supervisor_without_umask(s, mode);
    cleanup_close int fd = open(m->name, flags | keep, mode);
    if (fd < 0)
        return SUPERVISOR_CONTINUE;
    (void)snprintf(handle, sizeof(handle), "self/fd/%d", fd);
    const int r = finish(m, handle, mode);
    return r < 0 ? r : supervisor_hand_over(s, fd, flags);
}

int64_t call_open(struct supervisor *s, const struct call_row *row)
{
    struct making m;

    if (!begin(s, row, &m))
        return SUPERVISOR_CONTINUE;
    return make_file(s, &m, (int)supervisor_arg(s, row->next),
                     (uint32_t)supervisor_arg(s, row->next + 1u));
}

int64_t call_creat(struct supervisor *s, const struct call_row *row)
{
    struct making m;

    if (!begin(s, row, &m))
        return SUPERVISOR_CONTINUE;
    return make_file(s, &m, O_CREAT | O_WRONLY | O_TRUNC, (uint32_t)supervisor_arg(s, row->next));
}

/* With limits on how the path may go it is left to the kernel, which knows them. */
int64_t call_openat2(struct supervisor *s, const struct call_row *row)
{
    struct open_how how;
    struct making m;

    if (supervisor_read(s, supervisor_arg(s, row->next), &how, sizeof(how)) != sizeof(how) ||
        how.resolve != 0 || !(how.flags & O_CREAT) || !begin(s, row, &m))
        return SUPERVISOR_CONTINUE;
    return make_file(s, &m, (int)how.flags, (uint32_t)how.mode);
}

/* ---- the rest ---- */

int64_t call_mkdir(struct supervisor *s, const struct call_row *row)
{
    struct making m;

    if (!begin(s, row, &m) || is_roots(&m))
        return SUPERVISOR_CONTINUE;
    const uint32_t mode =
        supervisor_without_umask(s, (uint32_t)supervisor_arg(s, row->next)) & 01777;
    if (mkdir(m.name, mode) < 0)
        return -errno;
    m.file.o.type = 'd';
    struct stat st; /* set-group-id comes from the parent */
    const bool inherits = lstat(m.name, &st) == 0 && st.st_mode & S_ISGID;
    return finish(&m, m.name, mode | (inherits ? S_ISGID : 0));
}

/* Also root's links, once there is a table: a new one may have the number of one that is gone. */
int64_t call_symlink(struct supervisor *s, const struct call_row *row)
{
    struct making m;
    char text[SUPERVISOR_NAME_SIZE];

    if (!begin(s, row, &m) || (is_roots(&m) && s->links.size == 0))
        return SUPERVISOR_CONTINUE;
    const int r = supervisor_read_text(s, supervisor_arg(s, 0), text, sizeof(text));
    if (r < 0)
        return r;
    if (symlink(text, m.name) < 0)
        return -errno;
    cleanup_close int fd = open(m.name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : file_put_link(s, fd, m.file.o.uid, m.file.o.gid);
}

int supervisor_device(const struct supervisor *s, const struct call_row *row, struct owned *ret)
{
    const mode_t mode = (mode_t)supervisor_arg(s, row->next) & UINT16_MAX;
    const dev_t device = (dev_t)supervisor_arg(s, row->next + 1u) & UINT32_MAX;

    if (!S_ISCHR(mode) && !S_ISBLK(mode))
        return 0;
    if (S_ISCHR(mode) && device == 0)
        return -EPERM;
    *ret = (struct owned){
        .type = S_ISCHR(mode) ? 'c' : 'b', .major = major(device), .minor = minor(device)};
    return 1;
}

static int64_t make_device(struct supervisor *s, struct making *m, const struct owned *device,
                           uint32_t mode)
{
    if (!creds_of_caller(s)->effective)
        return -EPERM;
    cleanup_close int fd =
        open(m->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    m->file.o.type = device->type;
    m->file.o.major = device->major;
    m->file.o.minor = device->minor;
    return finish(m, m->name, supervisor_without_umask(s, mode));
}

int64_t call_mknod(struct supervisor *s, const struct call_row *row)
{
    const mode_t mode = (mode_t)supervisor_arg(s, row->next);
    struct owned device;
    struct making m;

    if (!begin(s, row, &m))
        return SUPERVISOR_CONTINUE;
    const int r = supervisor_device(s, row, &device);
    if (r != 0)
        return r < 0 ? r : make_device(s, &m, &device, mode);
    const bool fifo = S_ISFIFO(mode);
    if (S_ISSOCK(mode) || (is_roots(&m) && !(fifo && s->links.size > 0)))
        return SUPERVISOR_CONTINUE;
    const uint32_t wanted = supervisor_without_umask(s, mode);
    if (mknod(m.name, (fifo ? S_IFIFO : S_IFREG) | wanted, 0) < 0)
        return -errno;
    if (!fifo)
        return finish(&m, m.name, wanted);
    cleanup_close int fd = open(m.name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : file_put_link(s, fd, m.file.o.uid, m.file.o.gid);
}
