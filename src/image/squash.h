/* image/squash.h - layers of an image joined to one. */
#pragma once

#include "image/tools.h"

/* A tree that does to the trees below (both bottom first) what `trees` do one after the other. Known
 * ones are taken out of the cache. */
MUST_CHECK int image_squash(struct image_tools *t, const struct digest *below, size_t below_count,
                            const struct digest *trees, size_t count, struct digest *ret,
                            struct error *err);
