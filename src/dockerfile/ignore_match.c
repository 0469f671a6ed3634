/* ignore_match.c - paths against the patterns of an ignore file. */
#include "base/utf8.h"
#include "dockerfile/ignore_internal.h"

uint32_t ignore_take_char(struct view *v)
{
    const uint8_t byte = (uint8_t)v->at[0];
    size_t size;
    uint32_t c = utf8_char(*v, &size);

    if (c == UTF8_NONE)
        c = 0x110000 | byte;
    *v = view_make(v->at + size, v->size - size);
    return c;
}

bool ignore_state_takes(const struct pattern *p, const struct state *s, uint32_t c)
{
    switch (s->kind) {
    case STATE_CHAR:
        return s->low == c;
    case STATE_ONE:
        return c != '/';
    case STATE_BODY:
        return c == '/';
    case STATE_CLASS:
        for (size_t i = 0; i < s->range_count; i++)
            if (c >= p->ranges[s->ranges + i].low && c <= p->ranges[s->ranges + i].high)
                return !s->negated;
        return s->negated;
    case STATE_STAR:
    case STATE_ALL:
    case STATE_DEEP:
        break;
    }
    return false;
}

bool ignore_state_stays(const struct state *s, uint32_t c)
{
    return s->kind == STATE_ALL || s->kind == STATE_BODY || (s->kind == STATE_STAR && c != '/');
}

static bool ends_name(struct view path, size_t at)
{
    return at == path.size || path.at[at] == '/';
}

/* "**" and a literal, somewhere before the end of a name. */
static bool suffix_matches(const struct pattern *p, struct view path, bool whole)
{
    const struct view want = p->text;

    if (want.size == 0)
        return true;
    for (size_t at = whole && path.size > want.size ? path.size - want.size : 0;
         at + want.size <= path.size;) {
        const char *found = memmem(path.at + at, path.size - at, want.at, want.size);

        if (!found)
            return false;
        const size_t begin = (size_t)(found - path.at);
        if (ends_name(path, begin + want.size) && (!p->anchored || begin == 0 || found[-1] == '/'))
            return true;
        at = begin + 1;
    }
    return false;
}

/* States that are reached from those in set by taking nothing. */
static void pass(const struct pattern *p, uint64_t *set)
{
    for (bool more = true; more;) {
        uint64_t carry = 0;

        more = false;
        for (size_t w = 0; w < p->words; w++) {
            const uint64_t one = set[w] & p->skip[w], two = set[w] & p->skip_two[w];
            const uint64_t add = (one << 1 | two << 2 | carry) & ~set[w];

            carry = one >> 63 | two >> 62;
            set[w] |= add;
            more |= add != 0;
        }
        if (!more)
            break;
    }
}

/* One character; false when no state is left. */
static bool advance(const struct pattern *p, uint32_t c, uint64_t *set)
{
    uint64_t carry = 0, left = 0;

    if (c < 128) {
        const uint64_t *stay = p->stay + c * p->words, *step = p->step + c * p->words;

        for (size_t w = 0; w < p->words; w++) {
            const uint64_t on = set[w] & step[w];

            set[w] = (set[w] & stay[w]) | on << 1 | carry;
            carry = on >> 63;
            left |= set[w];
        }
    } else {
        for (size_t i = p->state_count + 1; i-- > 0;) { /* from the end: nothing moves twice */
            if (!ignore_has_bit(set, i))
                continue;
            set[i / WORD_BITS] &= ~(UINT64_C(1) << i % WORD_BITS);
            if (i == p->state_count)
                continue;
            if (ignore_state_takes(p, &p->states[i], c))
                ignore_set_bit(set, i + 1);
            if (ignore_state_stays(&p->states[i], c))
                ignore_set_bit(set, i);
        }
        for (size_t w = 0; w < p->words; w++)
            left |= set[w];
    }
    if (left)
        pass(p, set);
    return left != 0;
}

enum wanted {
    WANT_ANY,   /* the path itself or a parent matches */
    WANT_WHOLE, /* the path itself does */
    WANT_ALIVE, /* as WANT_ANY, or something with more behind it might */
};

/* Runs the machine over path, behind the literal beginning. */
static bool machine_matches(const struct pattern *p, struct view path, uint64_t *set,
                            enum wanted want)
{
    struct view rest = view_make(path.at + p->text.size, path.size - p->text.size);

