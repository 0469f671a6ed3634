/* build/source_images.h - images that a build starts from or copies from: of the store, a layout, a registry. */
#pragma once

#include "build/build.h"
#include "build/source.h"
#include "image/origin.h"
#include "image/tools.h"

struct source_images;

/* tools is borrowed. */
struct source_images *source_images_new(struct image_tools *tools, enum build_pull pull);
void source_images_free(struct source_images *s);
/* layout: "DIR[:TAG|@DIGEST]" that the name stands for; NULL: it is in the store or its registry, as --pull has it. Each is
 * looked for once. -ENOENT. */
MUST_CHECK int source_images_find(struct source_images *s, const char *name, const char *layout,
                                  const struct platform *platform, struct graph *g,
                                  const struct source_image **ret, struct error *err);

/* Adds where the image, or what it was made of, came from. */
void source_image_origins(const struct source_image *image, struct image_origins *ret);
/* What the store's record says about a layer of an image: the times of its archive, its blobs.
 * NULL: it has none. */
const struct store_layer *source_image_layer(const struct source_image *image, size_t layer);
/* The trees of an image, bottom first; loads what is in blobs only. Borrowed. */
MUST_CHECK int source_image_trees(struct image_tools *t, const struct source_image *image,
                                  const struct digest **ret, size_t *ret_count, struct error *err);
