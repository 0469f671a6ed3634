/* sh_word.c - words: runs of parts up to a metacharacter. */
#include <ctype.h>

#include "lint/sh_internal.h"

struct builder {
    struct sh_word *word;
    const struct sh_part **tail;
    const struct sh_part *first;
    size_t count;
};

static struct builder begin_word(struct sh_parser *p)
{
    struct builder b = {arena_new_object(p->arena, struct sh_word), NULL, NULL, 0};

    b.word->begin = p->at;
    b.word->literal = true;
    b.tail = &b.word->parts;
    (void)sh_count(p);
    return b;
}

static void add_part(struct builder *b, struct sh_part *part)
{
    if (!part)
        return;
    *b->tail = part;
    b->tail = &part->next;
    b->count++;
    switch (part->kind) {
    case SH_LITERAL:
        break;
    case SH_SINGLE:
    case SH_ANSI:
        b->word->quoted = true;
        break;
    case SH_DOUBLE:
        b->word->quoted = true;
        for (const struct sh_part *inner = part->parts; inner; inner = inner->next)
            if (inner->kind != SH_LITERAL)
                b->word->literal = false;
        break;
    case SH_GLOB:
    case SH_PARAMETER:
    case SH_SUBSTITUTE:
    case SH_CALCULATE:
    case SH_PROCESS:
    case SH_ARRAY:
        b->word->literal = false;
        break;
    }
}

static struct sh_word *end_word(struct sh_parser *p, struct builder *b)
{
    struct sh_word *word = b->word;
    STR_AUTO(text);

    word->end = p->at;
    word->raw = sh_slice(p, word->begin, word->end);
    if (b->count == 1) {
        word->text = word->parts->text;
        return word;
    }
    for (const struct sh_part *part = word->parts; part; part = part->next)
        str_add(&text, part->text);
    word->text = view_make(arena_strndup(p->arena, text.at, text.size), text.size);
    return word;
}

static struct sh_part *literal(struct sh_parser *p, size_t begin, size_t end, size_t text_begin)
{
    struct sh_part *part = sh_new_part(p, SH_LITERAL, begin);

    part->text = sh_slice(p, text_begin, end);
    part->end = p->at = end;
    return part;
}

static struct sh_part *read_escape(struct sh_parser *p)
{
    if (p->at + 1 >= p->end)
        return literal(p, p->at, p->at + 1, p->at);
    if (sh_peek(p, 1) == '\n') {
        p->at += 2;
        return NULL;
    }
    return literal(p, p->at, p->at + 2, p->at + 1);
}

/* Behind an opening parenthesis of a pattern: up to the one that closes it. */
static void skip_parentheses(struct sh_parser *p)
{
    for (size_t depth = 1; depth > 0 && p->at < p->end; p->at++) {
        const char c = sh_peek(p, 0);

        if (c == '\\' && p->at + 1 < p->end)
            p->at++;
        else if (c == '\n')
            return;
        else
            depth += c == '(' ? 1 : c == ')' ? (size_t)-1 : 0;
    }
}

static struct sh_part *read_glob(struct sh_parser *p, bool extended)
{
    struct sh_part *part = sh_new_part(p, SH_GLOB, p->at);

    p->at += extended ? 2 : 1;
    if (extended)
        skip_parentheses(p);
    part->end = p->at;
    part->text = sh_slice(p, part->begin, part->end);
    return part;
}

static bool is_extended(const struct sh_parser *p)
{
    return sh_peek(p, 0) && strchr("?*+@!", sh_peek(p, 0)) && sh_peek(p, 1) == '(';
}

static bool is_plain(const struct sh_parser *p)
{
    const char c = sh_peek(p, 0);

    return !sh_is_meta(c) && (!c || !strchr("'\"\\$`*?", c)) && !is_extended(p);
}

/* One part of an unquoted run. */
static struct sh_part *read_part(struct sh_parser *p)
{
    const size_t begin = p->at;
    const char c = sh_peek(p, 0);
    struct sh_part *part = NULL;

    if (c == '\'')
        return sh_read_single(p);
    if (c == '"')
        return sh_read_double(p);
    if (c == '\\')
        return read_escape(p);
    if (c == '`')
        return sh_read_backquote(p);
    if (c == '$' && (part = sh_read_dollar(p, false)))
        return part;
    if ((c == '*' || c == '?') || is_extended(p))
        return read_glob(p, is_extended(p));
    do
        p->at++;
    while (p->at < p->end && is_plain(p));
    return literal(p, begin, p->at, begin);
}

