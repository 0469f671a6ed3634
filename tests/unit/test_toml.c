#include "base/toml.h"
#include "unit.h"

static const struct {
    const char *name, *text, *want; /* JSON; NULL: refused, then where and the complaint */
    const char *where, *complaint;
} cases[] = {
    {"empty", "", "{}"},
    {"comments and blanks", "# a\n\n\t # b\r\n", "{}"},
    {"scalars", "a = 1\nb=-2\nc = +3\nd = true\ne=false # x\n",
     "{\"a\":1,\"b\":-2,\"c\":3,\"d\":true,\"e\":false}"},
    {"no newline at the end", "a = 'x'", "{\"a\":\"x\"}"},
    {"escapes", "a = \"\\t\\\"\\\\\\u00e9\\U0001F600\"",
     "{\"a\":\"\\t\\\"\\\\\xc3\xa9\xf0\x9f\x98\x80\"}"},
    {"literal", "a = 'C:\\x'", "{\"a\":\"C:\\\\x\"}"},
    {"long", "a = \"\"\"\nx\n  y\"\"\"", "{\"a\":\"x\\n  y\"}"},
    {"long, quotes at its end", "a = \"\"\"x\"\"\"\"\"", "{\"a\":\"x\\\"\\\"\"}"},
    {"long, folded", "a = \"\"\"x \\\n\n   y\"\"\"", "{\"a\":\"x y\"}"},
    {"long literal", "a = '''\nx\\''y'''", "{\"a\":\"x\\\\''y\"}"},
    {"empty texts", "a = \"\"\nb = ''", "{\"a\":\"\",\"b\":\"\"}"},
    {"quoted and dotted keys", "\"a.b\" = 1\nc.'d e'.f = 2\nc.g = 3",
     "{\"a.b\":1,\"c\":{\"d e\":{\"f\":2},\"g\":3}}"},
    {"arrays", "a = [ 1, 'x', [true], ]\nb = [\n # c\n 'y' # d\n , 'z'\n]\nc = []",
     "{\"a\":[1,\"x\",[true]],\"b\":[\"y\",\"z\"],\"c\":[]}"},
    {"inline tables", "a = { b = 1, c.d = 'x' }\ne = {}",
     "{\"a\":{\"b\":1,\"c\":{\"d\":\"x\"}},\"e\":{}}"},
    {"tables", "[a]\nx = 1\n[a.b.c]\ny = 2\n[a.b]\nz = 3",
     "{\"a\":{\"x\":1,\"b\":{\"c\":{\"y\":2},\"z\":3}}}"},
    {"arrays of tables", "[[r]]\na = 1\n[[r.m]]\nb = 2\n[[r.m]]\nb = 3\n[[r]]\na = 4\n[r.t]\nc = 5",
     "{\"r\":[{\"a\":1,\"m\":[{\"b\":2},{\"b\":3}]},{\"a\":4,\"t\":{\"c\":5}}]}"},
    {"header below a dotted key", "[f]\na.b = 1\n[f.a.c]\nd = 2",
     "{\"f\":{\"a\":{\"b\":1,\"c\":{\"d\":2}}}}"},
    {"same key twice", "a = 1\na = 2", NULL, "t:2:4", "'a' is there already"},
    {"same table twice", "[a]\n[b]\n[a]", NULL, "t:3:4", "'a' is there already"},
    {"a table of a dotted key", "[f]\na.b = 1\n[f.a]", NULL, "t:3:6", "'a' is there already"},
    {"inline table extended", "a = {}\n[a.b]", NULL, "t:2:6", "something else already"},
    {"inline table extended by a key", "a = {}\na.b = 1", NULL, "t:2:6", "something else already"},
    {"header's table extended by a key", "[a.b]\nc = 1\n[a]\nb.d = 2", NULL, "t:4:6",
     "something else"},
    {"array extended", "a = [{}]\n[[a]]", NULL, "t:2:6", "something else already"},
    {"value as table", "a = 1\n[a.b]", NULL, "t:2:6", "something else already"},
    {"table as tables", "[a]\n[[a]]", NULL, "t:2:6", "something else already"},
    {"no value", "a =", NULL, "t:1:4", "a value is expected"},
    {"no key", "= 1", NULL, "t:1:1", "a key is expected"},
    {"no sign", "a 1", NULL, "t:1:3", "'=' is expected"},
    {"two on a line", "a = 1 b = 2", NULL, "t:1:7", "goes on behind its end"},
    {"open text", "a = \"x\nb = 1", NULL, "t:1:7", "without end"},
    {"open long text", "a = '''x", NULL, "t:1:9", "without end"},
    {"open array", "a = [1", NULL, "t:1:7", "',' or ']'"},
    {"open table", "a = {b = 1", NULL, "t:1:11", "',' or '}'"},
    {"comma at the end of a table", "a = {b = 1,}", NULL, "t:1:12", "a key is expected"},
    {"line break in a table", "a = {\nb = 1}", NULL, "t:1:6", "a key is expected"},
    {"open header", "[a", NULL, "t:1:3", "']' is expected"},
    {"half a header", "[[a]", NULL, "t:1:4", "']]' is expected"},
    {"unknown escape", "a = \"\\q\"", NULL, "t:1:7", "escape"},
    {"half a pair of UTF-16", "a = \"\\ud800\"", NULL, "t:1:12", "no character"},
    {"cut escape", "a = \"\\u12\"", NULL, "t:1:10", "4 hex digits"},
    {"control character", "a = \"\x01\"", NULL, "t:1:6", "control character"},
    {"control character in a comment", "# \x01", NULL, "t:1:3", "control character"},
    {"not UTF-8", "a = \"\xff\"", NULL, "t:1:8", "UTF-8"},
    {"leading zero", "a = 01", NULL, "t:1:5", "'01'"},
    {"too large", "a = 9223372036854775808", NULL, "t:1:5", "no value that is read"},
    {"float", "a = 1.5", NULL, "t:1:5", "'1.5'"},
    {"date", "a = 2020-01-01", NULL, "t:1:5", "'2020-01-01'"},
    {"word", "a = truely", NULL, "t:1:9", "no value"},
    {"bare word", "a = yes", NULL, "t:1:5", "'yes'"},
};

