/* test_sh.c - what the shell parser makes of a text: tree, complaints, places. */
#include "lint/sh.h"
#include "unit.h"

static const struct {
    const char *text, *tree, *complaint; /* complaint: the first one, NULL: none */
} cases[] = {
    {"", "(list)", NULL},
    {"a \"b $x\" && c | d; e &",
     "(list (cmd \"a\" \"b ${VAR}\") && (pipe (cmd \"c\") | (cmd \"d\")) ; (cmd \"e\") &)", NULL},
    {"FOO=1 b+=2 pip install 'x==1' >/dev/null 2>&1",
     "(list (cmd FOO=\"1\" b+=\"2\" \"pip\" \"install\" \"x==1\" >\"/dev/null\" 2>&\"1\"))", NULL},
    {"x=$(a `b c` $((1+2)) \"$(d \"e\")\")",
     "(list (cmd x=\"${VAR}\" $(list (cmd \"a\" \"${VAR}\" $(list (cmd \"b\" \"c\")) \"${VAR}\" "
     "\"${VAR}\" $(list (cmd \"d\" \"e\"))))))",
     NULL},
    {"if a; then b; elif c; then d; else e; fi > f",
     "(list (if >\"f\" (list (cmd \"a\") ;) (list (cmd \"b\") ;) (list (cmd \"c\") ;) (list (cmd "
     "\"d\") ;) (list (cmd \"e\") ;)))",
     NULL},
    {"for i in a b; do c; done; until read x; do y; done <f",
     "(list (for i \"a\" \"b\" (list (cmd \"c\") ;)) ; (until <\"f\" (list (cmd \"read\" \"x\") ;) "
     "(list (cmd \"y\") ;)))",
     NULL},
    {"case $x in a|b) c;; (*) d; esac; e",
     "(list (case \"${VAR}\" (item \"a\" \"b\" (list (cmd \"c\"))) (item \"*\" (list (cmd \"d\") "
     ";))) ; (cmd \"e\"))",
     NULL},
    {"f () { a; }; function g { b; }; (a; b) || { c; }",
     "(list (def f (group (list (cmd \"a\") ;))) ; (def g (group (list (cmd \"b\") ;))) ; (sub "
     "(list (cmd \"a\") ; (cmd \"b\"))) || (group (list (cmd \"c\") ;)))",
     NULL},
    {"cat <<EOF >/x\nbody $x\nEOF\ntac <<-'E'\n\tt\n\tE\nd",
     "(list (cmd \"cat\" <<\"EOF\"=\"body $x\\n\" >\"/x\") ; (cmd \"tac\" <<-\"E\"=\"\\tt\\n\") ; "
     "(cmd \"d\"))",
     NULL},
    {"echo \"a\\\nb\" \\\n c # d\n#e\nf", "(list (cmd \"echo\" \"ab\" \"c\") ; (cmd \"f\"))", NULL},
    {"[[ -f x && $y =~ ^(a|b)$ ]] && ((x++)); diff <(a) >(b)",
     "(list (test \"-f\" \"x\" \"&&\" \"${VAR}\" \"=~\" \"^(a|b)$\") && (arith \"x++\") ; (cmd "
     "\"diff\" \"${VAR}\" $(list (cmd \"a\")) \"${VAR}\" $(list (cmd \"b\"))))",
     NULL},
    {"l=(a b $(c)); declare -a z=(1 2); ! d",
     "(list (cmd l=\"${VAR}\" \"a\" \"b\" \"${VAR}\") ; (cmd \"declare\" \"-a\" \"z=\") ; (!cmd "
     "\"d\"))",
     NULL},
    {"echo ${x:-\"${y}\"} $'a\\nb' t\\>=9 a#b \"\\`\\\\\\$\\z\" !(a|b)/*.c",
     "(list (cmd \"echo\" \"${VAR}\" \"a\\nb\" \"t>=9\" \"a#b\" \"`\\\\$\\\\z\" \"!(a|b)/*.c\"))",
     NULL},
    {"$((a) | b) <<<x 3<f {n}>g h>|i",
     "(list (cmd \"${VAR}\" $(list (pipe (sub (list (cmd \"a\"))) "
     "| (cmd \"b\"))) \"h\" <<<\"x\" 3<\"f\" {n}>\"g\" >|\"i\"))",
     NULL},
    {"echo ) ; b", "(list (cmd \"echo\") (error this closes nothing) ; (cmd \"b\"))",
     "5: this closes nothing"},
    {"a (b); c",
     "(list (cmd \"a\") (error a separator is expected here) (error this closes nothing) "
     "; (cmd \"c\"))",
     "2: a separator is expected here"},
    {"a \"b", "(list (cmd \"a\" \"b\"))", "2: a double quote is not closed"},
    {"a 'b", "(list (cmd \"a\" \"b\"))", "2: a single quote is not closed"},
    {"a $(b", "(list (cmd \"a\" \"${VAR}\" $(list (cmd \"b\"))))",
     "2: a command substitution is not closed"},
    {"if a; then", "(list (if (list (cmd \"a\") ;) (list)))", "10: 'fi' is missing"},
    {"case x in a", "(list (case \"x\"))", "11: ')' is missing behind a pattern"},
    {"a | ; b", "(list (pipe (cmd \"a\") |) ; (cmd \"b\"))", "4: a command is missing behind '|'"},
    {"a >", "(list (cmd \"a\" >\"\"))", "3: a redirection has no target"},
    {"&& a", "(list (error a command is expected here))", "0: a command is expected here"},
};

