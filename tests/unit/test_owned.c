#include "base/owned.h"
#include "unit.h"

static const struct {
    const char *text;
    bool good;
} records[] = {
    {"0 0 f", true},       {"1000 4294967295 f", true}, {"1 2 d", true},
    {"0 5 b 8:1", true},   {"0 0 c 1:3", true},         {"1 1 p", true},
    {"0 0", false},        {"0 0 f ", false},           {"0 0 x", false},
    {" 0 0 f", false},     {"-1 0 f", false},           {"4294967296 0 f", false},
    {"0 0 c", false},      {"0 0 c 1", false},          {"0 0 c 1:3:4", false},
    {"0 0 c 1:3 ", false}, {"0 0 f 1:3", false},        {"0644 0 0 f", false},
    {"", false},
};

static void records_read_back_as_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(records); i++) {
        struct owned o;
        char buf[OWNED_TEXT_MAX];
        const int r = owned_parse(view_of(records[i].text), &o);

        print_message("# '%s'\n", records[i].text);
        assert_int_equal(r, records[i].good ? 0 : -EINVAL);
        if (r == 0) {
            assert_int_equal(owned_format(&o, buf), strlen(records[i].text));
            assert_string_equal(buf, records[i].text);
        }
    }
}

static void tables_of_links_read_back(void **state)
{
    (void)state;
    const struct owned_link in[] = {{1, 2, 0, "a b"},
                                    {0, 4294967295, 18446744073709551615u, "x/\ny"}};
    STR_AUTO(text);

    for (size_t i = 0; i < ARRAY_SIZE(in); i++)
        owned_link_format(&in[i], &text);
    struct view rest = str_view(&text);
    for (size_t i = 0; i < ARRAY_SIZE(in); i++) {
        struct owned_link l;

        assert_int_equal(owned_link_next(&rest, &l), 1);
        assert_int_equal(l.uid, in[i].uid);
        assert_int_equal(l.gid, in[i].gid);
        assert_true(l.inode == in[i].inode);
        assert_string_equal(l.path, in[i].path);
    }
    struct owned_link l;
    assert_int_equal(owned_link_next(&rest, &l), 0);
    rest = VIEW("1 2 3 cut");
    assert_int_equal(owned_link_next(&rest, &l), -EINVAL);
    rest = (struct view){"1 2 3\0", 6};
    assert_int_equal(owned_link_next(&rest, &l), -EINVAL);
}

UNIT_MAIN(cmocka_unit_test(records_read_back_as_written),
          cmocka_unit_test(tables_of_links_read_back))
