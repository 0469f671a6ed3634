/* layer/entry.h - one file of a layer, as archives, directories and indexes all describe it. */
#pragma once

#include <sys/stat.h>

#include "base/str.h"
#include "oci/digest.h"

enum entry_type {
    ENTRY_FILE,
    ENTRY_DIR,
    ENTRY_SYMLINK,
    ENTRY_HARDLINK, /* to an entry of the same layer that sorts or comes before it */
    ENTRY_CHAR,
    ENTRY_BLOCK,
    ENTRY_FIFO,
    ENTRY_WHITEOUT, /* the name is removed from the layers below */
};

struct xattr {
    const char *name;
    struct view value;
};

struct entry {
    const char *path; /* below the root, no leading or trailing '/', no "." or ".."; "" is the root
                         itself */
    enum entry_type type;
    bool opaque; /* a directory that hides what the layers below have in it */
    /* of a tree just unpacked: a directory that the archive does not name; a root without entry */
    bool implied;
    uint32_t mode;     /* 07777 */
    uint32_t uid, gid; /* as the container sees them */
    uint32_t mtime_ns;
    uint64_t size; /* of files, bytes */
    int64_t mtime_s;
    uint32_t major, minor;
    const char *link;     /* symlink text; path of the first name for ENTRY_HARDLINK; else NULL */
    struct xattr *xattrs; /* sorted by name; names as the container sees them */
    size_t xattr_count;
    struct digest content; /* of files */
};

/* Of what stat() says; a socket is a file here, as no layer has any. */
enum entry_type entry_type_of_mode(mode_t mode);
/* The order of a layer: parents before children, siblings by bytes ('/' sorts below every other
 * byte). */
int entry_path_cmp(const char *a, const char *b);
