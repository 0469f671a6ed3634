/* layer/scan.h - a directory (the upper one of an overlay after RUN, or any other) becomes an
 * index.
 *
 * Never follows a link, never leaves the directory; files that change while they are read are
 * -EAGAIN. Sockets are skipped. Other file systems mounted below are not entered (-EXDEV). */
#pragma once

#include "layer/index.h"
#include "layer/meta.h"

/* Ids on disk to ids of the container: [disk, disk + count) -> [inside, inside + count). */
struct scan_id_range {
    uint32_t disk, inside, count;
};

struct scan_options {
    enum owner_mode owner;
    const struct scan_id_range *uids,
        *gids; /* NULL: ids on disk are the container's. Ids outside are -EOVERFLOW */
    size_t uid_count, gid_count;
    /* Mount points that we made for a RUN step, paths below the root: left out while they are empty
     * (a directory whose entries are all left out is empty). */
    const char *const *stubs;
    size_t stub_count;
    int link_owners;  /* table of base/owned.h, or -1 */
    bool with_root;   /* the root directory becomes an entry */
    unsigned threads; /* that hash; 0: as many as processors, at most 4 */
};
#define SCAN_OPTIONS_INIT ((struct scan_options){.link_owners = -1})

MUST_CHECK int scan_tree(int dirfd, const struct scan_options *o, struct index **ret,
                         struct error *err);
