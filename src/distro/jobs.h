/* distro/jobs.h - the jobs that base images need, for the table of the holder's jobs. */
#pragma once

#include "sandbox/holder.h"

/* "base-select": indexes (fds) and a selection become a plan. "base-make": a plan, whose packages
 * are blobs of the store, becomes a tree. */
extern const struct job_row distro_jobs[];
extern const size_t distro_job_count;

/* Both as job_row.run has it. */
int select_job(const struct job_context *ctx, const json_t *request, const int *fds,
               size_t fd_count, json_t **ret, struct error *err);
int make_job(const struct job_context *ctx, const json_t *request, const int *fds, size_t fd_count,
             json_t **ret, struct error *err);
