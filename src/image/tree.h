/* image/tree.h - what speaks of an image, and what speaks of that: by the list of referrers (the API, or the tag that
 * takes its place) and by cosign's tags .sig, .att and .sbom. Nothing is believed, and nothing but manifests is read. */
#pragma once

#include "image/site.h"
#include "image/tools.h"

#define TREE_DEPTH_MAX 4   /* what speaks of what speaks of what speaks of an image */
#define TREE_COUNT_MAX 512 /* manifests that are read for one tree */

/* {"reference", "digest", "mediaType", "size", "platform"?, "referrers": [{"digest", "mediaType", "artifactType", "size",
 *   "kind", "tag"?, "predicateType"?, "created"?, "layers": [{"mediaType", "digest", "size", "kind", "predicateType"?}],
 *   "referrers": [...]}], "manifests": [as the first, of an index]}
 * kind: signature, attestation, sbom or artifact. -EDQUOT: there is more than the limits. */
MUST_CHECK int image_tree(struct site *s, json_t **ret, struct error *err);
/* The same of an image of the store, whose record keeps what is said of it when it goes out. */
MUST_CHECK int image_tree_local(struct image_tools *t, const char *name, json_t **ret,
                                struct error *err);
