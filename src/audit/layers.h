/* audit/layers.h - the layers of an image as an audit sees them: what is in them by index, and the bytes of few files.
 * An image of the store has its indexes there already; of a layout, archive or registry each layer is read once, in order,
 * and nothing is kept. */
#pragma once

#include "audit/picks.h"
#include "image/image.h"
#include "image/source.h"
#include "layer/codec.h"

#define AUDIT_ENTRIES_MAX 1000000           /* of all layers: the largest images met have 300,000 */
#define AUDIT_NAMES_MAX (UINT64_C(1) << 27) /* bytes of their paths */

struct audit_layers {
    struct image_view view; /* top first */
    struct picks picks;
    uint64_t entries, names; /* so far */
};
void audit_layers_done(struct audit_layers *l);
#define AUDIT_LAYERS_AUTO(name) CLEANUP(audit_layers_done) struct audit_layers name = {0}

/* -EDQUOT: too large to be audited. */
MUST_CHECK int audit_layers_of_image(struct image_tools *t, const struct image *i,
                                     struct audit_layers *ret, struct error *err);
/* Layers that a registry has are fetched one at a time, into a file without a name that is gone with it; those that the
 * store has as blobs are read there. */
MUST_CHECK int audit_layers_of_source(struct image_tools *t, struct image_source *s,
                                      const struct image_source_image *i, struct audit_layers *ret,
                                      struct error *err);
/* One more layer on top of those that are there, from an archive in any compression. */
MUST_CHECK int audit_layers_add(struct audit_layers *l, struct codec_reader *in, struct error *err);

/* A file that shows: its pick, through links; NULL: none, or its bytes were not kept. */
const struct pick *audit_layers_file(const struct audit_layers *l, const char *path,
                                     struct merge_file *ret_file);
/* The number of a layer of the view, from the bottom. */
uint32_t audit_layer_number(const struct audit_layers *l, size_t of_view);
