#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "sandbox/supervisor.h"

#define CAPABILITY "security.capability"
#define UNCHANGED UINT32_MAX /* chown(path, -1, gid) */
#define NUMBER_SIZE 24       /* "self/fd/2147483647" */
#define LINKS_SIZE_MAX (256u << 20)

/* ---- records ---- */

bool file_record(const char *name, bool follow, struct owned *ret)
{
    char text[OWNED_TEXT_MAX];
    const ssize_t n = follow ? getxattr(name, OWNED_XATTR, text, sizeof(text))
                             : lgetxattr(name, OWNED_XATTR, text, sizeof(text));

    return n > 0 && owned_parse(view_make(text, (size_t)n), ret) == 0;
}

int file_get(const char *name, bool follow, struct file *ret)
{
    struct file f = {0};

    f.recorded = file_record(name, follow, &f.o);
    if (fstatat(AT_FDCWD, name, &f.st, follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (!f.recorded)
        f.o = (struct owned){.type = S_ISDIR(f.st.st_mode) ? 'd' : 'f'};
    *ret = f;
    return 0;
}

/* A file system without user.* attributes (/proc, a tmpfs before Linux 6.6) is no part of a layer. */
int file_put(const char *name, const struct file *f, mode_t mode)
{
    char text[OWNED_TEXT_MAX];
    const size_t size = owned_format(&f->o, text);

    if ((f->st.st_mode & 07777) != mode && chmod(name, mode) < 0)
        return -errno;
    if (!f->recorded && f->o.uid == 0 && f->o.gid == 0 && (f->o.type == 'd' || f->o.type == 'f'))
        return chown(name, 0, 0) < 0 ? -errno : 0; /* so it is on disk; now in the layer as well */
    return setxattr(name, OWNED_XATTR, text, size, 0) < 0 && errno != ENOTSUP ? -errno : 0;
}

static bool is_special(mode_t mode)
{
    return S_ISLNK(mode) || S_ISFIFO(mode);
}

static struct view inode_key(const uint64_t *inode)
{
    return view_make(inode, sizeof(*inode));
}

/* Where the file is below the container's root; the number that it has in the upper directory, or
 * 0. */
static int find_upper(struct supervisor *s, int fd, char path[static SUPERVISOR_NAME_SIZE],
                      uint64_t *inode)
{
    char name[NUMBER_SIZE];
    struct stat st;
    int r = supervisor_go_home(s); /* paths are told from our own root on */

    if (r < 0)
        return r;
    (void)snprintf(name, sizeof(name), "self/fd/%d", fd);
    const ssize_t n = readlink(name, path, SUPERVISOR_NAME_SIZE - 1);
    if (n < 2 || path[0] != '/')
        return -ENOENT; /* a pipe */
    path[n] = '\0';
    memmove(path, path + 1, (size_t)n);
    *inode = s->o->upper_fd >= 0 && fstatat(s->o->upper_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0
                 ? st.st_ino
                 : 0;
    return 0;
}

static struct owned_link *link_slot(struct supervisor *s, uint64_t inode)
{
    struct owned_link *l = map_get(&s->links, inode_key(&inode));

    if (!l) {
        l = xcalloc(1, sizeof(*l));
        map_set(&s->links, inode_key(&inode), l);
    }
    return l;
}

void links_load(struct supervisor *s)
{
    struct owned_link l;
    STR_AUTO(text);

    if (s->o->links_fd < 0 || lseek(s->o->links_fd, 0, SEEK_SET) < 0 ||
        fd_read_all(s->o->links_fd, LINKS_SIZE_MAX, &text, NULL) < 0)
        return;
    struct view rest = str_view(&text);
    while (owned_link_next(&rest, &l) > 0)
        *link_slot(s, l.inode) = (struct owned_link){.uid = l.uid, .gid = l.gid};
}

/* What the table has of an open link or fifo: in the upper directory, or in that of a layer below,
 * whose number it shows. NULL: root's. */
static const struct owned_link *link_find(struct supervisor *s, int fd)
{
    char path[SUPERVISOR_NAME_SIZE];
    const struct owned_link *l = NULL;
    uint64_t inode;
    struct stat st;

    if (s->links.size == 0)
        return NULL;
    if (find_upper(s, fd, path, &inode) == 0 && inode != 0)
        l = map_get(&s->links, inode_key(&inode));
    if (!l && fstat(fd, &st) == 0) {
        inode = st.st_ino;
        l = map_get(&s->links, inode_key(&inode));
    }
    return l;
}

/* Symbolic links and fifos carry no attributes: a line in the table. The real chown makes the
 * overlay copy them up. */
int file_put_link(struct supervisor *s, int fd, uint32_t uid, uint32_t gid)
{
    char path[SUPERVISOR_NAME_SIZE];
    uint64_t inode;
    const struct owned_link *before = link_find(s, fd);
    struct owned_link now = {.uid = uid, .gid = gid};
    STR_AUTO(line);

    if (uid == UNCHANGED)
        now.uid = before ? before->uid : 0;
    if (gid == UNCHANGED)
        now.gid = before ? before->gid : 0;
    if (fchownat(fd, "", 0, 0, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (s->o->links_fd < 0 || find_upper(s, fd, path, &inode) < 0)
        return 0; /* outside of what is kept */
    if (inode != 0)
        *link_slot(s, inode) = now;
    now.inode = inode;
    now.path = path;
    owned_link_format(&now, &line);
    return fd_write_all(s->o->links_fd, str_view(&line), NULL);
}

/* One of a layer below gets another number when it is renamed: its owner moves along first. */
int64_t call_rename(struct supervisor *s, const struct call_row *row)
{
    char name[SUPERVISOR_NAME_SIZE];

    if (s->links.size == 0 || supervisor_target(s, row, name) < 0)
        return SUPERVISOR_CONTINUE;
    cleanup_close int fd = open(name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    if (fd >= 0 && fstat(fd, &st) == 0 && is_special(st.st_mode) && link_find(s, fd))
        (void)file_put_link(s, fd, UNCHANGED, UNCHANGED);
    return SUPERVISOR_CONTINUE;
}

/* ---- showing ---- */

static bool link_get(struct supervisor *s, const char *name, bool follow, struct file *f)
{
    if (s->links.size == 0 ||
        fstatat(AT_FDCWD, name, &f->st, follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0 ||
        !is_special(f->st.st_mode))
        return false;
    cleanup_close int fd = open(name, O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW));
    const struct owned_link *l = fd < 0 ? NULL : link_find(s, fd);
    if (l)
        f->o = (struct owned){.uid = l->uid, .gid = l->gid};
    return l != NULL;
}

static mode_t type_bits(const struct file *f)
{
    switch (f->o.type) {
    case 'c':
        return S_IFCHR;
    case 'b':
        return S_IFBLK;
    case 'p':
        return S_IFIFO;
    default:
        return f->st.st_mode & S_IFMT;
    }
}

/* Where there are all ids the kernel knows the owners; a record of them would be forged. */
static bool shows_device(struct file *f)
{
    f->o.uid = f->st.st_uid;
    f->o.gid = f->st.st_gid;
    return f->o.type == 'c' || f->o.type == 'b';
}

/* The file of the call when what it shows has to differ from what the kernel knows. */
static bool differs(struct supervisor *s, const struct call_row *row,
                    char name[static SUPERVISOR_NAME_SIZE], int *follow, struct file *f)
{
    *follow = supervisor_target(s, row, name);
    if (*follow < 0)
        return false;
    if (file_record(name, *follow, &f->o))
        return file_get(name, *follow, f) == 0 &&
               (s->o->kind == SUPERVISE_ONE_ID || shows_device(f));
    return link_get(s, name, *follow, f);
}

int64_t call_stat(struct supervisor *s, const struct call_row *row)
{
    char name[SUPERVISOR_NAME_SIZE];
    struct file f;
    int follow;

    if (!differs(s, row, name, &follow, &f))
        return SUPERVISOR_CONTINUE;
    f.st.st_uid = f.o.uid;
    f.st.st_gid = f.o.gid;
    f.st.st_mode = type_bits(&f) | (f.st.st_mode & 07777);
    f.st.st_rdev = makedev(f.o.major, f.o.minor);
    return supervisor_write(s, supervisor_arg(s, row->next), &f.st, sizeof(f.st));
}

int64_t call_statx(struct supervisor *s, const struct call_row *row)
{
    char name[SUPERVISOR_NAME_SIZE];
    struct file f;
    struct statx x;
    int follow;

    if (!differs(s, row, name, &follow, &f))
        return SUPERVISOR_CONTINUE;
    const unsigned flags = (unsigned)supervisor_arg(s, 2) & ~(unsigned)AT_EMPTY_PATH;
    if (statx(AT_FDCWD, name, (int)flags, (unsigned)supervisor_arg(s, 3), &x) < 0)
        return -errno;
    x.stx_uid = f.o.uid;
    x.stx_gid = f.o.gid;
    x.stx_mode = (uint16_t)(type_bits(&f) | (x.stx_mode & 07777));
    x.stx_rdev_major = f.o.major;
    x.stx_rdev_minor = f.o.minor;
    return supervisor_write(s, supervisor_arg(s, row->next), &x, sizeof(x));
}

/* ---- changing owner and mode ---- */

/* A descriptor of the call's file, and a name that goes through it. */
static int open_target(struct supervisor *s, const struct call_row *row,
                       char handle[static NUMBER_SIZE])
{
    char name[SUPERVISOR_NAME_SIZE];
    const int follow = supervisor_target(s, row, name);

    if (follow < 0)
        return follow;
    cleanup_close int fd = open(name, O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW));
    if (fd < 0)
        return -errno;
    if (!supervisor_still_there(s))
        return -ESRCH;
    (void)snprintf(handle, NUMBER_SIZE, "self/fd/%d", fd);
    return steal_fd(fd);
}

/* What the kernel does to the mode of a file that changes its owner (chown(2)). */
static mode_t mode_after_chown(mode_t mode)
{
    if (S_ISDIR(mode))
        return mode & 07777;
    mode &= 07777 & ~(mode_t)S_ISUID;
    return mode & S_IXGRP ? mode & ~(mode_t)S_ISGID : mode;
}

static bool may_chown(const struct creds *c, const struct owned *o, uint32_t uid, uint32_t gid)
{
    if (c->effective)
        return true;
    return o->uid == c->uids[ID_FILES] && (uid == UNCHANGED || uid == o->uid) &&
           (gid == UNCHANGED || gid == o->gid || creds_in_group(c, gid));
}

int64_t call_chown(struct supervisor *s, const struct call_row *row)
{
    char handle[NUMBER_SIZE];
    struct file f;
    const uint32_t uid = (uint32_t)supervisor_arg(s, row->next),
                   gid = (uint32_t)supervisor_arg(s, row->next + 1u);
    cleanup_close int fd = open_target(s, row, handle);

    if (fd < 0)
        return fd;
    int r = file_get(handle, true, &f);
    if (r < 0)
        return r;
    if (is_special(f.st.st_mode))
        return file_put_link(s, fd, uid, gid);
    if (!S_ISREG(f.st.st_mode) && !S_ISDIR(f.st.st_mode))
        return 0; /* the terminal, a socket: not part of a layer */
    if (!may_chown(creds_of_caller(s), &f.o, uid, gid))
        return -EPERM;
    if (uid != UNCHANGED)
        f.o.uid = uid;
    if (gid != UNCHANGED)
        f.o.gid = gid;
    return file_put(handle, &f, mode_after_chown(f.st.st_mode));
}

/* The kernel does it; only who may is ours to say. */
int64_t call_chmod(struct supervisor *s, const struct call_row *row)
{
    const struct creds *c = creds_of_caller(s);
    char name[SUPERVISOR_NAME_SIZE];
    struct file f;

    if (c->effective)
        return SUPERVISOR_CONTINUE;
    const int follow = supervisor_target(s, row, name);
    if (follow < 0 || file_get(name, follow, &f) < 0 || is_special(f.st.st_mode))
        return SUPERVISOR_CONTINUE;
    return f.o.uid == c->uids[ID_FILES] ? SUPERVISOR_CONTINUE : -EPERM;
}

/* ---- security.capability, the one attribute that only a root of all ids may set ---- */

static bool is_capability(const struct supervisor *s, unsigned arg)
{
    char name[sizeof(CAPABILITY) + 1];

    return supervisor_read_text(s, supervisor_arg(s, arg), name, sizeof(name)) == 0 &&
           strcmp(name, CAPABILITY) == 0;
}

int64_t call_set_xattr(struct supervisor *s, const struct call_row *row)
{
    char handle[NUMBER_SIZE], value[64];
    const uint64_t size = supervisor_arg(s, row->next + 2u);

    if (!is_capability(s, row->next))
        return SUPERVISOR_CONTINUE;
    if (size > sizeof(value))
        return -EINVAL;
    if (supervisor_read(s, supervisor_arg(s, row->next + 1u), value, (size_t)size) != (int)size)
        return -EFAULT;
    if (!creds_of_caller(s)->effective)
        return -EPERM;
    cleanup_close int fd = open_target(s, row, handle);
    if (fd < 0)
        return fd;
    return setxattr(handle, OWNED_XATTR_CAP, value, (size_t)size, 0) < 0 ? -errno : 0;
}

int64_t call_get_xattr(struct supervisor *s, const struct call_row *row)
{
    char handle[NUMBER_SIZE], value[64];
    const uint64_t size = supervisor_arg(s, row->next + 2u);

    if (!is_capability(s, row->next))
        return SUPERVISOR_CONTINUE;
    cleanup_close int fd = open_target(s, row, handle);
    const ssize_t n = fd < 0 ? -1 : getxattr(handle, OWNED_XATTR_CAP, value, sizeof(value));
    if (n < 0)
        return SUPERVISOR_CONTINUE;
    if (size == 0)
        return n;
    if (size < (size_t)n)
        return -ERANGE;
    const int r = supervisor_write(s, supervisor_arg(s, row->next + 1u), value, (size_t)n);
    return r < 0 ? r : n;
}

int64_t call_remove_xattr(struct supervisor *s, const struct call_row *row)
{
    char handle[NUMBER_SIZE];

    if (!is_capability(s, row->next))
        return SUPERVISOR_CONTINUE;
    cleanup_close int fd = open_target(s, row, handle);
    return fd >= 0 && removexattr(handle, OWNED_XATTR_CAP) == 0 ? 0 : SUPERVISOR_CONTINUE;
}

/* ---- programs ---- */

/* The kernel leaves set-id bits of scripts alone. */
static bool is_script(const char *name)
{
    char head[2] = "";
    cleanup_close int fd = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

    return fd < 0 || pread(fd, head, 2, 0) != 2 || memcmp(head, "#!", 2) == 0;
}

static void apply_set_ids(const struct supervisor *s, const char *name, bool follow,
                          struct creds *to)
{
    struct file f;

    if (s->o->no_new_privs || file_get(name, follow, &f) < 0 || !S_ISREG(f.st.st_mode) ||
        !(f.st.st_mode & (S_ISUID | S_ISGID)) || is_script(name))
        return;
    if (f.st.st_mode & S_ISUID)
        to->uids[ID_EFFECTIVE] = f.o.uid;
    if ((f.st.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
        to->gids[ID_EFFECTIVE] = f.o.gid;
}

static bool creds_equal(const struct creds *a, const struct creds *b)
{
    return memcmp(a->uids, b->uids, sizeof(a->uids)) == 0 &&
           memcmp(a->gids, b->gids, sizeof(a->gids)) == 0 && a->permitted == b->permitted &&
           a->effective == b->effective && a->keep == b->keep;
}

/* A program that then cannot be run after all has changed the caller's ids: so does no program that
 * exists. */
int64_t call_exec(struct supervisor *s, const struct call_row *row)
{
    char name[SUPERVISOR_NAME_SIZE];
    const struct creds *from = creds_of_caller(s);
    struct creds to = *from;
    const int follow = supervisor_target(s, row, name);

    if (follow >= 0 && faccessat(AT_FDCWD, name, X_OK, AT_EACCESS) == 0)
        apply_set_ids(s, name, follow, &to);
    to.uids[ID_SAVED] = to.uids[ID_FILES] = to.uids[ID_EFFECTIVE];
    to.gids[ID_SAVED] = to.gids[ID_FILES] = to.gids[ID_EFFECTIVE];
    to.permitted = to.effective = to.uids[ID_EFFECTIVE] == 0;
    to.keep = false;
    if (!creds_equal(&to, from))
        (void)creds_change(s, &to);
    return SUPERVISOR_CONTINUE;
}
