/* image/guard.h - the policy of this machine, asked before an image of a registry is used.
 *
 * It is in $COOPER_POLICY, else ~/.config/containers/policy.json, else
 * /etc/containers/policy.json; where there is none, everything may be used. What is there and
 * cannot be read refuses everything. The languages are those of trust/policy.h, and
 * notation's trustpolicy.json. */
#pragma once

#include "image/notary.h"
#include "image/testimony.h"
#include "trust/policy.h"

struct guard {
    struct policy *policy;            /* NULL: there is none */
    struct notation_policy *notation; /* or it is notation's */
    char *path;                       /* of its file; the keys' paths are relative to it */
    struct crypto *crypto;            /* of its keys, once they are wanted */
};
void guard_done(struct guard *g);
#define GUARD_AUTO(name) CLEANUP(guard_done) struct guard name = {0}
/* path NULL: that of this machine. */
MUST_CHECK int guard_open(const struct env *env, const char *path, struct guard *ret,
                          struct error *err);
/* -EPERM: the image must not be used. site is where it is; *t is filled when signatures are asked
 * for. *ret_read: they were. */
MUST_CHECK int guard_decide(const struct env *env, struct guard *g,
                            const struct policy_image *image, struct site *site,
                            struct testimony *t, bool *ret_read, struct error *err);
/* For a reference that is about to be fetched: where signatures were looked at, *ret has the
 * digest that they speak of, so that nothing else is fetched. */
MUST_CHECK int guard_reference(const struct env *env, struct wire *w, const struct reference *ref,
                               struct reference *ret, struct error *err);
