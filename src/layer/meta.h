/* layer/meta.h - owner, mode, device and extended attributes of a file as the container sees them.
 *
 * OWNER_REAL: they are on disk as they are (root; or root of a user namespace with subordinate
 * ids). OWNER_RECORDED: there is one id; see base/owned.h for what is on disk instead. OWNER_PLAIN:
 * a directory of the user's, which no store ever reads: as OWNER_REAL, but nothing is escaped and
 * nothing recorded.
 *
 * Extended attributes of a layer are user.*, trusted.* and security.capability; others
 * (security.selinux, system.*) belong to the machine. A stranger's user.overlay.* and
 * trusted.overlay.* are escaped on disk (user.overlay.overlay.*, as Linux 6.7 does it) and
 * unescaped when read; unescaped ones are the kernel's. user.cooper.* is ours and never part of a
 * layer. */
#pragma once

#include <sys/stat.h>

#include "base/owned.h"
#include "layer/entry.h"

enum owner_mode { OWNER_REAL, OWNER_RECORDED, OWNER_PLAIN };

#define META_XATTRS_MAX 256        /* of one file; ext4 holds fewer, xfs rarely more */
#define META_XATTR_VALUE_MAX 65536 /* XATTR_SIZE_MAX of Linux */
#define META_XATTR_NAME_MAX 256    /* XATTR_NAME_MAX and the NUL */

enum meta_xattr {
    META_XATTR_KEEP,   /* part of the layer */
    META_XATTR_IGNORE, /* belongs to the machine: left out without a word */
    META_XATTR_REFUSE, /* user.cooper.*: a stranger who sends it wants to forge owners */
};
/* What becomes of an attribute with this name, as archives spell it. */
enum meta_xattr meta_xattr_rule(const char *name);
/* The name on disk of what the container calls `name`: name itself, or buf. A name that gets too
 * long is NULL. */
const char *meta_xattr_escape(const char *name, char buf[static META_XATTR_NAME_MAX]);
/* The other way; NULL: not part of a layer (the kernel's, ours, the machine's). Points into name or
 * buf. */
const char *meta_xattr_unescape(const char *disk_name, char buf[static META_XATTR_NAME_MAX]);

/* Makes dirfd/name, which must not exist, as a directory, symlink, device, fifo or whiteout
 * (devices and fifos are empty files for OWNER_RECORDED, and devices we may not make for OWNER_REAL;
 * -EPERM for OWNER_PLAIN). Directories are made 0700: meta_set() says the rest, best when they are
 * full. Not for files and hard links. -EEXIST when the name is taken. */
MUST_CHECK int meta_make(int dirfd, const char *name, const struct entry *e, enum owner_mode owner,
                         struct error *err);
/* Gives dirfd/name (made by us, of e's type) the owner, mode and xattrs of e, in the order that
 * keeps setuid and capabilities. fd: the open file or directory, or -1. Attributes that the file
 * system or our rights refuse (trusted.* of an ordinary user) are left out and counted in *ret_lost
 * (may be NULL). The mtime: meta_set_time(). */
MUST_CHECK int meta_set(int dirfd, const char *name, int fd, const struct entry *e,
                        enum owner_mode owner, size_t *ret_lost, struct error *err);
MUST_CHECK int meta_set_time(int dirfd, const char *name, int fd, const struct entry *e,
                             struct error *err);

/* Reads dirfd/name without following it: everything of *ret but path, content and hard links. link
 * and xattrs are in the arena. opaque and ENTRY_WHITEOUT are recognised. Sockets are -ENOTSUP. fd:
 * the open file or directory, or -1. st: what fstatat() said, or NULL. */
MUST_CHECK int meta_get(int dirfd, const char *name, int fd, const struct stat *st,
                        enum owner_mode owner, struct arena *a, struct entry *ret,
                        struct error *err);
/* Marks a directory of ours as opaque for the overlay. */
MUST_CHECK int meta_set_opaque(int fd, struct error *err);
