/* lint/sh_internal.h - between the files that read shell text. */
#pragma once

#include "base/vec.h"
#include "lint/sh.h"

struct sh_pending {
    struct sh_redirect *redirect;
    struct view name;
};

struct sh_parser {
    struct arena *arena;
    struct view text;
    size_t at, end; /* what may be read: substitutions in backquotes narrow it */
    unsigned depth;
    size_t nodes;
    bool stop; /* a limit was met: nothing more is read */
    /* a search for "))" ran to the end once: none that begins later finds one */
    bool no_double_paren;
    VEC(struct sh_pending) pending; /* heredocs whose bodies are on the next line */
    VEC(const struct sh_node *) commands;
    VEC(const struct sh_node *) pipes;
    VEC(const struct sh_redirect *) heredocs;
    VEC(struct sh_error) errors;
};

/* '\0' at the end. */
static inline char sh_peek(const struct sh_parser *p, size_t ahead)
{
    return p->at + ahead < p->end ? p->text.at[p->at + ahead] : '\0';
}
static inline struct view sh_slice(const struct sh_parser *p, size_t begin, size_t end)
{
    return view_make(p->text.at + begin, end - begin);
}

bool sh_is_meta(char c); /* ends a word */
void sh_fail_at(struct sh_parser *p, size_t at, const char *text);
void sh_fail(struct sh_parser *p, const char *text);
/* False when the limit of depth is met; then nothing was entered. */
bool sh_enter(struct sh_parser *p);
void sh_leave(struct sh_parser *p);
/* False when there are too many. */
bool sh_count(struct sh_parser *p);
/* Blanks, joined lines and a comment; not newlines. */
void sh_skip_blanks(struct sh_parser *p);
/* Newlines too, and the bodies of heredocs behind them. */
void sh_skip_lines(struct sh_parser *p);

/* sh_word.c: the word at p->at, which is no metacharacter; NULL when there is none. */
struct sh_word *sh_read_word(struct sh_parser *p);
/* A word of [[ ]]: parentheses and bars belong to a pattern. */
struct sh_word *sh_read_test_word(struct sh_parser *p, bool pattern);
/* The value of an assignment, which may be empty or an array. */
struct sh_word *sh_read_value(struct sh_parser *p);
/* The inside of (( )), behind the opening ones; false (nothing read) when no "))" ends it. */
bool sh_read_arithmetic(struct sh_parser *p, struct sh_word **ret);

/* sh_expand.c: what begins at '$' or '`'; NULL when it is a plain character. */
struct sh_part *sh_read_dollar(struct sh_parser *p, bool in_double);
struct sh_part *sh_read_backquote(struct sh_parser *p);
struct sh_part *sh_read_process(struct sh_parser *p);
struct sh_part *sh_read_double(struct sh_parser *p);
struct sh_part *sh_read_single(struct sh_parser *p);
struct sh_part *sh_new_part(struct sh_parser *p, enum sh_part_kind kind, size_t begin);

/* sh_parse.c */
struct sh_node *sh_new_node(struct sh_parser *p, enum sh_kind kind);
/* Commands up to one of the words (NULL-terminated), ')' or ";;"; does not eat it. */
struct sh_node *sh_read_list(struct sh_parser *p, const char *const *ends);
struct sh_node *sh_read_command(struct sh_parser *p);
/* Is the word at p->at this, unquoted, with its end behind it? */
bool sh_at_word(const struct sh_parser *p, const char *word);
bool sh_eat_word(struct sh_parser *p, const char *word);
struct sh_redirect *sh_read_redirect(struct sh_parser *p);
bool sh_at_redirect(const struct sh_parser *p);

/* sh_compound.c: NULL when no compound command begins here. */
struct sh_node *sh_read_compound(struct sh_parser *p);
/* The body of a function: behind its name and "()". */
struct sh_node *sh_read_function_body(struct sh_parser *p, struct view name, size_t begin);
