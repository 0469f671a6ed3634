#include "dockerfile/words.h"

#include "base/doc.h"
#include "base/fd.h"
#include "base/map.h"
#include "unit.h"

struct vars {
    struct map map;
};

static const char *get(void *ctx, struct view name)
{
    return map_get(&((struct vars *)ctx)->map, name);
}

/* Reads a conformance file; skips the test with the reason when it is not there. */
static void read_data(const char *name, struct str *ret)
{
    const char *root = getenv("CONFORMANCE");
    cleanup_free char *path = xasprintf("%s/shell-words/%s", root ? root : "", name);

    if (fd_read_file(AT_FDCWD, path, 1 << 20, ret, NULL) >= 0)
        return;
    print_message("# %s is not there: the conformance data are not beside the repository\n", path);
    skip();
}

static struct view cut_at(struct view *rest, char separator)
{
    struct view part = {0};

    assert_true(view_cut(rest, separator, &part));
    return part;
}

static void check_expansion(const struct words *w, struct view in, struct view want, bool fails)
{
    STR_AUTO(got);
    ERROR_AUTO(err);
    const int r = words_expand(w, in, &got, &err);

    if (fails ? r != -EINVAL : r != 0 || !view_eq(str_view(&got), want))
        fail_msg("%.*s: got %d '%s' %s, want '%.*s'", VIEW_ARG(in), r, got.at,
                 err.text ? err.text : "", VIEW_ARG(want));
}

/* envVarTest: platform|word|expected */
static void words_of_the_table_expand(void **state)
{
    (void)state;
    STR_AUTO(data);
    struct vars vars = {0};
    struct view rest, line;
    char home[] = "/home", bash[] = "bash", korean[] = "한국어", empty[] = "";
    size_t count = 0;

    read_data("envVarTest", &data);
    map_set(&vars.map, VIEW("PWD"), home);
    map_set(&vars.map, VIEW("SHELL"), bash);
    map_set(&vars.map, VIEW("KOREAN"), korean);
    map_set(&vars.map, VIEW("NULL"), empty);
    const struct words w = {.escape = '\\', .get = get, .ctx = &vars};
    for (rest = str_view(&data); rest.at && view_cut(&rest, '\n', &line);) {
        if (view_trim(line).size == 0 || line.at[0] == '#' || line.at[0] == 'W')
            continue;
        (void)cut_at(&line, '|');
        const struct view in = view_trim(cut_at(&line, '|'));
        const struct view want = line.at ? view_trim(line) : VIEW("");
        check_expansion(&w, in, want, view_eq_text(want, "error"));
        count++;
    }
    print_message("# %zu words\n", count);
    assert_true(count > 150);
    map_done(&vars.map);
}

static void check_split(const struct words *w, struct view in, struct view want)
{
    CLEANUP(strings_done) struct strings got = {0};
    STR_AUTO(joined);

    assert_int_equal(words_split(w, in, &got, NULL), 0);
    for (size_t i = 0; i < got.size; i++)
        str_printf(&joined, "%s%s", i > 0 ? "," : "", got.at[i]);
    if (!view_eq(str_view(&joined), want))
        fail_msg("%.*s: got '%s', want '%.*s'", VIEW_ARG(in), joined.at, VIEW_ARG(want));
}

/* wordsTest: ENV lines, then input | words */
static void text_is_split_after_expansion(void **state)
{
    (void)state;
    STR_AUTO(data);
    struct vars vars = {0};
    struct view rest, line;
    CLEANUP(strings_done) struct strings values = {0};
    size_t count = 0;

    read_data("wordsTest", &data);
    const struct words w = {.escape = '\\', .get = get, .ctx = &vars};
    for (rest = str_view(&data); rest.at && view_cut(&rest, '\n', &line);) {
        if (line.size == 0 || line.at[0] == '#')
            continue;
        if (view_starts(line, "ENV ")) {
            line = view_make(line.at + 4, line.size - 4);
            const struct view name = cut_at(&line, '=');
            strings_take(&values, view_dup(line));
            map_set(&vars.map, name, values.at[values.size - 1]);
            continue;
        }
        const struct view in = view_trim(cut_at(&line, '|'));
        check_split(&w, in, view_make(line.at + 1, line.size - 1));
        count++;
    }
    assert_true(count > 10);
    map_done(&vars.map);
}

static void fill_vars(struct vars *vars, json_t *doc)
{
    json_t *env = NULL, *value;
    const char *key;

    assert_int_equal(doc_need_object(doc, "env", &env, NULL), 0);
    json_object_foreach(env, key, value)
        map_set(&vars->map, view_of(key), (void *)(uintptr_t)json_string_value(value));
}

