/* cli/keys.h - keys that --key names: a file, or "env://NAME" as in cosign. */
#pragma once

#include "trust/key.h"

/* The public key, or the public half of a private one that needs no password. */
MUST_CHECK int keys_read(const struct crypto *c, const char *name, struct trust_key **ret,
                         struct error *err);
/* The private key; asks for its password where it has one. */
MUST_CHECK int keys_open(const struct crypto *c, const char *name, struct trust_key **ret,
                         struct error *err);
