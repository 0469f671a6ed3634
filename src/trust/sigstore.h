/* trust/sigstore.h - Sigstore bundles: one file with a signature and what is needed to check it
 * (sigstore/protobuf-specs, Bundle v0.3; 0.1 and 0.2 have the same parts). */
#pragma once

#include "trust/dsse.h"

#define SIGSTORE_PROOFS_MAX 32 /* entries of logs, and as many time stamps */
#define MEDIA_SIGSTORE "application/vnd.dev.sigstore.bundle.v0.3+json"

struct sigstore {
    bool has_envelope;
    struct dsse envelope;
    struct digest digest; /* else: of the bytes that are signed, */
    struct str signature; /* and their signature */
    /* What proves who signed it, and when; not read yet, NULL where there is none. */
    char *certificate, *chain; /* PEM */
    json_t *entries;           /* owned: of logs, an array for rekor_read_entry() */
    json_t *stamps; /* owned: of authorities of time, an array of {"signedTimestamp": base64} */
};
MUST_CHECK int sigstore_read(struct view bytes, struct sigstore *ret, struct error *err);
void sigstore_done(struct sigstore *s);
/* Appends a bundle around an envelope. */
void sigstore_print(json_t *take_envelope, const struct trust_key *k, struct str *ret);
