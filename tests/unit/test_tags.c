#include "build/semver.h"
#include "build/tags.h"
#include "unit.h"

/* semver.org, section 11, and between them. */
static const char *const order[] = {
    "0.0.0",      "0.0.9",        "0.0.10",        "0.9.0",         "1.0.0-0",
    "1.0.0-9",    "1.0.0-10",     "1.0.0-alpha",   "1.0.0-alpha.1", "1.0.0-alpha.beta",
    "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",    "1.0.0",
    "1.0.1-1.g0", "1.0.1",        "2.0.0",         "10.0.0",        "18446744073709551615.0.0",
};

static void versions_have_an_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(order); i++)
        for (size_t j = 0; j < ARRAY_SIZE(order); j++) {
            struct semver a, b;

            assert_true(semver_parse(view_of(order[i]), &a) && semver_parse(view_of(order[j]), &b));
            const int r = semver_compare(&a, &b);
            assert_int_equal((r > 0) - (r < 0), (i > j) - (i < j));
        }
}

static void other_texts_are_no_versions(void **state)
{
    static const char *const bad[] = {
        "",
        "1",
        "1.2",
        "1.2.3.4",
        "01.2.3",
        "1.02.3",
        "1.2.03",
        "v1.2.3",
        "1.2.3-",
        "1.2.3-01",
        "1.2.3-a..b",
        "1.2.3+",
        "1.2.3-a_b",
        "1.2.x",
        "-1.2.3",
        " 1.2.3",
        "1.2.18446744073709551616",
    };
    struct semver v;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        print_message("# '%s'\n", bad[i]);
        assert_false(semver_parse(view_of(bad[i]), &v));
    }
    assert_true(semver_parse(VIEW("1.2.3-01a+001"), &v));
    assert_true(view_eq_text(v.pre, "01a") && view_eq_text(v.build, "001"));
}

static const struct {
    const char *text, *version;
    uint64_t commits;
    bool dirty;
    const char *want; /* NULL: refused */
} fills[] = {
    {"app", NULL, 0, false, "app"},
    {"app:{git}", NULL, 0, false, "app:4f2a91c"},
    {"app:{git}", NULL, 0, true, "app:4f2a91c-dirty"},
    {"app:{semver}", "1.2.3", 0, false, "app:1.2.3"},
    {"app:{semver}", "1.2.3", 0, true, "app:1.2.4-0.g4f2a91c.dirty"},
    {"app:{semver}", "1.2.3", 5, false, "app:1.2.4-5.g4f2a91c"},
    {"app:{semver}", "1.2.3-rc.1", 0, false, "app:1.2.3-rc.1"},
    {"app:{semver}", "1.2.3-rc.1", 5, true, "app:1.2.3-rc.1.5.g4f2a91c.dirty"},
    {"app:{semver}", "1.2.3+b.7", 0, false, "app:1.2.3_b.7"},
    {"app:v{semver}-{git}", "1.2.3", 0, false, "app:v1.2.3-4f2a91c"},
    {"app:{semver}", NULL, 0, false, NULL},
    {"app:{version}", "1.2.3", 0, false, NULL},
    {"app:{git", NULL, 0, false, "app:{git"},
};

static void placeholders_are_filled(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(fills); i++) {
        const struct tag_facts f = {"4f2a91c", fills[i].version, fills[i].commits, fills[i].dirty};
        STR_AUTO(got);
        const int r = tag_fill(fills[i].text, &f, &got, NULL);

        print_message("# %s\n", fills[i].text);
        assert_int_equal(r < 0, !fills[i].want);
        if (fills[i].want)
            assert_string_equal(got.at, fills[i].want);
    }
}

static void the_highest_version_of_a_list(void **state)
{
    (void)state;
    assert_true(view_eq_text(tag_highest(VIEW("v1.2.3\nv1.10.0\nlatest\n1.9.9\nv2\nv1.10.0-rc.1")),
                             "v1.10.0"));
    assert_int_equal(tag_highest(VIEW("latest\nv2")).size, 0);
    assert_int_equal(tag_highest(VIEW("")).size, 0);
}

static void versions_and_commits_do_not_move(void **state)
{
    static const char *const fixed[] = {"1.2.3", "v1.2.3", "1.2.3-rc.1", "4f2a91c",
                                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4"},
                             *const moving[] = {"latest",        "1",    "1.2", "v1", "4f2a91",
                                                "4f2a91c-dirty", "main", ""};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
        assert_true(tag_is_fixed(view_of(fixed[i])));
    for (size_t i = 0; i < ARRAY_SIZE(moving); i++)
        assert_false(tag_is_fixed(view_of(moving[i])));
}

UNIT_MAIN(cmocka_unit_test(versions_have_an_order), cmocka_unit_test(other_texts_are_no_versions),
          cmocka_unit_test(placeholders_are_filled),
          cmocka_unit_test(the_highest_version_of_a_list),
          cmocka_unit_test(versions_and_commits_do_not_move))
