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

/* ---- calls against a script ---- */

struct line {
    const char *want;          /* "GET https://h/v2/..": what must be asked */
    const char *authorization; /* NULL: there must be none; "*": whatever */
    int status;                /* 0: the connection fails */
    const char *headers;       /* separated by '\n' */
    const char *body;
    uint64_t size; /* of a sink */
};

static const char *authorization_of(const struct registry_request *q)
{
    vec_each (line, &q->headers)
        if (strncmp(*line, "Authorization: ", 15) == 0)
            return *line + 15;
    return NULL;
}

static void check_request(const struct line *l, const struct registry_request *q)
{
    cleanup_free char *asked = xasprintf("%s %s", q->method, q->url);
    const char *authorization = authorization_of(q);

    assert_string_equal(asked, l->want);
    if (!l->authorization)
        assert_null(authorization);
    else if (strcmp(l->authorization, "*") != 0)
        assert_string_equal(authorization ? authorization : "", l->authorization);
}

static struct registry_answer answer_of(const struct line *l)
{
    struct registry_answer a = {.body = STR_INIT, .status = l->status, .size = l->size};
    struct view rest = view_of(l->headers), line;

    a.failure = l->status ? REGISTRY_ANSWERED : REGISTRY_FAILED;
    while (l->headers && view_cut(&rest, '\n', &line))
        strings_take(&a.headers, view_dup(line));
    str_add_text(&a.body, l->body ? l->body : "");
    return a;
}

/* Runs the call to its end; the clock jumps to where it wants to be. */
static int play(struct registry_call *c, const struct line *lines, size_t count, struct error *err)
{
    int64_t now = 1000;
    size_t at = 0;

    for (;;) {
        struct registry_request q = {.body_fd = -1, .sink_fd = -1};
        enum registry_next next;
        int64_t wait = -1;
        int r = registry_call_next(c, now, &next, &q, &wait, err);

        if (r < 0 || next == REGISTRY_DONE) {
            assert_int_equal(at, count);
            return r;
        }
        if (next == REGISTRY_WAIT) {
            assert_true(wait >= 0);
            now += wait;
            continue;
        }
        assert_true(at < count);
        check_request(&lines[at], &q);
        registry_request_done(&q);
        struct registry_answer a = answer_of(&lines[at++]);
        now += REGISTRY_CHUNK_MS;
        r = registry_call_take(c, now, 1000, &a, err);
        if (r < 0) {
            assert_int_equal(at, count);
            return r;
        }
    }
}

#define SHA "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a" /* {} */
#define BEARER                                                                                     \
    "WWW-Authenticate: Bearer "                                                                    \
    "realm=\"https://auth.h/t\",service=\"h\",scope=\"repository:a:pull\""
#define TOKEN_URL "https://auth.h/t?service=h&scope=repository:a:pull"

static struct registry_session *session(const struct registry_credential *c, bool insecure)
{
    return registry_session_new(
        &(struct registry_options){.host = "h", .credential = c, .insecure = insecure, .seed = 7});
}

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

static struct registry_call *put_empty(struct registry_session *s, const char *from)
{
    struct registry_blob b = {.size = 2, .fd = -1, .bytes = VIEW("{}"), .from = from};

    assert_int_equal(digest_parse(SHA, &b.digest, NULL), 0);
    return registry_blob_put(s, "a", &b);
}

