/* sh_expand.c - quotes and expansions: the parts of a word that begin with one character. */
#include <ctype.h>

#include "lint/sh_internal.h"

struct sh_part *sh_new_part(struct sh_parser *p, enum sh_part_kind kind, size_t begin)
{
    struct sh_part *part = arena_new_object(p->arena, struct sh_part);

    part->kind = kind;
    part->begin = begin;
    part->text = VIEW(SH_EXPANSION);
    (void)sh_count(p);
    return part;
}

static struct sh_part *end_part(struct sh_parser *p, struct sh_part *part)
{
    part->end = p->at;
    return part;
}

struct sh_part *sh_read_single(struct sh_parser *p)
{
    struct sh_part *part = sh_new_part(p, SH_SINGLE, p->at);
    const size_t begin = ++p->at;

    while (p->at < p->end && sh_peek(p, 0) != '\'')
        p->at++;
    part->text = sh_slice(p, begin, p->at);
    if (p->at < p->end)
        p->at++;
    else
        sh_fail_at(p, part->begin, "a single quote is not closed");
    return end_part(p, part);
}

static char ansi_escape(char c)
{
    static const char from[] = "abeEfnrtv", to[] = "\a\b\033\033\f\n\r\t\v";
    const char *found = c ? strchr(from, c) : NULL;

    return found ? to[found - from] : c;
}

/* $'...': octal, hexadecimal and Unicode escapes stay as they are. */
static struct sh_part *read_ansi(struct sh_parser *p)
{
    struct sh_part *part = sh_new_part(p, SH_ANSI, p->at);
    STR_AUTO(text);

    p->at += 2;
    while (p->at < p->end && sh_peek(p, 0) != '\'') {
        const char next = sh_peek(p, 1);

        if (sh_peek(p, 0) == '\\' && p->at + 1 < p->end && !isdigit((unsigned char)next) &&
            !strchr("xuUc", next)) {
            str_add_char(&text, ansi_escape(next));
            p->at += 2;
        } else {
            str_add_char(&text, sh_peek(p, 0));
            p->at++;
        }
    }
    if (p->at < p->end)
        p->at++;
    else
        sh_fail_at(p, part->begin, "a $'...' string is not closed");
    part->text = view_make(arena_strndup(p->arena, text.at, text.size), text.size);
    return end_part(p, part);
}

static struct view join_texts(struct sh_parser *p, const struct sh_part *parts)
{
    STR_AUTO(text);

    if (!parts)
        return VIEW("");
    if (!parts->next)
        return parts->text;
    for (; parts; parts = parts->next)
        str_add(&text, parts->text);
    return view_make(arena_strndup(p->arena, text.at, text.size), text.size);
}

static bool is_double_escape(char c)
{
    return c == '$' || c == '`' || c == '"' || c == '\\';
}

/* Plain characters between double quotes (or of an operand of ${}), up to what means something. */
static struct sh_part *read_plain(struct sh_parser *p, const char *stops)
{
    const size_t begin = p->at;

    do
        p->at++;
    while (p->at < p->end && (!sh_peek(p, 0) || !strchr(stops, sh_peek(p, 0))) &&
           !(sh_peek(p, 0) == '\\' && (is_double_escape(sh_peek(p, 1)) || sh_peek(p, 1) == '\n')));
    struct sh_part *part = sh_new_part(p, SH_LITERAL, begin);
    part->text = sh_slice(p, begin, p->at);
    return end_part(p, part);
}

static struct sh_part *read_escaped(struct sh_parser *p)
{
    const bool joined = sh_peek(p, 1) == '\n';
    struct sh_part *part = sh_new_part(p, SH_LITERAL, p->at);

    part->text = joined ? VIEW("") : sh_slice(p, p->at + 1, p->at + 2);
    p->at += 2;
    return end_part(p, part);
}

struct sh_part *sh_read_double(struct sh_parser *p)
{
    struct sh_part *whole = sh_new_part(p, SH_DOUBLE, p->at);
    const struct sh_part **tail = &whole->parts;

    p->at++;
    while (p->at < p->end && sh_peek(p, 0) != '"' && !p->stop) {
        const char c = sh_peek(p, 0), next = sh_peek(p, 1);
        struct sh_part *part = NULL;

        if (c == '\\' && p->at + 1 < p->end && (is_double_escape(next) || next == '\n'))
            part = read_escaped(p);
        else if (c == '$')
            part = sh_read_dollar(p, true);
        else if (c == '`')
            part = sh_read_backquote(p);
        if (!part)
            part = read_plain(p, "\"$`");
        *tail = part;
        tail = &part->next;
    }
    if (sh_peek(p, 0) == '"')
        p->at++;
    else
        sh_fail_at(p, whole->begin, "a double quote is not closed");
    whole->text = join_texts(p, whole->parts);
    return end_part(p, whole);
}

static bool is_special(char c)
{
    return c && (isdigit((unsigned char)c) || strchr("@*#?-$!", c));
}

