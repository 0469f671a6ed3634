/* trust/notation.h - signatures of the Notary Project (notation) as JWS and COSE, and its trust policy
 * (notaryproject/specifications 1.1: signature-specification, signature-envelope-jws and -cose,
 * trust-store-trust-policy).
 *
 * Checked are integrity, authenticity (the chain ends in a certificate of a named store, the leaf is
 * an identity that is trusted), expiry, and that the certificates were valid: now, or where a store of authorities of time is
 * named at the time of the stamp (RFC 3161), which is a must then; of a signing authority at the time it states. Revocation
 * needs a network: a chain that names a responder or list fails that check, the signer's and the clock's. */
#pragma once

#include "base/vec.h"
#include "trust/evidence.h"

#define NOTATION_POLICY_MAX (1u << 20)
#define NOTATION_ENVELOPE_MAX (1u << 20) /* certificates are some KiB each */
#define NOTATION_CHAIN_MAX 16
#define NOTATION_STORE_MAX 256 /* certificates of a store */

#define MEDIA_NOTATION "application/vnd.cncf.notary.signature" /* of the manifest */
#define MEDIA_JWS "application/jose+json"
#define MEDIA_COSE "application/cose"

enum notation_check {
    NOTATION_AUTHENTICITY,
    NOTATION_TIMESTAMP,
    NOTATION_EXPIRY,
    NOTATION_REVOCATION,
    NOTATION_CHECKS
};
enum notation_action { NOTATION_ENFORCE, NOTATION_LOG, NOTATION_SKIP };

/* One trusted identity: attributes that the subject of the leaf must have. */
struct notation_name {
    struct strings keys, values; /* none: "*" */
};
struct notation_statement {
    char *name;
    struct strings scopes;
    bool skip; /* signatures are not looked at */
    enum notation_action action[NOTATION_CHECKS];
    struct strings stores;  /* "ca:name" */
    bool stamps;            /* one of them is of authorities of time */
    bool stamps_when_ended; /* which are asked once a certificate has ended (verifyTimestamp) */
    VEC(struct notation_name) identities;
};
struct notation_policy {
    VEC(struct notation_statement) statements;
};
/* True when the bytes are JSON with "trustPolicies". */
bool notation_is_policy(struct view text);
MUST_CHECK int notation_policy_parse(struct view text, struct notation_policy **ret,
                                     struct error *err);
void notation_policy_free(struct notation_policy *p);
DEFINE_CLEANUP(struct notation_policy *, notation_policy_free)
/* The statement for a repository ("registry.example/team/app"; NULL: that of "*" alone), or NULL. */
const struct notation_statement *notation_find(const struct notation_policy *p,
                                               const char *repository);
/* "C=US, ST=WA, O=acme": escapes by '\', no multi-valued parts. */
MUST_CHECK int notation_name_parse(const char *text, struct notation_name *ret, struct error *err);
void notation_name_done(struct notation_name *n);

enum notation_store { NOTATION_STORE_SIGNERS, NOTATION_STORE_TSA };
/* -EINVAL: a certificate that no trust store of this kind may have: of signers one that neither signs others nor is signed by
 * itself, of authorities of time one that is no root. One such makes the store void: it was put there by mistake, or not by
 * its owner. */
MUST_CHECK int notation_store_check(const struct crypto *c, enum notation_store kind,
                                    struct view der, struct error *err);

struct notation_facts {
    const struct crypto *c;
    const struct notation_statement *statement;
    struct digest digest; /* of the image's manifest */
    uint64_t size;
    const struct str *ca; /* DER of the certificates of the statement's stores of each kind */
    size_t ca_count;
    const struct str *authority;
    size_t authority_count;
    const struct str *clocks;
    size_t clock_count;
    int64_t now_s;
};
/* -EBADMSG, with the reason: what the statement enforces does not hold. What it only logs and does not
 * hold goes to *ret_log. */
MUST_CHECK int notation_verify(const struct notation_facts *f, struct view envelope,
                               struct strings *ret_log, struct error *err);
