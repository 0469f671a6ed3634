#include <stdlib.h>

#include "base/fd.h"
#include "base/proc.h"
#include "distro/version.h"
#include "unit.h"

static const struct {
    const char *a, *relation, *b;
} cases[] = {
    {"1.0", "=", "1.0"},
    {"0:1.0", "=", "1.0"},
    {"1.0", "=", "1.0-0"},
    {"1.0-0", "=", "1.0-00"},
    {"1.00", "=", "1.0"},
    {"1.2", "<", "1.10"},
    {"1:0.1", ">", "2.0"},
    {"1.0~rc1", "<", "1.0"},
    {"1.0~rc1", "<", "1.0~rc2"},
    {"1.0~~", "<", "1.0~"},
    {"1.0~~a", "<", "1.0~"},
    {"1.0", "<", "1.0a"},
    {"1.0a", "<", "1.0+"},
    {"1.0+b1", ">", "1.0"},
    {"1.0-1", "<", "1.0-1+b1"},
    {"1.0-1", "<", "1.0-1.1"},
    {"1.0-1~bpo12+1", "<", "1.0-1"},
    {"5.2.15-2+b13", ">", "5.2.15-2+b2"},
    {"12.4+deb12u15", ">", "12.4+deb12u9"},
    {"1.0-a-1", "<", "1.0-b-1"},
    {"2.0-1", "<", "2.0-10"},
    {"99999999999999999999999999", ">", "99999999999999999999999998"},
    {"1.0.0", ">", "1.0"},
    {"1a", "<", "1b"},
    {"1.a", "<", "1.b"},
    {"1Z", "<", "1a"},
    {"1-", "=", "1"},
    {"0", "=", "00000"},
};

static char relation_of(const char *a, const char *b)
{
    const int r = version_cmp(view_of(a), view_of(b));

    return r < 0 ? '<' : r > 0 ? '>' : '=';
}

static void versions_are_ordered_as_dpkg_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        print_message("# %s %s %s\n", cases[i].a, cases[i].relation, cases[i].b);
        assert_int_equal(relation_of(cases[i].a, cases[i].b), cases[i].relation[0]);
        const char back = cases[i].relation[0] == '<'   ? '>'
                          : cases[i].relation[0] == '>' ? '<'
                                                        : '=';
        assert_int_equal(relation_of(cases[i].b, cases[i].a), back);
    }
}

/* The oracle itself, where it is there: every pair of the table's versions. */
static void dpkg_agrees(void **state)
{
    (void)state;
    if (!proc_have("dpkg")) {
        print_message("# no dpkg on this machine\n");
        skip();
    }
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *argv[] = {
            "dpkg", "--compare-versions", cases[i].a, cases[i].relation, cases[i].b, NULL};
        struct proc_options o = PROC_OPTIONS_INIT;
        cleanup_close int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

        if (cases[i].relation[0] != '=')
            argv[3] = cases[i].relation[0] == '<' ? "lt" : "gt";
        /* what is no version has an order here and none there */
        if (!version_valid(view_of(cases[i].a)) || !version_valid(view_of(cases[i].b)))
            continue;
        o.err = null_fd;
        assert_int_equal(proc_run(argv, &o, 0, NULL, NULL), 0);
    }
}

/* "a TAB relation TAB b TAB source" */
static bool check_line(struct view line)
{
    struct view a, relation, b;

    if (line.size == 0 || !view_cut(&line, '\t', &a) || !view_cut(&line, '\t', &relation) ||
        !view_cut(&line, '\t', &b) || relation.size != 1)
        return false;
    const int r = version_cmp(a, b);
    const char have = r < 0 ? '<' : r > 0 ? '>' : '=';
    if (relation.at[0] != have)
        fail_msg("%.*s and %.*s: %c, not %c", VIEW_ARG(a), VIEW_ARG(b), have, relation.at[0]);
    return true;
}

static void the_conformance_table_holds(void **state)
{
    const char *root = getenv("CONFORMANCE");
    cleanup_free char *path = xasprintf("%s/scan/versions/dpkg.tsv", root ? root : "");
    STR_AUTO(text);
    struct view rest, line;
    size_t count = 0;

    (void)state;
    if (fd_read_file(AT_FDCWD, path, 64 << 20, &text, NULL) < 0) {
        print_message("# no conformance data at %s\n", path);
        skip();
    }
    rest = str_view(&text);
    while (view_cut(&rest, '\n', &line))
        count += check_line(line);
    assert_true(count > 1000);
}

static void syntax_is_that_of_dpkg(void **state)
{
    static const struct {
        const char *text;
        bool good;
    } rows[] = {
        {"1.0", true},
        {"1:1.0-1", true},
        {"1.0~a+b-c.d", true},
        {"0", true},
        {"", false},
        {"a1", false},
        {":1", false},
        {"1-", false},
        {"x:1", false},
        {"1.0 2", false},
        {"1_0", false},
        {"1/2", false},
        {"4294967296:1", false},
        {"1.0-1_2", false},
        {"1:", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        print_message("# '%s'\n", rows[i].text);
        assert_int_equal(version_valid(view_of(rows[i].text)), rows[i].good);
    }
}

UNIT_MAIN(cmocka_unit_test(versions_are_ordered_as_dpkg_says), cmocka_unit_test(dpkg_agrees),
          cmocka_unit_test(the_conformance_table_holds), cmocka_unit_test(syntax_is_that_of_dpkg))
