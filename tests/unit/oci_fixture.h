/* tests/unit/oci_fixture.h - the parsers of image-spec's documents, each as bytes in and a verdict out. */
#pragma once

#include "oci/config.h"
#include "oci/manifest.h"
#include "unit.h"

static inline int try_manifest(struct view text, struct error *err)
{
    CLEANUP(manifest_freep) struct manifest *m = NULL;

    return manifest_parse(text, &m, err);
}

static inline int try_index(struct view text, struct error *err)
{
    CLEANUP(image_index_freep) struct image_index *x = NULL;

    return image_index_parse(text, &x, err);
}

static inline int try_config(struct view text, struct error *err)
{
    CONFIG_AUTO(c);

    return config_parse(text, &c, err);
}

static inline int try_descriptor(struct view text, struct error *err)
{
    cleanup_doc json_t *doc = NULL;
    struct descriptor d;
    const int r = doc_parse(text, 1 << 20, "descriptor", &doc, err);

    return r < 0 ? r : descriptor_read(doc, "descriptor", &d, err);
}
