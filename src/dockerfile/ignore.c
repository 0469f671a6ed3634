/* ignore.c - lines of an ignore file to patterns. */
#include <errno.h>

#include "dockerfile/ignore_internal.h"

struct compiler {
    VEC(struct state) states;
    VEC(struct range) ranges;
    struct view rest;
};

static void compiler_done(struct compiler *c)
{
    vec_done(&c->states);
    vec_done(&c->ranges);
}

static void add_state(struct compiler *c, enum state_kind kind, uint32_t low)
{
    vec_push(&c->states, (struct state){.kind = kind, .low = low});
}

static int malformed(const char *why, struct error *err)
{
    return error_set(err, -EINVAL, "%s", why);
}

/* One end of a range in [...]. */
static int class_char(struct compiler *c, uint32_t *ret, struct error *err)
{
    if (c->rest.size == 0)
        return malformed("'[' without ']'", err);
    if (c->rest.at[0] == '-' || c->rest.at[0] == ']')
        return malformed("a range in [] begins or ends with '-', or is empty; write '\\-' or '\\]'",
                         err);
    if (c->rest.at[0] == '\\') {
        c->rest = view_make(c->rest.at + 1, c->rest.size - 1);
        if (c->rest.size == 0)
            return malformed("'\\' at the end", err);
    }
    *ret = ignore_take_char(&c->rest);
    return 0;
}

/* Behind '['. */
static int read_class(struct compiler *c, struct error *err)
{
    struct state s = {.kind = STATE_CLASS, .ranges = c->ranges.size};

    s.negated = c->rest.size > 0 && c->rest.at[0] == '^';
    if (s.negated)
        c->rest = view_make(c->rest.at + 1, c->rest.size - 1);
    while (!(s.range_count > 0 && c->rest.size > 0 && c->rest.at[0] == ']')) {
        struct range range = {0};
        int r = class_char(c, &range.low, err);

        range.high = range.low;
        if (r == 0 && c->rest.size > 0 && c->rest.at[0] == '-') {
            c->rest = view_make(c->rest.at + 1, c->rest.size - 1);
            r = class_char(c, &range.high, err);
        }
        if (r < 0)
            return r;
        if (range.low > range.high)
            return malformed("a range in [] ends before it begins", err);
        vec_push(&c->ranges, range);
        s.range_count++;
    }
    c->rest = view_make(c->rest.at + 1, c->rest.size - 1);
    vec_push(&c->states, s);
    return 0;
}

/* Behind the first '*'. "**" with a '/' behind it or not is the same, for it stands for any number
 * of names. */
static void read_star(struct compiler *c)
{
    if (c->rest.size == 0 || c->rest.at[0] != '*') {
        add_state(c, STATE_STAR, 0);
        return;
    }
    c->rest = view_make(c->rest.at + 1, c->rest.size - 1);
    if (c->rest.size > 0 && c->rest.at[0] == '/')
        c->rest = view_make(c->rest.at + 1, c->rest.size - 1);
    if (c->rest.size == 0) {
        add_state(c, STATE_ALL, 0);
    } else {
        add_state(c, STATE_DEEP, 0);
        add_state(c, STATE_BODY, 0);
    }
}

static int read_states(struct compiler *c, struct error *err)
{
    while (c->rest.size > 0) {
        const uint32_t ch = ignore_take_char(&c->rest);
        int r = 0;

        if (ch == '*')
            read_star(c);
        else if (ch == '?')
            add_state(c, STATE_ONE, 0);
        else if (ch == '[')
            r = read_class(c, err);
        else if (ch != '\\')
            add_state(c, STATE_CHAR, ch);
        else if (c->rest.size == 0)
            r = malformed("'\\' at the end", err);
        else
            add_state(c, STATE_CHAR, ignore_take_char(&c->rest));
        if (r < 0)
            return r;
    }
    return 0;
}

