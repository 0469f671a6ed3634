/* dockerfile/ignore.h - .dockerignore: which paths of a build context are left out.
 *
 * Paths are relative to the context's root, '/'-separated, without "./", ".." or a leading '/'. A
 * path is left out when the last pattern that matches it or one of its parents is not a '!'
 * pattern. But a parent counts as BuildKit's walk has it: a '!' pattern that matches a directory which
 * is not left out brings back nothing below it ("**" "/x", then "!d": d/x is left out), nor does a
 * pattern without '!' matter that matches what is left out already. Source: Dockerfile reference,
 * ".dockerignore file"; moby/patternmatcher, MatchesUsingParentResults. */
#pragma once

#include "base/str.h"

#define IGNORE_SIZE_MAX (1u << 20) /* bytes of a file */
#define IGNORE_PATTERNS_MAX 10000
#define IGNORE_PATTERN_MAX 4096 /* bytes: PATH_MAX */

struct ignore;

/* Reads the text of an ignore file; name is what messages call it. A malformed pattern is -EINVAL
 * with err->where "name:line:1". */
MUST_CHECK int ignore_parse(struct view text, const char *name, struct ignore **ret,
                            struct error *err);
/* The same out of single patterns (--exclude). */
MUST_CHECK int ignore_new(const char *const patterns[], size_t count, struct ignore **ret,
                          struct error *err);
void ignore_free(struct ignore *ig); /* NULL is fine */
DEFINE_CLEANUP(struct ignore *, ignore_free)

/* True when path is left out. ig NULL: never. */
bool ignore_match(const struct ignore *ig, struct view path);
/* The same; *ret_line is the line (or number, from 1) of the pattern that decided, 0 when none
 * matched: for "excluded by .dockerignore line 3". */
bool ignore_match_line(const struct ignore *ig, struct view path, unsigned *ret_line);

/* For a walker that stands before a directory that is left out: false when no '!' pattern can match
 * anything below, so that it need not be entered. */
bool ignore_may_reach_below(const struct ignore *ig, struct view directory);

/* True when a pattern takes every name and no '!' pattern brings one back. */
bool ignore_leaves_nothing(const struct ignore *ig);

size_t ignore_count(const struct ignore *ig); /* patterns */

/* One line of a file as it becomes a pattern (kept for tests): false when the line is skipped. */
bool ignore_read_line(struct view line, struct str *ret);
