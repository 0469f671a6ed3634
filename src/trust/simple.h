/* trust/simple.h - what cosign's oldest form signs ("simple signing", cosign specs/SIGNATURE_SPEC.md):
 *
 *     {"critical":{"identity":{"docker-reference":R},"image":{"docker-manifest-digest":D},
 *                  "type":"cosign container image signature"},"optional":null or {...}}
 *
 * The bytes are what is signed, so the same value in another spelling is not signed. */
#pragma once

#include "base/doc.h"
#include "oci/digest.h"

#define SIMPLE_SIZE_MAX (64u << 10) /* some 300 bytes are usual; annotations are the user's */

struct simple {
    json_t *doc;           /* owned */
    const char *reference; /* a claim: policies compare it, cosign does not */
    struct digest digest;  /* of the manifest that is meant */
    bool has_time;
    int64_t time_s; /* of "timestamp" in "optional", which containers' tools write */
};
/* Anything but these keys in "critical" is -EINVAL: it may say what we would not obey. */
MUST_CHECK int simple_read(struct view payload, struct simple *ret, struct error *err);
void simple_done(struct simple *s);
/* Appends the text. optional: an object, or NULL. */
void simple_print(const char *reference, const struct digest *digest, json_t *take_optional,
                  struct str *ret);
