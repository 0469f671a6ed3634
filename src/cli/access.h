/* cli/access.h - words about registries that many commands take: who one is there, and which certificates are believed. */
#pragma once

#include "cli/cli.h"
#include "image/wire.h"

struct access_words {
    const char *tls_verify, *auth_file, *cert_dir;
    const char *creds, *user, *password, *token;
    bool nobody;
};

#define OPT_TLS_VERIFY(type, field)                                                                \
    OPT_MAYBE(0, "tls-verify", type, field.tls_verify, "true|false",                               \
              "false: take any certificate, and plain HTTP (default: for loopback only)")
#define OPT_AUTH_FILE(type, field)                                                                 \
    OPT_TEXT(0, "authfile", type, field.auth_file, "FILE",                                         \
             "the one file of logins (default: docker's and podman's)")
/* Of commands for which one registry may be several ones. */
#define OPT_REGISTRIES(type, field)                                                                \
    OPT_AUTH_FILE(type, field),                                                                    \
        OPT_TEXT(0, "cert-dir", type, field.cert_dir, "DIR",                                       \
                 "*.crt, *.cert, *.key of registries (default: certs.d)"),                         \
        OPT_TLS_VERIFY(type, field)
/* Of commands that speak to one registry. */
#define OPT_REGISTRY(type, field)                                                                  \
    OPT_TEXT(0, "creds", type, field.creds, "NAME[:PASSWORD]",                                     \
             "this login instead of a kept one; others can see a password here"),                  \
        OPT_REGISTRIES(type, field)
/* Of one of two, "src-" or "dest-". */
#define OPT_REGISTRY_OF(side, of, type, field)                                                     \
    OPT_TEXT(0, side "creds", type, field.creds, "NAME[:PASSWORD]",                                \
             "login at " of "; others can see a password here"),                                   \
        OPT_TEXT(0, side "username", type, field.user, "NAME", "the same, in two options"),        \
        OPT_TEXT(0, side "password", type, field.password, "TEXT", "the password of that name"),   \
        OPT_TEXT(0, side "registry-token", type, field.token, "TEXT",                              \
                 "a bearer token for " of ", used as it is"),                                      \
        OPT_FLAG(0, side "no-creds", type, field.nobody, "no login at " of),                       \
        OPT_TEXT(0, side "authfile", type, field.auth_file, "FILE",                                \
                 "the one file of logins for " of),                                                \
        OPT_TEXT(0, side "cert-dir", type, field.cert_dir, "DIR", "*.crt, *.cert, *.key of " of),  \
        OPT_MAYBE(0, side "tls-verify", type, field.tls_verify, "true|false",                      \
                  "as --tls-verify, of " of " alone")

/* -EINVAL where words exclude each other; a password that is not there is asked for. Texts stay borrowed. */
MUST_CHECK int access_read(const struct access_words *words, struct wire_access *ret,
                           struct error *err);
