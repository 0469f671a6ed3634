/* oci/digest.h - content addresses, "sha256:<64 hex digits>" (image-spec 1.1, descriptor.md). */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

#define DIGEST_TEXT_MAX 72 /* bytes, the final NUL included */
#define DIGEST_HEX_MAX 65

struct digest { /* a plain value: copied, compared with memcmp(), kept on the stack */
    uint8_t sha256[32];
};

/* Reads all of text, which nobody vouches for: other algorithms, capitals and wrong lengths
 * are -EINVAL. *ret is written on success only. */
MUST_CHECK int digest_parse(const char *text, struct digest *ret, struct error *err);
/* The same for 64 hex digits without the prefix (names of trees and blobs). */
MUST_CHECK int digest_parse_hex(const char *hex, struct digest *ret, struct error *err);

/* The grammar of image-spec 1.1, descriptor.md, whatever the algorithm; registered algorithms
 * (sha256, sha512, blake3) have the length and digits that they must have. Says nothing about
 * whether we can check it. */
bool digest_valid(const char *text);

/* Returns buf, which then holds the canonical text. */
char *digest_format(const struct digest *d, char buf[static DIGEST_TEXT_MAX]);
/* Returns buf, which then holds the 64 hex digits alone. */
char *digest_hex(const struct digest *d, char buf[static DIGEST_HEX_MAX]);

bool digest_eq(const struct digest *a, const struct digest *b);
bool digest_is_zero(const struct digest *d); /* "unknown" where a struct says so */
void digest_of(struct view data, struct digest *ret);
