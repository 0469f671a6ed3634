/* image/keep.h - care of the store where it takes the holder: files of other ids can be read and
 * deleted in its namespaces only. */
#pragma once

#include "image/tools.h"

/* store_sweep(), and in a job for what this process may not delete. To be called when no holder of
 * ours works on unfinished trees. */
MUST_CHECK int image_sweep(struct image_tools *t, struct error *err);
/* Ends the jobs that still run by stopping the holder, and deletes what they leave unfinished: a killed job cannot. */
void image_end_jobs(struct image_tools *t);
/* What is to be done when a store was opened: store_prove(), telling the user what was lost. */
MUST_CHECK int image_prove_store(struct image_tools *t, struct error *err);
/* store_sync() in a job that nobody waits for, once, if the store wants it: holder_submit() has been able to. */
void image_sync_beside(struct image_tools *t);
/* For struct verify: compares fs/ with index of one tree in a job; ctx is a struct image_tools. */
MUST_CHECK int image_verify_tree(void *ctx, int tree_fd, const struct digest *tree,
                                 struct error *err);
