/* oci/descriptor.h - what one document says about a blob: type, digest, size (image-spec 1.1,
 * descriptor.md). */
#pragma once

#include "base/doc.h"
#include "base/vec.h"
#include "oci/digest.h"
#include "oci/media.h"
#include "oci/platform.h"

#define DESCRIPTOR_URLS_MAX 8 /* that are tried */
#define DESCRIPTOR_SIZE_MAX (INT64_C(1) << 62)

/* Texts are borrowed from doc, and doc from the document that it stands in. */
struct descriptor {
    const char *media_type;
    const char *digest_text; /* as written; grammatical */
    /* zero where the algorithm is not sha256: descriptor_need_sha256() complains */
    struct digest digest;
    uint64_t size;             /* bytes */
    const char *artifact_type; /* or NULL */
    bool has_platform;
    struct platform platform;
    json_t *annotations; /* an object, or NULL */
    json_t *doc;
};

/* what names it in messages: "layers[3]". Everything the schema of image-spec 1.1 refuses is
 * -EINVAL, but for an artifactType of one word and annotations that are null, which others write and read. */
MUST_CHECK int descriptor_read(json_t *doc, const char *what, struct descriptor *ret,
                               struct error *err);
/* What descriptors, manifests and indexes have in common: *ret stays as it was where there is none. */
MUST_CHECK int descriptor_read_annotations(json_t *doc, json_t **ret, struct error *err);
MUST_CHECK int descriptor_read_artifact_type(json_t *doc, const char **ret, struct error *err);
/* -ENOTSUP, naming the algorithm, for digests that we cannot check. */
MUST_CHECK int descriptor_need_sha256(const struct descriptor *d, struct error *err);
/* The text of an annotation, or NULL. */
const char *descriptor_annotation(const struct descriptor *d, const char *key);

/* Where else a layer is that must not be passed on, appended; other descriptors' urls are not believed (image-spec 1.1,
 * layer.md, Non-Distributable Layers). */
void descriptor_urls(const struct descriptor *d, struct strings *ret);

/* A new {"mediaType", "digest", "size"}; more keys may be set on it. */
json_t *descriptor_new(const char *media_type, const struct digest *digest, uint64_t size);
/* Adds "platform". */
void descriptor_set_platform(json_t *descriptor, const struct platform *p);
/* Adds to "annotations", made when absent. */
void descriptor_set_annotation(json_t *descriptor, const char *key, const char *value);

#define ANNOTATION_REF_NAME "org.opencontainers.image.ref.name"
#define ANNOTATION_IMAGE_NAME "io.containerd.image.name"
#define ANNOTATION_CREATED "org.opencontainers.image.created"
#define ANNOTATION_REFERENCE_TYPE "vnd.docker.reference.type" /* "attestation-manifest" */