static void texts_are_documents_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_doc json_t *doc = NULL;
        STR_AUTO(got);
        ERROR_AUTO(err);
        const int r = toml_parse(view_of(cases[i].text), 4096, "t", &doc, &err);

        print_message("# %s: %s %s\n", cases[i].name, err.where ? err.where : "",
                      err.text ? err.text : "");
        assert_int_equal(r, cases[i].want ? 0 : -EINVAL);
        if (r == 0) {
            doc_print(doc, true, &got);
            assert_string_equal(got.at, cases[i].want);
        } else {
            assert_string_equal(err.where, cases[i].where);
            assert_non_null(strstr(err.text, cases[i].complaint));
        }
    }
}

static int parse_repeated(const char *head, const char *word, size_t count, const char *tail)
{
    cleanup_doc json_t *doc = NULL;
    STR_AUTO(text);

    str_add_text(&text, head);
    for (size_t i = 0; i < count; i++)
        str_add_text(&text, word);
    str_add_text(&text, tail);
    return toml_parse(str_view(&text), 4096, "t", &doc, NULL);
}

static void depth_and_size_have_limits(void **state)
{
    (void)state;
    assert_int_equal(parse_repeated("a", ".a", 31, " = 1"), 0);
    assert_int_equal(parse_repeated("a", ".a", 32, " = 1"), -EDQUOT);
    assert_int_equal(parse_repeated("[a", ".a", 32, "]"), -EDQUOT);
    assert_int_equal(parse_repeated("a = ", "[", 33, ""), -EDQUOT);
    assert_int_equal(parse_repeated("a = ", "{a=", 33, ""), -EDQUOT);
    assert_int_equal(parse_repeated("", "#", 4096, ""), 0);
    assert_int_equal(parse_repeated("", "#", 4097, ""), -EDQUOT);
}

UNIT_MAIN(cmocka_unit_test(texts_are_documents_or_refused),
          cmocka_unit_test(depth_and_size_have_limits))