static void build_sets(struct arena *arena, struct pattern *p)
{
    uint64_t *skip, *skip_two, *stay, *step;

    p->words = p->state_count / WORD_BITS + 1;
    p->skip = skip = arena_alloc(arena, p->words * sizeof(uint64_t));
    p->skip_two = skip_two = arena_alloc(arena, p->words * sizeof(uint64_t));
    p->stay = stay = arena_alloc(arena, 128 * p->words * sizeof(uint64_t));
    p->step = step = arena_alloc(arena, 128 * p->words * sizeof(uint64_t));
    for (size_t i = 0; i < p->state_count; i++) {
        const struct state *s = &p->states[i];

        if (s->kind == STATE_STAR || s->kind == STATE_ALL || s->kind == STATE_DEEP)
            ignore_set_bit(skip, i);
        if (s->kind == STATE_DEEP)
            ignore_set_bit(skip_two, i);
        for (uint32_t c = 0; c < 128; c++) {
            if (ignore_state_stays(s, c))
                ignore_set_bit(stay + c * p->words, i);
            if (ignore_state_takes(p, s, c))
                ignore_set_bit(step + c * p->words, i);
        }
    }
}

/* The number of bytes at the beginning of text that stand for themselves. */
static size_t literal_size(struct view text)
{
    size_t n = 0;

    while (n < text.size && !strchr("*?[\\", text.at[n]) && text.at[n])
        n++;
    return n;
}

/* "**" and a literal, with a '/' between or not; or "**" "/" "*" and what a name ends with. */
static bool compile_suffix(struct arena *arena, struct view text, struct pattern *p)
{
    if (!view_starts(text, "**"))
        return false;
    struct view rest = view_make(text.at + 2, text.size - 2);
    const struct view end =
        view_starts(rest, "/*") ? view_make(rest.at + 2, rest.size - 2) : VIEW("");
    if (end.size > 0 && literal_size(end) == end.size && !memchr(end.at, '/', end.size)) {
        rest = end;
    } else if (literal_size(rest) != rest.size) {
        return false;
    } else if (rest.size > 0 && rest.at[0] == '/') {
        p->anchored = true;
        rest = view_make(rest.at + 1, rest.size - 1);
    }
    p->suffix = true;
    p->text = view_make(arena_strndup(arena, rest.at, rest.size), rest.size);
    return true;
}

/* Nearly all patterns are a plain path, or "**" and one: no machine is needed for these. */
static int compile(struct arena *arena, struct view text, struct pattern *p, struct error *err)
{
    CLEANUP(compiler_done) struct compiler c = {0};
    const size_t literal = literal_size(text);

    if (compile_suffix(arena, text, p))
        return 0;
    c.rest = view_make(text.at + literal, text.size - literal);
    const int r = read_states(&c, err);
    if (r < 0)
        return r;
    p->text = view_make(arena_strndup(arena, text.at, literal), literal);
    p->literal = c.states.size == 0;
    if (p->literal)
        return 0;
    struct state *states = arena_alloc(arena, c.states.size * sizeof(*states));
    struct range *ranges = arena_alloc(arena, (c.ranges.size + 1) * sizeof(*ranges));
    memcpy(states, c.states.at, c.states.size * sizeof(*states));
    if (c.ranges.size > 0)
        memcpy(ranges, c.ranges.at, c.ranges.size * sizeof(*ranges));
    p->states = states;
    p->ranges = ranges;
    p->state_count = c.states.size;
    build_sets(arena, p);
    return 0;
}

/* "a//b/./c/../d/" is "a/b/d"; ".." at the beginning stays; nothing left is ".". */
static void clean_path(struct view path, struct str *ret)
{
    const bool rooted = path.size > 0 && path.at[0] == '/';
    struct view part;
    size_t ups = 0; /* ret->size that no ".." may cut */

    if (rooted)
        str_add_char(ret, '/');
    ups = ret->size;
    while (path.at && view_cut(&path, '/', &part)) {
        if (part.size == 0 || view_eq_text(part, "."))
            continue;
        if (!view_eq_text(part, "..")) {
            if (ret->size > (rooted ? 1 : 0))
                str_add_char(ret, '/');
            str_add(ret, part);
        } else if (ret->size > ups) {
            size_t cut = ret->size;
            while (cut > ups && ret->at[cut - 1] != '/')
                cut--;
            str_truncate(ret, cut > ups ? cut - 1 : cut);
        } else if (!rooted) {
            if (ret->size > 0)
                str_add_char(ret, '/');
            str_add(ret, part);
            ups = ret->size;
        }
    }
    if (ret->size == 0)
        str_add_char(ret, '.');
}

