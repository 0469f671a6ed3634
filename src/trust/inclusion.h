/* trust/inclusion.h - that an entry is in a log, shown offline: the way from its leaf to the root of the log's tree
 * (RFC 9162, 2.1; RFC 6962 has the same hashes), and the root in a checkpoint that the log signed (C2SP tlog-checkpoint):
 *
 *     <origin>\n<size of the tree>\n<root, base64>\n[<more>\n...]\n— <name> <base64 of 4 bytes and a signature>\n...
 */
#pragma once

#include "base/doc.h"
#include "trust/key.h"

#define INCLUSION_HASHES_MAX 64 /* of a tree of 2^63 leaves */
#define CHECKPOINT_SIZE_MAX (16u << 10)
#define CHECKPOINT_SIGNATURES_MAX 16 /* of witnesses, too */

struct inclusion { /* read, not believed */
    uint64_t index, size;
    struct digest root, hashes[INCLUSION_HASHES_MAX];
    size_t count;
    struct str checkpoint;
};
/* A sigstore bundle's inclusionProof. */
MUST_CHECK int inclusion_read(const json_t *doc, struct inclusion *ret, struct error *err);
void inclusion_done(struct inclusion *p);
/* -EBADMSG: the leaf is not under the root, or the root is not what the log signed. */
MUST_CHECK int inclusion_verify(const struct inclusion *p, struct view leaf,
                                const struct trust_key *log, struct error *err);
