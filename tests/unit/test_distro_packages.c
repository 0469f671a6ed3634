/* Indexes, relations and the choice out of them. */
#include "distro/closure.h"
#include "distro/control.h"
#include "distro/packages.h"
#include "distro/select.h"
#include "unit.h"

#define SHA "SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
#define PKG(name, version, rest)                                                                   \
    "Package: " name "\nVersion: " version "\nArchitecture: amd64\nFilename: pool/" name           \
    ".deb\nSize: 10\n" SHA rest "\n"

static void fields_and_paragraphs(void **state)
{
    struct view rest = VIEW("\n\n# words\nA: 1\nB:\n x\n y\n#c\nC:2\n  \n\nD: 3"), p, name, value;
    ERROR_AUTO(err);

    (void)state;
    assert_true(control_paragraph(&rest, &p));
    assert_true(view_eq_text(control_get(p, "a"), "1"));
    assert_true(view_eq_text(control_get(p, "B"), "x\n y"));
    assert_true(view_eq_text(control_get(p, "C"), "2"));
    assert_null(control_get(p, "D").at);
    assert_true(control_paragraph(&rest, &p));
    assert_true(view_eq_text(control_get(p, "D"), "3"));
    assert_false(control_paragraph(&rest, &p));
    p = VIEW("no colon here\n");
    assert_int_equal(control_field(&p, &name, &value, &err), -EINVAL);
}

static const struct {
    const char *text, *name, *qualifier, *version;
    int relation; /* -1: refused */
} terms[] = {
    {"libc6", "libc6", "", "", VERSION_ANY},
    {"libc6 (>= 2.3)", "libc6", "", "2.3", VERSION_LATER_EQUAL},
    {"libc6(>=2.3)", "libc6", "", "2.3", VERSION_LATER_EQUAL},
    {"python3:any (<< 4~)", "python3", "any", "4~", VERSION_EARLIER},
    {"a (= 1:2-3)", "a", "", "1:2-3", VERSION_EQUAL},
    {"a (>> 1)", "a", "", "1", VERSION_LATER},
    {"a (<= 1)", "a", "", "1", VERSION_EARLIER_EQUAL},
    {"a (< 1)", "a", "", "1", VERSION_EARLIER_EQUAL},
    {"a (~ 1)", NULL, NULL, NULL, -1},
    {"a (>= )", NULL, NULL, NULL, -1},
    {"a (>= 1", NULL, NULL, NULL, -1},
    {"(>= 1)", NULL, NULL, NULL, -1},
    {"a b", NULL, NULL, NULL, -1},
    {"a [amd64]", NULL, NULL, NULL, -1},
    {"", NULL, NULL, NULL, -1},
};

static void terms_of_relations(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(terms); i++) {
        struct view group = view_of(terms[i].text);
        struct term t;
        const int r = relation_term(&group, &t, NULL);

        print_message("# '%s'\n", terms[i].text);
        assert_int_equal(r, terms[i].relation < 0 ? -EINVAL : 1);
        if (r < 0)
            continue;
        assert_true(view_eq_text(t.name, terms[i].name));
        assert_true(view_eq_text(t.qualifier, terms[i].qualifier));
        assert_true(view_eq_text(t.version, terms[i].version));
        assert_int_equal(t.relation, terms[i].relation);
    }
}

static const struct {
    const char *name, *text, *complaint;
} bad_indexes[] = {
    {"name", "Package: ../x\nVersion: 1\nArchitecture: all\nFilename: a\nSize: 1\n" SHA,
     "package name"},
    {"capital", "Package: Ab\nVersion: 1\nArchitecture: all\nFilename: a\nSize: 1\n" SHA,
     "package name"},
    {"no version", "Package: ab\nArchitecture: all\nFilename: a\nSize: 1\n" SHA, "version"},
    {"path", "Package: ab\nVersion: 1\nArchitecture: all\nFilename: a/../../b\nSize: 1\n" SHA,
     "file name"},
    {"absolute", "Package: ab\nVersion: 1\nArchitecture: all\nFilename: /b\nSize: 1\n" SHA,
     "file name"},
    {"no sum", "Package: ab\nVersion: 1\nArchitecture: all\nFilename: b\nSize: 1\n", "no SHA256"},
    {"short sum", "Package: ab\nSHA256: 00\n", "hex digits"},
    {"size", "Package: ab\nSize: -1\n", "Size"},
    {"huge", "Package: ab\nSize: 99999999999999\n", "Size"},
    {"no field", "Package: ab\nrubbish\n", "Name: value"},
};

static void bad_indexes_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad_indexes); i++) {
        CLEANUP(packages_freep) struct packages *s = packages_new("amd64");
        ERROR_AUTO(err);

        print_message("# %s\n", bad_indexes[i].name);
        assert_int_equal(packages_add(s, view_of(bad_indexes[i].text), 0, 500, &err), -EINVAL);
        assert_non_null(strstr(err.text, bad_indexes[i].complaint));
    }
}

