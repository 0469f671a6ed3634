/* trust/certificate_internal.h - private to certificates. */
#pragma once

#include "trust/certificate.h"
#include "trust/key_internal.h"

struct certificate {
    const struct crypto *c;
    X509 *x509;
    struct str der;
};

struct certificate_list {
    struct certificate **at;
    size_t size, cap;
};

struct authority {
    const struct crypto *c;
    struct certificate_list roots, between;
};

/* What all chains are held against: libcrypto's level of 112 bits, so neither MD5 nor SHA-1, and RSA of 2,048 bits; and
 * that whatever is among the roots is one, though another may have signed it. */
void certificate_verify_at(const struct crypto *c, X509_VERIFY_PARAM *p, int64_t at_s);

/* certificate_identity.c: -EBADMSG: it is somebody else's. */
MUST_CHECK int certificate_check_identity(const struct certificate *x,
                                          const struct certificate_identity *who,
                                          struct error *err);
