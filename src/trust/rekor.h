/* trust/rekor.h - what a transparency log promised about a signature, checked offline with the log's public key
 * (sigstore's Rekor, signed entry timestamp; cosign keeps it in an annotation of the signature's layer):
 *
 *     {"SignedEntryTimestamp": S, "Payload": {"body": B, "integratedTime": T, "logIndex": I, "logID": L}}
 *
 * S is the log's signature over the payload in canonical JSON (RFC 8785). B is a "hashedrekord" 0.0.1: a hash, a
 * signature and the key or certificate of who signed. A promise proves nothing of another signature than the one that
 * it has in it (CVE-2022-23649, CVE-2026-22703), so rekor_verify() compares all three. */
#pragma once

#include "base/doc.h"
#include "trust/key.h"

#define REKOR_SIZE_MAX (64u << 10) /* bytes; 4 KiB are usual */

struct rekor_entry {    /* read, not believed */
    struct str payload; /* canonical: what is signed */
    struct str promise; /* the log's signature over it */
    int64_t time_s;     /* when the log took it */
    struct digest hash; /* SHA-256 of what was signed */
    struct str signature;
    struct str signer; /* DER of a public key, or of a certificate */
};
MUST_CHECK int rekor_read(struct view text, struct rekor_entry *ret, struct error *err);
void rekor_done(struct rekor_entry *e);
#define REKOR_AUTO(name)                                                                           \
    CLEANUP(rekor_done)                                                                            \
    struct rekor_entry name = {                                                                    \
        .payload = STR_INIT, .promise = STR_INIT, .signature = STR_INIT, .signer = STR_INIT}

/* -EBADMSG: not of this log, or about another signature. signer: DER. */
MUST_CHECK int rekor_verify(const struct rekor_entry *e, const struct trust_key *log,
                            struct view signer, struct view data, struct view signature,
                            struct error *err);
