/* test_registry.c - calls: tokens, redirects, manifests, lists. */
#include "registry_fixture.h"

#define BEARER                                                                                     \
    "WWW-Authenticate: Bearer "                                                                    \
    "realm=\"https://auth.h/t\",service=\"h\",scope=\"repository:a:pull\""
#define TOKEN_URL "https://auth.h/t?service=h&scope=repository:a:pull"

static struct registry_call *read_empty(struct registry_session *s)
{
    struct digest d;

    assert_int_equal(digest_parse(SHA, &d, NULL), 0);
    return registry_blob_read(s, "a", &d, 2, 100);
}

static void a_token_is_fetched_once_and_goes_nowhere_else(void **state)
{
    const struct registry_credential login = {.user = (char[]){"u"}, .password = (char[]){"p"}};
    CLEANUP(registry_session_freep) struct registry_session *s = session(&login, false);
    const struct line first[] = {
        {"GET https://h/v2/a/blobs/" SHA, NULL, 401, BEARER, "", 0},
        {"GET " TOKEN_URL, "Basic dTpw", 200, NULL, "{\"token\":\"t\"}", 0},
        {"GET https://h/v2/a/blobs/" SHA, "Bearer t", 307, "Location: https://cdn/x?sig=1", "", 0},
        {"GET https://cdn/x?sig=1", NULL, 200, NULL, "{}", 0},
    };
    const struct line second[] = {
        {"GET https://h/v2/a/blobs/" SHA, "Bearer t", 200, NULL, "{}", 0}};

    (void)state;
    CLEANUP(registry_call_freep) struct registry_call *a = read_empty(s), *b = read_empty(s);
    assert_int_equal(play(a, first, ARRAY_SIZE(first), NULL), 0);
    assert_string_equal(registry_call_result(a)->body.at, "{}");
    assert_int_equal(play(b, second, ARRAY_SIZE(second), NULL), 0);
}

