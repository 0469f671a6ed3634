/* build/cache_doc.h - what steps made, as a document that travels in the configuration of an image whose layers they
 * are: CACHE_DOC_KEY of a cache that was exported, or of an image with an inline cache.
 *
 *     {"version": 1, "steps": [{"definition": hex, "content": hex, "below": hex, "layer": 3, "tree": hex,
 *                               "created": seconds}],
 *      "mounts": [{"id": hex, "layer": 4, "tree": hex}]}
 *
 * Of the keys at least one is there; "below" belongs to the definition (struct result). Pure. */
#pragma once

#include "build/solver.h"

struct view;

#define CACHE_DOC_KEY "cooper.cache"

struct cache_step {
    struct digest definition; /* zero: not there; the content key is the result's */
    struct result result;
    uint32_t layer; /* of the image, bottom first */
};
/* What was in a cache mount. */
struct cache_mount {
    struct digest id, tree;
    uint32_t layer;
};
struct cache_doc {
    VEC(struct cache_step) steps;
    VEC(struct cache_mount) mounts;
};
void cache_doc_done(struct cache_doc *d);

json_t *cache_doc_new(const struct cache_doc *d);
/* A stranger's: every layer is below layer_count; -EINVAL says what is wrong. A version that is not known has
 * nothing in it. */
MUST_CHECK int cache_doc_parse(const json_t *doc, size_t layer_count, struct cache_doc *ret,
                               struct error *err);
