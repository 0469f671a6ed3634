/* pragma.c - comments that switch rules: "# hadolint ignore=A,B # why" (the instruction below), "stage ignore=" (above
 * FROM), "global ignore=", "shell="; checkov's "# checkov:skip=A,B:why", which holds in the whole file; BuildKit's "# check=skip=A,B|all;error=true;experimental=X|all" on top and above one
 * instruction. Names that no rule has are harmless. */
#include <ctype.h>

#include "lint/internal.h"

struct check_words {
    struct view skip, experimental;
};

/* The list of a "global ignore". */
struct global {
    struct view list;
    struct global *next;
};

struct pragmas {
    const struct dockerfile *d;
    bool hadolint; /* its comments count */
    struct check_words check;
    struct global *globals;
    unsigned char *known; /* enum known by number of the row: both lists may be long */
};

enum known { NOT_ASKED, REPORTED, IGNORED };

/* ---- reading ---- */

static bool cut_blanks(struct view *v)
{
    const size_t before = v->size;

    *v = view_trim(*v);
    return v->size < before;
}

static bool cut_text(struct view *v, const char *word)
{
    const size_t size = strlen(word);

    if (v->size < size || strncasecmp(v->at, word, size) != 0)
        return false;
    *v = view_make(v->at + size, v->size - size);
    return true;
}

/* "hadolint [scope] ignore = A , B": *ret is the list, a reason behind '#' cut off. */
static bool read_hadolint(struct view text, const char *scope, const char *key, struct view *ret)
{
    struct view list;

    text = view_trim(text);
    if (!cut_text(&text, "hadolint") || !cut_blanks(&text))
        return false;
    if (*scope && (!cut_text(&text, scope) || !cut_blanks(&text)))
        return false;
    if (!cut_text(&text, key))
        return false;
    text = view_trim(text);
    if (text.size == 0 || text.at[0] != '=')
        return false;
    text = view_make(text.at + 1, text.size - 1);
    (void)view_cut(&text, '#', &list);
    *ret = view_trim(list);
    return true;
}

static void read_check(struct view text, struct check_words *ret)
{
    struct view part;

    while (text.at && view_cut(&text, ';', &part)) {
        struct view value = part, key;
        (void)view_cut(&value, '=', &key);
        key = view_trim(key);
        if (view_eq_text(key, "skip") && value.at)
            ret->skip = value;
        else if (view_eq_text(key, "experimental") && value.at)
            ret->experimental = value;
    }
}

/* hadolint passes over the whole list when a word in it cannot be a rule. */
static bool is_list_of_rules(struct view list)
{
    struct view name;

    while (list.at && view_cut(&list, ',', &name)) {
        name = view_trim(name);
        const bool code =
            name.size > 2 && isdigit((unsigned char)name.at[2]) &&
            (strncasecmp(name.at, "DL", 2) == 0 || strncasecmp(name.at, "SC", 2) == 0);
        if (!code && !lint_row_find(name))
            return false;
    }
    return true;
}

/* "checkov:skip=A,B:why": the list. */
static bool read_checkov(struct view text, struct view *ret)
{
    text = view_trim(text);
    return cut_text(&text, "checkov:skip=") && view_cut(&text, ':', ret);
}

static bool read_global(struct view text, struct view *ret)
{
    return read_checkov(text, ret) ||
           (read_hadolint(text, "global", "ignore", ret) && is_list_of_rules(*ret));
}

static void read_globals(struct pragmas *p, struct arena *arena)
{
    struct view list;

    for (size_t i = 0; p->hadolint && i < p->d->comment_count; i++) {
        if (!read_global(p->d->comments[i].text, &list))
            continue;
        struct global *g = arena_new_object(arena, struct global);
        *g = (struct global){list, p->globals};
        p->globals = g;
    }
}

struct pragmas *pragmas_read(const struct dockerfile *d, const struct lint_options *o,
                             struct arena *arena)
{
    struct pragmas *p = arena_new_object(arena, struct pragmas);

