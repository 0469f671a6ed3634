/* image/kept.h - what spoke for an image when it came, kept for when it is used: signed/<hex> of the
 * store is a small layout with the manifest or index that was asked for, and all that the policy read
 * beside it. Its digests are checked again by whoever reads it; its signatures are verified again
 * each time. */
#pragma once

#include "image/testimony.h"
#include "image/tools.h"

/* Adds to what was kept before. t was read with `keep`. */
MUST_CHECK int kept_write(const struct env *env, const struct testimony *t, struct error *err);
/* -ENOENT: nothing was kept for this digest. */
MUST_CHECK int kept_open(const struct env *env, const struct digest *d, struct site **ret,
                         struct error *err);
/* Removes what is for no image that a record names; what is younger than a day may be for one that is
 * about to be written down. */
MUST_CHECK int kept_sweep(struct image_tools *t, struct error *err);
