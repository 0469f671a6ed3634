/* layer/check.h - is a directory of the store still what its index says? */
#pragma once

#include "layer/meta.h"
#include "layer/scan.h"

/* Reads everything below fs_fd and compares it with the index, times left out. -EPROTO names the
 * first difference. The index is believed where the disk cannot say it: owners of symbolic links
 * and fifos for OWNER_RECORDED, trusted.* where we may not have any, user.* of symbolic links and
 * special files. */
MUST_CHECK int check_tree(int fs_fd, const struct index *want, enum owner_mode owner,
                          struct error *err);
