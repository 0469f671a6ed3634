#include "layer/meta.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"

#define USER_OVERLAY "user.overlay."
#define TRUSTED_OVERLAY "trusted.overlay."
#define ESCAPE "overlay." /* put behind one of the two, as Linux 6.7 does */
#define CAPABILITY "security.capability"
#define OPAQUE USER_OVERLAY "opaque"

/* ---- names of extended attributes ---- */

static bool starts(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

enum meta_xattr meta_xattr_rule(const char *name)
{
    if (starts(name, OWNED_XATTR_PREFIX))
        return META_XATTR_REFUSE;
    if (starts(name, "user.") || starts(name, "trusted.") || strcmp(name, CAPABILITY) == 0)
        return META_XATTR_KEEP;
    return META_XATTR_IGNORE;
}

static size_t overlay_prefix(const char *name)
{
    if (starts(name, USER_OVERLAY))
        return strlen(USER_OVERLAY);
    return starts(name, TRUSTED_OVERLAY) ? strlen(TRUSTED_OVERLAY) : 0;
}

const char *meta_xattr_escape(const char *name, char buf[static META_XATTR_NAME_MAX])
{
    const size_t prefix = overlay_prefix(name);

    if (prefix == 0)
        return strlen(name) < META_XATTR_NAME_MAX ? name : NULL;
    const int n =
        snprintf(buf, META_XATTR_NAME_MAX, "%.*s" ESCAPE "%s", (int)prefix, name, name + prefix);
    return n < META_XATTR_NAME_MAX ? buf : NULL;
}

const char *meta_xattr_unescape(const char *disk_name, char buf[static META_XATTR_NAME_MAX])
{
    const size_t prefix = overlay_prefix(disk_name);

    if (prefix == 0)
        return meta_xattr_rule(disk_name) == META_XATTR_KEEP ? disk_name : NULL;
    if (!starts(disk_name + prefix, ESCAPE) || strlen(disk_name) >= META_XATTR_NAME_MAX)
        return NULL;
    snprintf(buf, META_XATTR_NAME_MAX, "%.*s%s", (int)prefix, disk_name,
             disk_name + prefix + strlen(ESCAPE));
    return buf;
}

/* ---- one file on disk: by its descriptor, or by directory and name ---- */

struct target {
    int dirfd, fd;
    const char *name;
    char path[32 + NAME_MAX]; /* "/proc/self/fd/7/name": the l*xattr() calls have no *at() form
                                 before 6.13 */
};

static struct target target_of(int dirfd, const char *name, int fd)
{
    struct target t = {.dirfd = dirfd, .fd = fd, .name = name};

    if (fd < 0)
        snprintf(t.path, sizeof(t.path), "/proc/self/fd/%d/%s", dirfd, name);
    return t;
}

static ssize_t target_list(const struct target *t, char *buf, size_t size)
{
    return t->fd >= 0 ? flistxattr(t->fd, buf, size) : llistxattr(t->path, buf, size);
}

static ssize_t target_read(const struct target *t, const char *name, void *buf, size_t size)
{
    return t->fd >= 0 ? fgetxattr(t->fd, name, buf, size) : lgetxattr(t->path, name, buf, size);
}

static int target_write(const struct target *t, const char *name, struct view value)
{
    return t->fd >= 0 ? fsetxattr(t->fd, name, value.at, value.size, 0)
                      : lsetxattr(t->path, name, value.at, value.size, 0);
}

/* ---- making ---- */

/* The record says what a regular file on disk stands for, whatever owner_mode is: an ordinary user
 * with subordinate ids may not make devices either. */
static char recorded_type(enum entry_type type)
{
    switch (type) {
    case ENTRY_CHAR:
        return 'c';
    case ENTRY_BLOCK:
        return 'b';
    case ENTRY_FIFO:
        return 'p';
    case ENTRY_DIR:
        return 'd';
    case ENTRY_FILE:
    case ENTRY_SYMLINK:
    case ENTRY_HARDLINK:
    case ENTRY_WHITEOUT:
        break;
    }
    return 'f';
}

static int make_placeholder(int dirfd, const char *name)
{
    const int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    return fd < 0 ? -1 : close(fd);
}

static int make_device(int dirfd, const char *name, const struct entry *e, enum owner_mode owner)
{
    if (owner == OWNER_RECORDED)
        return make_placeholder(dirfd, name);
    const mode_t type = e->type == ENTRY_CHAR ? S_IFCHR : S_IFBLK;
    const int r = mknodat(dirfd, name, type | 0600, makedev(e->major, e->minor));
    return r < 0 && errno == EPERM && owner == OWNER_REAL ? make_placeholder(dirfd, name) : r;
}

int meta_make(int dirfd, const char *name, const struct entry *e, enum owner_mode owner,
              struct error *err)
{
    int r = 0;

    switch (e->type) {
    case ENTRY_DIR:
        r = mkdirat(dirfd, name, 0700);
        break;
    case ENTRY_SYMLINK:
        r = symlinkat(e->link, dirfd, name);
        break;
    case ENTRY_CHAR:
        if (e->major == 0 && e->minor == 0)
            return error_set(err, -EINVAL, "device 0:0 '%.200s' would be a whiteout", e->path);
        r = make_device(dirfd, name, e, owner);
        break;
    case ENTRY_BLOCK:
        r = make_device(dirfd, name, e, owner);
        break;
    case ENTRY_FIFO:
        r = owner == OWNER_RECORDED ? make_placeholder(dirfd, name) : mkfifoat(dirfd, name, 0600);
        break;
    case ENTRY_WHITEOUT:
        r = mknodat(dirfd, name, S_IFCHR, makedev(0, 0));
        break;
    case ENTRY_FILE:
    case ENTRY_HARDLINK:
        assert(!"meta_make() is not for files");
    }
    return r < 0 ? error_sys(err, "make '%.200s'", e->path) : 0;
}

/* ---- setting ---- */

static int set_owner(const struct target *t, const struct entry *e, struct error *err)
{
    const int r = t->fd >= 0 ? fchown(t->fd, e->uid, e->gid)
                             : fchownat(t->dirfd, t->name, e->uid, e->gid, AT_SYMLINK_NOFOLLOW);

    if (r == 0)
        return 0;
    if (errno != EINVAL)
        return error_sys(err, "give '%.200s' to %u:%u", e->path, e->uid, e->gid);
    return error_hint(err,
                      error_set(err, -EOVERFLOW,
                                "owner %u:%u of '%.200s' has no place in the id map", e->uid,
                                e->gid, e->path),
                      "give this user a longer range in /etc/subuid and /etc/subgid");
}

static int set_mode(const struct target *t, const struct entry *e, uint32_t mode, struct error *err)
{
    /* fchmodat() follows links, but this is none, and nobody else writes here */
    const int r = t->fd >= 0 ? fchmod(t->fd, mode) : fchmodat(t->dirfd, t->name, mode, 0);

    return r < 0 ? error_sys(err, "change the mode of '%.200s'", e->path) : 0;
}

static int set_record(const struct target *t, const struct entry *e, struct error *err)
{
    const struct owned o = {e->uid, e->gid, recorded_type(e->type), e->major, e->minor};
    char text[OWNED_TEXT_MAX];
    const size_t size = owned_format(&o, text);

    if (target_write(t, OWNED_XATTR, view_make(text, size)) == 0)
        return 0;
    const int r = error_sys(err, "record the owner of '%.200s'", e->path);
    if (r == -EOPNOTSUPP)
        error_hint(
            err, r,
            "the store must be on a file system with user xattrs (ext4, xfs, btrfs), see --root");
    return r;
}

static bool lossy(int code)
{
    return code == EPERM || code == EOPNOTSUPP || code == EINVAL || code == EACCES;
}

static int set_xattrs(const struct target *t, const struct entry *e, enum owner_mode owner,
                      size_t *ret_lost, struct error *err)
{
    for (size_t i = 0; i < e->xattr_count; i++) {
        const struct xattr *x = &e->xattrs[i];
        char buf[META_XATTR_NAME_MAX];
        const char *name = meta_xattr_rule(x->name) != META_XATTR_KEEP ? NULL
                           : owner == OWNER_PLAIN                      ? x->name
                                                  : meta_xattr_escape(x->name, buf);

        if (name && target_write(t, name, x->value) == 0)
            continue;
        if (name && !lossy(errno))
            return error_sys(err, "set attribute '%.200s' of '%.200s'", x->name, e->path);
        if (owner == OWNER_RECORDED && strcmp(x->name, CAPABILITY) == 0 &&
            target_write(t, OWNED_XATTR_CAP, x->value) == 0)
            continue;
        if (ret_lost)
            ++*ret_lost;
    }
    return 0;
}

static int set_recorded(const struct target *t, const struct entry *e, struct error *err)
{
    const bool plain = e->type == ENTRY_FILE || e->type == ENTRY_DIR;
    int r = set_mode(t, e, e->mode, err);

    if (r == 0 && (!plain || e->uid != 0 || e->gid != 0))
        r = set_record(t, e, err);
    return r;
}

/* A device that could not be made is a file with a record; the mode on disk is its own. */
static int set_device(const struct target *t, const struct entry *e, struct error *err)
{
    struct stat st;

    if (fstatat(t->dirfd, t->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return error_sys(err, "stat '%.200s'", e->path);
    return S_ISREG(st.st_mode) ? set_record(t, e, err) : 0;
}

int meta_set(int dirfd, const char *name, int fd, const struct entry *e, enum owner_mode owner,
             size_t *ret_lost, struct error *err)
{
    const struct target t = target_of(dirfd, name, fd);
    int r = 0;

    if (e->type == ENTRY_WHITEOUT)
        return 0;
    if (owner != OWNER_RECORDED)
        r = set_owner(&t, e, err);
    if (r == 0 && e->type != ENTRY_SYMLINK)
        r = owner == OWNER_RECORDED ? set_recorded(&t, e, err) : set_mode(&t, e, e->mode, err);
    if (r == 0 && owner == OWNER_REAL && (e->type == ENTRY_CHAR || e->type == ENTRY_BLOCK))
        r = set_device(&t, e, err);
    if (r == 0 && e->xattr_count > 0)
        r = set_xattrs(&t, e, owner, ret_lost, err);
    return r;
}

int meta_set_time(int dirfd, const char *name, int fd, const struct entry *e, struct error *err)
{
    const struct timespec mtime = {e->mtime_s, e->mtime_ns};
    const struct timespec times[2] = {mtime, mtime};
    const int r =
        fd >= 0 ? futimens(fd, times) : utimensat(dirfd, name, times, AT_SYMLINK_NOFOLLOW);

    return r < 0 ? error_sys(err, "set the time of '%.200s'", e->path) : 0;
}

int meta_set_opaque(int fd, struct error *err)
{
    return fsetxattr(fd, OPAQUE, "y", 1, 0) < 0 ? error_sys(err, "make a directory opaque") : 0;
}

/* ---- reading ---- */

struct reading {
    struct target at;
    struct arena *arena;
    struct entry *entry;
    struct view record, cap; /* at == NULL: absent */
};

static int read_value(struct reading *rd, const char *name, struct view *ret, struct error *err)
{
    char buf[1024];
    ssize_t n = target_read(&rd->at, name, buf, sizeof(buf));

    if (n >= 0) {
        *ret = view_make(arena_strndup(rd->arena, buf, (size_t)n), (size_t)n);
        return 0;
    }
    if (errno != ERANGE)
        return error_sys(err, "read attribute '%.200s' of '%.200s'", name, rd->at.name);
    char *big = arena_alloc(rd->arena, META_XATTR_VALUE_MAX + 1);
    n = target_read(&rd->at, name, big, META_XATTR_VALUE_MAX);
    if (n < 0)
        return error_sys(err, "read attribute '%.200s' of '%.200s'", name, rd->at.name);
    *ret = view_make(big, (size_t)n);
    return 0;
}

/* Version 3 with the root of the namespace that looks at it is how user namespaces write version
 * 2. */
static struct view plain_capability(struct arena *a, struct view v)
{
    struct vfs_ns_cap_data cap;
    const uint32_t revision = VFS_CAP_REVISION_3;

    if (v.size != sizeof(cap))
        return v;
    memcpy(&cap, v.at, sizeof(cap));
    if ((cap.magic_etc & VFS_CAP_REVISION_MASK) != revision || cap.rootid != 0)
        return v;
    cap.magic_etc = (cap.magic_etc & ~VFS_CAP_REVISION_MASK) | VFS_CAP_REVISION_2;
    return view_make(arena_strndup(a, (const char *)&cap, XATTR_CAPS_SZ_2), XATTR_CAPS_SZ_2);
}

static int keep_xattr(struct reading *rd, const char *disk_name, struct error *err)
{
    struct entry *e = rd->entry;
    char buf[META_XATTR_NAME_MAX];
    struct view value;

    if (strcmp(disk_name, OWNED_XATTR) == 0)
        return read_value(rd, disk_name, &rd->record, err);
    if (strcmp(disk_name, OWNED_XATTR_CAP) == 0)
        return read_value(rd, disk_name, &rd->cap, err);
    if (strcmp(disk_name, OPAQUE) == 0 && e->type == ENTRY_DIR) {
        const int r = read_value(rd, disk_name, &value, err);

        e->opaque = r == 0 && view_eq_text(value, "y");
        return r;
    }
    const char *name = meta_xattr_unescape(disk_name, buf);
    if (!name)
        return 0;
    const int r = read_value(rd, disk_name, &value, err);
    if (r < 0)
        return r;
    if (strcmp(name, CAPABILITY) == 0)
        value = plain_capability(rd->arena, value);
    e->xattrs[e->xattr_count++] = (struct xattr){arena_strdup(rd->arena, name), value};
    return 0;
}

static int by_name(const void *a, const void *b)
{
    const struct xattr *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static int keep_list(struct reading *rd, struct view names, struct error *err)
{
    struct entry *e = rd->entry;
    size_t count = 1; /* one more: a recorded capability */

    for (size_t i = 0; i < names.size; i++)
        count += names.at[i] == '\0';
    if (count > META_XATTRS_MAX)
        return error_set(err, -EDQUOT, "'%.200s' has %zu extended attributes", rd->at.name, count);
    e->xattrs = arena_alloc(rd->arena, count * sizeof(*e->xattrs));
    for (size_t i = 0; i < names.size; i += strlen(names.at + i) + 1) {
        const int r = keep_xattr(rd, names.at + i, err);

        if (r < 0)
            return r;
    }
    bool has_cap = false;
    for (size_t i = 0; i < e->xattr_count; i++)
        has_cap |= strcmp(e->xattrs[i].name, CAPABILITY) == 0;
    if (rd->cap.at && !has_cap)
        e->xattrs[e->xattr_count++] = (struct xattr){CAPABILITY, rd->cap};
    qsort(e->xattrs, e->xattr_count, sizeof(*e->xattrs), by_name);
    return 0;
}

static int read_xattrs(struct reading *rd, struct error *err)
{
    char buf[1024];
    ssize_t n = target_list(&rd->at, buf, sizeof(buf));

    if (n > 0)
        return keep_list(rd, view_make(buf, (size_t)n), err);
    if (n == 0 || errno == EOPNOTSUPP)
        return 0;
    if (errno != ERANGE)
        return error_sys(err, "list the attributes of '%.200s'", rd->at.name);
    cleanup_free char *big = xmalloc(XATTR_LIST_MAX);
    n = target_list(&rd->at, big, XATTR_LIST_MAX);
    if (n < 0)
        return error_sys(err, "list the attributes of '%.200s'", rd->at.name);
    return keep_list(rd, view_make(big, (size_t)n), err);
}

static enum entry_type type_of(const struct stat *st)
{
    return S_ISCHR(st->st_mode) && st->st_rdev == 0 ? ENTRY_WHITEOUT
                                                    : entry_type_of_mode(st->st_mode);
}

static int apply_record(struct reading *rd, enum owner_mode owner, struct error *err)
{
    struct entry *e = rd->entry;
    struct owned o;

    if (!rd->record.at)
        return 0;
    if (owned_parse(rd->record, &o) < 0 || (o.type == 'd') != (e->type == ENTRY_DIR))
        return error_set(err, -EINVAL, "'%.200s' has a damaged record of its owner", rd->at.name);
    if (o.type == 'c' && o.major == 0 && o.minor == 0)
        return error_set(err, -EINVAL, "'%.200s' has the record of a whiteout", rd->at.name);
    if (owner == OWNER_REAL && o.type != 'c' && o.type != 'b')
        return 0; /* forged: nobody records owners here */
    if (owner == OWNER_RECORDED) {
        e->uid = o.uid;
        e->gid = o.gid;
    }
    e->type = o.type == 'c'   ? ENTRY_CHAR
              : o.type == 'b' ? ENTRY_BLOCK
              : o.type == 'p' ? ENTRY_FIFO
                              : e->type;
    e->major = o.major;
    e->minor = o.minor;
    if (e->type != ENTRY_FILE)
        e->size = 0;
    return 0;
}

static int read_link(struct reading *rd, struct error *err)
{
    char text[PATH_MAX];
    const ssize_t n = readlinkat(rd->at.dirfd, rd->at.name, text, sizeof(text));

    if (n < 0)
        return error_sys(err, "read link '%.200s'", rd->at.name);
    if ((size_t)n == sizeof(text))
        return error_set(err, -ENAMETOOLONG, "link '%.200s' is too long", rd->at.name);
    rd->entry->link = arena_strndup(rd->arena, text, (size_t)n);
    return 0;
}

static struct entry entry_of(const struct stat *st)
{
    struct entry e = {
        .type = type_of(st),
        .mode = st->st_mode & 07777,
        .uid = st->st_uid,
        .gid = st->st_gid,
        .mtime_s = st->st_mtim.tv_sec,
        .mtime_ns = (uint32_t)st->st_mtim.tv_nsec,
    };

    if (e.type == ENTRY_FILE)
        e.size = (uint64_t)st->st_size;
    if (e.type == ENTRY_SYMLINK)
        e.mode = 0777;
    if (e.type == ENTRY_CHAR || e.type == ENTRY_BLOCK) {
        e.major = major(st->st_rdev);
        e.minor = minor(st->st_rdev);
    }
    return e;
}

int meta_get(int dirfd, const char *name, int fd, const struct stat *st, enum owner_mode owner,
             struct arena *a, struct entry *ret, struct error *err)
{
    struct stat own;

    if (!st) {
        if ((fd >= 0 ? fstat(fd, &own) : fstatat(dirfd, name, &own, AT_SYMLINK_NOFOLLOW)) < 0)
            return error_sys(err, "stat '%.200s'", name);
        st = &own;
    }
    if (S_ISSOCK(st->st_mode))
        return -ENOTSUP;
    struct entry e = entry_of(st);
    struct reading rd = {.arena = a, .entry = &e};
    int r = 0;

    if (e.type == ENTRY_WHITEOUT) {
        *ret = (struct entry){.type = ENTRY_WHITEOUT};
        return 0;
    }
    rd.at = target_of(dirfd, name, fd);
    if (e.type == ENTRY_SYMLINK)
        r = read_link(&rd, err);
    if (r == 0)
        r = read_xattrs(&rd, err);
    if (r == 0 && (e.type == ENTRY_FILE || e.type == ENTRY_DIR))
        r = apply_record(&rd, owner, err);
    if (r < 0)
        return r;
    *ret = e;
    return 0;
}
