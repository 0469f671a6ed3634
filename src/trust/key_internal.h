/* trust/key_internal.h - private to keys. */
#pragma once

#include "trust/key.h"
#include "trust/libcrypto.h"

struct trust_key {
    const struct crypto *c;
    EVP_PKEY *pkey;
    bool secret;     /* can sign */
    struct str spki; /* DER */
    struct digest id;
};

/* Takes pkey over; refuses kinds and sizes that are not for signing. */
MUST_CHECK int trust_key_take(const struct crypto *c, EVP_PKEY *take_pkey, bool secret,
                              struct trust_key **ret, struct error *err);
/* PKCS#8 out of the encrypted form and back; secrets go to ret. */
MUST_CHECK int key_decrypt(const struct crypto *c, struct view json, struct view password,
                           struct str *ret, struct error *err);
MUST_CHECK int key_encrypt(const struct crypto *c, struct view pkcs8, struct view password,
                           struct str *ret, struct error *err);
