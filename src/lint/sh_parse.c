/* sh_parse.c - lists, pipes, simple commands, redirections and the bodies of heredocs. */
#include <ctype.h>

#include "lint/sh_internal.h"

bool sh_is_meta(char c)
{
    return c && strchr(" \t\r\n;&|<>()", c);
}

bool sh_is_name(struct view v)
{
    for (size_t i = 0; i < v.size; i++)
        if (!isalpha((unsigned char)v.at[i]) && v.at[i] != '_' &&
            (i == 0 || !isdigit((unsigned char)v.at[i])))
            return false;
    return v.size > 0;
}

void sh_fail_at(struct sh_parser *p, size_t at, const char *text)
{
    if (p->errors.size < SH_ERRORS_MAX && !p->stop)
        vec_push(&p->errors, (struct sh_error){text, MIN(at, p->text.size)});
}

void sh_fail(struct sh_parser *p, const char *text)
{
    sh_fail_at(p, p->at, text);
}

static void give_up(struct sh_parser *p, const char *text)
{
    sh_fail(p, text);
    p->stop = true;
    p->at = p->end;
}

bool sh_enter(struct sh_parser *p)
{
    if (p->stop)
        return false;
    if (p->depth >= SH_DEPTH_MAX) {
        give_up(p, "commands are nested too deep");
        return false;
    }
    p->depth++;
    return true;
}

void sh_leave(struct sh_parser *p)
{
    p->depth--;
}

bool sh_count(struct sh_parser *p)
{
    if (++p->nodes > SH_NODES_MAX && !p->stop)
        give_up(p, "the script has too many words");
    return !p->stop;
}

struct sh_node *sh_new_node(struct sh_parser *p, enum sh_kind kind)
{
    struct sh_node *node = arena_new_object(p->arena, struct sh_node);

    node->kind = kind;
    node->begin = p->at;
    (void)sh_count(p);
    return node;
}

/* ---- blanks and heredocs ---- */

void sh_skip_blanks(struct sh_parser *p)
{
    for (;;) {
        const char c = sh_peek(p, 0);

        if (c == ' ' || c == '\t' || c == '\r')
            p->at++;
        else if (c == '\\' && sh_peek(p, 1) == '\n')
            p->at += 2;
        else
            break;
    }
    if (sh_peek(p, 0) == '#')
        while (p->at < p->end && sh_peek(p, 0) != '\n')
            p->at++;
}

/* The lines from p->at up to the one that is the delimiter. */
static void read_body(struct sh_parser *p, const struct sh_pending *h)
{
    const bool chomp = view_eq_text(h->redirect->op, "<<-");
    const size_t begin = p->at;

    while (p->at < p->end) {
        const size_t at = p->at;
        const char *newline = memchr(p->text.at + at, '\n', p->end - at);
        const size_t end = newline ? (size_t)(newline - p->text.at) : p->end;
        struct view line = sh_slice(p, at, end);

        p->at = newline ? end + 1 : end;
        while (chomp && line.size > 0 && line.at[0] == '\t')
            line = view_make(line.at + 1, line.size - 1);
        if (view_eq(line, h->name)) {
            h->redirect->body = sh_slice(p, begin, at);
            return;
        }
    }
    h->redirect->body = sh_slice(p, begin, p->at);
}

static void eat_newline(struct sh_parser *p)
{
    p->at++;
    for (size_t i = 0; i < p->pending.size; i++)
        read_body(p, &p->pending.at[i]);
    p->pending.size = 0;
}

void sh_skip_lines(struct sh_parser *p)
{
    for (sh_skip_blanks(p); sh_peek(p, 0) == '\n'; sh_skip_blanks(p))
        eat_newline(p);
}

/* ---- redirections ---- */

static size_t descriptor_size(const struct sh_parser *p)
{
    size_t n = 0;

    if (sh_peek(p, 0) == '{') {
        for (n = 1; isalnum((unsigned char)sh_peek(p, n)) || sh_peek(p, n) == '_'; n++)
            ;
        return n > 1 && sh_peek(p, n) == '}' ? n + 1 : 0;
    }
    while (isdigit((unsigned char)sh_peek(p, n)))
        n++;
    return n;
}

