/* image/testimony.h - all that speaks for an image in its place, and speaking for it. */
#pragma once

#include "base/vec.h"
#include "image/site.h"
#include "trust/sign.h"

/* Manifests that refer to one image, of which most may be no signatures: each is a request. */
#define TESTIMONY_REFERRERS_MAX 1024

/* One that says something; tag NULL: a referrer. */
struct testimony_manifest {
    char *tag;
    struct str bytes;
};

struct testimony {
    struct digest digest; /* of the image, resolved once */
    struct str manifest;
    VEC(struct evidence) evidence; /* read, not believed */
    VEC(struct str) envelopes;     /* of notation, likewise */
    struct strings complaints;     /* what could not be read, or was too much, and why */
    bool collected; /* all of the above but digest and manifest, which may be chosen before */
    bool keep;      /* the bytes too, for whoever stores them: */
    VEC(struct testimony_manifest) manifests;
    VEC(struct str) blobs;
};
void testimony_done(struct testimony *t);
#define TESTIMONY_AUTO(name) CLEANUP(testimony_done) struct testimony name = {.manifest = STR_INIT}

/* Resolves the image, unless *ret has one of that place already, and reads what is behind its tags .sig and .att, behind the referrers tag, and
 * refers to it. An image without any is no failure. -EDQUOT: there is more than a reader may be made
 * to read. */
MUST_CHECK int testimony_collect(struct site *p, struct testimony *ret, struct error *err);
static inline struct evidence_subject testimony_subject(const struct testimony *t)
{
    return (struct evidence_subject){t->digest, str_view(&t->manifest)};
}

/* Adds to what is behind the image's tag with that suffix (".sig", ".att"). */
MUST_CHECK int testimony_add_tag(struct site *p, const struct testimony *t, const char *suffix,
                                 const struct sign_layer *l, struct error *err);
/* Adds a referrer. created: RFC 3339. */
MUST_CHECK int testimony_add_referrer(struct site *p, const struct testimony *t,
                                      const struct sign_layer *l, const char *predicate_type,
                                      const char *created, struct error *err);
