/* build/file_job.h - the job of FILE ops, and what jobs of this module share. */
#pragma once

#include "layer/index.h"
#include "sandbox/holder.h"
#include "store/store.h"

/* request: {"inputs": [null | {"layers": [hex, ...]} | {"fd": n, "ignore": text, "walked": fd}], "steps": [...],
 * "data": fd, "now": seconds, "before": hex of the layer that the step made the last time}, and of the root below "layers": [hex, ...], or "below": fd of an index of what the
 * steps meet there and "chain": fd of the ids of its layers. run_file.c writes it. */
int file_job(const struct job_context *ctx, const json_t *request, const int *fds, size_t fd_count,
             json_t **ret, struct error *err);

/* "layers" of a request, bottom first. Caller frees. */
MUST_CHECK int job_layers(const json_t *request, struct digest **ret, size_t *ret_count,
                          struct error *err);
/* The directories of "layers" as an overlay wants them. */
struct lowers {
    int *fds; /* top first */
    size_t count;
    struct digest *layers; /* all of them, bottom first */
    size_t layer_count;
};
void lowers_done(struct lowers *l);
MUST_CHECK int lowers_open(struct store *s, const json_t *request, struct lowers *ret,
                           struct error *err);
/* Writes the index beside the tree, names it by its id and puts that into answer as "tree". t is freed. layers: those below
 * it, of which each has a tree of its own; NULL: none. */
MUST_CHECK int job_commit(struct store *s, struct store_tree *take_t, struct index *ix,
                          const struct digest *layers, size_t layer_count, json_t *answer,
                          struct error *err);