bool sh_at_redirect(const struct sh_parser *p)
{
    const size_t n = descriptor_size(p);
    const char c = sh_peek(p, n), next = sh_peek(p, n + 1);

    if (c == '&' && n == 0)
        return next == '>';
    return (c == '<' || c == '>') && next != '(';
}

static struct view read_operator(struct sh_parser *p)
{
    static const char *const operators[] = {"&>>", "&>", "<<<", "<<-", "<<", "<>",
                                            "<&",  "<",  ">>",  ">|",  ">&", ">"};
    const struct view rest = sh_slice(p, p->at, p->end);

    for (size_t i = 0; i < ARRAY_SIZE(operators); i++)
        if (view_starts(rest, operators[i])) {
            p->at += strlen(operators[i]);
            return view_of(operators[i]);
        }
    return VIEW("");
}

struct sh_redirect *sh_read_redirect(struct sh_parser *p)
{
    struct sh_redirect *r = arena_new_object(p->arena, struct sh_redirect);
    const size_t n = descriptor_size(p);

    r->begin = p->at;
    r->fd = sh_slice(p, p->at, p->at + n);
    p->at += n;
    r->op = read_operator(p);
    sh_skip_blanks(p);
    r->target = sh_read_word(p);
    r->end = p->at;
    if (!r->target) {
        sh_fail(p, "a redirection has no target");
        r->target = arena_new_object(p->arena, struct sh_word);
    } else if (view_eq_text(r->op, "<<") || view_eq_text(r->op, "<<-")) {
        vec_push(&p->pending, (struct sh_pending){r, r->target->text});
        vec_push(&p->heredocs, r);
    }
    return r;
}

/* ---- simple commands ---- */

/* The size of "name=", "name+=" or "name[...]=" at p->at, else 0. */
static size_t assignment_size(const struct sh_parser *p, size_t *ret_name)
{
    size_t n = 0;

    while (isalnum((unsigned char)sh_peek(p, n)) || sh_peek(p, n) == '_')
        n++;
    *ret_name = n;
    if (!sh_is_name(sh_slice(p, p->at, p->at + n)))
        return 0;
    if (sh_peek(p, n) == '[') {
        while (sh_peek(p, n) && !strchr("] \t\n", sh_peek(p, n)))
            n++;
        if (sh_peek(p, n) != ']')
            return 0;
        n++;
    }
    if (sh_peek(p, n) == '+' && sh_peek(p, n + 1) == '=')
        n++;
    return sh_peek(p, n) == '=' ? n + 1 : 0;
}

static struct sh_assign *read_assignment(struct sh_parser *p)
{
    size_t name, size = assignment_size(p, &name);

    if (size == 0)
        return NULL;
    struct sh_assign *a = arena_new_object(p->arena, struct sh_assign);
    a->begin = p->at;
    a->name = sh_slice(p, p->at, p->at + name);
    a->index = p->text.at[p->at + name] == '[';
    a->append = p->text.at[p->at + size - 2] == '+';
    p->at += size;
    a->value = sh_read_value(p);
    a->end = p->at;
    return a;
}

static bool declares(const struct sh_word *first)
{
    static const char *const names[] = {"export", "declare", "local", "readonly", "typeset"};

    for (size_t i = 0; first && i < ARRAY_SIZE(names); i++)
        if (view_eq_text(first->text, names[i]))
            return true;
    return false;
}

/* `declare -a list=(a b)`: the word ends with '=' where a parenthesis stands. */
static void skip_declared_array(struct sh_parser *p, const struct sh_word *first,
                                const struct sh_word *word)
{
    if (sh_peek(p, 0) == '(' && declares(first) && view_ends(word->text, "="))
        (void)sh_read_value(p);
}

struct tails {
    const struct sh_assign **assign;
    const struct sh_word **word;
    const struct sh_redirect **redirect;
};

/* One more piece of a simple command; false at its end. */
static bool read_piece(struct sh_parser *p, struct sh_node *node, struct tails *t)
{
    struct sh_assign *assign;
    struct sh_word *word;

    sh_skip_blanks(p);
    if (p->at >= p->end || p->stop)
        return false;
    if (sh_at_redirect(p)) {
        struct sh_redirect *r = sh_read_redirect(p);
        *t->redirect = r;
        t->redirect = &r->next;
    } else if (!node->words && (assign = read_assignment(p))) {
        *t->assign = assign;
        t->assign = &assign->next;
    } else if ((word = sh_read_word(p))) {
        *t->word = word;
        t->word = &word->next;
        skip_declared_array(p, node->words, word);
    } else {
        return false;
    }
    return true;
}

