/* oci/media.h - media types of images: OCI image-spec 1.1, media-types.md, and docker's schema
 * 2. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum media {
    MEDIA_OTHER, /* artifacts, attestations: grammatical, but no image of ours */
    MEDIA_INDEX,
    MEDIA_MANIFEST,
    MEDIA_CONFIG,
    MEDIA_LAYER_TAR,
    MEDIA_LAYER_GZIP,
    MEDIA_LAYER_ZSTD,
    MEDIA_EMPTY, /* {}: the config of an artifact */
};

#define MEDIA_OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define MEDIA_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_OCI_CONFIG "application/vnd.oci.image.config.v1+json"
#define MEDIA_OCI_LAYER_TAR "application/vnd.oci.image.layer.v1.tar"
#define MEDIA_OCI_LAYER_GZIP "application/vnd.oci.image.layer.v1.tar+gzip"
#define MEDIA_OCI_LAYER_ZSTD "application/vnd.oci.image.layer.v1.tar+zstd"
#define MEDIA_IN_TOTO "application/vnd.in-toto+json" /* in-toto attestation, spec/v1/bundle.md */
#define MEDIA_OCI_EMPTY "application/vnd.oci.empty.v1+json"
#define MEDIA_DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define MEDIA_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define MEDIA_DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"
#define MEDIA_DOCKER_LAYER_TAR "application/vnd.docker.image.rootfs.diff.tar"
#define MEDIA_DOCKER_LAYER_GZIP "application/vnd.docker.image.rootfs.diff.tar.gzip"

/* What the type means, docker's and OCI's alike; parameters behind ';' are not part of it. */
enum media media_of(const char *type);
bool media_is_docker(const char *type);
bool media_is_layer(enum media m);
/* Foreign and non-distributable layers: fetched, never uploaded. */
bool media_is_foreign(const char *type);
/* The type of the same layer in docker's schema 2, or OCI's; NULL: it has none, or it is no layer. */
const char *media_layer_as(const char *type, bool docker);
/* "type/subtype" as RFC 6838, 4.2 has it: 127 bytes each at most. */
bool media_valid(const char *type);
/* One such part alone: no media type, but what people call their artifacts. */
bool media_is_word(const char *type);
