/* image/tools.h - what work on images needs: the store, its relations, and the holder, started when
 * first needed. */
#pragma once

#include "base/env.h"
#include "image/wire.h"
#include "sandbox/holder.h"
#include "store/cache.h"
#include "store/images.h"

struct image_tools {
    const struct env *env;
    struct store *store;
    struct cache *cache;
    struct identity_map ids; /* set once the holder is wanted */
    struct holder *holder;   /* NULL until image_holder() */
    struct job *sync; /* store_sync() of what earlier commands left, beside the work of this one */
    bool sync_considered;
    struct wire *wire;                /* NULL until image_wire() */
    const struct wire_access *access; /* of it, borrowed; NULL: nothing was said */
    const struct wire_access *write;  /* where it is another for what is written; or NULL */
};
#define IMAGE_TOOLS_AUTO(name) CLEANUP(image_tools_done) struct image_tools name = {0}

/* Opens env->store_root and its cache. */
MUST_CHECK int image_tools_open(const struct env *env, struct image_tools *ret, struct error *err);
/* Only the store; cache stays NULL. Enough for image_open() and what the holder does; saves the
 * milliseconds of a database. */
MUST_CHECK int image_tools_open_store(const struct env *env, struct image_tools *ret,
                                      struct error *err);
/* What speaks to registries; made when it is asked for first. */
struct wire *image_wire(struct image_tools *t);
/* Stops the holder, closes the rest. */
void image_tools_done(struct image_tools *t);
/* Detects the identity, binds the store to it and starts the holder, once. */
MUST_CHECK int image_holder(struct image_tools *t, struct holder **ret, struct error *err);
/* For who will want it soon, and has other things to do until it is ready. What fails, fails again there. */
void image_holder_ahead(struct image_tools *t);
