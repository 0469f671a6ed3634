/* test_registry_words.c - what registries say in heads, URLs, challenges, tokens and problems. */
#include "registry/internal.h"
#include "unit.h"

/* ---- lines of heads ---- */

static void ranges_are_read_or_refused(void **state)
{
    static const struct {
        const char *text;
        bool good;
        struct head_range want;
    } cases[] = {
        {"bytes 0-9/100", true, {0, 9, 100}},
        {"bytes 5-9/*", true, {5, 9, UINT64_MAX}},
        {"bytes 0-9/10", true, {0, 9, 10}},
        {"bytes 0-10/10", false, {0}},
        {"bytes 9-0/100", false, {0}},
        {"bytes */100", false, {0}},
        {"0-9/100", false, {0}},
        {"bytes 0-9", false, {0}},
        {"bytes -9/100", false, {0}},
        {"bytes 0-18446744073709551616/*", false, {0}},
        {"bytes 0x1-9/100", false, {0}},
        {"", false, {0}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct head_range got = {0};

        print_message("# %s\n", cases[i].text);
        assert_int_equal(head_content_range(view_of(cases[i].text), &got), cases[i].good);
        assert_memory_equal(&got, &cases[i].want, sizeof(got));
    }
}

static void links_are_found(void **state)
{
    static const struct {
        const char *text, *want; /* NULL: none */
    } cases[] = {
        {"</v2/a/tags/list?n=2&last=b>; rel=\"next\"", "/v2/a/tags/list?n=2&last=b"},
        {"<x>; rel=next", "x"},
        {"<x>; rel=\"prev\", <y>; rel=\"next\"", "y"},
        {"<x>; title=\"a, b\"; REL=Next", "x"},
        {"<x>; rel=\"prev\"", NULL},
        {"<x>", NULL},
        {"x; rel=next", NULL},
        {"<x; rel=next", NULL},
        {"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct view got = {"", 0};

        print_message("# %s\n", cases[i].text);
        assert_int_equal(head_next_link(view_of(cases[i].text), &got), cases[i].want != NULL);
        if (cases[i].want)
            assert_true(view_eq_text(got, cases[i].want));
    }
}

static void waiting_is_told_in_seconds_or_by_date(void **state)
{
    (void)state;
    assert_int_equal(head_retry_after(VIEW("3"), 0), 3000);
    assert_int_equal(head_retry_after(VIEW("0"), 0), 0);
    assert_int_equal(head_retry_after(VIEW("Thu, 01 Jan 1970 00:00:10 GMT"), 4), 6000);
    assert_int_equal(head_retry_after(VIEW("Thu, 01 Jan 1970 00:00:10 GMT"), 40), 0);
    assert_int_equal(head_retry_after(VIEW("soon"), 0), -1);
    assert_int_equal(head_retry_after((struct view){NULL, 0}, 0), -1);
    assert_true(head_retry_after(VIEW("99999999999999999"), 0) > REGISTRY_WAIT_MAX_MS);
}

/* ---- URLs ---- */

static void locations_are_resolved(void **state)
{
    static const struct {
        const char *base, *text, *want; /* NULL: refused */
    } cases[] = {
        {"https://h/v2/a", "/v2/b?x=1", "https://h/v2/b?x=1"},
        {"https://h/v2/a/b", "c", "https://h/v2/a/c"},
        {"https://h/v2/a?q", "?p", "https://h/v2/a?p"},
        {"https://h", "c", "https://h/c"},
        {"https://h:5/v2/", "//i/x", "https://i/x"},
        {"https://h/v2/", "http://i:80/x#part", "http://i:80/x"},
        {"https://h/", "file:///etc/passwd", NULL},
        {"https://h/", "gopher://x/", NULL},
        {"https://h/", "javascript:x", NULL},
        {"https://h/", "https://user:word@i/", NULL},
        {"https://h/", "https://user@i:443/", NULL},
        {"https://h/", "https://", NULL},
        {"https://h/", "https://i:x/", NULL},
        {"https://h/", "/a b", NULL},
        {"https://h/", "/a\r\nX: y", NULL},
        {"https://h/", "", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_free char *got = NULL;
        const int r = location_resolve(cases[i].base, view_of(cases[i].text), &got, NULL);

        print_message("# %s + %s\n", cases[i].base, cases[i].text);
        assert_int_equal(r, cases[i].want ? 0 : -EPROTO);
        if (cases[i].want)
            assert_string_equal(got, cases[i].want);
    }
    assert_true(location_same_origin("https://H/a", "https://h:443/b"));
    assert_false(location_same_origin("https://h/a", "http://h/a"));
    assert_false(location_same_origin("https://h/a", "https://h.evil/a"));
    assert_false(location_same_origin("https://h:1/a", "https://h:2/a"));
}

static void private_addresses_are_known(void **state)
{
    static const char *const yes[] = {"http://127.0.0.1/",
                                      "http://10.1.2.3:80/",
                                      "http://[::1]/x",
                                      "http://localhost:5/",
                                      "http://0x7f000001/",
                                      "http://127.1/",
                                      "http://169.254.169.254/latest",
                                      "http://192.168.0.1",
                                      "http://[::ffff:10.0.0.1]/",
                                      "http://[fe80::1]/",
                                      "http://172.31.0.1/",
                                      "http://[fd00::1]"};
    static const char *const no[] = {"http://8.8.8.8/", "https://ghcr.io/", "http://172.32.0.1/",
                                     "http://[2001:db8::1]/", "https://10.example.com/"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
        assert_true(location_is_private(yes[i]));
    for (size_t i = 0; i < ARRAY_SIZE(no); i++)
        assert_false(location_is_private(no[i]));
}

/* ---- challenges, tokens, errors ---- */

static void challenges_are_read(void **state)
{
    static const struct {
        const char *line;
        enum challenge_kind kind;
        const char *realm, *service, *scope;
    } cases[] = {
        {"WWW-Authenticate: Bearer realm=\"https://a/t\",service=\"s\",scope=\"repository:a:pull\"",
         CHALLENGE_BEARER, "https://a/t", "s", "repository:a:pull"},
        {"www-authenticate: bearer Realm = \"x\\\"y\" , service=plain", CHALLENGE_BEARER, "x\"y",
         "plain", NULL},
        {"WWW-Authenticate: Basic realm=\"r\"", CHALLENGE_BASIC, "r", NULL, NULL},
        {"WWW-Authenticate: Basic", CHALLENGE_BASIC, NULL, NULL, NULL},
        {"WWW-Authenticate: Basic realm=\"r\", Bearer realm=\"b\"", CHALLENGE_BEARER, "b", NULL,
         NULL},
        {"WWW-Authenticate: Negotiate, Bearer realm=\"b\"", CHALLENGE_BEARER, "b", NULL, NULL},
        {"WWW-Authenticate: Bearer service=\"s\"", CHALLENGE_NONE, NULL, NULL, NULL},
        {"WWW-Authenticate: Bearer realm=\"open", CHALLENGE_NONE, NULL, NULL, NULL},
        {"WWW-Authenticate: ,,,", CHALLENGE_NONE, NULL, NULL, NULL},
        {"Location: x", CHALLENGE_NONE, NULL, NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(strings_done) struct strings lines = {0};
        struct challenge c;

        strings_add(&lines, cases[i].line);
        print_message("# %s\n", cases[i].line);
        challenge_parse(&lines, &c);
        assert_int_equal(c.kind, cases[i].kind);
        if (c.kind) {
            assert_string_equal(c.realm ? c.realm : "", cases[i].realm ? cases[i].realm : "");
            assert_string_equal(c.service ? c.service : "",
                                cases[i].service ? cases[i].service : "");
            assert_string_equal(c.scope ? c.scope : "", cases[i].scope ? cases[i].scope : "");
        }
        challenge_done(&c);
    }
}

static void tokens_live_as_long_as_they_say(void **state)
{
    static const struct {
        const char *text, *token;
        int64_t lives_s;
    } cases[] = {
        {"{\"token\":\"t\"}", "t", 60},
        {"{\"access_token\":\"t\",\"expires_in\":300}", "t", 300},
        {"{\"token\":\"\",\"access_token\":\"b\"}", "b", 60},
        {"{\"token\":\"t\",\"expires_in\":5}", "t", 60},
        {"{\"token\":\"t\",\"expires_in\":300,\"issued_at\":\"1970-01-01T00:15:40Z\"}", "t", 240},
        {"{\"token\":\"t\",\"expires_in\":300,\"issued_at\":\"1970-01-01T01:15:40.5+01:00\"}", "t",
         240},
        {"{\"token\":\"t\",\"issued_at\":\"yesterday\"}", "t", 60},
        {"{}", NULL, 0},
        {"{\"token\":\"a\\nb\"}", NULL, 0},
        {"{\"token\":1}", NULL, 0},
        {"[]", NULL, 0},
        {"<html>", NULL, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct token_answer got = {0};
        const int r = token_parse(view_of(cases[i].text), 1000, &got, NULL);

        print_message("# %s\n", cases[i].text);
        assert_int_equal(r == 0, cases[i].token != NULL);
        if (r == 0) {
            assert_string_equal(got.token, cases[i].token);
            assert_int_equal(got.lives_s, cases[i].lives_s);
        }
        free(got.token);
    }
}

static void problems_are_one_line(void **state)
{
    static const struct {
        const char *body, *want;
    } cases[] = {
        {"{\"errors\":[{\"code\":\"DENIED\",\"message\":\"no\"}]}", "no (DENIED)"},
        {"{\"errors\":[{\"code\":\"A\",\"message\":\"x\"},{\"code\":\"B\"}]}", "x (A); (B)"},
        {"{\"errors\":[{\"message\":\"a\\u001b[31m\\nb\"}]}", "a [31m b"},
        {"{\"message\":\"m\"}", "m"},
        {"{\"error\":\"e\",\"error_description\":\"d\"}", "d"},
        {"{\"errors\":null}", ""},
        {"<html><h1>Bad Gateway</h1>", ""},
        {"plain words\nmore", "plain words"},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        STR_AUTO(got);

        problem_read(view_of(cases[i].body), &got);
        assert_string_equal(got.at, cases[i].want);
    }
}

static void names_are_checked(void **state)
{
    (void)state;
    assert_true(registry_repository_valid("library/debian"));
    assert_true(registry_repository_valid("a--b/c__d/e.f_g"));
    assert_false(registry_repository_valid("a___b"));
    assert_false(registry_repository_valid("a/../b"));
    assert_false(registry_repository_valid("a//b"));
    assert_false(registry_repository_valid("A"));
    assert_false(registry_repository_valid("a..b"));
    assert_false(registry_repository_valid("a?b"));
    assert_false(registry_repository_valid(""));
    assert_true(registry_is_loopback("localhost:5000"));
    assert_true(registry_is_loopback("127.9.9.9"));
    assert_true(registry_is_loopback("[::1]:5000"));
    assert_false(registry_is_loopback("localhost.example.com"));
    assert_false(registry_is_loopback("128.0.0.1"));
    assert_string_equal(registry_api_host("docker.io"), "registry-1.docker.io");
}

UNIT_MAIN(cmocka_unit_test(ranges_are_read_or_refused), cmocka_unit_test(links_are_found),
          cmocka_unit_test(waiting_is_told_in_seconds_or_by_date),
          cmocka_unit_test(locations_are_resolved), cmocka_unit_test(private_addresses_are_known),
          cmocka_unit_test(challenges_are_read), cmocka_unit_test(tokens_live_as_long_as_they_say),
          cmocka_unit_test(problems_are_one_line), cmocka_unit_test(names_are_checked))