    p->d = d;
    p->hadolint = !o->ignore_pragmas;
    for (size_t i = 0; i < d->directive_count; i++)
        if (view_eq_text(d->directives[i].name, "check"))
            read_check(d->directives[i].value, &p->check);
    if (o->check) {
        p->check = (struct check_words){0};
        read_check(view_of(o->check), &p->check);
    }
    p->known = arena_alloc(arena, lint_row_count());
    memset(p->known, NOT_ASKED, lint_row_count());
    read_globals(p, arena);
    return p;
}

struct view pragmas_shell(const struct instruction *in)
{
    struct view list;

    for (size_t i = in->comment_count; i-- > 0;)
        if (read_hadolint(in->comments[i].text, "", "shell", &list))
            return list;
    return VIEW("");
}

/* ---- asking ---- */

static bool is_named(const struct lint_row *row, const char *code, struct view name)
{
    if (lint_row_named(row, name) || (code && view_eq_nocase(name, code)))
        return true;
    const struct lint_row *cover = lint_row_cover(row);
    return cover && lint_row_named(cover, name);
}

static bool list_names(struct view list, const struct lint_row *row, const char *code)
{
    struct view name;

    while (list.at && view_cut(&list, ',', &name)) {
        name = view_trim(name);
        /* "skip=all // why" and "A  why": the first word is the name */
        for (size_t i = 0; i < name.size; i++)
            if (isspace((unsigned char)name.at[i]))
                name.size = i;
        if (view_eq_nocase(name, "all") || (name.size > 0 && is_named(row, code, name)))
            return true;
    }
    return false;
}

bool pragmas_switch_on(const struct pragmas *p, const struct lint_row *row)
{
    return list_names(p->check.experimental, row, NULL);
}

/* The instruction that the line is a part of, or NULL. */
static const struct instruction *instruction_at(const struct dockerfile *d, uint32_t line)
{
    size_t low = 0, high = d->instruction_count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct instruction *in = &d->instructions[middle];
        if (line > in->span.end_line)
            low = middle + 1;
        else if (line < in->span.line)
            high = middle;
        else
            return in;
    }
    return NULL;
}

static bool ignored_above(const struct pragmas *p, const struct instruction *in,
                          const struct lint_finding *f, const char *scope)
{
    struct view list;

    for (size_t i = 0; i < in->comment_count; i++) {
        const struct view text = in->comments[i].text;
        struct check_words check = {0};

        if (p->hadolint && read_hadolint(text, scope, "ignore", &list) && is_list_of_rules(list) &&
            list_names(list, f->row, f->code))
            return true;
        if (*scope || !view_starts(text, "check="))
            continue;
        read_check(view_make(text.at + 6, text.size - 6), &check);
        if (list_names(check.skip, f->row, f->code))
            return true;
    }
    return false;
}

/* FROM of the stage in which the instruction stands. */
static const struct instruction *from_of(const struct dockerfile *d, const struct instruction *in)
{
    for (; in >= d->instructions; in--)
        if (in->kind == INSTRUCTION_FROM)
            return in;
    return NULL;
}

static bool ignored_by_file(const struct pragmas *p, const struct lint_finding *f)
{
    if (list_names(p->check.skip, f->row, f->code))
        return true;
    for (const struct global *g = p->globals; g; g = g->next)
        if (list_names(g->list, f->row, f->code))
            return true;
    return false;
}

static bool ignored_everywhere(struct pragmas *p, const struct lint_finding *f)
{
    unsigned char *known = &p->known[lint_row_number(f->row)];

    if (strcmp(f->code, lint_row_code(f->row)) != 0) /* ShellCheck's, many of one row */
        return ignored_by_file(p, f);
    if (*known == NOT_ASKED)
        *known = ignored_by_file(p, f) ? IGNORED : REPORTED;
    return *known == IGNORED;
}

bool pragmas_ignore(struct pragmas *p, const struct lint_finding *f)
{
    const struct instruction *in = instruction_at(p->d, f->span.line);

    if (ignored_everywhere(p, f))
        return true;
    if (!in)
        return false;
    const struct instruction *from = from_of(p->d, in);
    return ignored_above(p, in, f, "") || (from && ignored_above(p, from, f, "stage"));
}
