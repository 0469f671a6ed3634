/* sh_print.c - the tree of a script as nested lists. */
#include "dockerfile/dockerfile.h"
#include "lint/sh.h"

static const char *const kinds[] = {
    [SH_COMMAND] = "cmd",  [SH_PIPE] = "pipe",     [SH_LIST] = "list",        [SH_SUBSHELL] = "sub",
    [SH_GROUP] = "group",  [SH_IF] = "if",         [SH_WHILE] = "while",      [SH_UNTIL] = "until",
    [SH_FOR] = "for",      [SH_SELECT] = "select", [SH_CASE] = "case",        [SH_ITEM] = "item",
    [SH_FUNCTION] = "def", [SH_TEST] = "test",     [SH_ARITHMETIC] = "arith", [SH_ERROR] = "error",
};
static const char *const ops[] = {
    [SH_OP_END] = "",   [SH_OP_SEMICOLON] = " ;", [SH_OP_BACKGROUND] = " &", [SH_OP_AND] = " &&",
    [SH_OP_OR] = " ||", [SH_OP_PIPE] = " |",      [SH_OP_PIPE_BOTH] = " |&",
};

static void print_node(const struct sh_node *node, struct str *s);

static void print_scripts(const struct sh_part *part, struct str *s)
{
    for (; part; part = part->next) {
        print_scripts(part->parts, s);
        for (const struct sh_word *w = part->words; w; w = w->next) {
            str_add_char(s, ' ');
            dockerfile_quote(w->text, s);
        }
        if (!part->script)
            continue;
        str_add_text(s, " $");
        print_node(part->script, s);
    }
}

static void print_word(const struct sh_word *w, struct str *s)
{
    dockerfile_quote(w->text, s);
    print_scripts(w->parts, s);
}

static void print_redirect(const struct sh_redirect *r, struct str *s)
{
    str_printf(s, " %.*s%.*s", VIEW_ARG(r->fd), VIEW_ARG(r->op));
    print_word(r->target, s);
    if (r->body.at) {
        str_add_char(s, '=');
        dockerfile_quote(r->body, s);
    }
}

static void print_node(const struct sh_node *node, struct str *s)
{
    str_printf(s, "(%s%s", node->negated ? "!" : "", kinds[node->kind]);
    if (node->name.size > 0) {
        str_add_char(s, ' ');
        str_add(s, node->name);
    }
    for (const struct sh_assign *a = node->assigns; a; a = a->next) {
        str_printf(s, " %.*s%s=", VIEW_ARG(a->name), a->append ? "+" : "");
        print_word(a->value, s);
    }
    for (const struct sh_word *w = node->words; w; w = w->next) {
        str_add_char(s, ' ');
        print_word(w, s);
    }
    for (const struct sh_redirect *r = node->redirects; r; r = r->next)
        print_redirect(r, s);
    for (const struct sh_node *child = node->first; child; child = child->next) {
        str_add_char(s, ' ');
        print_node(child, s);
        str_add_text(s, ops[child->op]);
    }
    str_add_char(s, ')');
}

void sh_print(const struct sh_script *script, struct str *ret)
{
    print_node(script->root, ret);
}
