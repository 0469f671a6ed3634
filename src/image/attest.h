/* image/attest.h - attestations as artifacts beside an image. */
#pragma once

#include "image/export_internal.h"

struct attestation {
    struct view blobs[2]; /* its configuration and its statement */
    struct view manifest;
    struct digest digest;  /* of the manifest */
    struct digest subject; /* whom it speaks of */
};
/* A new descriptor of its manifest, with the artifact's type. */
json_t *attestation_descriptor(const struct attestation *a);
typedef int attestation_put(void *ctx, const struct attestation *a, struct error *err);
/* Gives every attestation of every image of the set to put. */
MUST_CHECK int export_attestations(const struct export_set *set, attestation_put *put, void *ctx,
                                   struct error *err);
