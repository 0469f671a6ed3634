/* dockerfile/glob.h - the patterns of ${name#p} and ${name/p/r}: '*', '?', '\*', '\?', '\\';
 * nothing else is special.
 *
 * Texts are taken as characters, not bytes: '?' is one of UTF-8's. Private to words.c and its
 * tests. */
#pragma once

#include "base/str.h"

struct glob;

/* '\' before '}' or '/' is dropped (both end a pattern unless escaped), before '*', '?' and '\' it
 * makes them ordinary, anywhere else it is -EINVAL. reversed: for matching at the end. */
MUST_CHECK int glob_new(struct view pattern, bool reversed, struct glob **ret, struct error *err);
void glob_free(struct glob *g);
DEFINE_CLEANUP(struct glob *, glob_free)

/* Cuts the shortest or longest match off the beginning (the end, for a reversed one) of value.
 * *steps counts down; at 0 the answer is -EDQUOT. */
MUST_CHECK int glob_cut(const struct glob *g, struct view value, bool longest, size_t *steps,
                        struct view *ret, struct error *err);
/* The leftmost longest match at or after from; 0 when there is none, else 1. */
MUST_CHECK int glob_find(const struct glob *g, struct view value, size_t from, size_t *steps,
                         struct view *ret, struct error *err);
/* The size of the character at the beginning of v, 1 where v is not UTF-8. v must not be empty. */
size_t glob_char_size(struct view v);
