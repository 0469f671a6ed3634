/* dockerfile/words.h - what a shell would make of a word: variables, quotes, escapes, splitting.
 *
 * $name ${name} ${name:-w} ${name-w} ${name:+w} ${name+w} ${name:?m} ${name?m} ${name#p} ${name##p}
 * ${name%p}
 * ${name%%p} ${name/p/r} ${name//p/r}; '...', "...", and the escape character. Source: Dockerfile
 * reference, "Environment replacement"; BuildKit's frontend/dockerfile/shell. */
#pragma once

#include "base/str.h"
#include "base/vec.h"

#define WORDS_DEPTH_MAX 64 /* ${a:-${b:-...}}: nobody writes more, and each level is a call */
/* bytes: ENV a=$a$a$a$a, a few lines long, would fill the memory */
#define WORDS_RESULT_MAX (16u << 20)
#define WORDS_STEPS_MAX (1u << 28) /* of matching ${a//p/r}: below a second */

struct words {
    char escape; /* '\\' or '`' */
    /* The value of name (borrowed until the call is over), or NULL when it is not set. */
    const char *(*get)(void *ctx, struct view name);
    void *ctx;
    struct strings *unset; /* names asked for and not set, each once; NULL: not wanted */
    bool keep_quotes;      /* quotes are ordinary characters: bodies of heredocs */
};

/* The one word that text becomes; blanks are kept. -EINVAL: bad substitution, unclosed quote,
 * ${x:?message}; -EDQUOT: a limit. */
MUST_CHECK int words_expand(const struct words *w, struct view text, struct str *ret,
                            struct error *err);
/* The words, cut at blanks outside quotes, those that came out of variables too. Appends to ret. */
MUST_CHECK int words_split(const struct words *w, struct view text, struct strings *ret,
                           struct error *err);
