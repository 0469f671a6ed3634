/* build/remote_job.h - what was fetched, or came on standard input, becomes a tree: jobs. */
#pragma once

#include "sandbox/holder.h"

/* fds: fs/ and directory of a tree in the making, filled by others; hashes it and writes its index.
 * {"file"} -> {"tree", "size", "body": digest of that file}. */
int adopt_job(const struct job_context *ctx, const json_t *request, const int *fds, size_t fd_count,
              json_t **ret, struct error *err);
/* fds: an archive, which becomes a tree: owners stay, devices are left out. {} -> {"tree"} */
int unpack_job(const struct job_context *ctx, const json_t *request, const int *fds,
               size_t fd_count, json_t **ret, struct error *err);
/* fds: where the bytes go. {"layers", "path", "max"}: a file of them, links followed within: -ENOENT,
 * -EDQUOT. */
int read_job(const struct job_context *ctx, const json_t *request, const int *fds, size_t fd_count,
             json_t **ret, struct error *err);
