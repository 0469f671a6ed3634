/* build/cache_spec.h - --cache-to and --cache-from: where a build cache is written to and taken from, in the words of
 * docker buildx. */
#pragma once

#include "base/vec.h"

enum cache_type {
    CACHE_LOCAL,    /* an OCI layout: a directory, or an archive to read */
    CACHE_INLINE,   /* in the image that is built */
    CACHE_REGISTRY, /* an image of a registry: a cache alone, or one with an inline cache; --cache-to NAME */
    CACHE_IMAGE,    /* --cache-from NAME: the same of the store, or else of its registry */
};

struct cache_spec {
    enum cache_type type;
    char *place;   /* directory, or name of the image; NULL: inline */
    char *tag;     /* of the layout; or NULL */
    char *output;  /* --cache-to: compression and the like, as --output has it; or NULL */
    bool max;      /* mode=max: every step, not only those of the result */
    bool mounts;   /* mounts=true: what is in cache mounts too */
    bool optional; /* ignore-error=true: the build is good without it */
};
void cache_spec_done(struct cache_spec *s);
/* -EINVAL; -ENOTSUP for the kinds that need a service on the network. */
MUST_CHECK int cache_to_parse(const char *text, struct cache_spec *ret, struct error *err);
MUST_CHECK int cache_from_parse(const char *text, struct cache_spec *ret, struct error *err);
