/* registry/credentials.h - who one is at a registry: docker's config.json, containers' auth.json and
 * the credential helpers that both may name.
 *
 * Files, the first that knows the registry decides:
 *   1  $REGISTRY_AUTH_FILE
 *   2  $DOCKER_CONFIG/config.json, else ~/.docker/config.json
 *   3  $XDG_RUNTIME_DIR/containers/auth.json (/run/containers/UID without it), unless 1 is set
 *   4  $XDG_CONFIG_HOME/containers/auth.json, else ~/.config
 *   5  ~/.dockercfg, docker's first format
 * Within one: the helper of credHelpers for the registry, else that of credsStore; then the entry of
 * auths with the longest path that begins the repository's name, at last that of the host alone.
 * docker.io has a historic key, "https://index.docker.io/v1/", besides its own.
 *
 * What is wrong with a file or a helper is a warning: public images are there for everybody. Helpers
 * are the user's programs and run as such, in the main process. */
#pragma once

#include "base/doc.h"
#include "base/env.h"
#include "registry/registry.h"

#define CREDENTIALS_FILE_MAX (4u << 20)
#define CREDENTIALS_SECRET_MAX                                                                     \
    65536 /* bytes of a name with its password, or of a helper's answer */
#define CREDENTIALS_HELPER_MS 120000 /* it may ask a person */

/* The host that somebody logs in to: as typed or pasted, with a scheme, /v1/ or /v2/ behind it; "" is
 * docker.io. -EINVAL for what no reference can name. */
MUST_CHECK int credentials_host(const char *text, char **ret, struct error *err);

/* --- one document --- */

struct credentials_answer {
    char *helper; /* who is to be asked first: "pass" for docker-credential-pass; or NULL */
    bool found;   /* what the document itself has: */
    struct registry_credential credential;
};
void credentials_answer_done(struct credentials_answer *a);

/* Reads one document; legacy: .dockercfg, which has no "auths" around its entries. */
MUST_CHECK int credentials_parse(struct view text, bool legacy, json_t **ret, struct error *err);
/* repository NULL: the registry as a whole. */
MUST_CHECK int credentials_look(const json_t *doc, const char *host, const char *repository,
                                struct credentials_answer *ret, struct error *err);
/* Who keeps the secrets of host, or NULL: the document itself. Borrowed. */
const char *credentials_helper(const json_t *doc, const char *host);
/* The entry of host, which becomes auths["host"]: without a credential an empty one, as docker marks
 * what a helper keeps. */
void credentials_set(json_t *doc, const char *host, const struct registry_credential *c);
/* Takes out every entry of the host as a whole; false: there was none. */
bool credentials_unset(json_t *doc, const char *host);

/* --- helpers: docker-credential-NAME --- */

/* 1 found, 0 not known to it. -ENOENT: no such program. */
MUST_CHECK int helper_get(const char *name, const char *host, int timeout_ms,
                          struct registry_credential *ret, struct error *err);
MUST_CHECK int helper_store(const char *name, const char *host, const struct registry_credential *c,
                            int timeout_ms, struct error *err);
/* 1 erased, 0 not known to it. */
MUST_CHECK int helper_erase(const char *name, const char *host, int timeout_ms, struct error *err);

/* --- files --- */

/* file: the only one that is read or written; NULL: those above.
 * True where there is one. helpers: registries_helpers(), or NULL; the files come last where the list
 * does not say when. ret_source: the file or helper it is from, the caller's to free; or NULL. */
bool credentials_find(const struct env *env, const char *file, const struct strings *helpers,
                      const char *host, const char *repository, struct registry_credential *ret,
                      char **ret_source);
/* Writes it to the file, $REGISTRY_AUTH_FILE or docker's config.json, or gives it to the helper named there;
 * everything else in the file is kept. */
MUST_CHECK int credentials_store(const struct env *env, const char *file, const char *host,
                                 const struct registry_credential *c, char **ret_where,
                                 bool *ret_plain, struct error *err);
/* 1 removed, 0 there was none. */
MUST_CHECK int credentials_erase(const struct env *env, const char *file, const char *host,
                                 struct error *err);