static void an_upload_follows_its_location(void **state)
{
    const char *head = "HEAD https://h/v2/a/blobs/" SHA;
    const struct line plain[] = {
        {head, NULL, 404, NULL, "", 0},
        {"POST https://h/v2/a/blobs/uploads/", NULL, 202, "Location: /up/1?state=x", "", 0},
        {"PUT https://h/up/1?state=x&digest=" SHA, NULL, 0, NULL, "", 0}, /* broke */
        {"POST https://h/v2/a/blobs/uploads/", NULL, 202, "Location: https://h/up/2", "", 0},
        {"PUT https://h/up/2?digest=" SHA, NULL, 201, NULL, "", 0},
    };
    const struct line mount[] = {
        {head, NULL, 404, NULL, "", 0},
        {"POST https://h/v2/a/blobs/uploads/?mount=" SHA "&from=b", NULL, 405, NULL, "", 0},
        {"POST https://h/v2/a/blobs/uploads/", NULL, 202, "Location: /up/1", "", 0},
        {"PUT https://h/up/1?digest=" SHA, NULL, 201, NULL, "", 0},
    };
    const struct line there[] = {{head, NULL, 200, "Content-Length: 2", "", 0}};
    CLEANUP(registry_session_freep) struct registry_session *s = session(NULL, false);
    CLEANUP(registry_call_freep) struct registry_call *a = put_empty(s, NULL);
    CLEANUP(registry_call_freep) struct registry_call *b = put_empty(s, "b");
    CLEANUP(registry_call_freep) struct registry_call *c = put_empty(s, NULL);

    (void)state;
    assert_int_equal(play(a, plain, ARRAY_SIZE(plain), NULL), 0);
    assert_int_equal(play(b, mount, ARRAY_SIZE(mount), NULL), 0);
    assert_int_equal(play(c, there, ARRAY_SIZE(there), NULL), 0);
    assert_true(registry_call_result(c)->existed);
}

#define UP "https://h/v2/a/blobs/uploads/"
#define MIB 1048576
#define LARGE (2 * MIB + 600000)

struct noted {
    struct registry_keeper keeper;
    unsigned times;
    bool over;
    uint64_t have, until;
};

static void note(struct registry_keeper *k, const struct registry_upload *u)
{
    struct noted *n = (struct noted *)k;

    n->times++;
    n->over = !*u->location;
    n->have = u->have;
    n->until = u->until;
}

static struct registry_call *put_large(struct registry_session *s, struct noted *n,
                                       const char *location, uint64_t have, uint64_t until)
{
    struct registry_blob b = {.size = LARGE, .fd = 9, .keeper = &n->keeper};

    assert_int_equal(digest_parse(SHA, &b.digest, NULL), 0);
    n->keeper.keep = note;
    if (location)
        n->keeper.upload = (struct registry_upload){xstrdup(location), have, until, 0};
    return registry_blob_put(s, "a", &b);
}

#define HEAD_LINE                                                                                  \
    {                                                                                              \
        "HEAD https://h/v2/a/blobs/" SHA, NULL, 404, NULL, "", 0                                   \
    }
#define POST_LINE(headers)                                                                         \
    {                                                                                              \
        "POST " UP, NULL, 202, headers, "", 0                                                      \
    }
#define PATCH_LINE(n, status, headers)                                                             \
    {                                                                                              \
        "PATCH https://h/up/" n, NULL, status, headers, "", 0                                      \
    }
#define STATUS_LINE(n, status, headers)                                                            \
    {                                                                                              \
        "GET https://h/up/" n, NULL, status, headers, "", 0                                        \
    }
#define PUT_LINE(n, status)                                                                        \
    {                                                                                              \
        "PUT https://h/up/" n "?digest=" SHA, NULL, status, NULL, "", 0                            \
    }
#define LOCATION(n) "Location: /up/" n
#define SECOND PATCH_LINE("2", 202, "Range: 0-2097151\n" LOCATION("3"))

