/* dockerfile/ignore_internal.h - patterns of ignore files: what ignore.c reads and ignore_match.c runs. */
#pragma once

#include "base/vec.h"
#include "dockerfile/ignore.h"

/* A pattern is its literal beginning and, behind that, a machine whose sets of states are bit sets:
 * one step a character, whatever the pattern, so that nobody's file is slow to match. State n+1
 * follows state n; the last one accepts. */
enum state_kind {
    STATE_CHAR,  /* takes `low` */
    STATE_ONE,   /* '?': takes all but '/' */
    STATE_CLASS, /* [a-z]: takes what its ranges say */
    STATE_STAR,  /* '*': takes nothing, or all but '/' again and again */
    STATE_ALL,   /* '**' at an end: takes nothing or anything */
    STATE_DEEP,  /* '**' and a '/' behind it: may be left out together with STATE_BODY, which it
                    enters */
    STATE_BODY,  /* takes anything, and is left by a '/' */
};

struct range {
    uint32_t low, high;
};

struct state {
    enum state_kind kind;
    uint32_t low; /* CHAR */
    bool negated; /* CLASS */
    size_t ranges, range_count;
};

#define WORD_BITS 64

struct pattern {
    bool exclusion; /* '!' */
    bool literal;   /* nothing behind the literal beginning */
    bool suffix;    /* "**" and a literal: anything that ends with it */
    bool anchored;  /* of suffix: "**" "/": at the beginning of a name */
    unsigned line;
    struct view text; /* arena's: the literal beginning, or the literal of suffix */
    const struct state *states;
    const struct range *ranges;
    size_t state_count, words; /* words: of a set, state_count + 1 bits */
    const uint64_t *skip;      /* states that may be passed taking nothing */
    const uint64_t *skip_two;  /* DEEP: the one behind as well */
    const uint64_t *stay; /* [128 * words]: states that keep themselves alive at that character */
    const uint64_t *step; /* [128 * words]: states that go on to the next */
};

struct ignore {
    struct arena *arena;
    VEC(struct pattern) patterns;
    size_t words_max;
    bool exclusions;
};

/* The next character, cut off *v. Invalid UTF-8 is a character of its own for each byte, outside of
 * Unicode. */
uint32_t ignore_take_char(struct view *v);
/* What a state does with a character: go on to the next one, be there still. */
bool ignore_state_takes(const struct pattern *p, const struct state *s, uint32_t c);
bool ignore_state_stays(const struct state *s, uint32_t c);

static inline void ignore_set_bit(uint64_t *set, size_t bit)
{
    set[bit / WORD_BITS] |= UINT64_C(1) << bit % WORD_BITS;
}

static inline bool ignore_has_bit(const uint64_t *set, size_t bit)
{
    return set[bit / WORD_BITS] >> bit % WORD_BITS & 1;
}
