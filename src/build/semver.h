/* build/semver.h - Semantic Versioning 2.0.0. */
#pragma once

#include "base/str.h"

struct semver { /* a plain value; views into the text */
    uint64_t major, minor, patch;
    struct view pre, build; /* size 0: none */
};
/* All of text, without a 'v' before it. */
bool semver_parse(struct view text, struct semver *ret);
/* Precedence (section 11); builds do not count. Negative: a comes first. */
int semver_compare(const struct semver *a, const struct semver *b);
