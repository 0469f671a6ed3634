/* sh_compound.c - if, while, for, case, groups, functions, [[ ]] and (( )). */
#include "lint/sh_internal.h"

static const char *const ends_then[] = {"then", NULL};
static const char *const ends_if[] = {"elif", "else", "fi", NULL};
static const char *const ends_do[] = {"do", NULL};
static const char *const ends_done[] = {"done", NULL};
static const char *const ends_esac[] = {"esac", NULL};
static const char *const ends_brace[] = {"}", NULL};

struct children {
    const struct sh_node **tail;
};

static void add_child(struct children *c, struct sh_node *node)
{
    *c->tail = node;
    c->tail = &node->next;
}

static void expect(struct sh_parser *p, const char *word, const char *complaint)
{
    sh_skip_lines(p);
    if (!sh_eat_word(p, word))
        sh_fail(p, complaint);
}

static struct sh_node *read_if(struct sh_parser *p, struct sh_node *node)
{
    struct children c = {&node->first};

    do {
        add_child(&c, sh_read_list(p, ends_then));
        expect(p, "then", "'then' is missing");
        add_child(&c, sh_read_list(p, ends_if));
    } while (sh_eat_word(p, "elif") && !p->stop);
    if (sh_eat_word(p, "else"))
        add_child(&c, sh_read_list(p, ends_if));
    expect(p, "fi", "'fi' is missing");
    return node;
}

/* do list done, or { list } as bash takes it too. */
static void read_do(struct sh_parser *p, struct children *c)
{
    sh_skip_lines(p);
    if (sh_eat_word(p, "{")) {
        add_child(c, sh_read_list(p, ends_brace));
        expect(p, "}", "'}' is missing");
        return;
    }
    expect(p, "do", "'do' is missing");
    add_child(c, sh_read_list(p, ends_done));
    expect(p, "done", "'done' is missing");
}

static struct sh_node *read_while(struct sh_parser *p, struct sh_node *node)
{
    struct children c = {&node->first};

    add_child(&c, sh_read_list(p, ends_do));
    read_do(p, &c);
    return node;
}

static struct sh_node *read_for(struct sh_parser *p, struct sh_node *node)
{
    struct children c = {&node->first};
    struct sh_word *word = NULL;

    sh_skip_blanks(p);
    if (sh_peek(p, 0) == '(' && sh_peek(p, 1) == '(') {
        p->at += 2;
        if (!sh_read_arithmetic(p, &word))
            sh_fail(p, "(( is not closed");
        node->words = word;
    } else if ((word = sh_read_word(p))) {
        node->name = word->raw;
        sh_skip_lines(p);
        if (sh_eat_word(p, "in")) {
            const struct sh_word **tail = &node->words;
            for (sh_skip_blanks(p); (word = sh_read_word(p)); sh_skip_blanks(p)) {
                *tail = word;
                tail = &word->next;
            }
        }
    } else {
        sh_fail(p, "a variable is missing behind 'for'");
    }
    sh_skip_blanks(p);
    if (sh_peek(p, 0) == ';')
        p->at++;
    sh_skip_lines(p);
    read_do(p, &c);
    return node;
}

static struct sh_node *read_item(struct sh_parser *p)
{
    struct sh_node *item = sh_new_node(p, SH_ITEM);
    const struct sh_word **tail = &item->words;
    struct sh_word *word;

    if (sh_peek(p, 0) == '(')
        p->at++;
    for (sh_skip_blanks(p); (word = sh_read_word(p)); sh_skip_blanks(p)) {
        *tail = word;
        tail = &word->next;
        sh_skip_blanks(p);
        if (sh_peek(p, 0) == '|')
            p->at++;
        else
            break;
    }
    if (sh_peek(p, 0) != ')')
        return NULL;
    p->at++;
    item->first = sh_read_list(p, ends_esac);
    if (sh_peek(p, 0) == ';') {
        p->at += 2;
        if (sh_peek(p, 0) == '&')
            p->at++;
    }
    item->end = p->at;
    return item;
}

static struct sh_node *read_case(struct sh_parser *p, struct sh_node *node)
{
    struct children c = {&node->first};

    sh_skip_blanks(p);
    node->words = sh_read_word(p);
    expect(p, "in", "'in' is missing");
    for (sh_skip_lines(p); p->at < p->end && !p->stop && !sh_at_word(p, "esac"); sh_skip_lines(p)) {
        struct sh_node *item = read_item(p);
        if (!item) {
            sh_fail(p, "')' is missing behind a pattern");
            return node;
        }
        add_child(&c, item);
    }
    expect(p, "esac", "'esac' is missing");
    return node;
}