static bool eat_parentheses(struct sh_parser *p)
{
    const size_t begin = p->at++;

    sh_skip_blanks(p);
    if (sh_peek(p, 0) == ')') {
        p->at++;
        return true;
    }
    p->at = begin;
    return false;
}

static struct sh_node *read_simple(struct sh_parser *p)
{
    struct sh_node *node = sh_new_node(p, SH_COMMAND);
    struct tails t = {&node->assigns, &node->words, &node->redirects};
    const size_t slot = p->commands.size;

    vec_push(&p->commands, node); /* before those of its substitutions */
    while (read_piece(p, node, &t))
        node->end = p->at;
    if (sh_peek(p, 0) == '(' && node->words && !node->words->next && !node->assigns &&
        eat_parentheses(p)) {
        p->commands.size = slot;
        return sh_read_function_body(p, node->words->raw, node->begin);
    }
    if (!node->words && !node->assigns && !node->redirects) {
        p->commands.size = slot;
        return NULL;
    }
    return node;
}

/* ---- lists ---- */

bool sh_at_word(const struct sh_parser *p, const char *word)
{
    const size_t size = strlen(word);
    const struct view rest = sh_slice(p, p->at, p->end);

    return view_starts(rest, word) && (rest.size == size || sh_is_meta(rest.at[size]));
}

bool sh_eat_word(struct sh_parser *p, const char *word)
{
    if (!sh_at_word(p, word))
        return false;
    p->at += strlen(word);
    return true;
}

struct sh_node *sh_read_command(struct sh_parser *p)
{
    struct sh_node *node;

    sh_skip_blanks(p);
    if (!sh_enter(p))
        return NULL;
    node = sh_read_compound(p);
    if (!node)
        node = read_simple(p);
    else if (node->kind != SH_FUNCTION) {
        const struct sh_redirect **tail = &node->redirects;
        for (sh_skip_blanks(p); sh_at_redirect(p) && !p->stop; sh_skip_blanks(p)) {
            struct sh_redirect *r = sh_read_redirect(p);
            *tail = r;
            tail = &r->next;
            node->end = p->at;
        }
    }
    sh_leave(p);
    return node;
}

/* "!" and "time" before a pipe. */
static bool read_prefix(struct sh_parser *p)
{
    bool negated = false;

    for (sh_skip_blanks(p);; sh_skip_blanks(p)) {
        if (sh_eat_word(p, "!"))
            negated = !negated;
        else if (sh_eat_word(p, "time")) {
            sh_skip_blanks(p);
            (void)sh_eat_word(p, "-p");
        } else {
            return negated;
        }
    }
}

static enum sh_op read_bar(struct sh_parser *p)
{
    sh_skip_blanks(p);
    if (sh_peek(p, 0) != '|' || sh_peek(p, 1) == '|')
        return SH_OP_END;
    p->at++;
    if (sh_peek(p, 0) != '&')
        return SH_OP_PIPE;
    p->at++;
    return SH_OP_PIPE_BOTH;
}

static struct sh_node *read_pipe(struct sh_parser *p)
{
    const size_t begin = p->at;
    const bool negated = read_prefix(p);
    struct sh_node *node = sh_read_command(p), *last = node;

    if (!node)
        return NULL;
    if ((node->op = read_bar(p)) != SH_OP_END) {
        struct sh_node *pipe = sh_new_node(p, SH_PIPE);

        pipe->begin = node->begin;
        pipe->end = node->end;
        pipe->first = node;
        vec_push(&p->pipes, pipe);
        while (last->op != SH_OP_END && !p->stop) {
            sh_skip_lines(p);
            struct sh_node *next = sh_read_command(p);
            if (!next) {
                sh_fail(p, "a command is missing behind '|'");
                break;
            }
            last->next = next;
            pipe->end = next->end;
            next->op = read_bar(p);
            last = next;
        }
        node = pipe;
    }
    node->negated = negated;
    if (negated)
        node->begin = begin;
    return node;
}

