/* trust/secretbox.h - nacl's secretbox: XSalsa20 and Poly1305, a 16-byte tag before the text
 * (Bernstein: "Cryptography in NaCl", sections 7 to 9). libcrypto has Poly1305 only. */
#pragma once

#include <stdint.h>

#include "trust/crypto.h"

#define SECRETBOX_KEY_SIZE 32
#define SECRETBOX_NONCE_SIZE 24
#define SECRETBOX_TAG_SIZE 16

/* The two halves of XSalsa20, for tests: HSalsa20 makes a key out of a key and 16 bytes; the stream
 * of that key and the 8 bytes left is XORed to data, from block on (64 bytes each). */
void hsalsa20(const uint8_t key[static 32], const uint8_t in[static 16], uint8_t ret[static 32]);
void salsa20_xor(const uint8_t key[static 32], const uint8_t nonce[static 8], uint64_t block,
                 uint8_t *data, size_t size);

/* Appends tag and ciphertext to ret. */
MUST_CHECK int secretbox_seal(const struct crypto *c, const uint8_t key[static 32],
                              const uint8_t nonce[static 24], struct view text, struct str *ret,
                              struct error *err);
/* Appends the text; -EBADMSG, with no text to it, when the tag is not that of key and box. */
MUST_CHECK int secretbox_open(const struct crypto *c, const uint8_t key[static 32],
                              const uint8_t nonce[static 24], struct view box, struct str *ret,
                              struct error *err);
