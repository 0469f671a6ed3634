/* distro/verify.h - OpenPGP signatures, checked by the program gpgv. */
#pragma once

#include "base/str.h"
#include "base/vec.h"

#define VERIFY_KEYRING_MAX (4u << 20)
#define VERIFY_KEYRINGS_MAX 64

/* Keys to trust: paths of keyrings, binary or armoured, and key blocks. */
struct keys {
    struct strings paths;
    const char *block; /* armoured, or NULL */
};
/* The keys that apt trusts where no source says Signed-By: trusted.gpg, trusted.gpg.d and the
 * archive's keyring, as far as they are there. root: "/". */
void keys_of_machine(const char *root, struct strings *ret);

/* The signed message of an InRelease file if at least one good signature of those keys is on it and
 * no bad one. -ENOTSUP: no gpgv (hint); -EACCES: not signed by these keys, expired or revoked ones,
 * or altered: the text says which. what: for messages. */
MUST_CHECK int verify_inrelease(struct view file, const struct keys *keys, const char *what,
                                struct str *ret_text, struct error *err);

/* Armoured keys to binary ones: bytes without armour are taken as they are. -EINVAL. */
MUST_CHECK int verify_dearmour(struct view text, struct str *ret, struct error *err);
/* Reads gpgv's --status-fd lines; pure. */
MUST_CHECK int verify_status(struct view status, const char *what, struct error *err);
