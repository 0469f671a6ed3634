/* layer/context_check.h - what a copy takes out of a context is held against what the keys were made of.
 *
 * Files may change, come and go between the walk that made a step's key and the copy that makes its layer. Such a layer
 * must not be recorded under that key: the copy ends with -EAGAIN. */
#pragma once

#include "layer/context.h"
#include "layer/copy.h"

struct context_check;
/* fd: what context_save_all() wrote; -1 knows of nothing. */
MUST_CHECK int context_check_open(int fd, struct context_check **ret, struct error *err);
void context_check_free(struct context_check *c);
DEFINE_CLEANUP(struct context_check *, context_check_free)

/* copy_source.known and copy_source.seen, from several threads at once. */
bool context_check_known(struct context_check *c, const char *path, size_t number,
                         const struct stat *st, struct digest *ret, bool *ret_plain);
MUST_CHECK int context_check_seen(struct context_check *c, const struct copy_seen *s,
                                  struct error *err);
/* copy_source.list. */
size_t context_check_find(const struct context_check *c, const char *path);
bool context_check_at(const struct context_check *c, size_t i, struct copy_listed *ret);
void context_check_taken(struct context_check *c, size_t i);
/* Behind the copy: everything at and below path but its top was met. skip (may be NULL): names, relative to path, that
 * the copy left out, as in copy_source. */
MUST_CHECK int context_check_end(const struct context_check *c, const char *path,
                                 bool (*skip)(void *ctx, const char *rel, bool is_dir, bool *prune),
                                 void *ctx, struct error *err);
