/* build/secrets.h - what --secret and --ssh gave: bytes that no key, log, history or layer sees. */
#pragma once

#include "base/vec.h"

#define SECRET_SIZE_MAX (500u << 10) /* BuildKit's, so that a build that works there works here */

struct redactor; /* build/redact.h */
struct secrets;

/* -EINVAL where one of --secret is malformed; nothing is read. */
MUST_CHECK int secrets_check(const struct strings *secrets, struct error *err);
/* secrets: "id=ID[,src=FILE|,env=NAME][,cache-key=content]"; ssh: "ID[=SOCKET|KEY[,KEY...]]", the
 * default is $SSH_AUTH_SOCK. Files are read here, once. A secret whose variable is not set is not given. */
MUST_CHECK int secrets_open(const struct strings *secrets, const struct strings *ssh,
                            char *const *environ_, struct secrets **ret, struct error *err);
void secrets_close(struct secrets *s); /* wipes; NULL is fine */
DEFINE_CLEANUP(struct secrets *, secrets_close)

/* The ids, for the front end. */
const struct strings *secrets_ids(const struct secrets *s);
const struct strings *secrets_ssh_ids(const struct secrets *s);
/* The bytes; asking for an id that was not given is a mistake of ours. */
struct view secrets_value(const struct secrets *s, const char *id);
/* Takes all of them out of a stream; NULL: there are none. The caller frees it. */
struct redactor *secrets_redactor(const struct secrets *s);
/* True when the bytes are to count in the keys of steps that use them (cache-key=content). */
bool secrets_in_key(const struct secrets *s, const char *id);
/* The path of the agent's socket. */
const char *secrets_socket(const struct secrets *s, const char *id);
