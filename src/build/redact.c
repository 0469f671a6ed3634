#include "build/redact.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

#define BASE64_LINE 76    /* where base64(1) breaks its lines */
#define BASE64_SIZE_MIN 8 /* characters: shorter ones are words */
#define PATTERNS_MAX                                                                               \
    4096 /* lines of a very long secret beyond that are not looked for one by one */
#define REPLACEMENT "[secret]"

struct redactor {
    VEC(struct str) patterns;
    bool sorted;
    bool begins[256]; /* some pattern begins with it */
    size_t longest;
    struct str held; /* bytes of the stream that wait */
};

struct redactor *redactor_new(void)
{
    struct redactor *r = xcalloc(1, sizeof(*r));

    r->held = STR_INIT;
    return r;
}

static void wipe(struct str *s)
{
    if (s->cap)
        explicit_bzero(s->at, s->cap);
    str_done(s);
}

void redactor_free(struct redactor *r)
{
    if (!r)
        return;
    vec_each (p, &r->patterns)
        wipe(p);
    vec_done(&r->patterns);
    wipe(&r->held);
    free(r);
}

/* ---- patterns ---- */

static void add_pattern(struct redactor *r, struct view v, size_t least)
{
    struct str copy = STR_INIT;

    if (v.size < least || r->patterns.size == PATTERNS_MAX)
        return;
    str_reserve(&copy, v.size);
    str_add(&copy, v);
    vec_push(&r->patterns, copy);
    r->begins[(unsigned char)v.at[0]] = true;
    r->longest = MAX(r->longest, v.size);
    r->sorted = false;
}

/* The characters that are the secret's alone when `before` bytes of something else were encoded in front of it. */
static void add_base64(struct redactor *r, struct view secret, size_t before)
{
    struct str bytes = STR_INIT, text = STR_INIT;
    const size_t skip = before == 0 ? 0 : before + 1;

    str_reserve(&bytes, secret.size + before);
    str_reserve(&text, (secret.size + before + 2) / 3 * 4);
    for (size_t i = 0; i < before; i++)
        str_add_char(&bytes, 0);
    str_add(&bytes, secret);
    str_add_base64(&text, str_view(&bytes));
    const size_t whole = bytes.size * 8 / 6;
    if (whole > skip)
        add_pattern(r, view_make(text.at + skip, whole - skip), BASE64_SIZE_MIN);
    for (size_t at = 0; before == 0 && whole > BASE64_LINE && at < whole; at += BASE64_LINE)
        add_pattern(r, view_make(text.at + at, MIN(whole - at, (size_t)BASE64_LINE)),
                    BASE64_SIZE_MIN);
    wipe(&bytes);
    wipe(&text);
}

static struct view without_line_end(struct view v)
{
    while (v.size > 0 && (v.at[v.size - 1] == '\n' || v.at[v.size - 1] == '\r'))
        v.size--;
    return v;
}

void redactor_add(struct redactor *r, struct view secret)
{
    const struct view value = without_line_end(secret);
    struct view rest = value, line;

    if (value.size < REDACT_SIZE_MIN)
        return;
    add_pattern(r, value, REDACT_SIZE_MIN);
    for (size_t before = 0; before < 3; before++)
        add_base64(r, value, before);
    if (memchr(value.at, '\n', value.size))
        while (view_cut(&rest, '\n', &line))
            add_pattern(r, without_line_end(line), 2 * REDACT_SIZE_MIN);
}

/* ---- the stream ---- */

static int longest_first(const void *a, const void *b)
{
    const struct str *x = a, *y = b;

    return x->size < y->size ? 1 : -(x->size > y->size);
}

static size_t match_at(const struct redactor *r, struct view rest)
{
    if (r->begins[(unsigned char)rest.at[0]])
        vec_each (p, &r->patterns)
            if (p->size <= rest.size && memcmp(p->at, rest.at, p->size) == 0)
                return p->size;
    return 0;
}

/* Looks at all that is held but the last `keep` bytes. */
static void scan(struct redactor *r, size_t keep, struct str *ret)
{
    size_t at = 0, from = 0;

    while (at < r->held.size && r->held.size - at > keep) {
        const size_t found = match_at(r, view_make(r->held.at + at, r->held.size - at));
        if (!found) {
            at++;
            continue;
        }
        str_add(ret, view_make(r->held.at + from, at - from));
        str_add_text(ret, REPLACEMENT);
        from = at += found;
    }
    str_add(ret, view_make(r->held.at + from, at - from));
    const size_t left = r->held.size - at;
    memmove(r->held.at, r->held.at + at, left);
    str_truncate(&r->held, left);
}

void redactor_pass(struct redactor *r, struct view bytes, struct str *ret)
{
    if (!r->sorted && r->patterns.size)
        qsort(r->patterns.at, r->patterns.size, sizeof(*r->patterns.at), longest_first);
    r->sorted = true;
    str_add(&r->held, bytes);
    if (r->held.size)
        scan(r, r->longest ? r->longest - 1 : 0, ret);
}

void redactor_end(struct redactor *r, struct str *ret)
{
    redactor_pass(r, VIEW(""), ret);
    if (r->held.size)
        scan(r, 0, ret);
}
