/* registry/registries.h - registries.conf: where an image is really fetched from.
 *
 * Version 2 of containers-registries.conf(5), and version 1's lists of insecure and blocked
 * registries. Of all [[registry]] tables the one with the longest prefix counts; its mirrors are
 * tried first and in order. Names without a registry are docker's: unqualified-search-registries
 * and short-name aliases are not followed, so the same Dockerfile means the same image everywhere. */
#pragma once

#include "base/env.h"
#include "base/vec.h"
#include "oci/reference.h"

#define REGISTRIES_FILE_MAX (1u << 20)
#define REGISTRIES_COUNT_MAX 10000 /* tables of all files; mirrors of one table 100 */
#define REGISTRIES_MIRRORS_MAX 100

struct registries;
struct registries *registries_new(void);
void registries_free(struct registries *r);
DEFINE_CLEANUP(struct registries *, registries_free)

/* Adds one file, which what names. A table replaces one of the same prefix of an earlier file. */
MUST_CHECK int registries_add(struct registries *r, struct view text, const char *what,
                              struct error *err);
/* $CONTAINERS_REGISTRIES_CONF, else ~/.config/containers/registries.conf, else
 * /etc/containers/registries.conf, then the drop-ins registries.conf.d/NAME.conf of /etc and of the
 * user in the order of their names; a user's registries.conf hides all of /etc. */
MUST_CHECK int registries_load(const struct env *env, struct registries **ret, struct error *err);

/* credential-helpers: who is asked for credentials, and when the files are ("containers-auth.json").
 * Empty: the files alone. */
const struct strings *registries_helpers(const struct registries *r);

struct registry_endpoint {
    char *host, *repository; /* "localhost:5000", "mirror/app" */
    bool insecure;           /* certificates are not checked, plain HTTP will do */
    bool mirror;             /* the next one may have what it lacks */
    bool named; /* the registry that the reference names: a login of the command line is for it */
    bool push;  /* something is written there */
};
struct registry_endpoints {
    struct registry_endpoint *at;
    size_t size, cap;
};
void registry_endpoints_done(struct registry_endpoints *e);

/* Where to pull it from, in this order. -EPERM where it is blocked. Tag and digest are those of the
 * reference always. */
MUST_CHECK int registries_pull(const struct registries *r, const struct reference *reference,
                               struct registry_endpoints *ret, struct error *err);
/* Where to push it to: the reference itself, for mirrors and locations are for reading only. */
MUST_CHECK int registries_push(const struct registries *r, const struct reference *reference,
                               struct registry_endpoints *ret, struct error *err);
