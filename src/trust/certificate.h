/* trust/certificate.h - who signed, by a certificate instead of a key that is known: the chain up to a given
 * authority, at a given moment, and the identity that the certificate states. Offline: revocation is not looked up. */
#pragma once

#include <regex.h>

#include "trust/key.h"

#define IDENTITY_MAX 1024                /* bytes of a name or pattern, where patterns are used */
#define CERTIFICATE_CHAIN_MAX 16         /* that come with a signature */
#define CERTIFICATE_STORE_MAX 256        /* of one authority */
#define CERTIFICATE_PEM_MAX (512u << 10) /* bytes of a file or annotation */

/* Authorities, and certificates between them and those that sign. */
struct authority;
/* between: PEM, may be empty. */
MUST_CHECK int authority_read(const struct crypto *c, struct view roots, struct view between,
                              struct authority **ret, struct error *err);
void authority_free(struct authority *a);
DEFINE_CLEANUP(struct authority *, authority_free)
const struct crypto *authority_crypto(const struct authority *a);

struct certificate;
/* The one certificate in pem. */
MUST_CHECK int certificate_read(const struct crypto *c, struct view pem, struct certificate **ret,
                                struct error *err);
void certificate_free(struct certificate *x);
DEFINE_CLEANUP(struct certificate *, certificate_free)
struct view certificate_der(const struct certificate *x);

/* A POSIX extended regular expression that finds its text anywhere, as cosign's do: of what RE2 has just the part that
 * both read alike, -EINVAL else. */
MUST_CHECK int identity_pattern_read(const char *text, regex_t **ret, struct error *err);
void identity_pattern_free(regex_t *p);

/* What the certificate has to say; NULL: nothing. Names are compared byte for byte. */
struct certificate_identity {
    /* of the token that Fulcio was shown: its extension 1.3.6.1.4.1.57264.1.1 or .8 */
    const char *issuer;
    const char *email, *hostname; /* of the subject's alternative names */
    const char *name; /* any of them: an e-mail address, a URI, a host, Fulcio's name of a user */
    const regex_t *issuer_like, *name_like;
};
/* -EBADMSG: it is not of the authority, was not valid then, may not sign code, or is somebody else's. chain: PEM that came
 * with it, of which nothing is believed; may be empty. *ret: its key. */
MUST_CHECK int certificate_verify(const struct certificate *x, const struct authority *a,
                                  struct view chain, const struct certificate_identity *who,
                                  int64_t at_s, struct trust_key **ret, struct error *err);
