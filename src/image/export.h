/* image/export.h - an image of the store as something others read. */
#pragma once

#include "image/image.h"
#include "image/output.h"

struct export_result {
    struct digest manifest; /* zero for tar and local */
    struct digest config;   /* the image id */
    uint64_t manifest_size;
    const char *media_type; /* of the manifest, or of the index of several platforms */
};

/* Writes the image to o->dest. It is called by names (references in any form, or NULL) and
 * o->names; where there is neither, by record.name. OUTPUT_IMAGE saves it in the store under those
 * names; OUTPUT_REGISTRY pushes it to the registries of all of them. Files are made beside their place and renamed; a layout directory
 * gets its entry added or replaced. ret may be NULL. */
MUST_CHECK int image_export(struct image_tools *t, struct image *i, const struct output *o,
                            const struct strings *names, struct export_result *ret,
                            struct error *err);
/* The same for an image of several platforms: an index of them; directories of tar and local are by
 * platform. ret->manifest is the index, ret->config zero. */
MUST_CHECK int image_export_all(struct image_tools *t, struct image *const *images, size_t count,
                                const struct output *o, const struct strings *names,
                                struct export_result *ret, struct error *err);
/* The merged files into a directory (made when absent, else empty), owners kept when we are
 * root. */
MUST_CHECK int image_unpack(struct image_tools *t, const struct image *i, const char *directory,
                            struct error *err);
