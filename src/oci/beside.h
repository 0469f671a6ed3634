/* oci/beside.h - what lies beside an image under a name made of its digest. */
#pragma once

#include "oci/manifest.h"

/* Whether an entry of a layout is something said about an image (a signature, a statement) and not
 * an image: it has an artifactType, or a tag "sha256-<hex>" with or without .sig, .att or .sbom. */
bool beside_is(const struct descriptor *entry);

#define BESIDE_TAG_MAX 104 /* 32 of the algorithm, 64 of the digits, a suffix */
/* The tag of what speaks for a digest (distribution-spec 1.1, Referrers Tag Schema; suffix ""), and
 * cosign's of the same form (".sig", ".att", ".sbom"). Returns buf. */
char *beside_tag(const char *digest, const char *suffix, char buf[static BESIDE_TAG_MAX]);

/* What stands for it in the list of those that refer to its subject (distribution-spec 1.1, Listing Referrers: without an
 * artifactType that of a manifest is its configuration's, an index has none; all annotations). */
json_t *beside_entry(const struct any_manifest *m);
