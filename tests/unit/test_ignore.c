#include "dockerfile/ignore.h"

#include <time.h>

#include "base/doc.h"
#include "base/fd.h"
#include "unit.h"

static void read_data(const char *name, struct str *ret)
{
    const char *root = getenv("CONFORMANCE");
    cleanup_free char *path = xasprintf("%s/dockerignore/%s", root ? root : "", name);

    if (fd_read_file(AT_FDCWD, path, 1 << 20, ret, NULL) >= 0)
        return;
    print_message("# %s is not there: the conformance data are not beside the repository\n", path);
    skip();
}

static void check_row(struct view line)
{
    struct view patterns, path, want;
    cleanup_doc json_t *doc = NULL;
    const char *list[16];
    CLEANUP(ignore_freep) struct ignore *ig = NULL;

    assert_true(view_cut(&line, '\t', &patterns) && view_cut(&line, '\t', &path) &&
                view_cut(&line, '\t', &want));
    assert_int_equal(doc_parse(patterns, patterns.size, "row", &doc, NULL), 0);
    for (size_t i = 0; i < json_array_size(doc); i++)
        list[i] = json_string_value(json_array_get(doc, i));
    const int r = ignore_new(list, json_array_size(doc), &ig, NULL);
    const char *got = r < 0 ? "error" : ignore_match(ig, path) ? "match" : "no-match";
    if (!view_eq_text(want, got))
        fail_msg("%.*s on %.*s: %s, not %.*s", VIEW_ARG(patterns), VIEW_ARG(path), got,
                 VIEW_ARG(want));
}

static void patterns_of_the_table_match(void **state)
{
    (void)state;
    STR_AUTO(data);
    struct view rest, line;
    size_t count = 0;

    read_data("match.tsv", &data);
    for (rest = str_view(&data); rest.at && view_cut(&rest, '\n', &line);)
        if (line.size > 0 && line.at[0] != '#') {
            check_row(line);
            count++;
        }
    print_message("# %zu rows\n", count);
    assert_true(count > 80);
}

static void lines_of_the_table_are_read(void **state)
{
    (void)state;
    STR_AUTO(data);
    struct view rest, line, in;

    read_data("readfile.tsv", &data);
    for (rest = str_view(&data); rest.at && view_cut(&rest, '\n', &line);) {
        cleanup_doc json_t *doc = NULL;
        cleanup_free char *row = NULL;
        STR_AUTO(got);

        if (line.size == 0 || line.at[0] == '#')
            continue;
        assert_true(view_cut(&line, '\t', &in));
        row = xasprintf("[%.*s, %.*s]", VIEW_ARG(in), VIEW_ARG(line));
        assert_int_equal(doc_parse(view_of(row), 1000, "row", &doc, NULL), 0);
        const char *want = json_string_value(json_array_get(doc, 1));
        print_message("# %s\n", row);
        assert_int_equal(ignore_read_line(view_of(json_string_value(json_array_get(doc, 0))), &got),
                         want != NULL);
        if (want)
            assert_string_equal(got.at, want);
    }
}

static const struct {
    const char *file, *path;
    unsigned line; /* that decides */
    bool ignored;
} lines[] = {
    {"\xef\xbb\xbf"
     "a\n",
     "a", 1, true},
    {"# a\n a \n", "a", 2, true},
    {" #a\n", "#a", 1, true},
    {"a/../b//c/.\r\n", "b/c/d", 1, true},
    {"/a\n", "a", 1, true},
    {".\n", "a", 0, false},
    {"*\n! a/b\n", "a/b/c", 2, false},
    {"*\n! a/b\n", "a/c", 1, true},
    {"*\n!*/sub1*\n", "subdir/sub1.txt", 2, false},
    {"**/*.o\n", "x/y/z.o", 1, true},
    {"**/*.o\n", "x/y/z.o.c", 0, false},
    {"**/*.o\n", "x.o/y", 1, true},
    {"foo\n", "x/foo", 0, false},
    {"**/foo\n", "x/foo/y", 1, true},
    {"**/foo\n", "x/foot/y", 0, false},
    {"a[^b]c\n", "aöc", 1, true},
    {"a[α-ω]c\n", "aβc", 1, true},
    {"a?c\n",
     "a\xff"
     "c",
     1, true},
    {"a**c\n", "axc", 0, false},
    {"a**c\n", "ax/c", 1, true},
    {"*x**y\n", "axbxy", 1, true},
    {"a/**/b/**/c\n", "a/1/b/2/3/c/4", 1, true},
    {"a/**/b/**/c\n", "a/b/c", 1, true},
    /* parents as BuildKit's walk has them: a '!' for what is not left out brings nothing back */
    {"**/x\n!d\n", "d/x", 1, true},
    {"**/x\n!d\n", "d/y", 0, false},
    {"d\n**/x\n!d\n", "d/x", 3, false},
    {"**/x\n!d/x\n", "d/x/y", 2, false},
    {"*\n!a/*\na\n", "a/b", 2, false},
    {"*\n!a\na\n", "a/b", 3, true},
    {"*\n!a\n**/b\n!a\n", "a/b", 3, true},
};

