/* image/internal.h - private to image. */
#pragma once

#include "image/image.h"

/* Notes the diff id of a layer's canonical archive, in the image and in the cache. -EPROTO when the layer has
 * another one already. */
MUST_CHECK int image_take_diff_id(struct image_tools *t, struct store_layer *layer,
                                  const struct digest *diff_id, struct error *err);
