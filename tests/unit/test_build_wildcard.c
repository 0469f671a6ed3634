#include "build/wildcard.h"
#include "unit.h"

/* Rows marked Go are from path/filepath's own table. */
static const struct {
    const char *pattern, *name;
    int want;
} cases[] = {
    {"abc", "abc", 1},
    {"*", "abc", 1},
    {"*c", "abc", 1},
    {"a*", "a", 1},
    {"a*", "abc", 1},
    {"ab[c]", "abc", 1},
    {"ab[b-d]", "abc", 1},
    {"ab[e-g]", "abc", 0},
    {"ab[^c]", "abc", 0},
    {"ab[^b-d]", "abc", 0},
    {"ab[^e-g]", "abc", 1},
    {"a\\*b", "a*b", 1},
    {"a\\*b", "ab", 0},
    {"a???b", "aabcb", 1},
    {"a[^a]b", "a-b", 1},
    {"[\\]a]", "]", 1},
    {"[\\-]", "-", 1},
    {"[x\\-]", "x", 1},
    {"[x\\-]", "z", 0},
    {"[\\-x]", "a", 0},
    {"[]a]", "]", -EINVAL},
    {"[-]", "-", -EINVAL},
    {"[x-]", "x", -EINVAL},
    {"[a-b-c]", "a", -EINVAL},
    {"[", "a", -EINVAL},
    {"[^", "a", -EINVAL},
    {"[^bc", "a", -EINVAL},
    {"a[", "a", -EINVAL},
    {"a[", "ab", -EINVAL},
    {"a\\", "a", -EINVAL},
    {"*x", "xxx", 1},
    {"a*b*c*d*e*", "axbxcxdxexxx", 1},
    {"a*b?c*x", "abxbbxdbxebxczzx", 1},
    {"a*b?c*x", "abxbbxdbxebxczzy", 0},
    {"", "", 1},
    {"", "a", 0},
    {"?", "", 0},
    {"?本", "日本", 1},
    {"??", "日本", 1},
    {"?", "é", 1},
    {"?", "\xff", 1},
    {"??", "\xe6\x97", 1},
    {"[日é]本", "日本", 1},
    {"[^日]本", "日本", 0},
    {"[^x]本", "日本", 1},
    {"[а-я]", "ж", 1},
    {"*[本]", "日本", 1},
    {"日?", "日", 0},
    {".*", ".git", 1},
    {"*", ".git", 1},
};

static void patterns_match_as_in_go(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        print_message("# %s %s\n", cases[i].pattern, cases[i].name);
        assert_int_equal(wildcard_match(view_of(cases[i].pattern), view_of(cases[i].name)),
                         cases[i].want);
    }
}

static void many_stars_take_no_time(void **state)
{
    char name[4001];

    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(wildcard_match(view_of("a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b"), view_of(name)),
                     0);
}

static void escaped_wildcards_are_none(void **state)
{
    assert_true(wildcard_in(view_of("a*")));
    assert_true(wildcard_in(view_of("a[b")));
    assert_false(wildcard_in(view_of("a\\*")));
    assert_false(wildcard_in(view_of("a")));
}

UNIT_MAIN(cmocka_unit_test(patterns_match_as_in_go), cmocka_unit_test(many_stars_take_no_time),
          cmocka_unit_test(escaped_wildcards_are_none))
