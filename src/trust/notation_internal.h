/* trust/notation_internal.h - private: an envelope of notation, in whichever form it came. */
#pragma once

#include "trust/libcrypto.h"
#include "trust/notation.h"

#define NOTATION_PREFIX "io.cncf.notary."
#define NOTATION_STAMP NOTATION_PREFIX "timestampSignature" /* of the unprotected headers */

/* An envelope, taken apart; nothing of it is believed. */
struct envelope {
    const struct crypto *c;
    json_t *protected, *payload; /* as JWS has them: alg, cty, crit, times as texts */
    struct str signed_bytes, signature;
    X509 *chain[NOTATION_CHAIN_MAX]; /* the leaf first */
    struct str der[NOTATION_CHAIN_MAX];
    size_t count;
    struct str stamp; /* DER; empty: there is none */
    bool authority;   /* signing scheme */
    int64_t signed_s; /* when, as it says itself */
};

/* -EBADMSG with the reason. */
int notation_bad(struct error *err, const char *what);
/* Takes the bytes over. */
MUST_CHECK int envelope_add_certificate(struct envelope *e, struct str take_der, struct error *err);
/* The two forms (signature-envelope-jws, signature-envelope-cose). */
MUST_CHECK int envelope_read_jws(struct envelope *e, struct view bytes, struct error *err);
MUST_CHECK int envelope_read_cose(struct envelope *e, struct view bytes, struct error *err);
