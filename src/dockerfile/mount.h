/* dockerfile/mount.h - the value of RUN --mount: "type=cache,target=/root/.cache" (Dockerfile
 * reference, RUN --mount).
 *
 * One line of CSV; keys know no case; the order does not matter but for `required`, which must come
 * behind its type. */
#pragma once

#include "dockerfile/words.h"

enum mount_type { MOUNT_BIND, MOUNT_CACHE, MOUNT_TMPFS, MOUNT_SECRET, MOUNT_SSH };
enum mount_sharing { MOUNT_SHARED, MOUNT_PRIVATE, MOUNT_LOCKED };

struct mount_spec {
    enum mount_type type;
    enum mount_sharing sharing;                    /* of a cache */
    const char *from, *source, *target, *id, *env; /* arena's; "" when absent */
    bool readonly, required;
    bool has_mode, has_uid, has_gid;
    uint64_t mode, uid, gid; /* 32 bits each */
    uint64_t size;           /* of a tmpfs; 0: no limit */
};

/* expand NULL: a check before the build, which looks at no value that holds a '$'. -EINVAL
 * otherwise. */
MUST_CHECK int mount_parse(struct view text, const struct words *expand, struct arena *arena,
                           struct mount_spec *ret, struct error *err);
/* What Go's strconv.ParseBool takes: "1", "t", "TRUE", ... */
MUST_CHECK bool mount_bool(struct view v, bool *ret);
const char *mount_type_name(enum mount_type type);
