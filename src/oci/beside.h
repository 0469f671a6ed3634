/* oci/beside.h - what lies beside an image under a name made of its digest. */
#pragma once

#include "oci/descriptor.h"

/* Whether an entry of a layout is something said about an image (a signature, a statement) and not
 * an image: it has an artifactType, or a tag "sha256-<hex>" with or without .sig, .att or .sbom. */
bool beside_is(const struct descriptor *entry);

#define BESIDE_TAG_MAX 104 /* 32 of the algorithm, 64 of the digits, a suffix */
/* The tag of what speaks for a digest (distribution-spec 1.1, Referrers Tag Schema; suffix ""), and
 * cosign's of the same form (".sig", ".att", ".sbom"). Returns buf. */
char *beside_tag(const char *digest, const char *suffix, char buf[static BESIDE_TAG_MAX]);

/* What a manifest or an index says of another one. */
struct referrer {
    char *subject; /* the digest of that one, as written; NULL: it refers to nothing */
    json_t *entry; /* what stands for it in the list of that one's referrers */
};
/* Of the bytes of either (distribution-spec 1.1, Listing Referrers: without an artifactType that of a manifest is its
 * configuration's, an index has none; all annotations). */
MUST_CHECK int referrer_read(struct view bytes, struct referrer *ret, struct error *err);
void referrer_done(struct referrer *r);
#define REFERRER_AUTO(name) CLEANUP(referrer_done) struct referrer name = {0}
