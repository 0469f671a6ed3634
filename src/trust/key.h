/* trust/key.h - keys that sign images: what cosign makes and takes.
 *
 *     "PUBLIC KEY"                    SPKI: ECDSA on P-256, P-384, P-521; RSA of 2048 bits or more;
 *                                     Ed25519
 *     "PRIVATE KEY"                   PKCS#8 of the same; "EC" and "RSA" before it likewise
 *     "ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY"
 *                                     JSON: scrypt and nacl's secretbox around PKCS#8
 *
 * Signatures are cosign's: ECDSA over SHA-256 as ASN.1 DER, RSA PKCS#1 1.5 over SHA-256, Ed25519
 * over the text itself. On the larger curves the hash of the curve's own size is taken, too. */
#pragma once

#include "oci/digest.h"
#include "trust/crypto.h"

#define KEY_FILE_MAX (64u << 10)     /* bytes of a PEM file; RSA of 16384 bits needs 13 KiB */
#define KEY_SIGNATURE_MAX (4u << 10) /* bytes; RSA of 16384 bits makes 2 KiB */
#define KEY_PASSWORD_MAX 1024

struct trust_key;

/* The first public key in text. c must live as long as the key. */
MUST_CHECK int trust_key_read(const struct crypto *c, struct view pem, struct trust_key **ret,
                              struct error *err);
/* Whether a password is needed for the private key in text. */
bool trust_key_is_encrypted(struct view pem);
/* The private key in text, which can verify, too. -EACCES: the password is not the right one. */
MUST_CHECK int trust_key_open(const struct crypto *c, struct view pem, struct view password,
                              struct trust_key **ret, struct error *err);
/* A new one on P-256. */
MUST_CHECK int trust_key_new(const struct crypto *c, struct trust_key **ret, struct error *err);
void trust_key_free(struct trust_key *k);
DEFINE_CLEANUP(struct trust_key *, trust_key_free)

/* -EBADMSG: the signature is not that of key and data. */
MUST_CHECK int trust_key_verify(const struct trust_key *k, struct view data, struct view signature,
                                struct error *err);
MUST_CHECK int trust_key_sign(const struct trust_key *k, struct view data, struct str *ret,
                              struct error *err);

/* SHA-256 of the SPKI: its name in messages, and in base64 the hint of a sigstore bundle. */
const struct digest *trust_key_id(const struct trust_key *k);
/* The SPKI in DER. */
void trust_key_print_der(const struct trust_key *k, struct str *ret);
void trust_key_print_public(const struct trust_key *k, struct str *ret);
/* cosign's encrypted form. ret holds nothing secret. */
MUST_CHECK int trust_key_print_encrypted(const struct trust_key *k, struct view password,
                                         struct str *ret, struct error *err);