static struct view read_name(struct sh_parser *p)
{
    const size_t begin = p->at;

    if (is_special(sh_peek(p, 0)) && !isdigit((unsigned char)sh_peek(p, 0)))
        p->at++;
    else
        while (p->at < p->end && (isalnum((unsigned char)sh_peek(p, 0)) || sh_peek(p, 0) == '_'))
            p->at++;
    return sh_slice(p, begin, p->at);
}

/* What stands between the name and the closing brace of ${name...}. */
static void read_operand(struct sh_parser *p, const struct sh_part **tail, bool in_double)
{
    while (p->at < p->end && sh_peek(p, 0) != '}' && !p->stop) {
        const char c = sh_peek(p, 0);
        struct sh_part *part = NULL;

        if (c == '\\' && p->at + 1 < p->end)
            part = read_escaped(p);
        else if (c == '$')
            part = sh_read_dollar(p, in_double);
        else if (c == '`')
            part = sh_read_backquote(p);
        else if (c == '"')
            part = sh_read_double(p);
        else if (c == '\'' && !in_double)
            part = sh_read_single(p);
        if (!part)
            part = read_plain(p, in_double ? "}\"$`\\" : "}\"'$`\\");
        *tail = part;
        tail = &part->next;
    }
}

static struct sh_part *read_braced(struct sh_parser *p, bool in_double)
{
    struct sh_part *part = sh_new_part(p, SH_PARAMETER, p->at);

    p->at += 2;
    if ((sh_peek(p, 0) == '#' || sh_peek(p, 0) == '!') && sh_peek(p, 1) != '}' &&
        !strchr(":-=?+%/", sh_peek(p, 1)))
        p->at++;
    part->name = read_name(p);
    if (sh_enter(p)) {
        read_operand(p, &part->parts, in_double);
        sh_leave(p);
    }
    if (sh_peek(p, 0) == '}')
        p->at++;
    else
        sh_fail_at(p, part->begin, "${ is not closed");
    return end_part(p, part);
}

/* $( ): behind the parenthesis. */
static struct sh_part *read_commands(struct sh_parser *p, struct sh_part *part)
{
    if (sh_enter(p)) {
        part->script = sh_read_list(p, NULL);
        sh_leave(p);
    }
    sh_skip_lines(p);
    if (sh_peek(p, 0) == ')')
        p->at++;
    else
        sh_fail_at(p, part->begin, "a command substitution is not closed");
    return end_part(p, part);
}

static struct sh_part *read_calculation(struct sh_parser *p)
{
    const size_t begin = p->at;
    struct sh_word *inside = NULL;

    p->at += 3;
    if (!sh_read_arithmetic(p, &inside)) {
        p->at = begin;
        return NULL;
    }
    struct sh_part *part = sh_new_part(p, SH_CALCULATE, begin);
    part->parts = inside->parts;
    return end_part(p, part);
}

struct sh_part *sh_read_dollar(struct sh_parser *p, bool in_double)
{
    const char c = sh_peek(p, 1);
    struct sh_part *part;

    if (c == '(' && sh_peek(p, 2) == '(' && (part = read_calculation(p)))
        return part;
    if (c == '(') {
        part = sh_new_part(p, SH_SUBSTITUTE, p->at);
        p->at += 2;
        return read_commands(p, part);
    }
    if (c == '{')
        return read_braced(p, in_double);
    if (c == '\'' && !in_double)
        return read_ansi(p);
    if (c == '"' && !in_double) {
        p->at++;
        return sh_read_double(p);
    }
    if (!is_special(c) && !isalpha((unsigned char)c) && c != '_')
        return NULL;
    part = sh_new_part(p, SH_PARAMETER, p->at++);
    if (isdigit((unsigned char)c))
        part->name = sh_slice(p, p->at, p->at + 1), p->at++;
    else
        part->name = read_name(p);
    return end_part(p, part);
}

/* The inside is read where it stands: of the escapes that backquotes ask for, only that of a nested
 * backquote matters, and such a one stays a plain character. */
struct sh_part *sh_read_backquote(struct sh_parser *p)
{
    struct sh_part *part = sh_new_part(p, SH_SUBSTITUTE, p->at++);
    const size_t end = p->end;
    size_t close = p->at;

    while (close < end && p->text.at[close] != '`')
        close += p->text.at[close] == '\\' && close + 1 < end ? 2 : 1;
    if (sh_enter(p)) {
        p->end = close;
        part->script = sh_read_list(p, NULL);
        sh_skip_lines(p);
        if (p->at < close && !p->stop)
            sh_fail(p, "something is left over in a command substitution");
        p->end = end;
        sh_leave(p);
    }
    p->at = close;
    if (close < end)
        p->at++;
    else
        sh_fail_at(p, part->begin, "a backquote is not closed");
    return end_part(p, part);
}

struct sh_part *sh_read_process(struct sh_parser *p)
{
    struct sh_part *part = sh_new_part(p, SH_PROCESS, p->at);

    p->at += 2;
    return read_commands(p, part);
}
