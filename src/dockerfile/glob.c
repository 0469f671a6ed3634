#include "dockerfile/glob.h"

#include <errno.h>

#include "base/utf8.h"
#include "dockerfile/words.h"

enum token_kind { TOKEN_BYTE, TOKEN_ANY, TOKEN_STAR };

struct token {
    enum token_kind kind;
    char byte;
};

struct glob {
    bool reversed;
    size_t size;
    uint8_t *states; /* room for one run: size + 1 */
    struct token tokens[];
};

size_t glob_char_size(struct view v)
{
    size_t size;

    (void)utf8_char(v, &size);
    return size;
}

/* The size of the character at the end of v. */
static size_t last_char_size(struct view v)
{
    for (size_t n = 2; n <= 4 && n <= v.size; n++)
        if (glob_char_size(view_make(v.at + v.size - n, n)) == n)
            return n;
    return 1;
}

static int add_escape(struct glob *g, struct view pattern, size_t *at, struct error *err)
{
    const char next = *at + 1 < pattern.size ? pattern.at[*at + 1] : '\0';

    if (next == '}' || next == '/')
        return 0;
    if (next != '*' && next != '?' && next != '\\')
        return error_set(err, -EINVAL,
                         "pattern '%.*s': '\\' may stand before '*', '?', '\\', '}' and '/' only",
                         (int)MIN(pattern.size, 80u), pattern.at);
    ++*at;
    g->tokens[g->size++] = (struct token){TOKEN_BYTE, next};
    return 0;
}

int glob_new(struct view pattern, bool reversed, struct glob **ret, struct error *err)
{
    CLEANUP(glob_freep)
    struct glob *g = xcalloc(1, sizeof(*g) + pattern.size * sizeof(struct token));

    g->reversed = reversed;
    for (size_t i = 0; i < pattern.size; i++) {
        const char c = pattern.at[i];

        if (c == '\\') {
            const int r = add_escape(g, pattern, &i, err);
            if (r < 0)
                return r;
        } else {
            g->tokens[g->size++] = (struct token){c == '*'   ? TOKEN_STAR
                                                  : c == '?' ? TOKEN_ANY
                                                             : TOKEN_BYTE,
                                                  c};
        }
    }
    for (size_t i = 0; reversed && i < g->size / 2; i++) {
        const struct token t = g->tokens[i];
        g->tokens[i] = g->tokens[g->size - 1 - i];
        g->tokens[g->size - 1 - i] = t;
    }
    g->states = xcalloc(1, g->size + 1);
    *ret = steal(g);
    return 0;
}

void glob_free(struct glob *g)
{
    if (!g)
        return;
    free(g->states);
    free(g);
}

/* A star also stands for nothing: the states behind a run of them are reached too. */
static void pass_stars(const struct glob *g)
{
    for (size_t s = 0; s < g->size; s++)
        if (g->states[s] && g->tokens[s].kind == TOKEN_STAR)
            g->states[s + 1] |= 1;
}

/* One byte into next. Bit 1 of a state: it is reached; bit 2: it is inside a character that its '?'
 * takes. starts, ends: byte is the first, the last of its character. */
static bool advance(const struct glob *g, char byte, bool starts, bool ends, uint8_t *next)
{
    bool any = false;

    memset(next, 0, g->size + 1);
    for (size_t s = 0; s < g->size; s++) {
        const struct token t = g->tokens[s];

        if (!g->states[s])
            continue;
        if (t.kind == TOKEN_BYTE) {
            if ((g->states[s] & 1) && t.byte == byte)
                next[s + 1] |= 1;
        } else if (byte == '\n') {
            continue; /* as BuildKit: neither '?' nor '*' takes a newline */
        } else if (t.kind == TOKEN_STAR) {
            next[s] |= 1;
        } else if ((starts && (g->states[s] & 1)) || (!starts && (g->states[s] & 2))) {
            if (ends)
                next[s + 1] |= 1;
            else
                next[s] |= 2;
        }
    }
    for (size_t s = 0; s <= g->size; s++)
        any |= next[s] != 0;
    return any;
}

/* Matches from the beginning (end) of value. *ret is the length of the match wanted; false when
 * there is none. */
static int run(const struct glob *g, struct view value, bool longest, size_t *steps, size_t *ret,
               struct error *err)
{
    cleanup_free uint8_t *next = xcalloc(1, g->size + 1);
    bool found = false;

    memset(g->states, 0, g->size + 1);
    g->states[0] = 1;
    pass_stars(g);
    for (size_t done = 0;;) {
        if (g->states[g->size] & 1) {
            found = true;
            *ret = done;
            if (!longest)
                break;
        }
        if (done == value.size)
            break;
        const struct view rest = g->reversed ? view_make(value.at, value.size - done)
                                             : view_make(value.at + done, value.size - done);
        const size_t width = g->reversed ? last_char_size(rest) : glob_char_size(rest);
        bool alive = true;
        for (size_t i = 0; i < width && alive; i++) {
            const char byte = g->reversed ? rest.at[rest.size - 1 - i] : rest.at[i];

            if (*steps < g->size + 1)
                return error_set(err, -EDQUOT, "matching takes more than %u steps",
                                 WORDS_STEPS_MAX);
            *steps -= g->size + 1;
            alive = advance(g, byte, i == 0, i + 1 == width, next);
            memcpy(g->states, next, g->size + 1);
            pass_stars(g);
        }
        if (!alive)
            break;
        done += width;
    }
    return found;
}

int glob_cut(const struct glob *g, struct view value, bool longest, size_t *steps, struct view *ret,
             struct error *err)
{
    size_t size = 0;
    const int r = run(g, value, longest, steps, &size, err);

    if (r < 0)
        return r;
    if (r == 0)
        size = 0;
    *ret = g->reversed ? view_make(value.at, value.size - size)
                       : view_make(value.at + size, value.size - size);
    return 0;
}

int glob_find(const struct glob *g, struct view value, size_t from, size_t *steps, struct view *ret,
              struct error *err)
{
    for (size_t at = from; at <= value.size;) {
        const struct view rest = view_make(value.at + at, value.size - at);
        size_t size = 0;
        const int r = run(g, rest, true, steps, &size, err);

        if (r < 0)
            return r;
        if (r > 0) {
            *ret = view_make(rest.at, size);
            return 1;
        }
        if (rest.size == 0)
            break;
        at += glob_char_size(rest);
    }
    return 0;
}
