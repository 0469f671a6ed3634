/* cli/password.h - passwords: of keys, asked for as cosign asks; of registries. */
#pragma once

#include "trust/crypto.h"

/* $COSIGN_PASSWORD where it is set, empty too; else from the terminal, without echo, twice where a
 * new one is chosen; else all of standard input, as it is. */
MUST_CHECK int password_get(const char *question, bool is_new, struct str *ret, struct error *err);
/* From the terminal on standard input, without echo. */
MUST_CHECK int password_ask(const char *question, struct str *ret, struct error *err);