struct sh_node *sh_read_function_body(struct sh_parser *p, struct view name, size_t begin)
{
    struct sh_node *node = sh_new_node(p, SH_FUNCTION);

    node->begin = begin;
    node->name = name;
    sh_skip_lines(p);
    node->first = sh_read_command(p);
    if (!node->first)
        sh_fail(p, "a function has no body");
    node->end = p->at;
    return node;
}

static struct sh_node *read_function(struct sh_parser *p, size_t begin)
{
    sh_skip_blanks(p);
    const struct sh_word *name = sh_read_word(p);

    sh_skip_blanks(p);
    if (sh_peek(p, 0) == '(' && sh_peek(p, 1) == ')')
        p->at += 2;
    return sh_read_function_body(p, name ? name->raw : VIEW(""), begin);
}

/* An operator of [[ ]] that is made of metacharacters. */
static struct sh_word *read_test_operator(struct sh_parser *p)
{
    static const char *const operators[] = {"&&", "||", "(", ")", "<", ">"};
    const struct view rest = view_make(p->text.at + p->at, p->end - p->at);

    for (size_t i = 0; i < ARRAY_SIZE(operators); i++)
        if (view_starts(rest, operators[i])) {
            struct sh_word *word = arena_new_object(p->arena, struct sh_word);
            word->begin = p->at;
            p->at += strlen(operators[i]);
            word->end = p->at;
            word->text = word->raw = view_of(operators[i]);
            word->literal = true;
            (void)sh_count(p);
            return word;
        }
    return NULL;
}

static bool takes_pattern(const struct sh_word *last)
{
    return last && !last->quoted &&
           (view_eq_text(last->text, "=~") || view_eq_text(last->text, "==") ||
            view_eq_text(last->text, "=") || view_eq_text(last->text, "!="));
}

static struct sh_node *read_test(struct sh_parser *p, struct sh_node *node)
{
    const struct sh_word **tail = &node->words, *last = NULL;

    for (sh_skip_lines(p); p->at < p->end && !p->stop && !sh_at_word(p, "]]"); sh_skip_lines(p)) {
        const bool pattern = takes_pattern(last);
        struct sh_word *word = pattern ? NULL : read_test_operator(p);

        if (!word)
            word = sh_read_test_word(p, pattern);
        if (word->end == word->begin) {
            sh_fail(p, "unexpected character in [[");
            return node;
        }
        *tail = last = word;
        tail = &word->next;
    }
    expect(p, "]]", "']]' is missing");
    return node;
}

static struct sh_node *read_parentheses(struct sh_parser *p, size_t begin)
{
    const bool doubled = sh_peek(p, 1) == '(';
    struct sh_word *word = NULL;
    struct sh_node *node;

    p->at = begin + 2;
    if (doubled && sh_read_arithmetic(p, &word)) {
        node = sh_new_node(p, SH_ARITHMETIC);
        node->words = word;
        return node;
    }
    p->at = begin + 1;
    node = sh_new_node(p, SH_SUBSHELL);
    node->first = sh_read_list(p, NULL);
    sh_skip_lines(p);
    if (sh_peek(p, 0) == ')')
        p->at++;
    else
        sh_fail(p, "')' is missing");
    return node;
}

static struct sh_node *read_group(struct sh_parser *p, struct sh_node *node)
{
    node->first = sh_read_list(p, ends_brace);
    expect(p, "}", "'}' is missing");
    return node;
}

static struct sh_node *read_keyword(struct sh_parser *p)
{
    static const struct {
        const char *word;
        enum sh_kind kind;
        struct sh_node *(*read)(struct sh_parser *, struct sh_node *);
    } rows[] = {
        {"if", SH_IF, read_if},          {"while", SH_WHILE, read_while},
        {"until", SH_UNTIL, read_while}, {"for", SH_FOR, read_for},
        {"select", SH_SELECT, read_for}, {"case", SH_CASE, read_case},
        {"{", SH_GROUP, read_group},     {"[[", SH_TEST, read_test},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (sh_eat_word(p, rows[i].word))
            return rows[i].read(p, sh_new_node(p, rows[i].kind));
    return NULL;
}

struct sh_node *sh_read_compound(struct sh_parser *p)
{
    const size_t begin = p->at;
    struct sh_node *node;

    if (sh_peek(p, 0) == '(')
        node = read_parentheses(p, begin);
    else if (sh_eat_word(p, "function"))
        return read_function(p, begin);
    else
        node = read_keyword(p);
    if (node) {
        node->begin = begin;
        node->end = p->at;
    }
    return node;
}