bool ignore_read_line(struct view line, struct str *ret)
{
    if (line.size > 0 && line.at[0] == '#')
        return false;
    line = view_trim(line);
    if (line.size == 0)
        return false;
    if (line.at[0] == '!') {
        str_add_char(ret, '!');
        line = view_trim(view_make(line.at + 1, line.size - 1));
        if (line.size == 0)
            return true;
    }
    STR_AUTO(path);
    clean_path(line, &path);
    str_add(ret, path.size > 1 && path.at[0] == '/' ? view_make(path.at + 1, path.size - 1)
                                                    : str_view(&path));
    return true;
}

static int add_pattern(struct ignore *ig, struct view text, unsigned line, struct error *err)
{
    struct pattern p = {.line = line};
    STR_AUTO(clean);

    if (text.size > IGNORE_PATTERN_MAX)
        return error_set(err, -EDQUOT, "a pattern is longer than %d bytes", IGNORE_PATTERN_MAX);
    if (ig->patterns.size >= IGNORE_PATTERNS_MAX)
        return error_set(err, -EDQUOT, "there are more than %d patterns", IGNORE_PATTERNS_MAX);
    clean_path(text, &clean);
    text = str_view(&clean);
    if (text.at[0] == '!') {
        p.exclusion = true;
        text = view_make(text.at + 1, text.size - 1);
    }
    int r = text.size > 0 ? compile(ig->arena, text, &p, err)
                          : malformed("nothing follows the '!'", err);
    if (r < 0)
        return error_wrap(err, r, "pattern '%.80s'", clean.at);
    ig->exclusions |= p.exclusion;
    ig->words_max = MAX(ig->words_max, p.words);
    vec_push(&ig->patterns, p);
    return 0;
}

static struct ignore *ignore_alloc(void)
{
    struct ignore *ig = xcalloc(1, sizeof(*ig));

    ig->arena = arena_new();
    return ig;
}

void ignore_free(struct ignore *ig)
{
    if (!ig)
        return;
    arena_free(ig->arena);
    vec_done(&ig->patterns);
    free(ig);
}

int ignore_new(const char *const patterns[], size_t count, struct ignore **ret, struct error *err)
{
    CLEANUP(ignore_freep) struct ignore *ig = ignore_alloc();

    for (size_t i = 0; i < count; i++) {
        const struct view text = view_trim(view_of(patterns[i]));
        const int r = text.size > 0 ? add_pattern(ig, text, (unsigned)i + 1, err) : 0;

        if (r < 0)
            return r;
    }
    *ret = steal(ig);
    return 0;
}

int ignore_parse(struct view text, const char *name, struct ignore **ret, struct error *err)
{
    CLEANUP(ignore_freep) struct ignore *ig = ignore_alloc();
    struct view line;

    if (text.size > IGNORE_SIZE_MAX)
        return error_set(err, -EDQUOT, "%s is larger than %u bytes", name, IGNORE_SIZE_MAX);
    if (view_starts(text, "\xef\xbb\xbf"))
        text = view_make(text.at + 3, text.size - 3);
    for (unsigned number = 1; text.at && view_cut(&text, '\n', &line); number++) {
        STR_AUTO(pattern);

        if (!ignore_read_line(line, &pattern))
            continue;
        const int r = add_pattern(ig, str_view(&pattern), number, err);
        if (r < 0)
            return error_at(err, r, "%s:%u:1", name, number);
    }
    *ret = steal(ig);
    return 0;
}

size_t ignore_count(const struct ignore *ig)
{
    return ig ? ig->patterns.size : 0;
}
