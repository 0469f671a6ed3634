/* build/view.h - what a COPY reads: the files of a build context or of merged layers, asked in one
 * way. */
#pragma once

#include "build/file_filter.h"
#include "layer/context.h"
#include "layer/merge.h"

/* A plain value; one of the two is set. */
struct tree_view {
    struct context *context; /* not const: digests are computed when asked for */
    const struct merge *merge;
};

/* Follows links inside the tree; *ret_path is plain, *ret_type what it is. -ENOENT and as
 * context_resolve(), merge_resolve(). */
MUST_CHECK int view_resolve(const struct tree_view *v, struct view path, struct str *ret_path,
                            enum entry_type *ret_type, struct error *err);
/* Calls for each name directly in the directory (plain path), sorted; a negative answer ends it. */
MUST_CHECK int view_children(const struct tree_view *v, struct view directory,
                             int (*call)(void *ctx, struct view name, enum entry_type type),
                             void *ctx);
/* True when there is something at the plain path itself, no link followed. */
bool view_has(const struct tree_view *v, struct view path);
/* Digest of what is at and below the plain path, but for what filter (NULL: nothing; relative to
 * path) leaves out. parts: enum content_part. */
MUST_CHECK int view_content(const struct tree_view *v, struct view path, int parts,
                            const struct file_filter *filter, struct digest *ret,
                            struct error *err);

/* "a" and "b" are "a/b"; either may be "". */
void view_join(struct str *path, struct view name);
