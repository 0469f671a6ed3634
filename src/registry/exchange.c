/* One request with all that it may meet: the first word to a registry, tokens, redirects, tries.
 *
 *     READY --exchange_next()--> SENT --exchange_take()--> the answer
 *       ^          |               |
 *       |          v               | redirect, 401, a failure that passes
 *       |<------ TOKEN             |
 *       |<-------------------------' */
#include <assert.h>
#include <errno.h>

#include "registry/internal.h"

#define DELAY_MS 250
#define DELAY_MAX_MS 8000
#define PROGRESS_BYTES (1u << 20) /* whoever gets further may try on */

void exchange_init(struct exchange *x, struct registry_session *s, const char *method,
                   char *take_url)
{
    *x = (struct exchange){.s = s,
                           .method = method,
                           .url = take_url,
                           .body = STR_INIT,
                           .form = STR_INIT,
                           .body_fd = -1,
                           .sink_fd = -1,
                           .body_max = REGISTRY_BODY_MAX,
                           .answer = {.body = STR_INIT}};
}

void exchange_done(struct exchange *x)
{
    if (!x->s)
        return;
    if (x->probing)
        x->s->busy = false;
    if (x->state == EXCHANGE_TOKEN || x->token_moved)
        session_forget_token(x->s, x->token);
    free(x->url);
    free(x->at);
    free(x->token_url);
    free(x->scopes);
    strings_done(&x->headers);
    str_done(&x->body);
    str_done(&x->form);
    registry_answer_done(&x->answer);
    *x = (struct exchange){0};
}

void registry_request_done(struct registry_request *r)
{
    vec_each (line, &r->headers)
        if (strncmp(*line, "Authorization:", 14) == 0)
            explicit_bzero(*line, strlen(*line));
    strings_done(&r->headers);
    free(r->url);
    *r = (struct registry_request){.body_fd = -1, .sink_fd = -1};
}

void registry_answer_done(struct registry_answer *a)
{
    strings_done(&a->headers);
    str_done(&a->body);
    free(a->complaint);
    *a = (struct registry_answer){.body = STR_INIT};
}

/* ---- asking ---- */

static int settle_url(struct exchange *x, struct error *err)
{
    cleanup_free char *base = session_base(x->s);

    if (x->at)
        return 0;
    x->at = x->url[0] == '/' ? xasprintf("%s%s", base, x->url) : xstrdup(x->url);
    x->foreign = !location_same_origin(x->at, base);
    return x->foreign ? auth_check_url(x->s, "location", x->at, err) : 0;
}

static void fill(const struct exchange *x, struct registry_request *r)
{
    r->method = x->method;
    r->url = xstrdup(x->at);
    vec_each (line, &x->headers) {
        strings_add(&r->headers, *line);
    }
    if (x->has_body)
        r->body = str_view(&x->body);
    r->body_fd = x->body_fd;
    r->body_offset = x->body_offset;
    r->body_size = x->body_size;
    r->before = x->before;
    r->sink_fd = x->sink_fd;
    r->sink_max = x->sink_size;
    r->hash = x->hash;
    r->body_max = x->body_max;
    r->insecure = x->s->insecure;
    if (x->sink_fd >= 0 && x->sink_have > 0) {
        r->sink_offset = x->sink_have;
        strings_take(&r->headers,
                     xasprintf("Range: bytes=%llu-", (unsigned long long)x->sink_have));
    }
}

/* Whether this one may speak now; *ret_wait_ms when not. */
static bool may_speak(struct exchange *x, int64_t now_ms, int64_t *ret_wait_ms)
{
    struct registry_session *s = x->s;
    const int64_t at = MAX(x->not_before_ms, s->not_before_ms);

    *ret_wait_ms = at > now_ms ? at - now_ms : -1;
    if (at > now_ms)
        return false;
    if (s->settled || x->probing)
        return true;
    if (s->busy)
        return false;
    s->busy = x->probing = true;
    return true;
}

int exchange_next(struct exchange *x, int64_t now_ms, enum registry_next *ret,
                  struct registry_request *ret_request, int64_t *ret_wait_ms, struct error *err)
{
    struct registry_request r = {.body_fd = -1, .sink_fd = -1, .body_max = REGISTRY_BODY_MAX};

    assert(x->state == EXCHANGE_READY);
    *ret = REGISTRY_WAIT;
    if (!may_speak(x, now_ms, ret_wait_ms))
        return 0;
    int code = settle_url(x, err);
    if (code == 0)
        code = auth_prepare(x, now_ms, &r, err);
    if (code < 0) {
        registry_request_done(&r);
        return code == -EAGAIN ? 0 : code;
    }
    x->state = code > 0 ? EXCHANGE_TOKEN : EXCHANGE_SENT;
    if (code == 0)
        fill(x, &r);
    *ret_request = r;
    *ret = REGISTRY_SEND;
    return 0;
}

/* ---- the answer ---- */

bool exchange_status_passes(int status)
{
    static const int list[] = {408, 425, 429, 499, 500, 502, 503, 504, 522};

    for (size_t i = 0; i < ARRAY_SIZE(list); i++)
        if (list[i] == status)
            return true;
    return false;
}

static void forget_way(struct exchange *x)
{
    free(x->at);
    x->at = NULL;
    x->foreign = false;
    x->redirects = 0;
}

/* What is in the sink stays: the next request asks for the rest. */
static void note_progress(struct exchange *x, const struct registry_answer *a)
{
    if (x->sink_fd < 0 || a->failure == REGISTRY_ANSWERED)
        return;
    if (a->size > x->sink_have + PROGRESS_BYTES)
        x->tries = 0;
    x->sink_have = a->size < x->sink_size ? a->size : 0;
}

