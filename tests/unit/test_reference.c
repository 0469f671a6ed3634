#include "conformance.h"
#include "oci/reference.h"

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
    const char *text, *full, *familiar; /* full: NULL where it is refused */
} cases[] = {
    {"debian", "docker.io/library/debian:latest", "debian:latest"},
    {"debian:bookworm", "docker.io/library/debian:bookworm", "debian:bookworm"},
    {"docker.io/debian", "docker.io/library/debian:latest", "debian:latest"},
    {"index.docker.io/library/debian", "docker.io/library/debian:latest", "debian:latest"},
    {"docker.io/library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest"},
    {"library/sha256:" A64, "docker.io/library/sha256:" A64, "library/sha256:" A64},
    {"user/app", "docker.io/user/app:latest", "user/app:latest"},
    {"localhost/app", "localhost/app:latest", "localhost/app:latest"},
    {"localhost:5000/app:1", "localhost:5000/app:1", "localhost:5000/app:1"},
    {"reg.example:5000/a/b@sha256:" A64, "reg.example:5000/a/b@sha256:" A64,
     "reg.example:5000/a/b@sha256:" A64},
    {"reg.example/a:1@sha256:" A64, "reg.example/a:1@sha256:" A64, "reg.example/a:1@sha256:" A64},
    {"Reg.Example/app", "Reg.Example/app:latest", "Reg.Example/app:latest"},
    {"UPPER/app", "UPPER/app:latest", "UPPER/app:latest"},
    {"[::1]:5000/app", "[::1]:5000/app:latest", "[::1]:5000/app:latest"},
    {"a__b", "docker.io/library/a__b:latest", "a__b:latest"},
    {"a---b", "docker.io/library/a---b:latest", "a---b:latest"},
    {"a.b_c-d", "docker.io/library/a.b_c-d:latest", "a.b_c-d:latest"},
    {"", NULL, NULL},
    {"reg.example/App", NULL, NULL},
    {"App", NULL, NULL},
    {"a//b", NULL, NULL},
    {"/a", NULL, NULL},
    {"a/", NULL, NULL},
    {"app:", NULL, NULL},
    {"app:-x", NULL, NULL},
    {"app:.x", NULL, NULL},
    {"app:a:b", NULL, NULL},
    {"app_", NULL, NULL},
    {"_app", NULL, NULL},
    {"a___b", NULL, NULL},
    {"a..b", NULL, NULL},
    {"a._b", NULL, NULL},
    {"app@", NULL, NULL},
    {"app@sha256:aa", NULL, NULL},
    {"app@sha512:" A64 A64, NULL, NULL},
    {A64, NULL, NULL},
    {"sha256:" A64, NULL, NULL},
    {"-host.example/app", NULL, NULL},
    {"host.example:/app", NULL, NULL},
    {"host.example:x/app", NULL, NULL},
    {"app name", NULL, NULL},
    {"app\n", NULL, NULL},
    {"../etc/passwd", NULL, NULL},
};

static void names_are_docker_s(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        ERROR_AUTO(err);
        REFERENCE_AUTO(ref);
        const int r = reference_parse(cases[i].text, &ref, &err);

        print_message("# '%s'\n", cases[i].text);
        assert_int_equal(r, cases[i].full ? 0 : -EINVAL);
        if (r < 0)
            continue;
        cleanup_free char *full = reference_format(&ref), *familiar = reference_familiar(&ref);
        assert_string_equal(full, cases[i].full);
        assert_string_equal(familiar, cases[i].familiar);
        REFERENCE_AUTO(again);
        assert_int_equal(reference_parse(familiar, &again, NULL), 0);
        cleanup_free char *same = reference_format(&again);
        assert_string_equal(same, full);
    }
}

static void lengths_are_limited(void **state)
{
    STR_AUTO(text);

    (void)state;
    for (size_t extra = 0; extra < 2; extra++) {
        REFERENCE_AUTO(tag);
        REFERENCE_AUTO(name);

        str_clear(&text);
        str_add_text(&text, "app:");
        for (size_t i = 0; i < REFERENCE_TAG_MAX + extra; i++)
            str_add_char(&text, 'x');
        assert_int_equal(reference_parse(text.at, &tag, NULL), extra ? -EINVAL : 0);
        str_clear(&text);
        str_add_text(&text, "h.example/");
        while (text.size < REFERENCE_NAME_MAX + extra)
            str_add_char(&text, 'x');
        assert_int_equal(reference_parse(text.at, &name, NULL), extra ? -EINVAL : 0);
    }
}

static void conformance_vectors_hold(void **state)
{
    STR_AUTO(text);
    struct view rest, row[2];
    size_t count = 0;

    (void)state;
    conformance_read("oci/reference-grammar.tsv", &text);
    rest = str_view(&text);
    assert_true(conformance_row(&rest, row, 2));
    for (; conformance_row(&rest, row, 2); count++) {
        cleanup_free char *name = view_dup(row[0]);
        const bool want = !view_starts(row[1], "invalid") && !view_starts(row[1], "ambiguous");
        REFERENCE_AUTO(ref);

        if ((reference_parse(name, &ref, NULL) == 0) != want)
            fail_msg("'%s' is %.*s", name, VIEW_ARG(row[1]));
    }
    assert_true(count >= 15);
}

static void ids_are_hexadecimal(void **state)
{
    (void)state;
    assert_true(reference_is_id("beef"));
    assert_true(reference_is_id("sha256:" A64));
    assert_false(reference_is_id("bee"));
    assert_false(reference_is_id("beeg"));
    assert_false(reference_is_id(A64 "a"));
}

UNIT_MAIN(cmocka_unit_test(names_are_docker_s), cmocka_unit_test(lengths_are_limited),
          cmocka_unit_test(conformance_vectors_hold), cmocka_unit_test(ids_are_hexadecimal))
