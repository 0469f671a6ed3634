/* trust/evidence.h - what lies beside an image and may speak for it: signatures and attestations, in
 * the forms that tools write. Reading believes nothing; evidence_verify() is the verdict.
 *
 *     form      layer's media type                                signed bytes
 *     simple    application/vnd.dev.cosign.simplesigning.v1+json  the layer; its annotation is the signature
 *     dsse      application/vnd.dsse.envelope.v1+json             PAE of an in-toto statement
 *     bundle    application/vnd.dev.sigstore.bundle.v0.3+json     the same, or the image's manifest
 *
 * Verified means: a signature of this key over the exact bytes, which name the digest of the very
 * manifest at hand. Dates, logs and certificates are no part of it: policies ask for those (trust/proof.h). */
#pragma once

#include "oci/manifest.h"
#include "trust/dsse.h"
#include "trust/sigstore.h"
#include "trust/simple.h"
#include "trust/statement.h"

/* Each costs a download and a verification a key (CVE-2024-29903: endless signatures). */
#define EVIDENCE_COUNT_MAX 256
#define EVIDENCE_TOTAL_MAX (64u << 20) /* bytes of all that speak for one image */

#define MEDIA_COSIGN_SIMPLE "application/vnd.dev.cosign.simplesigning.v1+json"
#define MEDIA_DSSE "application/vnd.dsse.envelope.v1+json"
#define ANNOTATION_COSIGN_SIGNATURE "dev.cosignproject.cosign/signature"
#define ANNOTATION_COSIGN_CERTIFICATE "dev.sigstore.cosign/certificate"
#define ANNOTATION_COSIGN_CHAIN "dev.sigstore.cosign/chain"
#define ANNOTATION_COSIGN_LOG "dev.sigstore.cosign/bundle"
#define ANNOTATION_COSIGN_STAMP "dev.sigstore.cosign/rfc3161timestamp"

enum evidence_form { EVIDENCE_NONE, EVIDENCE_SIMPLE, EVIDENCE_DSSE, EVIDENCE_BUNDLE };

struct evidence {
    enum evidence_form form;
    struct str bytes;          /* the blob */
    struct str signature;      /* simple */
    struct simple simple;      /* simple */
    char *certificate, *chain; /* who signed, and what leads to an authority, PEM; or NULL */
    char *log, *stamp;         /* simple, dsse: what a log promised, and a clock said; or NULL */
    struct sigstore bundle;    /* bundle; the envelope of dsse, too */
    bool has_statement;
    struct statement statement;
};

/* The image that is spoken of. */
struct evidence_subject {
    struct digest digest;
    struct view manifest; /* the bytes of that digest */
};

enum evidence_form evidence_form_of(const struct descriptor *layer);
const char *evidence_form_name(enum evidence_form form);
/* How many bytes such a layer may have. */
uint64_t evidence_size_max(enum evidence_form form);

/* Reads the blob of a layer. What is not understood wholly is no evidence: -EINVAL and the like. */
MUST_CHECK int evidence_read(const struct descriptor *layer, struct view blob, struct evidence *ret,
                             struct error *err);
void evidence_done(struct evidence *e);
/* True for a signature of the image, false for a statement about it. */
bool evidence_is_signature(const struct evidence *e);
/* When it says that it was made; false where it does not. Worth as much as the signature. */
bool evidence_time(const struct evidence *e, int64_t *ret_s);
/* The name that a signature of the form simple gives the image; else NULL. */
const char *evidence_reference(const struct evidence *e);

/* -EBADMSG: not of this key, or about something else. */
MUST_CHECK int evidence_verify(const struct evidence *e, const struct evidence_subject *s,
                               const struct trust_key *k, struct error *err);