static bool at_process(const struct sh_parser *p)
{
    return (sh_peek(p, 0) == '<' || sh_peek(p, 0) == '>') && sh_peek(p, 1) == '(';
}

struct sh_word *sh_read_word(struct sh_parser *p)
{
    if (p->at >= p->end || p->stop || (sh_is_meta(sh_peek(p, 0)) && !at_process(p)))
        return NULL;
    struct builder b = begin_word(p);

    while (p->at < p->end && !p->stop) {
        if (at_process(p))
            add_part(&b, sh_read_process(p));
        else if (sh_is_meta(sh_peek(p, 0)))
            break;
        else
            add_part(&b, read_part(p));
    }
    return end_word(p, &b);
}

struct sh_word *sh_read_test_word(struct sh_parser *p, bool pattern)
{
    struct builder b = begin_word(p);
    size_t depth = 0;

    while (p->at < p->end && !p->stop) {
        const char c = sh_peek(p, 0);

        if (c == '\n' || ((c == ' ' || c == '\t') && depth == 0))
            break;
        if (!pattern && sh_is_meta(c))
            break;
        if (c == ')' && depth == 0)
            break;
        depth += c == '(' ? 1 : c == ')' ? (size_t)-1 : 0;
        add_part(&b, sh_is_meta(c) ? literal(p, p->at, p->at + 1, p->at) : read_part(p));
    }
    return end_word(p, &b);
}

/* (a b c) behind name=. */
static struct sh_part *read_array(struct sh_parser *p)
{
    struct sh_part *part = sh_new_part(p, SH_ARRAY, p->at++);
    const struct sh_word **tail = &part->words;

    for (sh_skip_lines(p); p->at < p->end && sh_peek(p, 0) != ')' && !p->stop; sh_skip_lines(p)) {
        struct sh_word *word = sh_read_word(p);

        if (!word) {
            sh_fail(p, "unexpected character in an array");
            break;
        }
        *tail = word;
        tail = &word->next;
    }
    if (sh_peek(p, 0) == ')')
        p->at++;
    part->end = p->at;
    return part;
}

struct sh_word *sh_read_value(struct sh_parser *p)
{
    struct sh_word *word = sh_peek(p, 0) == '(' ? NULL : sh_read_word(p);

    if (word)
        return word;
    struct builder b = begin_word(p);
    if (sh_peek(p, 0) == '(')
        add_part(&b, read_array(p));
    return end_word(p, &b);
}

/* Is there a "))" for the parentheses that stand open? Bytes only: quoted ones count. */
static bool closes_double(struct sh_parser *p)
{
    size_t depth = 0;

    if (p->no_double_paren)
        return false;
    for (size_t i = p->at; i < p->end; i++) {
        const char c = p->text.at[i];

        if (c == '\\')
            i++;
        else if (c == '(')
            depth++;
        else if (c == ')' && depth > 0)
            depth--;
        else if (c == ')')
            return i + 1 < p->end && p->text.at[i + 1] == ')';
    }
    p->no_double_paren = p->end == p->text.size;
    return false;
}

static struct sh_part *read_arithmetic_part(struct sh_parser *p)
{
    const size_t begin = p->at;
    const char c = sh_peek(p, 0);
    struct sh_part *part = NULL;

    if (c == '$')
        part = sh_read_dollar(p, true);
    else if (c == '`')
        part = sh_read_backquote(p);
    else if (c == '"')
        part = sh_read_double(p);
    if (part)
        return part;
    do
        p->at++;
    while (p->at < p->end && (!sh_peek(p, 0) || !strchr("$`\"()", sh_peek(p, 0))));
    return literal(p, begin, p->at, begin);
}

bool sh_read_arithmetic(struct sh_parser *p, struct sh_word **ret)
{
    size_t depth = 0;

    if (!closes_double(p) || !sh_enter(p))
        return false;
    struct builder b = begin_word(p);
    while (p->at < p->end && !p->stop && !(depth == 0 && sh_peek(p, 0) == ')')) {
        if (sh_peek(p, 0) == '(')
            depth++;
        else if (sh_peek(p, 0) == ')')
            depth--;
        add_part(&b, read_arithmetic_part(p));
    }
    *ret = end_word(p, &b);
    sh_leave(p);
    if (sh_peek(p, 0) == ')' && sh_peek(p, 1) == ')')
        p->at += 2;
    else
        sh_fail(p, "(( is not closed");
    return true;
}
