/* build/keep_job.h - cache mounts as trees, for caches that travel: jobs. */
#pragma once

#include "sandbox/holder.h"

/* {"cache": hex} -> {"tree": hex}, or {} when nothing is in it. -EAGAIN: a step has it mounted. */
int mount_keep_job(const struct job_context *ctx, const json_t *request, const int *fds,
                   size_t fd_count, json_t **ret, struct error *err);
/* {"cache", "tree", "uid", "gid", "mode"}: a cache mount that is not there yet begins with the tree. */
int mount_fill_job(const struct job_context *ctx, const json_t *request, const int *fds,
                   size_t fd_count, json_t **ret, struct error *err);
