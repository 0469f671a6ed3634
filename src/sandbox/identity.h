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

struct identity_map {
    enum identity kind;
    uid_t uid; /* ours, outside */
    gid_t gid;
    struct id_range uids[ID_RANGES_MAX], gids[ID_RANGES_MAX];
    size_t uid_count, gid_count;
};

const char *identity_name(enum identity kind); /* "root", "subids", "single" */
/* Looks at the kernel, /etc/subuid and the helpers. $COOPER_IDENTITY=single asks for less than
 * there is. What keeps user namespaces from working is an error of its own with the mending hint
 * (sysctl, AppArmor...). */
MUST_CHECK int identity_detect(struct identity_map *ret, struct error *err);