static void the_newest_of_the_highest_pin_wins(void **state)
{
    CLEANUP(packages_freep) struct packages *s = packages_new("amd64");

    (void)state;
    assert_int_equal(packages_add(s, VIEW(PKG("aa", "1", "") PKG("bb", "1", "")), 0, 500, NULL), 0);
    assert_int_equal(packages_add(s, VIEW(PKG("aa", "2", "") PKG("bb", "0.9", "")), 1, 500, NULL),
                     0);
    assert_int_equal(packages_add(s, VIEW(PKG("aa", "9", "")), 2, 100, NULL), 0);
    assert_int_equal(
        packages_add(s, VIEW("Package: aa\nVersion: 99\nArchitecture: arm64\n"), 3, 500, NULL), 0);
    assert_true(view_eq_text(packages_find(s, VIEW("aa"))->version, "2"));
    assert_int_equal(packages_find(s, VIEW("aa"))->suite, 1);
    assert_true(view_eq_text(packages_find(s, VIEW("bb"))->version, "1"));
    assert_null(packages_find(s, VIEW("cc")));
    assert_int_equal(packages_count(s), 2);
}

/* Each row: an index, what is asked for, and what is chosen ("a b") or complained of ("!..."). */
static const struct {
    const char *name, *index, *want, *chosen;
} choices[] = {
    {"alone", PKG("aa", "1", ""), "aa", "aa"},
    {"chain",
     PKG("aa", "1", "Depends: bb\n") PKG("bb", "1", "Pre-Depends: cc\n") PKG("cc", "1", ""), "aa",
     "aa bb cc"},
    {"cycle", PKG("aa", "1", "Depends: bb\n") PKG("bb", "1", "Depends: aa\n"), "aa", "aa bb"},
    {"first alternative",
     PKG("aa", "1", "Depends: bb | cc\n") PKG("bb", "1", "") PKG("cc", "1", ""), "aa", "aa bb"},
    {"chosen alternative",
     PKG("aa", "1", "Depends: bb | cc\n") PKG("bb", "1", "") PKG("cc", "1", ""), "aa cc", "aa cc"},
    {"absent alternative", PKG("aa", "1", "Depends: xx | cc\n") PKG("cc", "1", ""), "aa", "aa cc"},
    {"too old alternative",
     PKG("aa", "1", "Depends: bb (>= 2) | cc\n") PKG("bb", "1", "") PKG("cc", "1", ""), "aa",
     "aa cc"},
    {"alternative that cannot be had",
     PKG("aa", "1", "Depends: bb | cc\n") PKG("bb", "1", "Depends: xx\n") PKG("cc", "1", ""), "aa",
     "aa cc"},
    {"alternative in conflict",
     PKG("aa", "1", "Depends: bb | cc\nConflicts: bb\n") PKG("bb", "1", "") PKG("cc", "1", ""),
     "aa", "aa cc"},
    {"provider by priority",
     PKG("aa", "1", "Depends: awk\n") PKG("gawk", "1", "Provides: awk\nPriority: optional\n")
         PKG("mawk", "1", "Provides: awk\nPriority: required\n"),
     "aa", "aa mawk"},
    {"provider with a version",
     PKG("aa", "1", "Depends: vv (>= 2)\n") PKG("p1", "9", "Provides: vv\n")
         PKG("p2", "1", "Provides: vv (= 2.1)\n"),
     "aa", "aa p2"},
    {"real package before providers",
     PKG("aa", "1", "Depends: vv\n") PKG("p1", "1", "Provides: vv\nPriority: required\n")
         PKG("vv", "1", ""),
     "aa", "aa vv"},
    {"qualifier any", PKG("aa", "1", "Depends: py:any\n") PKG("py", "1", "Multi-Arch: allowed\n"),
     "aa", "aa py"},
    {"qualifier any refused", PKG("aa", "1", "Depends: py:any\n") PKG("py", "1", ""), "aa",
     "!'aa' needs 'py:any', which no source has"},
    {"own architecture", PKG("aa", "1", "Depends: py:amd64\n") PKG("py", "1", ""), "aa", "aa py"},
    {"other architecture", PKG("aa", "1", "Depends: py:arm64\n") PKG("py", "1", ""), "aa",
     "!'aa' needs"},
    {"unknown", PKG("aa", "1", ""), "xx", "!package 'xx' is in none of the sources"},
    {"root by its provider", PKG("p1", "1", "Provides: vv\n"), "vv", "p1"},
    {"root of two providers", PKG("p1", "1", "Provides: vv\n") PKG("p2", "1", "Provides: vv\n"),
     "vv", "!several"},
    {"missing", PKG("aa", "1", "Depends: xx (>= 3)\n"), "aa",
     "!'aa' needs 'xx (>= 3)', which no source has"},
    {"missing below", PKG("aa", "1", "Depends: bb\n") PKG("bb", "1", "Depends: xx\n"), "aa",
     "!'aa' needs 'bb': 'bb' needs 'xx', which no source has"},
    {"conflict", PKG("aa", "1", "Conflicts: bb\n") PKG("bb", "1", ""), "aa bb",
     "!'bb' cannot be beside 'aa'"},
    {"conflict of a version", PKG("aa", "1", "Breaks: bb (<< 1)\n") PKG("bb", "1", ""), "aa bb",
     "aa bb"},
    {"own provision", PKG("aa", "1", "Provides: mta\nConflicts: mta\n"), "aa", "aa"},
    {"provision in conflict",
     PKG("aa", "1", "Provides: mta\nConflicts: mta\n")
         PKG("bb", "1", "Provides: mta\nConflicts: mta\n"),
     "aa bb", "!cannot be beside"},
    {"recommends are not followed", PKG("aa", "1", "Recommends: bb\n") PKG("bb", "1", ""), "aa",
     "aa"},
    {"broken field", PKG("aa", "1", "Depends: bb (what)\n"), "aa", "!not a version bound"},
};