    memset(set, 0, p->words * sizeof(*set));
    set[0] = 1;
    pass(p, set);
    for (;;) {
        if (ignore_has_bit(set, p->state_count) && ends_name(path, (size_t)(rest.at - path.at)) &&
            (want != WANT_WHOLE || rest.size == 0))
            return true;
        if (rest.size == 0)
            return want == WANT_ALIVE;
        if (!advance(p, ignore_take_char(&rest), set))
            return false;
    }
}

static bool pattern_matches(const struct pattern *p, struct view path, uint64_t *set,
                            enum wanted want)
{
    if (p->suffix)
        return suffix_matches(p, path, want == WANT_WHOLE);
    if (path.size < p->text.size || memcmp(path.at, p->text.at, p->text.size) != 0)
        return false;
    if (!p->literal)
        return machine_matches(p, path, set, want);
    return want == WANT_WHOLE ? path.size == p->text.size : ends_name(path, p->text.size);
}

#define WORDS_ON_STACK                                                                             \
    (IGNORE_PATTERN_MAX * 2 / WORD_BITS + 2) /* every character a DEEP and a BODY */

/* What decides on one name, after those of its parents: a pattern that has taken a parent takes what
 * is below; one that would change nothing is not asked, and so has not taken it. taken: a bit each. */
static const struct pattern *decide_name(const struct ignore *ig, struct view path, uint64_t *taken)
{
    const struct pattern *last = NULL;
    uint64_t set[WORDS_ON_STACK];

    for (size_t i = 0; i < ig->patterns.size; i++) {
        const struct pattern *p = &ig->patterns.at[i];
        const bool ignored = last && !last->exclusion;

        if (!ignore_has_bit(taken, i)) {
            if (p->exclusion != ignored || !pattern_matches(p, path, set, WANT_WHOLE))
                continue;
            ignore_set_bit(taken, i);
        }
        last = p;
    }
    return last;
}

/* As a walk from the root does it: name by name. */
static const struct pattern *decide_by_parents(const struct ignore *ig, struct view path)
{
    uint64_t taken[IGNORE_PATTERNS_MAX / WORD_BITS + 1] = {0};
    const struct pattern *last = NULL;

    for (size_t end = 1; end <= path.size; end++)
        if (ends_name(path, end))
            last = decide_name(ig, view_make(path.at, end), taken);
    return last;
}

/* The pattern that decides; NULL: none. Where there is no '!', or what matches last is the path
 * itself, its parents make no difference. */
static const struct pattern *decide(const struct ignore *ig, struct view path)
{
    uint64_t set[WORDS_ON_STACK];
    const struct pattern *p = NULL;

    for (size_t i = ig ? ig->patterns.size : 0; !p && i-- > 0;)
        if (pattern_matches(&ig->patterns.at[i], path, set, WANT_ANY))
            p = &ig->patterns.at[i];
    if (!p || !ig->exclusions || !memchr(path.at, '/', path.size) ||
        pattern_matches(p, path, set, WANT_WHOLE))
        return p;
    return decide_by_parents(ig, path);
}

bool ignore_match(const struct ignore *ig, struct view path)
{
    const struct pattern *p = decide(ig, path);

    return p && !p->exclusion;
}

bool ignore_match_line(const struct ignore *ig, struct view path, unsigned *ret_line)
{
    const struct pattern *p = decide(ig, path);

    *ret_line = p ? p->line : 0;
    return p && !p->exclusion;
}

/* below: the directory with a '/' behind it. */
static bool may_match_below(const struct pattern *p, struct view below, uint64_t *set)
{
    if (p->suffix)
        return true;
    if (memcmp(below.at, p->text.at, MIN(below.size, p->text.size)) != 0)
        return false;
    if (below.size <= p->text.size)
        return below.size < p->text.size || !p->literal;
    return p->literal ? false : machine_matches(p, below, set, WANT_ALIVE);
}

bool ignore_may_reach_below(const struct ignore *ig, struct view directory)
{
    uint64_t set[WORDS_ON_STACK];
    STR_AUTO(below);

    if (!ig || !ig->exclusions)
        return false;
    str_add(&below, directory);
    str_add_char(&below, '/');
    /* what decides on the directory decides on all below it, so only later lines can differ */
    const struct pattern *p = decide_by_parents(ig, directory);
    for (p = p ? p + 1 : ig->patterns.at; p < ig->patterns.at + ig->patterns.size; p++)
        if (p->exclusion && may_match_below(p, str_view(&below), set))
            return true;
    return false;
}

bool ignore_leaves_nothing(const struct ignore *ig)
{
    return ig && !ig->exclusions && ignore_match(ig, VIEW("\x01"));
}
