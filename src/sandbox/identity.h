/* sandbox/identity.h - who we are to the kernel, and which ids a container may have. */
#pragma once

#include <sys/types.h>

#include "base/env.h"
#include "base/error.h"

enum identity {
    IDENTITY_ROOT,   /* euid 0 in a namespace with all ids: container ids on disk, RUN in a private
                        range */
    IDENTITY_SUBIDS, /* a user with ranges in /etc/subuid and /etc/subgid, and newuidmap */
    IDENTITY_SINGLE, /* one id; owners are recorded, not had */
};

struct id_range {
    uint32_t inside, outside, count;
};
#define ID_RANGES_MAX 8

/* A plain value. The ranges are those of the holder's user namespace; for IDENTITY_ROOT, whose
 * holder is in none of its own, they are the identity. */
struct identity_map {
    enum identity kind;
    uid_t uid; /* ours, outside */
    gid_t gid;
    struct id_range uids[ID_RANGES_MAX], gids[ID_RANGES_MAX];
    size_t uid_count, gid_count;
    const char *note; /* a constant sentence for people, or NULL: why it is not more than this */
};

const char *identity_name(enum identity kind); /* "root", "subids", "single" */

/* Looks at the kernel, /etc/subuid and the helpers. $COOPER_IDENTITY=subids|single asks for less
 * than there is. A kernel that is too old, or user namespaces that are switched off, are errors of
 * their own with the mending hint; a missing newuidmap is a note. */
MUST_CHECK int identity_detect(struct identity_map *ret, struct error *err);

/* Error for a user namespace that could not be made (cause is the errno): reads below proc_sys
 * ("/proc/sys") which switch is to blame and says how to turn it. Returns a negative errno. */
MUST_CHECK int identity_explain(const char *proc_sys, int cause, struct error *err);

/* Adds the hint to what the seccomp filter of an engine around us forbids. Returns code. */
int identity_filtered(int code, struct error *err);

/* Ranges of a user in the text of /etc/subuid: lines `name:start:count`, name or number. Appends to
 * ranges (inside ids go on from next_inside); malformed, empty and overlapping lines are left out
 * as newuidmap does. Returns the number of ranges now there. */
size_t identity_parse_subids(struct view text, const char *name, uid_t uid, uint32_t next_inside,
                             struct id_range *ranges, size_t count);
