/* image/internal.h - private to image. */
#pragma once

#include "image/image.h"

void image_add_blob(struct store_layer *l, const struct digest *digest, uint64_t size,
                    const char *media_type);
/* Looks for a packed form of the layer, by its diff id, that is in the store: 1 and added to
 * l->blobs, 0 when there is none. */
MUST_CHECK int image_find_blob(struct image_tools *t, struct store_layer *l, struct error *err);

/* An image by the exact name of its record. */
MUST_CHECK int image_open_record(struct image_tools *t, const char *name, struct image **ret,
                                 struct error *err);
/* Removes the records of other platforms that the image of this name has, but for those in keep. */
MUST_CHECK int image_forget_others(struct image_tools *t, const char *canonical, const json_t *keep,
                                   struct error *err);

/* What CACHE_TREE_DIFF calls the archive of a layer: the tree, or the tree and other times. */
void image_archive_key(const struct store_layer *l, struct digest *ret);
/* Adds to a request what becomes of a layer's times; job_times() reads it. */
void image_put_times(struct layer_times times, json_t *request);
/* Adds to a request for "layer-pack" which tree is wanted, with which times. */
void image_pack_tree(const struct store_layer *l, json_t *request);

/* Notes the diff id of a layer's canonical archive, in the image and in the cache. -EPROTO when the layer has
 * another one already. */
MUST_CHECK int image_take_diff_id(struct image_tools *t, struct store_layer *layer,
                                  const struct digest *diff_id, struct error *err);