static void a_realm_may_send_us_elsewhere(void **state)
{
    static const struct {
        const char *location, *url, *authorization; /* url NULL: refused */
    } cases[] = {
        {"Location: /u?x=1", "https://auth.h/u?x=1", "Basic dTpw"},
        {"Location: https://tokens.h/t", "https://tokens.h/t", NULL},
        {"Location: https://auth.h:444/t", "https://auth.h:444/t", NULL},
        {"Location: http://auth.h/t", NULL, NULL},
        {"Location: https://10.0.0.1/t", NULL, NULL},
        {"Location: file:///etc/passwd", NULL, NULL},
        {NULL, NULL, NULL},
    };
    const struct registry_credential login = {.user = (char[]){"u"}, .password = (char[]){"p"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(registry_session_freep) struct registry_session *s = session(&login, false);
        CLEANUP(registry_call_freep) struct registry_call *c = read_empty(s);
        const struct line lines[] = {
            {"GET https://h/v2/a/blobs/" SHA, NULL, 401, BEARER, "", 0},
            {"GET " TOKEN_URL, "Basic dTpw", 307, cases[i].location, "", 0},
            {"GET https://other.h/u", NULL, 200, NULL, "", 0},
            {"GET https://h/v2/a/blobs/" SHA, "Bearer t", 200, NULL, "{}", 0},
        };
        struct line all[4];
        cleanup_free char *there = xasprintf("GET %s", cases[i].url ? cases[i].url : "");

        memcpy(all, lines, sizeof(all));
        all[2] = (struct line){there, cases[i].authorization, 200, NULL, "{\"token\":\"t\"}", 0};
        print_message("# %s\n", cases[i].location ? cases[i].location : "no Location");
        assert_int_equal(play(c, all, cases[i].url ? 4 : 2, NULL), cases[i].url ? 0 : -EPROTO);
    }
}

/* It gets the refresh token only where it was asked for: by GET then. */
static void a_realm_that_moves_a_form_is_asked_by_query(void **state)
{
    const struct registry_credential login = {.identity_token = (char[]){"i"}};
    CLEANUP(registry_session_freep) struct registry_session *s = session(&login, false);
    CLEANUP(registry_call_freep) struct registry_call *c = read_empty(s);
    const struct line lines[] = {
        {"GET https://h/v2/a/blobs/" SHA, NULL, 401, BEARER, "", 0},
        {"POST https://auth.h/t", NULL, 307, "Location: https://tokens.h/t", "", 0},
        {"GET " TOKEN_URL, "*", 307, "Location: https://tokens.h/t", "", 0},
        {"GET https://tokens.h/t", NULL, 200, NULL, "{\"token\":\"t\"}", 0},
        {"GET https://h/v2/a/blobs/" SHA, "Bearer t", 200, NULL, "{}", 0},
    };

    (void)state;
    assert_int_equal(play(c, lines, ARRAY_SIZE(lines), NULL), 0);
}

static void challenges_of_others_are_not_answered(void **state)
{
    const struct registry_credential login = {.user = (char[]){"u"}, .password = (char[]){"p"}};
    CLEANUP(registry_session_freep) struct registry_session *s = session(&login, false);
    const struct line lines[] = {
        {"GET https://h/v2/a/blobs/" SHA, NULL, 307, "Location: https://evil/x", "", 0},
        {"GET https://evil/x", NULL, 401, "WWW-Authenticate: Basic realm=\"me\"", "", 0},
    };
    CLEANUP(registry_call_freep) struct registry_call *c = read_empty(s);

    (void)state;
    assert_int_equal(play(c, lines, ARRAY_SIZE(lines), NULL), -EACCES);
}

static void bad_ways_are_refused(void **state)
{
    static const struct {
        const char *headers, *complaint;
        int status;
    } cases[] = {
        {"Location: http://cdn/x", "leaves TLS", 307},
        {"Location: https://169.254.169.254/x", "private network", 307},
        {"Location: file:///etc/passwd", "no URL of HTTP", 302},
        {"", "no Location", 302},
        {"WWW-Authenticate: Bearer realm=\"http://auth/t\"", "leaves TLS", 401},
        {"WWW-Authenticate: Bearer realm=\"https://10.0.0.1/t\"", "private network", 401},
        {"WWW-Authenticate: Bearer realm=\"file:///x\"", "no URL of HTTP", 401},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(registry_session_freep) struct registry_session *s = session(NULL, false);
        CLEANUP(registry_call_freep) struct registry_call *c = read_empty(s);
        const struct line line = {
            "GET https://h/v2/a/blobs/" SHA, NULL, cases[i].status, cases[i].headers, "", 0};
        ERROR_AUTO(err);

        print_message("# %s\n", cases[i].headers);
        assert_true(play(c, &line, 1, &err) < 0);
        assert_non_null(strstr(err.text, cases[i].complaint));
    }
}

static void plain_http_is_for_those_who_may(void **state)
{
    const struct line lines[] = {
        {"GET https://h/v2/a/blobs/" SHA, NULL, 0, NULL, "", 0},
        {"GET http://h/v2/a/blobs/" SHA, NULL, 200, NULL, "{}", 0},
    };
    CLEANUP(registry_session_freep) struct registry_session *s = session(NULL, true);
    CLEANUP(registry_call_freep) struct registry_call *c = read_empty(s);

    (void)state;
    assert_int_equal(play(c, lines, ARRAY_SIZE(lines), NULL), 0);
    CLEANUP(registry_session_freep) struct registry_session *safe = session(NULL, false);
    CLEANUP(registry_call_freep) struct registry_call *d = read_empty(safe);
    const struct line never[REGISTRY_TRIES] = {lines[0], lines[0], lines[0], lines[0], lines[0]};
    assert_int_equal(play(d, never, REGISTRY_TRIES, NULL), -EIO);
}

static void a_file_goes_on_where_it_broke(void **state)
{
    CLEANUP(registry_session_freep) struct registry_session *s = session(NULL, false);
    const char *ask = "GET https://h/v2/a/blobs/" SHA;
    const struct line lines[] = {
        {ask, NULL, 0, NULL, "", 40},
        {ask, NULL, 206, "Content-Range: bytes 30-99/100", "", 70}, /* not what was asked for */
        {ask, NULL, 0, NULL, "", 60},
        {ask, NULL, 206, "Content-Range: bytes 60-99/100", "", 100},
    };
    struct digest d;

    (void)state;
    assert_int_equal(digest_parse(SHA, &d, NULL), 0);
    CLEANUP(registry_call_freep)
    struct registry_call *c = registry_blob_get(s, "a", &d, 100, 9, 0, false);
    assert_int_equal(play(c, lines, ARRAY_SIZE(lines), NULL), 0);
    assert_int_equal(registry_call_result(c)->size, 100);
}

static void manifests_are_what_they_say(void **state)
{
    static const char manifest[] =
        "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\","
        "\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"" SHA
        "\",\"size\":2},\"layers\":[]}";
    static const struct {
        const char *headers;
        int want;
    } cases[] = {
        {"Content-Type: application/vnd.oci.image.manifest.v1+json", 0},
        {"Content-Type: application/vnd.oci.image.manifest.v1+json; charset=utf-8", 0},
        {"Content-Type: application/json", 0},
        {"Content-Type: application/vnd.oci.image.index.v1+json", -EPROTO},
        {"Content-Type: application/vnd.docker.distribution.manifest.v1+prettyjws", -ENOTSUP},
        {"Docker-Content-Digest: " SHA, -EPROTO},
        {"Docker-Content-Digest: nonsense", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(registry_session_freep) struct registry_session *s = session(NULL, false);
        CLEANUP(registry_call_freep)
        struct registry_call *c = registry_manifest_get(s, "a", "1", NULL);
        const struct line line = {
            "GET https://h/v2/a/manifests/1", NULL, 200, cases[i].headers, manifest, 0};

        print_message("# %s\n", cases[i].headers);
        assert_int_equal(play(c, &line, 1, NULL), cases[i].want);
    }
}

static void lists_have_pages_and_an_end(void **state)
{
    CLEANUP(registry_session_freep) struct registry_session *s = session(NULL, false);
    CLEANUP(registry_call_freep) struct registry_call *c = registry_tags(s, "a");
    const struct line lines[] = {
        {"GET https://h/v2/a/tags/list?n=1000", NULL, 200,
         "Link: </v2/a/tags/list?n=2&last=y>; rel=\"next\"",
         "{\"name\":\"a\",\"tags\":[\"x\",\"y\"]}", 0},
        {"GET https://h/v2/a/tags/list?n=2&last=y", NULL, 200, "", "{\"tags\":[\"z\"]}", 0},
    };

    (void)state;
    assert_int_equal(play(c, lines, ARRAY_SIZE(lines), NULL), 0);
    assert_int_equal(registry_call_result(c)->tags.size, 3);
    assert_string_equal(registry_call_result(c)->tags.at[2], "z");
}

#define PAGE "https://h/v2/a/tags/list?n=1000"
#define OTHER PAGE "&last=x"
#define LINK(to) "Link: <" to ">; rel=\"next\""

static void a_list_that_leads_to_itself_ends(void **state)
{
    const struct line line = {"GET " PAGE, NULL, 200, LINK(PAGE), "{\"tags\":[\"x\"]}", 0};
    CLEANUP(registry_session_freep) struct registry_session *s = session(NULL, false);
    CLEANUP(registry_call_freep) struct registry_call *c = registry_tags(s, "a");
    ERROR_AUTO(err);

    (void)state;
    assert_int_equal(play(c, &line, 1, &err), -ELOOP);
    assert_non_null(strstr(err.text, "leads back"));
}

static void a_list_that_leads_round_ends(void **state)
{
    static const struct line pages[] = {
        {"GET " PAGE, NULL, 200, LINK(OTHER), "{\"tags\":[\"x\"]}", 0},
        {"GET " OTHER, NULL, 200, LINK(PAGE), "{\"tags\":[\"x\"]}", 0},
    };
    CLEANUP(registry_session_freep) struct registry_session *s = session(NULL, false);
    CLEANUP(registry_call_freep) struct registry_call *c = registry_tags(s, "a");
    struct line *lines = xcalloc(REGISTRY_PAGES_MAX, sizeof(*lines));
    ERROR_AUTO(err);

    (void)state;
    for (size_t i = 0; i < REGISTRY_PAGES_MAX; i++)
        lines[i] = pages[i % 2];
    assert_int_equal(play(c, lines, REGISTRY_PAGES_MAX, &err), -EDQUOT);
    assert_non_null(strstr(err.text, "pages"));
    free(lines);
}

static void what_a_registry_says_is_no_fault_of_ours(void **state)
{
    const struct line line = {"GET " PAGE, NULL, 200, NULL, "{\"tags\":[\"\\u0000\"]}", 0};
    CLEANUP(registry_session_freep) struct registry_session *s = session(NULL, false);
    CLEANUP(registry_call_freep) struct registry_call *c = registry_tags(s, "a");
    ERROR_AUTO(err);

    (void)state;
    assert_int_equal(play(c, &line, 1, &err), -EPROTO);
    assert_int_equal(err.code, -EPROTO);
}

static void a_page_elsewhere_gets_no_credential(void **state)
{
    const struct registry_credential login = {.user = (char[]){"u"}, .password = (char[]){"p"}};
    CLEANUP(registry_session_freep) struct registry_session *s = session(&login, false);
    CLEANUP(registry_call_freep) struct registry_call *c = registry_tags(s, "a");
    const char *ask = "GET https://h/v2/a/tags/list?n=1000";
    const struct line lines[] = {
        {ask, NULL, 401, "WWW-Authenticate: Basic realm=\"r\"", "", 0},
        {ask, "Basic dTpw", 200, "Link: <https://evil/more>; rel=\"next\"", "{\"tags\":[\"x\"]}",
         0},
        {"GET https://evil/more", NULL, 200, "", "{\"tags\":[]}", 0},
    };

    (void)state;
    assert_int_equal(play(c, lines, ARRAY_SIZE(lines), NULL), 0);
}

UNIT_MAIN(cmocka_unit_test(a_token_is_fetched_once_and_goes_nowhere_else),
          cmocka_unit_test(a_realm_may_send_us_elsewhere),
          cmocka_unit_test(a_realm_that_moves_a_form_is_asked_by_query),
          cmocka_unit_test(challenges_of_others_are_not_answered),
          cmocka_unit_test(bad_ways_are_refused), cmocka_unit_test(plain_http_is_for_those_who_may),
          cmocka_unit_test(a_file_goes_on_where_it_broke),
          cmocka_unit_test(manifests_are_what_they_say),
          cmocka_unit_test(lists_have_pages_and_an_end),
          cmocka_unit_test(a_list_that_leads_to_itself_ends),
          cmocka_unit_test(a_list_that_leads_round_ends),
          cmocka_unit_test(what_a_registry_says_is_no_fault_of_ours),
          cmocka_unit_test(a_page_elsewhere_gets_no_credential))
