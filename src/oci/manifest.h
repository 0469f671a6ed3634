/* oci/manifest.h - image manifests and indexes, OCI's and docker's schema 2: bytes in, values out.
 *
 * Raw bytes are kept, so that digests stay what they were; unknown fields stay in doc. A document
 * that is both an index and a manifest, or whose mediaType is not its kind, is refused
 * (CVE-2021-41190). */
#pragma once

#include "oci/descriptor.h"

/* the size that distribution-spec 1.1 asks registries to take */
#define MANIFEST_SIZE_MAX (4u << 20)
#define MANIFEST_LAYERS_MAX 4096 /* docker stops at 127; squashed monsters of other tools do not */
#define IMAGE_INDEX_MAX 16384

struct manifest {
    struct view raw;
    struct digest digest; /* of raw */
    const char *media_type;
    bool docker;               /* schema 2 */
    const char *artifact_type; /* or NULL */
    struct descriptor config;
    struct descriptor *layers;
    size_t layer_count;
    bool has_subject;
    struct descriptor subject;
    json_t *annotations; /* or NULL */
    json_t *doc;
};

struct image_index {
    struct view raw;
    struct digest digest;
    const char *media_type; /* MEDIA_OCI_INDEX where the document does not say */
    bool docker;
    struct descriptor *manifests;
    size_t manifest_count;
    const char *artifact_type; /* or NULL */
    const char *subject;       /* the digest of what it refers to, as written; or NULL */
    json_t *annotations;       /* or NULL */
    json_t *doc;
};

/* Bytes are copied. */
MUST_CHECK int manifest_parse(struct view bytes, struct manifest **ret, struct error *err);
void manifest_free(struct manifest *m);
DEFINE_CLEANUP(struct manifest *, manifest_free)
MUST_CHECK int image_index_parse(struct view bytes, struct image_index **ret, struct error *err);
void image_index_free(struct image_index *x);
DEFINE_CLEANUP(struct image_index *, image_index_free)

/* Which of the two the bytes are, by what they hold: MEDIA_INDEX or MEDIA_MANIFEST; neither is
 * -EINVAL. */
MUST_CHECK int manifest_kind(struct view bytes, enum media *ret, struct error *err);

/* Of one of the two, what both say. */
struct any_manifest {
    struct digest digest;
    uint64_t size;
    const char *media_type;
    const char *artifact_type; /* or NULL */
    const char *subject;       /* the digest of what it refers to, as written; or NULL */
    json_t *annotations;       /* or NULL */
    struct manifest *manifest; /* the rest: one is NULL */
    struct image_index *index;
};
MUST_CHECK int any_manifest_parse(struct view bytes, struct any_manifest *ret, struct error *err);
void any_manifest_done(struct any_manifest *m);
#define ANY_MANIFEST_AUTO(name) CLEANUP(any_manifest_done) struct any_manifest name = {0}

/* The entry that serves the platform best; attestations are never chosen. An index of a single
 * image that names no platform gives that one. -ENOENT names the platforms there are. */
MUST_CHECK int image_index_select(const struct image_index *x, const struct platform *want,
                                  const struct descriptor **ret, struct error *err);

/* Appends the text of a new manifest. Everything taken; layers is an array of descriptors,
 * annotations an object or NULL. */
void manifest_print(bool docker, json_t *take_config, json_t *take_layers, json_t *take_annotations,
                    struct str *ret);
void image_index_print(bool docker, json_t *take_manifests, json_t *take_annotations,
                       struct str *ret);

/* The file "oci-layout" of a layout directory. */
#define LAYOUT_FILE "oci-layout"
#define LAYOUT_TEXT "{\"imageLayoutVersion\":\"1.0.0\"}"
MUST_CHECK int layout_parse(struct view bytes, struct error *err);
/* In index.json: the entry with this tag or name (ref.name, containerd's image name), or the only
 * one when tag is NULL. -ENOENT names the tags there are; -ENOTUNIQ when there are several and none
 * was named. */
MUST_CHECK int layout_select(const struct image_index *x, const char *tag,
                             const struct descriptor **ret, struct error *err);
