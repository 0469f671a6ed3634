/* trust/rekor.h - what a transparency log says about a signature, checked offline with the log's public key
 * (sigstore's Rekor). It is a promise to take the entry (a signed entry timestamp), or a proof that it is in the log
 * (trust/inclusion.h), or both; cosign keeps the first in an annotation of the signature's layer,
 *
 *     {"SignedEntryTimestamp": S, "Payload": {"body": B, "integratedTime": T, "logIndex": I, "logID": L}}
 *
 * and bundles have a TransparencyLogEntry of protobuf. S is the log's signature over the payload in canonical JSON (RFC
 * 8785). B is what the log has: "hashedrekord" 0.0.1, "dsse" 0.0.1 or "intoto" 0.0.2, each with a hash, a signature and
 * the key or certificate of who signed. It proves nothing of another signature than the one that it has in it
 * (CVE-2022-23649, CVE-2026-22703), so rekor_verify() compares all three. */
#pragma once

#include "trust/inclusion.h"

#define REKOR_SIZE_MAX (64u << 10) /* bytes; 4 KiB are usual */

struct rekor_entry {    /* read, not believed */
    struct str payload; /* canonical: what the promise signs */
    struct str promise; /* the log's signature over it; empty: there is none */
    int64_t time_s;     /* when the log took it; only a promise vouches for it */
    struct str body;    /* the leaf of the log's tree */
    bool has_proof;
    struct inclusion proof;
    struct digest hash; /* SHA-256 of what was signed; of an envelope, of its payload */
    struct str signature;
    struct str signer; /* DER of a public key, or of a certificate */
};
/* The text of the annotation. */
MUST_CHECK int rekor_read(struct view text, struct rekor_entry *ret, struct error *err);
/* An entry of a bundle. */
MUST_CHECK int rekor_read_entry(const json_t *doc, struct rekor_entry *ret, struct error *err);
void rekor_done(struct rekor_entry *e);
#define REKOR_INIT                                                                                 \
    ((struct rekor_entry){.payload = STR_INIT,                                                     \
                          .promise = STR_INIT,                                                     \
                          .body = STR_INIT,                                                        \
                          .signature = STR_INIT,                                                   \
                          .signer = STR_INIT})
#define REKOR_AUTO(name) CLEANUP(rekor_done) struct rekor_entry name = REKOR_INIT

/* -EBADMSG: not of this log, or about another signature. All that the log says must hold, and it must say something.
 * signer: DER. data: what the entry's hash is of. */
MUST_CHECK int rekor_verify(const struct rekor_entry *e, const struct trust_key *log,
                            struct view signer, struct view data, struct view signature,
                            struct error *err);