static void chunks_are_counted_by_both_sides(void **state)
{
    static const struct {
        const char *name, *location; /* location: of an upload that another process began */
        uint64_t have, until;
        struct line lines[12];
    } cases[] = {
        {"as it should be",
         NULL,
         0,
         0,
         {HEAD_LINE, POST_LINE(LOCATION("1")),
          PATCH_LINE("1", 202, "Range: 0-1048575\n" LOCATION("2")), SECOND, PUT_LINE("3", 201)}},
        {"it never says more than 0-0",
         NULL,
         0,
         0,
         {HEAD_LINE, POST_LINE(LOCATION("1")), PATCH_LINE("1", 202, "Range: 0-0\n" LOCATION("2")),
          PATCH_LINE("2", 202, "Range: 0-0\n" LOCATION("3")), PUT_LINE("3", 201)}},
        {"half a chunk is lost",
         NULL,
         0,
         0,
         {HEAD_LINE, POST_LINE(LOCATION("1")), PATCH_LINE("1", 202, "Range: 0-99\n" LOCATION("4")),
          PATCH_LINE("4", 202, "Range: 0-1048675\n" LOCATION("5")),
          PATCH_LINE("5", 202, "Range: 0-2097251\n" LOCATION("6")), PUT_LINE("6", 201)}},
        {"more than was sent",
         NULL,
         0,
         0,
         {HEAD_LINE, POST_LINE(LOCATION("1")),
          PATCH_LINE("1", 202, "Range: 0-1048576\n" LOCATION("2")), POST_LINE(LOCATION("8")),
          PUT_LINE("8", 201)}},
        {"201 for a chunk",
         NULL,
         0,
         0,
         {HEAD_LINE, POST_LINE(LOCATION("1")),
          PATCH_LINE("1", 201, "Range: 0-1048575\n" LOCATION("2")), POST_LINE(LOCATION("8")),
          PUT_LINE("8", 201)}},
        {"no chunks at all",
         NULL,
         0,
         0,
         {HEAD_LINE, POST_LINE(LOCATION("1")), PATCH_LINE("1", 405, NULL), POST_LINE(LOCATION("8")),
          PUT_LINE("8", 201)}},
        {"the least chunk is larger",
         NULL,
         0,
         0,
         {HEAD_LINE, POST_LINE(LOCATION("1") "\nOCI-Chunk-Min-Length: 9000000"),
          PUT_LINE("1", 201)}},
        {"the least chunk is larger than any number",
         NULL,
         0,
         0,
         {HEAD_LINE, POST_LINE(LOCATION("1") "\nOCI-Chunk-Min-Length: 12297829382473034411"),
          PUT_LINE("1", 201)}},
        {"the least chunk is a little larger",
         NULL,
         0,
         0,
         {HEAD_LINE, POST_LINE(LOCATION("1") "\nOCI-Chunk-Min-Length: 1500000"),
          PATCH_LINE("1", 202, "Range: 0-1499999\n" LOCATION("2")), PUT_LINE("2", 201)}},
        {"broken, and part of it is there",
         NULL,
         0,
         0,
         {HEAD_LINE, POST_LINE(LOCATION("1")), PATCH_LINE("1", 0, NULL),
          STATUS_LINE("1", 204, "Range: 0-1048565\n" LOCATION("2")),
          PATCH_LINE("2", 202, "Range: 0-2097141\n" LOCATION("3")), PUT_LINE("3", 201)}},
        {"broken, and all is there",
         NULL,
         0,
         0,
         {HEAD_LINE, POST_LINE(LOCATION("1")), PATCH_LINE("1", 500, NULL),
          STATUS_LINE("1", 204, "Range: 0-1048575\n" LOCATION("2")), SECOND, PUT_LINE("3", 201)}},
        {"out of order",
         NULL,
         0,
         0,
         {HEAD_LINE, POST_LINE(LOCATION("1")), PATCH_LINE("1", 416, "Range: 0-0"),
          STATUS_LINE("1", 204, "Range: 0-0"),
          PATCH_LINE("1", 202, "Range: 0-1048575\n" LOCATION("2")), SECOND, PUT_LINE("3", 201)}},
        {"broken and forgotten",
         NULL,
         0,
         0,
         {HEAD_LINE, POST_LINE(LOCATION("7")), PATCH_LINE("7", 0, NULL),
          STATUS_LINE("7", 404, NULL), POST_LINE(LOCATION("1")),
          PATCH_LINE("1", 202, "Range: 0-1048575\n" LOCATION("2")), SECOND, PUT_LINE("3", 201)}},
        {"the end breaks",
         NULL,
         0,
         0,
         {HEAD_LINE, POST_LINE(LOCATION("1")),
          PATCH_LINE("1", 202, "Range: 0-1048575\n" LOCATION("2")), SECOND, PUT_LINE("3", 0),
          STATUS_LINE("3", 204, "Range: 0-2697151\n" LOCATION("4")), PUT_LINE("4", 201)}},
        {"it is not what was sent",
         NULL,
         0,
         0,
         {HEAD_LINE, POST_LINE(LOCATION("1")),
          PATCH_LINE("1", 202, "Range: 0-1048575\n" LOCATION("2")), SECOND, PUT_LINE("3", 400),
          POST_LINE(LOCATION("8")), PUT_LINE("8", 201)}},
        {"gone on with",
         "https://h/up/1",
         MIB,
         2 * MIB,
         {HEAD_LINE, STATUS_LINE("1", 204, "Range: 0-1048575\n" LOCATION("2")), SECOND,
          PUT_LINE("3", 201)}},
        {"gone on with, what was on its way is there",
         "https://h/up/1",
         MIB,
         2 * MIB,
         {HEAD_LINE, STATUS_LINE("1", 204, "Range: 0-2097151\n" LOCATION("3")),
          PUT_LINE("3", 201)}},
        {"they have less than they said",
         "https://h/up/7",
         MIB,
         2 * MIB,
         {HEAD_LINE, STATUS_LINE("7", 204, "Range: 0-99\n" LOCATION("9")), POST_LINE(LOCATION("1")),
          PATCH_LINE("1", 202, "Range: 0-1048575\n" LOCATION("2")), SECOND, PUT_LINE("3", 201)}},
        {"they have more than was sent",
         "https://h/up/7",
         MIB,
         MIB + 9,
         {HEAD_LINE, STATUS_LINE("7", 204, "Range: 0-2097151\n" LOCATION("9")),
          POST_LINE(LOCATION("1")), PATCH_LINE("1", 202, "Range: 0-1048575\n" LOCATION("2")),
          SECOND, PUT_LINE("3", 201)}},
        {"it ran out",
         "https://h/up/7",
         MIB,
         2 * MIB,
         {HEAD_LINE, STATUS_LINE("7", 404, NULL), POST_LINE(LOCATION("1")),
          PATCH_LINE("1", 202, "Range: 0-1048575\n" LOCATION("2")), SECOND, PUT_LINE("3", 201)}},
        {"it came after all",
         "https://h/up/7",
         MIB,
         2 * MIB,
         {{"HEAD https://h/v2/a/blobs/" SHA, NULL, 200, "Content-Length: 2697152", "", 0}}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(registry_session_freep) struct registry_session *s = session(NULL, false);
        struct noted n = {0};
        CLEANUP(registry_call_freep)
        struct registry_call *c =
            put_large(s, &n, cases[i].location, cases[i].have, cases[i].until);
        size_t count = 0;

        print_message("# %s\n", cases[i].name);
        while (count < 12 && cases[i].lines[count].want)
            count++;
        assert_int_equal(play(c, cases[i].lines, count, NULL), 0);
        assert_true(n.times && n.over);
    }
}

static void a_registry_that_forgets_gets_it_whole(void **state)
{
    const struct line lines[] = {
        HEAD_LINE,
        POST_LINE(LOCATION("1")),
        PATCH_LINE("1", 0, NULL),
        STATUS_LINE("1", 404, NULL),
        POST_LINE(LOCATION("1")),
        PATCH_LINE("1", 0, NULL),
        STATUS_LINE("1", 404, NULL),
        POST_LINE(LOCATION("1")),
        PATCH_LINE("1", 0, NULL),
        STATUS_LINE("1", 404, NULL),
        POST_LINE(LOCATION("8")),
        PUT_LINE("8", 201),
    };
    CLEANUP(registry_session_freep) struct registry_session *s = session(NULL, false);
    struct noted n = {0};
    CLEANUP(registry_call_freep) struct registry_call *c = put_large(s, &n, NULL, 0, 0);

    (void)state;
    assert_int_equal(play(c, lines, ARRAY_SIZE(lines), NULL), 0);
}

static void an_answer_that_nobody_took_is_taken_later(void **state)
{
    static const struct {
        const char *headers, *location;
        int status;
        uint64_t have;
    } cases[] = {
        {"Location: /up/2\nRange: 0-199", "https://h/up/2", 202, 200},
        {"Location: /up/2\nRange: 0-149", "https://h/up/2", 202, 150},
        {"Location: /up/2\nRange: 0-0", "https://h/up/2", 202, 200},
        {"Location: /up/2\nRange: 0-200", "https://h/up/1", 202, 100},
        {"Location: /up/2\nRange: 0-9", "https://h/up/1", 202, 100},
        {"Location: file:///up/2\nRange: 0-199", "https://h/up/1", 202, 100},
        {"Location: /up/2", "https://h/up/1", 404, 100},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct registry_upload u = {xstrdup("https://h/up/1"), 100, 200, 0};
        const struct line l = {"", NULL, cases[i].status, cases[i].headers, "", 0};
        struct registry_answer a = answer_of(&l);

        print_message("# %s\n", cases[i].headers);
        registry_upload_take(&u, a.status, &a.headers);
        assert_string_equal(u.location, cases[i].location);
        assert_int_equal(u.have, cases[i].have);
        registry_answer_done(&a);
        registry_upload_done(&u);
    }
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

static void a_list_that_leads_to_itself_ends(void **state)
{
    CLEANUP(registry_session_freep) struct registry_session *s = session(NULL, false);
    CLEANUP(registry_call_freep) struct registry_call *c = registry_tags(s, "a");
    struct line *lines = xcalloc(REGISTRY_PAGES_MAX, sizeof(*lines));
    ERROR_AUTO(err);

    (void)state;
    for (size_t i = 0; i < REGISTRY_PAGES_MAX; i++)
        lines[i] = (struct line){"GET https://h/v2/a/tags/list?n=1000",
                                 NULL,
                                 200,
                                 "Link: </v2/a/tags/list?n=1000>; rel=\"next\"",
                                 "{\"tags\":[\"x\"]}",
                                 0};
    assert_int_equal(play(c, lines, REGISTRY_PAGES_MAX, &err), -EDQUOT);
    assert_non_null(strstr(err.text, "pages"));
    free(lines);
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

UNIT_MAIN(cmocka_unit_test(a_list_that_leads_to_itself_ends),
          cmocka_unit_test(a_page_elsewhere_gets_no_credential),
          cmocka_unit_test(ranges_are_read_or_refused), cmocka_unit_test(links_are_found),
          cmocka_unit_test(waiting_is_told_in_seconds_or_by_date),
          cmocka_unit_test(locations_are_resolved), cmocka_unit_test(private_addresses_are_known),
          cmocka_unit_test(challenges_are_read), cmocka_unit_test(tokens_live_as_long_as_they_say),
          cmocka_unit_test(problems_are_one_line), cmocka_unit_test(names_are_checked),
          cmocka_unit_test(a_token_is_fetched_once_and_goes_nowhere_else),
          cmocka_unit_test(a_realm_may_send_us_elsewhere),
          cmocka_unit_test(a_realm_that_moves_a_form_is_asked_by_query),
          cmocka_unit_test(challenges_of_others_are_not_answered),
          cmocka_unit_test(bad_ways_are_refused), cmocka_unit_test(plain_http_is_for_those_who_may),
          cmocka_unit_test(a_file_goes_on_where_it_broke),
          cmocka_unit_test(an_upload_follows_its_location),
          cmocka_unit_test(chunks_are_counted_by_both_sides),
          cmocka_unit_test(a_registry_that_forgets_gets_it_whole),
          cmocka_unit_test(an_answer_that_nobody_took_is_taken_later),
          cmocka_unit_test(manifests_are_what_they_say),
          cmocka_unit_test(lists_have_pages_and_an_end))
