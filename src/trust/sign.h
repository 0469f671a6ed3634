/* trust/sign.h - the documents around a new signature or attestation, in cosign's two ways:
 *
 *     tag        the manifest behind the tag sha256-<hex>.sig or .att: one layer each
 *     referrer   a manifest with a subject, one layer, a Sigstore bundle */
#pragma once

#include "trust/evidence.h"

/* A blob to be stored, and what the layer that names it says. */
struct sign_layer {
    struct str blob;
    json_t *descriptor; /* owned */
};
void sign_layer_done(struct sign_layer *l);

/* optional: goes into the payload, or NULL. */
MUST_CHECK int sign_simple(const struct trust_key *k, const char *reference,
                           const struct digest *image, json_t *take_optional,
                           struct sign_layer *ret, struct error *err);
/* statement: the whole text (statement_print). */
MUST_CHECK int sign_dsse(const struct trust_key *k, struct view statement,
                         const char *predicate_type, struct sign_layer *ret, struct error *err);
MUST_CHECK int sign_bundle(const struct trust_key *k, struct view statement, struct sign_layer *ret,
                           struct error *err);

/* The manifest behind a tag with one layer more, and its configuration. old: what is there, or
 * NULL. -EDQUOT: there are as many as may be. */
MUST_CHECK int sign_tag_manifest(const struct manifest *old, const struct sign_layer *l,
                                 struct str *ret_manifest, struct str *ret_config,
                                 struct error *err);
/* The manifest that refers to subject (taken). created: RFC 3339. Its configuration is {}. */
void sign_referrer_manifest(const struct sign_layer *l, json_t *take_subject,
                            const char *predicate_type, const char *created,
                            struct str *ret_manifest);
