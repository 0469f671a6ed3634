/* trust/sigstore.h - Sigstore bundles: one file with a signature and what is needed to check it
 * (sigstore/protobuf-specs, Bundle v0.3; 0.1 and 0.2 have the same parts). What is signed with a
 * key can be checked; certificates of Fulcio and entries of a log are not looked at. */
#pragma once

#include "trust/dsse.h"

#define MEDIA_SIGSTORE "application/vnd.dev.sigstore.bundle.v0.3+json"

struct sigstore {
    bool has_envelope;
    struct dsse envelope;
    struct digest digest; /* else: of the bytes that are signed, */
    struct str signature; /* and their signature */
};
MUST_CHECK int sigstore_read(struct view bytes, struct sigstore *ret, struct error *err);
void sigstore_done(struct sigstore *s);
/* Appends a bundle around an envelope. */
void sigstore_print(json_t *take_envelope, const struct trust_key *k, struct str *ret);
