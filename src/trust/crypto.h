/* trust/crypto.h - libcrypto, loaded by the first command that signs or verifies: linked, it would
 * cost every start of the program 0.7 ms. */
#pragma once

#include "base/str.h"

struct crypto;
/* -ENOTSUP with the package's name as hint when it is not there. Nothing of the system's
 * configuration of OpenSSL is read. */
MUST_CHECK int crypto_open(struct crypto **ret, struct error *err);
void crypto_close(struct crypto *c);
DEFINE_CLEANUP(struct crypto *, crypto_close)

/* Bytes that nobody can foresee, from the kernel. */
MUST_CHECK int crypto_random(void *to, size_t size, struct error *err);

/* Secrets leave no copies: such strings are overwritten before they are freed. Reserve before
 * adding, growth moves them. */
void secret_done(struct str *s);
#define SECRET_AUTO(name) CLEANUP(secret_done) struct str name = STR_INIT