static void the_last_line_that_matches_decides(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        CLEANUP(ignore_freep) struct ignore *ig = NULL;
        unsigned line = 99;

        print_message("# %s\n", lines[i].path);
        assert_int_equal(ignore_parse(view_of(lines[i].file), ".dockerignore", &ig, NULL), 0);
        assert_int_equal(ignore_match_line(ig, view_of(lines[i].path), &line), lines[i].ignored);
        assert_int_equal(line, lines[i].line);
    }
    assert_false(ignore_match(NULL, VIEW("a")));
}

static void malformed_lines_are_named(void **state)
{
    (void)state;
    ERROR_AUTO(err);
    struct ignore *ig = NULL;

    assert_int_equal(ignore_parse(VIEW("a\n\n[b\n"), ".dockerignore", &ig, &err), -EINVAL);
    assert_string_equal(err.where, ".dockerignore:3:1");
    assert_non_null(strstr(err.text, "'[' without ']'"));
    assert_null(ig);
}

static const struct {
    const char *file, *directory;
    bool reach;
} walks[] = {
    {"*\n", "a", false},
    {"*\n!b\n", "a", false},
    {"*\n!a/b\n", "a", true},
    {"*\n!a/b\n", "a/c", false},
    {"*\n!ab/c\n", "a", false},
    {"*\n!*/sub1*\n", "subdir", true},
    {"*\n!*/sub1*\n", "subdir/x", false},
    {"*\n!**/keep\n", "x/y/z", true},
    {"*\n!a/**/keep\n", "a/b/c", true},
    {"*\n!a/**/keep\n", "b", false},
    {"!a/b\n*\n", "a", false},
    {"node_modules\n!src\n", "node_modules", false},
    {"*\n!a/[bc]/d\n", "a/c", true},
    {"*\n!a/[bc]/d\n", "a/d", false},
    {"*\n!a/?\n", "a/ö", false},
    {"*\n!a/*\na\n", "a", true},
    {"**/x\n!d\n", "d/x", false},
};

static void walkers_prune_what_no_line_reaches(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(walks); i++) {
        CLEANUP(ignore_freep) struct ignore *ig = NULL;

        print_message("# %zu %s\n", i, walks[i].directory);
        assert_int_equal(ignore_parse(view_of(walks[i].file), ".dockerignore", &ig, NULL), 0);
        assert_int_equal(ignore_may_reach_below(ig, view_of(walks[i].directory)), walks[i].reach);
    }
}

/* Of this process alone, however busy the machine is. */
static int64_t cpu_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Generous: an order of magnitude above what it takes, but far below what a slow matcher needs. */
static void many_paths_and_many_patterns_are_quick(void **state)
{
    (void)state;
    static const char *const kinds[][2] = {
        {"**/name", ""}, {"dir", "/sub"}, {"**/*.e", ""}, {"a*/b", "/**"}, {"!keep", "/*"}};
    STR_AUTO(file);
    CLEANUP(ignore_freep) struct ignore *ig = NULL;
    size_t ignored = 0;

    for (size_t i = 0; i < 50; i++)
        str_printf(&file, "%s%zu%s\n", kinds[i % 5][0], i, kinds[i % 5][1]);
    assert_int_equal(ignore_parse(str_view(&file), ".dockerignore", &ig, NULL), 0);
    const int64_t begin = cpu_ms();
    for (int i = 0; i < 100000; i++) {
        char path[80];
        const int size =
            snprintf(path, sizeof(path), "node_modules/package%d/lib/source/file%d.js", i / 10, i);
        ignored += ignore_match(ig, view_make(path, (size_t)size));
    }
    print_message("# 100000 paths x 50 patterns: %lld ms\n", (long long)(cpu_ms() - begin));
    assert_int_equal(ignored, 0);
    assert_true(cpu_ms() - begin < 10000);
}

UNIT_MAIN(cmocka_unit_test(patterns_of_the_table_match),
          cmocka_unit_test(lines_of_the_table_are_read),
          cmocka_unit_test(the_last_line_that_matches_decides),
          cmocka_unit_test(malformed_lines_are_named),
          cmocka_unit_test(walkers_prune_what_no_line_reaches),
          cmocka_unit_test(many_paths_and_many_patterns_are_quick))
