#include "build/key.h"
#include "unit.h"

#define FIFTY_NINE "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvw"
#define SIXTY FIFTY_NINE "x"

static void build(struct key *k, const char *const env[], size_t count)
{
    key_begin(k, "definition exec");
    key_add_text(k, "command", "make");
    key_add_pairs(k, "env", env, count);
    key_end(k);
}

static void equal_parts_give_equal_keys(void **state)
{
    static const char *const env[] = {"A=1", "B=2"};
    KEY_AUTO(a);
    KEY_AUTO(b);

    build(&a, env, 2);
    build(&b, env, 2);
    assert_true(digest_eq(&a.digest, &b.digest));
}

/* Each pair of texts would be the same bytes one behind the other. */
static void fields_cannot_run_together(void **state)
{
    static const char *const one[] = {"ab", "c"}, *const other[] = {"a", "bc"},
                             *const joined[] = {"abc"};
    const struct {
        const char *const *texts;
        size_t count;
    } rows[] = {{one, 2}, {other, 2}, {joined, 1}, {one, 1}, {one, 0}};
    struct digest seen[ARRAY_SIZE(rows)];

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        KEY_AUTO(k);
        key_begin(&k, "x");
        key_add_texts(&k, "argv", rows[i].texts, rows[i].count);
        seen[i] = *key_end(&k);
        for (size_t j = 0; j < i; j++)
            assert_false(digest_eq(&seen[i], &seen[j]));
    }
}

static void name_and_value_do_not_mix(void **state)
{
    KEY_AUTO(a);
    KEY_AUTO(b);

    key_begin(&a, "x");
    key_add_text(&a, "ab", "c");
    key_begin(&b, "x");
    key_add_text(&b, "a", "bc");
    assert_false(digest_eq(key_end(&a), key_end(&b)));
}

static const struct {
    const char *name;
    const char *before[3], *now[3];
    const char *want; /* NULL: they are equal */
} cases[] = {
    {"the same", {"A=1", "B=2"}, {"A=1", "B=2"}, NULL},
    {"a value", {"A=1", "B=2"}, {"A=1", "B=3"}, "env B changed \"2\" -> \"3\""},
    {"the first of two", {"A=1", "B=2"}, {"A=2", "B=3"}, "env A changed \"1\" -> \"2\""},
    {"a new one", {"A=1"}, {"A=1", "B=2"}, "env B is new: \"2\""},
    {"one less", {"A=1", "B=2"}, {"A=1"}, "env B is gone"},
    {"no value", {"A"}, {"A=x"}, "env A changed \"\" -> \"x\""},
    {"twice, the second changed",
     {"A=1", "A=2"},
     {"A=1", "A=3"},
     "env A (2) changed \"2\" -> \"3\""},
    {"a name with a line break", {"A\nB=1"}, {"A\nB=1"}, NULL},
    {"a name with a tab", {"A\tB=1"}, {"A\tB=2"}, "env A B changed \"1\" -> \"2\""},
    {"a value with lines", {"A=1\n2"}, {"A=1\t3"}, "env A changed \"1 2\" -> \"1 3\""},
    {"a long value",
     {"A=" SIXTY "1"},
     {"A=" SIXTY "2"},
     "env A changed"}, /* what is shown is the same */
    {"a long value that differs early",
     {"A=x" SIXTY},
     {"A=y" SIXTY},
     "env A changed \"x" FIFTY_NINE "...\" -> \"y" FIFTY_NINE "...\""},
};

static size_t length(const char *const list[3])
{
    size_t n = 0;

    while (n < 3 && list[n])
        n++;
    return n;
}

static void the_first_difference_is_named(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        KEY_AUTO(before);
        KEY_AUTO(now);
        STR_AUTO(parts);
        STR_AUTO(text);

        print_message("# %s\n", cases[i].name);
        build(&before, cases[i].before, length(cases[i].before));
        build(&now, cases[i].now, length(cases[i].now));
        key_print_parts(&before, &parts);
        assert_int_equal(key_difference(&now, str_view(&parts), &text), cases[i].want != NULL);
        assert_string_equal(text.at, cases[i].want ? cases[i].want : "");
    }
}

static void any_bytes_may_stand_in_for_parts(void **state)
{
    static const char *const junk[] = {
        "", "\n\n", "short", "0123456789ab", "0123456789ab \n", "zz\nyy zz\n"};

    for (size_t i = 0; i < ARRAY_SIZE(junk); i++) {
        KEY_AUTO(k);
        STR_AUTO(text);
        build(&k, NULL, 0);
        assert_true(key_difference(&k, view_of(junk[i]), &text));
    }
}

UNIT_MAIN(cmocka_unit_test(equal_parts_give_equal_keys),
          cmocka_unit_test(fields_cannot_run_together), cmocka_unit_test(name_and_value_do_not_mix),
          cmocka_unit_test(the_first_difference_is_named),
          cmocka_unit_test(any_bytes_may_stand_in_for_parts))
