/* image/job_layer.h - private to image: what the jobs share. */
#pragma once

#include "image/image.h"
#include "image/jobs.h"
#include "layer/meta.h"
#include "layer/write.h"

int job_layer_load(const struct job_context *ctx, const json_t *request, const int *fds,
                   size_t fd_count, json_t **ret, struct error *err);
int job_layer_pack(const struct job_context *ctx, const json_t *request, const int *fds,
                   size_t fd_count, json_t **ret, struct error *err);
int job_image_tar(const struct job_context *ctx, const json_t *request, const int *fds,
                  size_t fd_count, json_t **ret, struct error *err);
int job_image_over(const struct job_context *ctx, const json_t *request, const int *fds,
                   size_t fd_count, json_t **ret, struct error *err);
int job_image_tree(const struct job_context *ctx, const json_t *request, const int *fds,
                   size_t fd_count, json_t **ret, struct error *err);

int job_tree_join(const struct job_context *ctx, const json_t *request, const int *fds,
                  size_t fd_count, json_t **ret, struct error *err);
int job_store_sweep(const struct job_context *ctx, const json_t *request, const int *fds,
                    size_t fd_count, json_t **ret, struct error *err);
int job_store_sync(const struct job_context *ctx, const json_t *request, const int *fds,
                   size_t fd_count, json_t **ret, struct error *err);
int job_tree_verify(const struct job_context *ctx, const json_t *request, const int *fds,
                    size_t fd_count, json_t **ret, struct error *err);

/* An optional digest of a request: zero when absent. */
MUST_CHECK int job_digest(const json_t *request, const char *key, struct digest *ret,
                          struct error *err);
/* What layer-pack says of the table of contents; zero where there is none. */
MUST_CHECK int job_read_toc(const json_t *answer, struct write_toc *ret, struct error *err);
/* A list of tree ids in hex. */
MUST_CHECK int job_trees(const json_t *request, const char *key, struct digests *ret,
                         struct error *err);
/* What image_put_times() wrote. */
MUST_CHECK int job_times(const json_t *request, struct layer_times *ret, struct error *err);
/* Beside fs/ of a tree in the making. */
MUST_CHECK int job_save_index(struct store_tree *tree, const struct index *index,
                              struct error *err);
/* How owners are kept on disk by this identity. */
enum owner_mode job_owner_mode(const struct job_context *ctx);
