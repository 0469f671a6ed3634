#include "base/hash.h"
#include "conformance.h"
#include "oci/beside.h"
#include "oci/digest.h"

#define HEX63 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85"

static const struct {
    const char *name, *text, *complaint; /* complaint: NULL where the text is good */
} cases[] = {
    {"good", "sha256:" HEX63 "5", NULL},
    {"too short", "sha256:" HEX63, "64 lower-case hex"},
    {"blank behind", "sha256:" HEX63 "5 ", "64 lower-case hex"},
    {"capital", "sha256:" HEX63 "F", "64 lower-case hex"},
    {"malformed", "md5:", "begin with sha256:"},
    {"other algorithm", "md5:" HEX63 "5", "only algorithm supported"},
    {"empty", "", "begin with sha256:"},
};

static void only_canonical_text_is_a_digest(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char buf[DIGEST_TEXT_MAX], hex[DIGEST_HEX_MAX];
        struct digest d = {0}, again = {0};
        ERROR_AUTO(err);
        const int r = digest_parse(cases[i].text, &d, &err);

        print_message("# %s\n", cases[i].name);
        assert_int_equal(r, cases[i].complaint ? -EINVAL : 0);
        if (r < 0) {
            assert_non_null(strstr(err.text, cases[i].complaint));
            continue;
        }
        assert_string_equal(digest_format(&d, buf), cases[i].text);
        assert_int_equal(digest_parse_hex(digest_hex(&d, hex), &again, NULL), 0);
        assert_true(digest_eq(&d, &again));
        assert_false(digest_is_zero(&d));
    }
}

static void grammar_is_that_of_the_specification(void **state)
{
    STR_AUTO(text);
    struct view rest, row[2];
    size_t count = 0;

    (void)state;
    conformance_read("oci/digest-grammar.tsv", &text);
    rest = str_view(&text);
    assert_true(conformance_row(&rest, row, 2));
    for (; conformance_row(&rest, row, 2); count++) {
        cleanup_free char *digest = view_dup(row[0]);
        const bool want = view_starts(row[1], "valid");

        if (digest_valid(digest) != want)
            fail_msg("'%s' is %.*s", digest, VIEW_ARG(row[1]));
    }
    assert_true(count >= 20);
}

/* "55 bytes 0x00..0xff repeating", "1024 zero bytes", "abc" in quotes ... */
static void make_content(struct view words, size_t size, struct str *ret)
{
    const bool counting = memmem(words.at, words.size, "0xff", 4);
    const bool letters = memmem(words.at, words.size, "letter a", 8);

    str_clear(ret);
    if (view_starts(words, "\""))
        str_add(ret, view_make(words.at + 1, size));
    else if (view_starts(words, "the empty JSON"))
        str_add_text(ret, "{}");
    else
        for (size_t i = 0; i < size; i++)
            str_add_char(ret, counting ? (char)(i & 255) : letters ? 'a' : '\0');
}

static void content_has_the_digest(void **state)
{
    STR_AUTO(text);
    STR_AUTO(content);
    struct view rest, row[3];
    size_t count = 0;

    (void)state;
    conformance_read("oci/digest-content.tsv", &text);
    rest = str_view(&text);
    assert_true(conformance_row(&rest, row, 3));
    while (conformance_row(&rest, row, 3)) {
        cleanup_free char *want = view_dup(row[0]);
        char buf[DIGEST_TEXT_MAX];
        struct digest d;
        uint64_t size;

        if (strncmp(want, "sha256:", 7) != 0)
            continue;
        assert_true(view_to_u64(row[1], &size));
        make_content(row[2], size, &content);
        assert_int_equal(content.size, size);
        digest_of(str_view(&content), &d);
        assert_string_equal(digest_format(&d, buf), want);
        count++;
    }
    assert_true(count >= 20);
}

static void tags_are_made_of_digests(void **state)
{
    STR_AUTO(text);
    struct view rest, row[3];
    size_t count = 0;

    (void)state;
    conformance_read("oci/referrers-tag.tsv", &text);
    rest = str_view(&text);
    assert_true(conformance_row(&rest, row, 3));
    for (; conformance_row(&rest, row, 3); count++) {
        cleanup_free char *digest = view_dup(row[0]);
        char tag[BESIDE_TAG_MAX];

        assert_true(view_eq_text(row[1], beside_tag(digest, "", tag)));
        if (!view_eq_text(row[2], "-"))
            assert_true(view_eq_text(row[2], beside_tag(digest, ".sig", tag)));
    }
    assert_int_equal(count, 3);
}

UNIT_MAIN(cmocka_unit_test(only_canonical_text_is_a_digest),
          cmocka_unit_test(grammar_is_that_of_the_specification),
          cmocka_unit_test(content_has_the_digest), cmocka_unit_test(tags_are_made_of_digests))
