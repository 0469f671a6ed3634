/* base/owned.h - records of owner and device for files that cannot have them (one-id users).
 *
 * Files and directories carry the extended attribute OWNED_XATTR with the text
 *
 *     "<uid> <gid> <type>"   or   "<uid> <gid> c|b <major>:<minor>"
 *
 * in decimal, one blank between; type is f (file), d (directory), p (fifo), c, b (devices). A
 * device or fifo is an empty regular file on disk whose record says what it is. An absent record
 * means 0:0. Permissions are on disk as they are: root of the holder's user namespace reads
 * whatever has its one id, and a chmod() needs nobody to watch it.
 *
 * Symbolic links and real fifos cannot carry user xattrs: while a RUN step runs, their owners go to
 * a table file beside the upper directory, one record after the other (append-only, the last one
 * wins):
 *
 *     "<uid> <gid> <inode> <path>" NUL
 *
 * path is below the root of the container, no leading '/'. inode is the number of the file in the
 * upper directory, or 0 when not known: a record with a number follows its file through rename(),
 * one without matches by path. The writer first makes sure that the file is in the upper directory
 * (a real lchown() to 0:0 through the overlay copies it up). Files of the layers below may be there
 * by the numbers that they have in their own directories: one file system, so they are nobody else's.
 */
#pragma once

#include <stdint.h>

#include "base/str.h"

#define OWNED_XATTR "user.cooper.stat"
/* bytes of a security.capability that could not be set */
#define OWNED_XATTR_CAP "user.cooper.cap"
#define OWNED_XATTR_PREFIX "user.cooper." /* ours alone: stripped and refused in archives */
#define OWNED_TEXT_MAX 64

struct owned {
    uint32_t uid, gid;
    char type; /* one of "fdpcb" */
    uint32_t major, minor;
};

/* Returns the length of the text in buf. */
size_t owned_format(const struct owned *o, char buf[static OWNED_TEXT_MAX]);
/* All of text must be a record: else -EINVAL. */
MUST_CHECK int owned_parse(struct view text, struct owned *ret);

struct owned_link {
    uint32_t uid, gid;
    uint64_t inode;
    const char *path; /* into the text that was read */
};

/* Appends one record, final NUL included: write it with one write() to an O_APPEND descriptor. */
void owned_link_format(const struct owned_link *l, struct str *ret);
/* Cuts the first record off *rest. 1: got one, 0: the end, -EINVAL. */
MUST_CHECK int owned_link_next(struct view *rest, struct owned_link *ret);
