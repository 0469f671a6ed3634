/* image/members.h - the members of a tar archive by name, and where their bytes are: for reading
 * them in place.
 *
 * Only plain files, hard links and symlinks are kept; what layers hold is never looked at here. */
#pragma once

#include "base/str.h"

#define MEMBER_NAME_MAX 4096
#define MEMBER_LINKS_MAX 8 /* from a name to its file: docker saves one, nobody needs a chain */

struct member {
    char *name; /* clean: no leading "./" or "/", no trailing '/' */
    /* hard link: a member's name; symlink: relative to name's directory; NULL: a file */
    char *link;
    bool symbolic;
    uint64_t offset, size; /* of files */
};
struct members {
    struct member *at; /* sorted by name; of a name that comes twice, the last */
    size_t size, cap;
};

/* Reads the headers with pread(); fd is a plain file. -EPROTO: cut short or damaged; -EDQUOT: more
 * than max members. */
MUST_CHECK int members_read(int fd, size_t max, struct members *ret, struct error *err);
void members_done(struct members *m);
/* The file that name stands for, links inside the archive followed; NULL when there is none. */
const struct member *members_find(const struct members *m, const char *name);
