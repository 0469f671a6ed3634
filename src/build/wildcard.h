/* build/wildcard.h - wildcards in COPY and ADD sources: Go's path.Match, one part of a path at a
 * time. */
#pragma once

#include "base/str.h"

/* True when text has '*', '?' or '[' that is not escaped. */
bool wildcard_in(struct view text);
/* 1: name (without '/') matches the part, 0: not, -EINVAL: a malformed '[' or a '\' at the end. */
int wildcard_match(struct view pattern, struct view name);