bool exchange_again(struct exchange *x, int64_t now_ms, int64_t unix_s,
                    const struct registry_answer *a)
{
    struct registry_session *s = x->s;
    int64_t delay;

    if (a->failure == REGISTRY_ANSWERED ? !exchange_status_passes(a->status)
                                        : a->failure != REGISTRY_FAILED)
        return false;
    const int64_t asked = head_retry_after(head_get(&a->headers, "Retry-After"), unix_s);
    note_progress(x, a);
    if (++x->tries >= REGISTRY_TRIES || asked > REGISTRY_WAIT_MAX_MS)
        return false;
    delay = MIN((int64_t)DELAY_MS << x->tries, DELAY_MAX_MS);
    delay = delay / 2 + (int64_t)session_random(s, (uint64_t)delay / 2);
    if (asked >= 0) {
        delay = asked + (int64_t)session_random(s, DELAY_MS);
        s->not_before_ms = MAX(s->not_before_ms, now_ms + asked);
    }
    x->not_before_ms = now_ms + delay;
    forget_way(x);
    return true;
}

static int complain(const struct exchange *x, const struct registry_answer *a, struct error *err)
{
    static const int codes[] = {[REGISTRY_FAILED] = -EIO,
                                [REGISTRY_NO_TLS] = -EPROTO,
                                [REGISTRY_UNTRUSTED] = -EACCES,
                                [REGISTRY_TOO_LONG] = -EPROTO,
                                [REGISTRY_LOCAL] = -EIO};
    const struct registry_session *s = x->s;
    const int code = codes[a->failure];

    (void)error_set(err, code, "%s: %s", s->host, a->complaint ? a->complaint : "no answer");
    if (a->failure == REGISTRY_UNTRUSTED)
        return error_hint(err, code,
                          "put its CA into /etc/containers/certs.d/%s/ca.crt, or say "
                          "--tls-verify=false",
                          s->host);
    if (a->failure == REGISTRY_NO_TLS)
        return error_hint(err, code, "where it speaks plain HTTP, say --tls-verify=false");
    return code;
}

/* TLS first, as docker; where that is not there, plain HTTP where it is allowed. */
static bool try_plain(struct exchange *x, const struct registry_answer *a)
{
    struct registry_session *s = x->s;

    if (!x->probing || !s->insecure || s->plain ||
        (a->failure != REGISTRY_NO_TLS && a->failure != REGISTRY_FAILED))
        return false;
    s->plain = true;
    forget_way(x);
    return true;
}

static int take_failure(struct exchange *x, int64_t now_ms, int64_t unix_s,
                        const struct registry_answer *a, struct error *err)
{
    if (try_plain(x, a))
        return 0;
    if (x->once && a->failure == REGISTRY_FAILED)
        return 1;
    if (exchange_again(x, now_ms, unix_s, a))
        return 0;
    return complain(x, a, err);
}

static bool is_redirect(const struct exchange *x, int status)
{
    const bool reads = strcmp(x->method, "GET") == 0 || strcmp(x->method, "HEAD") == 0;

    return status == 307 || status == 308 ||
           (reads && (status == 301 || status == 302 || status == 303));
}

static int follow(struct exchange *x, const struct registry_answer *a, struct error *err)
{
    cleanup_free char *base = session_base(x->s), *url = NULL;
    const struct view location = head_get(&a->headers, "Location");

    if (x->redirects++ >= REGISTRY_REDIRECTS)
        return error_set(err, -ELOOP, "%s: more than %d redirects", x->s->host, REGISTRY_REDIRECTS);
    int r = location.at ? location_resolve(x->at, location, &url, err)
                        : error_set(err, -EPROTO, "there is no Location");
    if (r < 0)
        return error_wrap(err, r, "%s: redirect", x->s->host);
    if (location_is_tls(x->at) && !location_is_tls(url))
        return error_set(err, -EPROTO, "%s: its redirect leaves TLS: '%.200s'", x->s->host, url);
    r = auth_check_url(x->s, "redirect", url, err);
    if (r < 0)
        return r;
    free(x->at);
    x->at = steal(url);
    x->foreign = !location_same_origin(x->at, base);
    return 0;
}

static int take_answer(struct exchange *x, int64_t now_ms, int64_t unix_s,
                       const struct registry_answer *a, struct error *err)
{
    if (x->probing) {
        x->probing = x->s->busy = false;
        x->s->settled = true;
    }
    if (!x->foreign)
        session_take_warnings(x->s, &a->headers);
    if (is_redirect(x, a->status))
        return follow(x, a, err);
    if (a->status == 401 && !x->foreign && auth_refused(x, a))
        return 0;
    /* told to wait, it did not begin; of the others nobody knows how far they came */
    const bool unharmed = !x->once || a->status == 429 || a->status == 503;
    if (unharmed && exchange_status_passes(a->status) && exchange_again(x, now_ms, unix_s, a))
        return 0;
    return 1;
}

int exchange_take(struct exchange *x, int64_t now_ms, int64_t unix_s,
                  struct registry_answer *take_a, struct error *err)
{
    struct registry_answer a = *take_a;
    int r;

    *take_a = (struct registry_answer){.body = STR_INIT};
    if (x->state == EXCHANGE_TOKEN) {
        x->state = EXCHANGE_READY;
        r = auth_take_token(x, now_ms, unix_s, &a, err);
    } else {
        x->state = EXCHANGE_READY;
        r = a.failure == REGISTRY_ANSWERED ? take_answer(x, now_ms, unix_s, &a, err)
                                           : take_failure(x, now_ms, unix_s, &a, err);
    }
    if (r == 1) {
        registry_answer_done(&x->answer);
        x->answer = a;
        return 1;
    }
    registry_answer_done(&a);
    return r;
}
