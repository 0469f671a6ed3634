/* image/jobs.h - the jobs that image work needs, for the table of the holder's jobs. */
#pragma once

#include "sandbox/holder.h"

/* "layer-load": a packed layer (fds[0], from offset) becomes a blob and a tree, both verified.
 * "layer-pack": a tree, or the plain bytes of a blob, packed into fds[0]; without one only its diff id
 * is computed. "image-tar": the merged files of trees as an archive to fds[0]. "image-tree": the same
 * into the directory fds[0], or its "interim". "image-over": packed layers of fds[1..] one over the
 * other into its "interim" (image/interim.h). "tree-join": several trees become one. "spool": fds[0] decompressed into fds[1]. "store-sweep": deletes what
 * the dead left in tmp/. "store-sync": store_sync(). "tree-verify": compares the tree fds[0] with its index. */
extern const struct job_row image_jobs[];
extern const size_t image_job_count;
