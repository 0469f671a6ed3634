/* cli/prover.h - who must have said it: options that name a key, or the identity in a certificate, and what logs and
 * clocks must bear witness. The names are cosign's; that of the log's key, which cosign has in a variable, is ours. */
#pragma once

#include "cli/cli.h"
#include "trust/policy.h"

struct prover_options {
    const char *key, *identity, *identity_like, *issuer, *issuer_like;
    const char *chain, *roots, *between; /* files of certificates */
    const char *log, *clocks; /* files: a log's key, certificates of authorities of time */
    const char *trusted_root; /* a file of sigstore that has all of these */
};
#define OPT_PROVER(type, field)                                                                    \
    OPT_TEXT(0, "key", type, field.key, "FILE|env://NAME", "the public key"),                      \
        OPT_TEXT(0, "certificate-identity", type, field.identity, "NAME",                          \
                 "instead of a key: whom the certificate is of, an e-mail address or URI"),        \
        OPT_TEXT(0, "certificate-identity-regexp", type, field.identity_like, "PATTERN",           \
                 "the same by a pattern, which is not anchored"),                                  \
        OPT_TEXT(0, "certificate-oidc-issuer", type, field.issuer, "URL",                          \
                 "who vouched for the identity, by the certificate"),                              \
        OPT_TEXT(0, "certificate-oidc-issuer-regexp", type, field.issuer_like, "PATTERN",          \
                 "the same by a pattern, which is not anchored"),                                  \
        OPT_TEXT(0, "certificate-chain", type, field.chain, "FILE",                                \
                 "certificates of the authority, PEM; each of them is trusted"),                   \
        OPT_TEXT(0, "ca-roots", type, field.roots, "FILE", "root certificates of the authority"),  \
        OPT_TEXT(0, "ca-intermediates", type, field.between, "FILE",                               \
                 "certificates between those and the one that signed"),                            \
        OPT_TEXT(0, "rekor-public-key", type, field.log, "FILE",                                   \
                 "the key of a transparency log, which must have taken the signature"),            \
        OPT_TEXT(0, "timestamp-certificate-chain", type, field.clocks, "FILE",                     \
                 "certificates of an authority of time, which must have stamped it"),              \
        OPT_TEXT(                                                                                  \
            0, "trusted-root", type, field.trusted_root, "FILE",                                   \
            "sigstore's trusted_root.json: authorities, logs and clocks, instead of those files")

/* True where one of the options was given. */
bool prover_is_named(const struct prover_options *o);
/* -EINVAL: the options do not go together. */
MUST_CHECK int prover_check(const struct prover_options *o, struct error *err);
/* What they ask for, with all files read; requirement_done() frees it. */
MUST_CHECK int prover_make(const struct crypto *c, const struct prover_options *o,
                           struct requirement *ret, struct error *err);