static void substitutions_of_the_table_hold(void **state)
{
    (void)state;
    STR_AUTO(data);
    struct view rest, line;
    size_t count = 0;

    read_data("substitution.jsonl", &data);
    for (rest = str_view(&data); rest.at && view_cut(&rest, '\n', &line);) {
        cleanup_doc json_t *doc = NULL;
        CLEANUP(strings_done) struct strings unset = {0};
        const char *in = NULL, *want = NULL;
        struct vars vars = {0};
        bool fails = false;
        json_t *names = NULL;

        if (line.size == 0)
            continue;
        assert_int_equal(doc_parse(line, line.size, "row", &doc, NULL), 0);
        assert_int_equal(doc_need_text(doc, "input", &in, NULL), 0);
        assert_int_equal(doc_need_text(doc, "expect", &want, NULL), 0);
        assert_int_equal(doc_bool(doc, "error", &fails, NULL), 0);
        assert_int_equal(doc_need_array(doc, "unset_names", &names, NULL), 0);
        fill_vars(&vars, doc);
        const struct words w = {.escape = '\\', .get = get, .ctx = &vars, .unset = &unset};
        check_expansion(&w, view_of(in), view_of(want), fails);
        if (!fails) {
            assert_int_equal(unset.size, json_array_size(names));
            for (size_t i = 0; i < unset.size; i++)
                assert_string_equal(unset.at[i], json_string_value(json_array_get(names, i)));
        }
        map_done(&vars.map);
        count++;
    }
    assert_true(count > 25);
}

static const struct {
    const char *name, *in, *want; /* want NULL: refused */
    char escape;
    bool keep_quotes;
} cases[] = {
    {"backtick escapes", "a`$b\\c`\\", "a$b\\c\\", '`', false},
    {"backtick in double quotes", "\"`\"\\\"", "\"\\", '`', false},
    {"heredoc keeps quotes", "\"$x\" '$x' \\$x it's", "\"v\" 'v' $x it's", '\\', true},
    {"escape before an ordinary character goes", "a\\bc", "abc", '\\', false},
    {"dollar at the end", "a$", "a$", '\\', false},
    {"dollar before a blank", "a$ b", "a$ b", '\\', false},
    {"longest at the end", "${long%%.*}", "a", '\\', false},
    {"shortest at the end", "${long%.*}", "a.b", '\\', false},
    {"longest at the beginning", "${long##*.}", "c", '\\', false},
    {"any character of UTF-8", "${word#?}", "öß", '\\', false},
    {"and from behind", "${word%?}", "äö", '\\', false},
    {"all", "${long//./-}", "a-b-c", '\\', false},
    {"star takes the most", "${long/.*/-}", "a-", '\\', false},
    {"nothing matches everywhere", "${x///-}", "-v-", '\\', false},
    {"deep", "${u:-${u:-${u:-${x}}}}", "v", '\\', false},
    {"bad escape in a pattern", "${x#\\a}", NULL, '\\', false},
    {"no end", "${x", NULL, '\\', false},
    {"message", "${u:?say why}", NULL, '\\', false},
    {"braces twice", "${{x}}", NULL, '\\', false},
};

static void corner_cases_hold(void **state)
{
    (void)state;
    struct vars vars = {0};
    char v[] = "v", dots[] = "a.b.c", word[] = "äöß";

    map_set(&vars.map, VIEW("x"), v);
    map_set(&vars.map, VIEW("long"), dots);
    map_set(&vars.map, VIEW("word"), word);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct words w = {.escape = cases[i].escape,
                                .keep_quotes = cases[i].keep_quotes,
                                .get = get,
                                .ctx = &vars};

        print_message("# %s\n", cases[i].name);
        check_expansion(&w, view_of(cases[i].in), view_of(cases[i].want ? cases[i].want : ""),
                        !cases[i].want);
    }
    map_done(&vars.map);
}

static void hostile_words_end_soon(void **state)
{
    (void)state;
    struct vars vars = {0};
    STR_AUTO(text);
    STR_AUTO(big);
    STR_AUTO(got);
    const struct words w = {.escape = '\\', .get = get, .ctx = &vars};

    for (int i = 0; i < 100; i++)
        str_add_text(&text, "${a:-");
    assert_int_equal(words_expand(&w, str_view(&text), &got, NULL), -EDQUOT);
    for (size_t i = 0; i < 1 << 20; i++)
        str_add_char(&big, 'a');
    map_set(&vars.map, VIEW("big"), big.at);
    assert_int_equal(words_expand(&w, VIEW("${big//*a*a*a*b/}"), &got, NULL), -EDQUOT);
    str_clear(&text);
    for (int i = 0; i < 20; i++)
        str_add_text(&text, "$big");
    assert_int_equal(words_expand(&w, str_view(&text), &got, NULL), -EDQUOT);
    map_done(&vars.map);
}

UNIT_MAIN(cmocka_unit_test(words_of_the_table_expand),
          cmocka_unit_test(text_is_split_after_expansion),
          cmocka_unit_test(substitutions_of_the_table_hold), cmocka_unit_test(corner_cases_hold),
          cmocka_unit_test(hostile_words_end_soon))
