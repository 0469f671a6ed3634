/* build/cache_doc.h - what steps made, as a document that travels in the configuration of an image whose layers they
 * are: CACHE_DOC_KEY of a cache that was exported, or of an image with an inline cache.
 *
 *     {"version": 1, "steps": [{"definition": hex, "content": hex, "below": hex, "layer": 3, "tree": hex,
 *                               "created": seconds}]}
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
struct cache_steps {
    struct cache_step *at;
    size_t size, cap;
};
void cache_steps_done(struct cache_steps *s);

json_t *cache_doc_new(const struct cache_steps *s);
/* A stranger's: every layer is below layer_count; -EINVAL says what is wrong. A version that is not known has no
 * steps. */
MUST_CHECK int cache_doc_parse(const json_t *doc, size_t layer_count, struct cache_steps *ret,
                               struct error *err);
