/* image/guard.h - the policy of this machine, asked before an image is used: fetched from a registry, read
 * from a layout or archive, run or built upon where it is in the store.
 *
 * It is in $COOPER_POLICY, else ~/.config/containers/policy.json, else
 * /etc/containers/policy.json; where there is none, everything may be used. What is there and
 * cannot be read refuses everything. The languages are those of trust/policy.h, and
 * notation's trustpolicy.json.
 *
 * Two questions are asked of every image. May what is from there be used: about where it really came
 * from, which its record remembers (image/origin.h). And may it go by this name, where the policy has
 * a rule for just that name: a tag is given easily, and who reads the name trusts it. What was
 * made here is as good as what it was made of. Signatures that were looked at once are kept in the
 * store (image/kept.h), so that asking again takes no network. */
#pragma once

#include "image/image.h"
#include "image/notary.h"
#include "image/origin.h"
#include "image/testimony.h"
#include "trust/policy.h"

struct guard {
    struct policy *policy;            /* NULL: there is none */
    struct notation_policy *notation; /* or it is notation's */
    char *path;                       /* of its file; the keys' paths are relative to it */
    struct crypto *crypto;            /* of its keys, once they are wanted */
    /* Which image of an index is used, for policies that ask about that one: by its platform or its digest. Neither: the index
     * itself. Borrowed. */
    const struct platform *platform;
    const struct digest *image;
    /* all of an index is used: such a policy is asked about each image of it, by guard_part() */
    bool whole;
};
void guard_done(struct guard *g);
#define GUARD_AUTO(name) CLEANUP(guard_done) struct guard name = {0}
/* path NULL: that of this machine. */
MUST_CHECK int guard_open(const struct env *env, const char *path, struct guard *ret,
                          struct error *err);
/* -EPERM: the image must not be used. site is where it is, NULL: where nothing can lie beside it; *t
 * is filled when signatures are asked for first. *ret_read: they were. */
MUST_CHECK int guard_decide(const struct env *env, struct guard *g,
                            const struct policy_image *image, struct site *site,
                            struct testimony *t, bool *ret_read, struct error *err);
/* Reads what speaks for the image, once. -EPERM: there is no place for it (site NULL). */
MUST_CHECK int guard_collect(struct site *site, struct testimony *t, struct error *err);
/* For a reference that is about to be fetched: where signatures were looked at, *ret has the
 * digest that they speak of, so that nothing else is fetched. platform: that is used of an index; NULL: all of it.
 * keep: them, in the store. */
MUST_CHECK int guard_reference(const struct env *env, struct wire *w, const struct reference *ref,
                               const struct platform *platform, bool keep, struct reference *ret,
                               struct error *err);
/* For each image of an index that is used as a whole: place is what was asked for, site the same, opened. Nothing where the
 * policy is one that was asked about the index. */
MUST_CHECK int guard_part(const struct env *env, struct site *site, const struct place *place,
                          const struct digest *part, struct view manifest, struct error *err);
/* For an image that was read, before its layers are: from is where, with the digest that is to be
 * used; names are those it will have. allowed: its origin was asked about already. */
MUST_CHECK int guard_arriving(const struct env *env, const struct image_origin *from, bool allowed,
                              const struct strings *names, struct error *err);
/* For one of the store, before it is run or built upon: name is what was asked for. Needs no network. */
MUST_CHECK int guard_present(const struct env *env, const struct image *i, const char *name,
                             struct error *err);
/* For one that is about to be pushed: whoever believes in DOCKER_CONTENT_TRUST is told that nothing is signed. */
void guard_leaving(const struct env *env, const char *name);
