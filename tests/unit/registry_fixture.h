/* tests/unit/registry_fixture.h - calls of the registry's client against a script of requests and answers. */
#pragma once

#include "registry/internal.h"
#include "unit.h"

struct line {
    const char *want;          /* "GET https://h/v2/..": what must be asked */
    const char *authorization; /* NULL: there must be none; "*": whatever */
    int status;                /* 0: the connection fails */
    const char *headers;       /* separated by '\n' */
    const char *body;
    uint64_t size; /* of a sink */
};

static inline const char *authorization_of(const struct registry_request *q)
{
    vec_each (line, &q->headers)
        if (strncmp(*line, "Authorization: ", 15) == 0)
            return *line + 15;
    return NULL;
}

static inline void check_request(const struct line *l, const struct registry_request *q)
{
    cleanup_free char *asked = xasprintf("%s %s", q->method, q->url);
    const char *authorization = authorization_of(q);

    assert_string_equal(asked, l->want);
    if (!l->authorization)
        assert_null(authorization);
    else if (strcmp(l->authorization, "*") != 0)
        assert_string_equal(authorization ? authorization : "", l->authorization);
}

static inline struct registry_answer answer_of(const struct line *l)
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
static inline int play(struct registry_call *c, const struct line *lines, size_t count,
                       struct error *err)
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

static inline struct registry_session *session(const struct registry_credential *c, bool insecure)
{
    return registry_session_new(
        &(struct registry_options){.host = "h", .credential = c, .insecure = insecure, .seed = 7});
}
