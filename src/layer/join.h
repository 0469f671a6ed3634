/* layer/join.h - several layers become one that does the same to what lies below: for squashing.
 *
 * Names are looked up from the top; only the indexes are read. A directory that a lower layer of
 * those joined had as something else, or had removed, becomes opaque. */
#pragma once

#include "layer/merge.h"
#include "layer/meta.h"

struct joined {
    struct index *index;
    size_t *layers; /* for each entry of the index: the layer it comes from */
};
void joined_done(struct joined *j);

/* layers[0] is the top. below: what the result will lie on; whiteouts and opaque marks that hide
 * nothing there are left out. NULL: it will be the lowest layer, and has none. */
MUST_CHECK int join_layers(const struct index *const *layers, size_t count,
                           const struct merge *below, struct joined *ret, struct error *err);
/* The joined layer's files into the empty directory `to`, out of the layers' fs/ directories: files
 * are linked, not copied. */
MUST_CHECK int join_files(const struct joined *j, const int *fs, int to, enum owner_mode owner,
                          struct error *err);
