/* build/roots.h - the files of the roots that steps lie upon and read, for main's keys and plans.
 *
 * A root is seen through runs of layers: the index of one layer, or small neighbours folded into one, so that a chain
 * of n small steps has about log n of them, each step adds to what the step below it had, and 2,000 of them cost 2,000
 * times what one does. The roots that were used last are kept; the rest is made again when it is asked for. */
#pragma once

#include "build/graph.h"
#include "layer/merge.h"

struct build;
struct root;
struct roots;

struct roots *roots_new(struct build *b);
void roots_free(struct roots *r);
DEFINE_CLEANUP(struct roots *, roots_free)

/* The root's layers must be known (solver.h) and its image's trees there. To be closed, before roots_free(). */
MUST_CHECK int root_open(struct roots *r, struct op_ref ref, struct root **ret, struct error *err);
void root_close(struct root *root);
DEFINE_CLEANUP(struct root *, root_close)

const struct merge *root_merge(const struct root *root);
/* A small file of it ("etc/passwd"), links followed; "" when there is none. Read once for each content; borrowed from
 * the roots. */
MUST_CHECK int root_read(struct root *root, const char *path, struct view *ret, struct error *err);