static void trees_and_complaints(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(arena_freep) struct arena *arena = arena_new();
        const struct sh_script *s = sh_parse(arena, view_of(cases[i].text));
        STR_AUTO(tree);
        STR_AUTO(complaint);

        print_message("# %s\n", cases[i].text);
        sh_print(s, &tree);
        assert_string_equal(tree.at, cases[i].tree);
        if (s->error_count > 0)
            str_printf(&complaint, "%zu: %s", s->errors[0].at, s->errors[0].text);
        assert_string_equal(complaint.at, cases[i].complaint ? cases[i].complaint : "");
    }
}

/* Every command, in the order of the text, and its bytes. */
static void commands_have_places(void **state)
{
    static const char text[] = "a \"$(b c)\" && if d; then e f; fi | (g; h)\ni() { j; }";
    static const char *const want[] = {"a \"$(b c)\"", "b c", "d", "e f", "g", "h", "j"};
    CLEANUP(arena_freep) struct arena *arena = arena_new();
    const struct sh_script *s = sh_parse(arena, view_of(text));

    (void)state;
    assert_int_equal(s->command_count, ARRAY_SIZE(want));
    for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
        const struct sh_node *c = s->commands[i];
        const struct view bytes = view_make(text + c->begin, c->end - c->begin);
        assert_true(view_eq_text(bytes, want[i]));
    }
    assert_int_equal(s->pipe_count, 1);
}

static void repeat(struct str *s, const char *text, size_t count)
{
    while (count-- > 0)
        str_add_text(s, text);
}

/* Hostile texts end, with a complaint, and in time that grows as they do. */
static void limits_have_names(void **state)
{
    static const struct {
        const char *piece;
        size_t count;
        const char *complaint;
    } rows[] = {
        {"(", 100000, "nested too deep"},
        {"$(", 100000, "nested too deep"},
        {"${a:-", 100000, "nested too deep"},
        {"$((", 100000, "nested too deep"},
        {"$((a) ", 100000, NULL},
        {"a ", 400000, "too many words"},
        {"aaaaaaaaaaaaaaa ", 70000, "too long"},
        {"\"`", 100000, NULL},
        {"if ", 100000, "nested too deep"},
        {"<<a ", 50000, NULL},
        {"a && (", 100000, "nested too deep"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CLEANUP(arena_freep) struct arena *arena = arena_new();
        STR_AUTO(text);

        repeat(&text, rows[i].piece, rows[i].count);
        const struct sh_script *s = sh_parse(arena, str_view(&text));
        print_message("# %s\n", rows[i].piece);
        bool found = !rows[i].complaint;
        for (size_t k = 0; k < s->error_count; k++)
            found = found || strstr(s->errors[k].text, rows[i].complaint);
        assert_true(found);
    }
}

UNIT_MAIN(cmocka_unit_test(trees_and_complaints), cmocka_unit_test(commands_have_places),
          cmocka_unit_test(limits_have_names))
