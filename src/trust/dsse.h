/* trust/dsse.h - envelopes of signed documents (secure-systems-lab/dsse, version 1). */
#pragma once

#include "base/doc.h"
#include "base/vec.h"
#include "trust/key.h"

#define DSSE_SIZE_MAX (32u << 20) /* an SBOM of 100,000 files has 20 MiB; cosign allows 128 */
#define DSSE_SIGNATURES_MAX 32    /* each costs a verification a key */

struct dsse {
    char *type; /* of the payload: "application/vnd.in-toto+json" */
    struct str payload;
    VEC(struct str) signatures;
};
/* doc is the envelope, parsed. */
MUST_CHECK int dsse_read(const json_t *doc, struct dsse *ret, struct error *err);
void dsse_done(struct dsse *d);
/* -EBADMSG: none of its signatures is the key's. */
MUST_CHECK int dsse_verify(const struct dsse *d, const struct trust_key *k, struct error *err);
/* A new envelope with one signature. */
MUST_CHECK int dsse_sign(const char *type, struct view payload, const struct trust_key *k,
                         json_t **ret, struct error *err);
/* What is signed: "DSSEv1 <length> <type> <length> <payload>". */
void dsse_pae(const char *type, struct view payload, struct str *ret);