static enum sh_op read_separator(struct sh_parser *p)
{
    sh_skip_blanks(p);
    const char c = sh_peek(p, 0), next = sh_peek(p, 1);

    if (c == '&' && next == '&')
        return p->at += 2, SH_OP_AND;
    if (c == '|' && next == '|')
        return p->at += 2, SH_OP_OR;
    if (c == '&')
        return p->at++, SH_OP_BACKGROUND;
    if (c == ';' && next != ';' && next != '&')
        return p->at++, SH_OP_SEMICOLON;
    return c == '\n' ? SH_OP_SEMICOLON : SH_OP_END;
}

static bool at_end(const struct sh_parser *p, const char *const *ends)
{
    const char c = sh_peek(p, 0), next = sh_peek(p, 1);

    if (p->at >= p->end || p->stop || c == ')' || (c == ';' && (next == ';' || next == '&')))
        return true;
    for (; ends && *ends; ends++)
        if (sh_at_word(p, *ends))
            return true;
    return false;
}

/* Reads past what cannot be read, at least a byte. */
static struct sh_node *read_error(struct sh_parser *p, const char *text)
{
    struct sh_node *node = sh_new_node(p, SH_ERROR);

    sh_fail(p, text);
    node->name = view_of(text);
    do
        p->at++;
    while (p->at < p->end && !strchr(";\n", sh_peek(p, 0)) && sh_peek(p, 0) != ')');
    p->at = MIN(p->at, p->end);
    node->end = p->at;
    return node;
}

/* Appends to the list; returns its new tail. */
static const struct sh_node **read_items(struct sh_parser *p, const char *const *ends,
                                         struct sh_node *list, const struct sh_node **tail)
{
    for (sh_skip_lines(p); !at_end(p, ends); sh_skip_lines(p)) {
        struct sh_node *node = read_pipe(p);

        if (p->stop && !node)
            break;
        if (!node)
            node = read_error(p, "a command is expected here");
        *tail = node;
        tail = &node->next;
        list->end = node->end;
        node->op = read_separator(p);
        if (node->op == SH_OP_END && !at_end(p, ends)) {
            node = read_error(p, "a separator is expected here");
            *tail = node;
            tail = &node->next;
            node->op = read_separator(p);
        }
    }
    return tail;
}

struct sh_node *sh_read_list(struct sh_parser *p, const char *const *ends)
{
    struct sh_node *list = sh_new_node(p, SH_LIST);

    (void)read_items(p, ends, list, &list->first);
    return list;
}

/* All of the text: what closes nothing, a stray ')' or ";;", does not end it. */
static struct sh_node *read_all(struct sh_parser *p)
{
    struct sh_node *list = sh_new_node(p, SH_LIST);
    const struct sh_node **tail = &list->first;

    while ((tail = read_items(p, NULL, list, tail)), p->at < p->end && !p->stop) {
        struct sh_node *error = read_error(p, "this closes nothing");
        *tail = error;
        tail = &error->next;
        error->op = read_separator(p);
    }
    return list;
}

static const void *copy_items(struct arena *arena, const void *at, size_t count, size_t size)
{
    void *copy = arena_alloc(arena, count * size + 1);

    if (count > 0)
        memcpy(copy, at, count * size);
    return copy;
}

struct sh_script *sh_parse(struct arena *arena, struct view text)
{
    struct sh_parser p = {.arena = arena, .text = text, .end = text.size};
    struct sh_script *s = arena_new_object(arena, struct sh_script);

    s->text = text;
    if (text.size > SH_SIZE_MAX)
        give_up(&p, "the script is too long");
    s->root = read_all(&p);
    s->commands =
        copy_items(arena, p.commands.at, s->command_count = p.commands.size, sizeof(void *));
    s->pipes = copy_items(arena, p.pipes.at, s->pipe_count = p.pipes.size, sizeof(void *));
    s->heredocs =
        copy_items(arena, p.heredocs.at, s->heredoc_count = p.heredocs.size, sizeof(void *));
    s->errors =
        copy_items(arena, p.errors.at, s->error_count = p.errors.size, sizeof(struct sh_error));
    vec_done(&p.commands);
    vec_done(&p.pipes);
    vec_done(&p.heredocs);
    vec_done(&p.errors);
    vec_done(&p.pending);
    return s;
}
