#include "base/mem.h"
#include "net/url.h"
#include "unit.h"

static const struct {
    const char *url, *name, *shown;
} cases[] = {
    {"http://h/a/file.txt", "file.txt", NULL},
    {"http://h/a/b/", "b", NULL},
    {"https://h/file.txt?x=/y#z/w", "file.txt", NULL},
    {"http://h", "__unnamed__", NULL},
    {"http://h/", "__unnamed__", NULL},
    {"http://h?x=/y", "__unnamed__", NULL},
    {"http://h/..", "__unnamed__", NULL},
    {"http://h/%2e%2e", "__unnamed__", NULL},
    {"http://h/a%2fb%20c", "b c", NULL},
    {"http://h/a%0", "__unnamed__", NULL},
    {"http://h/a%zz", "__unnamed__", NULL},
    {"http://h/a%00b", "__unnamed__", NULL},
    {"http://u:p@h/x", "x", "http://h/x"},
    {"http://h/x@y", "x@y", NULL},
    {"http://h?a=b@c/d", "__unnamed__", NULL},
};

static void names_and_what_people_see(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_free char *name = url_file_name(cases[i].url);
        cleanup_free char *shown = url_public(cases[i].url);

        print_message("# %s\n", cases[i].url);
        assert_string_equal(name, cases[i].name);
        assert_string_equal(shown, cases[i].shown ? cases[i].shown : cases[i].url);
    }
}

static const struct {
    const char *text, *shown;
} texts[] = {
    {"ADD http://u:p@h/x /y", "ADD http://h/x /y"},
    {"ADD http://u:p@h/x ssh://git@g/r.git#a@b /y@z", "ADD http://h/x ssh://g/r.git#a@b /y@z"},
    {"ADD [\"https://u:p@q@h/x\", \"/@\"]", "ADD [\"https://h/x\", \"/@\"]"},
    {"ADD http://h/x u@v:// /", "ADD http://h/x u@v:// /"},
    {"://@", "://"},
    {"", ""},
};

static void texts_with_urls(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        cleanup_free char *shown = url_public_text(texts[i].text);

        print_message("# %s\n", texts[i].text);
        assert_string_equal(shown, texts[i].shown);
    }
}

UNIT_MAIN(cmocka_unit_test(names_and_what_people_see), cmocka_unit_test(texts_with_urls))
