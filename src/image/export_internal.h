/* image/export_internal.h - private to image: images on their way into one output. */
#pragma once

#include "image/bundle.h"
#include "image/export.h"
#include "image/queue.h"
#include "layer/write.h"

struct export_layer {          /* what goes out */
    const struct codec *codec; /* NULL: nobody knows yet */
    struct digest digest;
    uint64_t size;
    bool fresh;           /* packed just now: it need not be hashed again */
    struct write_toc toc; /* of what can be fetched file by file; else zero, as the next two */
    struct digest diff_id;
    uint64_t plain_size;
    struct store_blob_writer *writer; /* while it is being packed, else NULL */
};

struct exporting {
    struct image_tools *tools;
    struct image *image;
    const struct output *output;
    struct export_layer *layers; /* as the record's */
    struct str config;           /* as it goes out: with the diff ids that the layers have there */
    struct digest id;
    struct str manifest;
    struct digest manifest_digest;
    bool docker;         /* its types are docker's */
    json_t *annotations; /* of the manifest: new ones; or NULL */
};

/* All of them: one, or one for each platform. */
struct export_set {
    struct exporting *at;
    size_t count;
    const struct output *output;
    struct strings names;       /* canonical */
    struct str index;           /* where it has one: export_has_index() */
    struct digest index_digest; /* zero: it has none */
};

static inline bool export_has_index(const struct export_set *set)
{
    return set->count > 1 || set->output->index;
}

/* export_blobs.c: those that are in the store in a form that will do. */
MUST_CHECK int export_find_blobs(struct exporting *x, struct error *err);
/* The blob of one that must not be passed on: it goes to no registry, and its descriptor stays. */
bool export_is_foreign(const struct exporting *x, size_t i);
/* Packs the others; idle (or NULL) works meanwhile. */
MUST_CHECK int export_pack_blobs(struct exporting *x, const struct queue_idle *idle,
                                 struct error *err);

/* Configuration and manifest of one whose blobs are all known; the index of several. */
MUST_CHECK int export_make_documents(struct exporting *x, struct error *err);
void export_make_index(struct export_set *set);
const char *export_manifest_type(const struct exporting *x);
const char *export_index_type(const struct export_set *set);

/* export_registry.c: to the registries of its names. */
MUST_CHECK int export_registry(struct export_set *set, struct error *err);

/* export_bundle.c: all of a layout or docker archive. */
MUST_CHECK int export_bundle(struct export_set *set, struct error *err);