static void check_choice(size_t n)
{
    CLEANUP(packages_freep) struct packages *s = packages_new("amd64");
    CLEANUP(closure_done) struct closure c;
    struct view rest = view_of(choices[n].want), names[8];
    size_t count = 0;
    ERROR_AUTO(err);
    STR_AUTO(have);

    print_message("# %s\n", choices[n].name);
    assert_int_equal(packages_add(s, view_of(choices[n].index), 0, 500, &err), 0);
    closure_init(&c, s);
    while (control_word(&rest, &names[count]))
        count++;
    const int r = closure_add(&c, names, count, &err);
    if (choices[n].chosen[0] == '!') {
        assert_true(r < 0);
        if (!strstr(err.text, choices[n].chosen + 1))
            fail_msg("'%s'", err.text);
        return;
    }
    if (r < 0)
        fail_msg("%s", err.text);
    /* in the order of names: what came in which order is another matter */
    for (size_t i = 0; i < packages_count(s); i++)
        if (c.taken[i])
            str_printf(&have, "%s%.*s", have.size ? " " : "", VIEW_ARG(packages_at(s, i)->name));
    assert_string_equal(have.at, choices[n].chosen);
    assert_int_equal(closure_check(&c, &err), 0);
}

static void choices_are_those_of_apt(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(choices); i++)
        check_choice(i);
}

static void dependencies_come_first(void **state)
{
    static const char index[] = PKG("aa", "1", "Depends: bb, cc\n")
        PKG("bb", "1", "Pre-Depends: vv\n") PKG("cc", "1", "") PKG("pp", "1", "Provides: vv\n");
    CLEANUP(packages_freep) struct packages *s = packages_new("amd64");
    CLEANUP(closure_done) struct closure c;
    const struct package *order[4];
    STR_AUTO(have);

    (void)state;
    assert_int_equal(packages_add(s, VIEW(index), 0, 500, NULL), 0);
    closure_init(&c, s);
    assert_int_equal(closure_add(&c, &VIEW("aa"), 1, NULL), 0);
    closure_order(&c, order);
    for (size_t i = 0; i < 4; i++)
        str_printf(&have, "%.*s ", VIEW_ARG(order[i]->name));
    assert_string_equal(have.at, "pp bb cc aa ");
}

static void minbase_is_essential_then_required(void **state)
{
    static const char index[] = PKG("apt", "1", "Depends: lib\n") PKG("lib", "1", "")
        PKG("bash", "1", "Essential: yes\nDepends: dep\n") PKG("dep", "1", "")
            PKG("mount", "1", "Priority: required\n") PKG("nano", "1", "Priority: important\n");
    CLEANUP(packages_freep) struct packages *s = packages_new("amd64");
    const struct selection selection = {VARIANT_MINBASE, NULL};
    PLAN_AUTO(plan);
    STR_AUTO(have);

    (void)state;
    assert_int_equal(packages_add(s, VIEW(index), 0, 500, NULL), 0);
    assert_int_equal(select_packages(s, &selection, &plan, NULL), 0);
    vec_each (p, &plan)
        str_printf(&have, "%s%s ", p->name, p->automatic ? "*" : "");
    assert_string_equal(have.at, "dep bash lib* apt mount ");
}

UNIT_MAIN(cmocka_unit_test(fields_and_paragraphs), cmocka_unit_test(terms_of_relations),
          cmocka_unit_test(bad_indexes_are_refused),
          cmocka_unit_test(the_newest_of_the_highest_pin_wins),
          cmocka_unit_test(choices_are_those_of_apt), cmocka_unit_test(dependencies_come_first),
          cmocka_unit_test(minbase_is_essential_then_required))
