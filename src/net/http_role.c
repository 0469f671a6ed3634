/* "@net http": descriptor 3 brings requests and takes answers, one poll for it and all sockets. A
 * stranger's server talks to this process: what it says is passed on, cut at its limits, and
 * believed by nobody. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "net/http_transfer.h"

#define SOCKET_FD 3
#define TRANSFERS_MAX 64
#define IDLE_MS 3 /* nothing came for as long: digests catch up */

static int64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int read_request(struct transfer *t, const char **method, const char **url,
                        struct error *err)
{
    const json_t *doc = t->request;
    int64_t id = 0, offset = 0, size = 0, body_max = 0;
    int r = doc_need_int(doc, "id", &id, err);

    if (r == 0)
        r = doc_need_text(doc, "method", method, err);
    if (r == 0)
        r = doc_need_text(doc, "url", url, err);
    if (r == 0)
        r = doc_int(doc, "offset", &offset, err);
    if (r == 0)
        r = doc_int(doc, "size", &size, err);
    if (r == 0)
        r = doc_int(doc, "body_max", &body_max, err);
    t->id = (uint64_t)id;
    t->offset = (uint64_t)offset;
    t->size = (uint64_t)size;
    t->body_max = (size_t)MIN(body_max, HTTP_BODY_MAX);
    t->upload = json_is_true(json_object_get(doc, "upload"));
    t->download = json_is_true(json_object_get(doc, "download"));
    t->with_hash = json_is_true(json_object_get(doc, "hash"));
    if (json_is_true(json_object_get(doc, "told")))
        t->told_fd = steal_fd(t->last_fd);
    t->has_body = json_is_true(json_object_get(doc, "has_body")) || t->body.size;
    if (r == 0 && (t->upload || t->download) && t->fd < 0)
        r = error_set(err, -EPROTO, "a request came without its descriptor");
    return r;
}

static int begin(struct role *role, struct http_frame *f, struct error *err)
{
    struct transfer *t = xcalloc(1, sizeof(*t));
    const char *method = NULL, *url = NULL;

    *t = (struct transfer){.role = role,
                           .request = steal(f->doc),
                           .body = f->body,
                           .answer = STR_INIT,
                           .fd = steal_fd(f->fd),
                           .last_fd = steal_fd(f->last_fd),
                           .told_fd = -1};
    f->body = STR_INIT;
    vec_push(&role->transfers, t);
    const int r = read_request(t, &method, &url, err);
    if (r < 0)
        return r;
    if (role->transfers.size > TRANSFERS_MAX)
        return error_set(err, -EDQUOT, "more than %d requests at once", TRANSFERS_MAX);
    t->easy = role->curl.easy_init();
    if (!t->easy)
        return error_set(err, -ENOMEM, "libcurl takes no further request");
    if (t->download && t->with_hash)
        sink_expect(&t->sink, &role->sinks);
    transfer_set_options(&role->curl, t, method, url);
    return role->curl.multi_add_handle(role->multi, t->easy) == 0
               ? 0
               : error_set(err, -EIO, "libcurl takes no further request");
}

/* ---- answers ---- */

static enum http_failure failure_of(const struct transfer *t, long status)
{
    if (t->full)
        return HTTP_TOO_LONG;
    if (t->local)
        return HTTP_LOCAL;
    /* it answered before it had read everything, and closed */
    if (t->result != CURL_OK && status >= 400 && t->upload)
        return HTTP_ANSWERED;
    switch ((enum curl_code)t->result) {
    case CURL_OK:
        return HTTP_ANSWERED;
    case CURL_E_PEER_FAILED_VERIFICATION:
    case CURL_E_SSL_CACERT_BADFILE:
    case CURL_E_SSL_CERTPROBLEM:
    case CURL_E_SSL_ISSUER:
        return HTTP_UNTRUSTED;
    case CURL_E_SSL_CONNECT_ERROR:
        return HTTP_NO_TLS;
    case CURL_E_UNSUPPORTED_PROTOCOL:
    case CURL_E_URL_MALFORMAT:
    case CURL_E_COULDNT_RESOLVE_HOST: /* the resolver tried for itself */
        return HTTP_LOCAL;
    case CURL_E_REMOTE_ACCESS_DENIED:
    case CURL_E_HTTP_RETURNED_ERROR:
    case CURL_E_WRITE_ERROR:
    case CURL_E_FILE_COULDNT_READ:
    case CURL_E_TOO_MANY_REDIRECTS:
    case CURL_E_FILESIZE_EXCEEDED:
    case CURL_E_REMOTE_FILE_NOT_FOUND:
    default:
        return HTTP_FAILED;
    }
}

/* Of what came without a complaint. */
static bool take_digest(struct transfer *t, struct digest *ret)
{
    ERROR_AUTO(why);

    if (t->result != CURL_OK || t->local || !t->with_hash || !sink_is_open(&t->sink))
        return false;
    if (sink_digest(&t->sink, ret->sha256, &why) == 0)
        return true;
    transfer_complain(t, "%s", why.text);
    return false;
}

static json_t *answer_doc(struct transfer *t, long status)
{
    struct digest d;
    const bool has_digest = take_digest(t, &d);
    const enum http_failure failure = failure_of(t, status);
    json_t *doc = json_object(), *headers = json_array();
    char text[DIGEST_TEXT_MAX];

    doc_set_int(doc, "id", (int64_t)t->id);
    doc_set_int(doc, "failure", failure);
    doc_set_int(doc, "status", status);
    doc_set_int(doc, "size",
                (int64_t)(sink_is_open(&t->sink) ? t->sink.at
                          : t->download          ? t->offset
                                                 : 0));
    vec_each (line, &t->headers) {
        doc_push(headers, doc_new_text(*line));
    }
    doc_set(doc, "headers", headers);
    if (failure != HTTP_ANSWERED)
        doc_set_text(doc, "complaint",
                     t->local        ? t->local
                     : t->message[0] ? t->message
                                     : t->role->curl.easy_strerror(t->result));
    else if (has_digest)
        doc_set_text(doc, "digest", digest_format(&d, text));
    return doc;
}

/* Main may be gone, or go before it has read what it is sent: who comes after it looks here. */
static void leave_word(struct transfer *t, const json_t *answer)
{
    STR_AUTO(text);

    doc_print(answer, true, &text);
    if (lseek(t->last_fd, 0, SEEK_END) >= 0)
        (void)!fd_write_all(t->last_fd, str_view(&text), NULL);
}

static int give_answer(struct role *role, struct transfer *t, json_t *take_answer,
                       struct error *err)
{
    if (t->last_fd >= 0)
        leave_word(t, take_answer);
    if (!role->ended)
        return http_frame_send(SOCKET_FD, take_answer, str_view(&t->answer), -1, -1, err);
    doc_unref(take_answer);
    return 0;
}

static int finish(struct role *role, struct transfer *t, struct error *err)
{
    long status = 0;

    role->curl.easy_getinfo(t->easy, CURL_INFO_RESPONSE_CODE, &status);
    const int r = give_answer(role, t, answer_doc(t, status), err);
    for (size_t i = 0; i < role->transfers.size; i++)
        if (role->transfers.at[i] == t)
            role->transfers.at[i] = role->transfers.at[--role->transfers.size];
    transfer_free(t);
    return r;
}

/* All is in its file, but maybe not in its digest yet. */
static void arrive(struct transfer *t, int result)
{
    ERROR_AUTO(why);

    t->arrived = true;
    t->result = result;
    if (result == CURL_OK && transfer_goes_to_file(t) && !sink_is_open(&t->sink))
        (void)!transfer_open_sink(t); /* of no bytes */
    if (!t->local && sink_end(&t->sink, &why) < 0)
        transfer_complain(t, "%s", why.text);
}

static int take_messages(struct role *role, struct error *err)
{
    struct curl_message *m;
    int left, r = 0;

    while (r == 0 && (m = role->curl.multi_info_read(role->multi, &left))) {
        struct transfer *t = NULL;
        const int result = m->data.result;

        if (m->msg != CURL_MSG_DONE)
            continue;
        role->curl.easy_getinfo(m->easy, CURL_INFO_PRIVATE, &t);
        arrive(t, result);
        if (result != CURL_OK || t->local || sink_is_hashed(&t->sink))
            r = finish(role, t, err);
    }
    return r;
}

static int tell_progress(struct role *role, struct error *err)
{
    const int64_t now = now_ms();
    int r = 0;

    if (now - role->told_ms < HTTP_TELL_MS)
        return 0;
    role->told_ms = now;
    vec_each (at, &role->transfers) {
        struct transfer *t = *at;

        if (r < 0 || t->moved == t->told)
            continue;
        json_t *doc = json_object();
        t->told = t->moved;
        doc_set_int(doc, "id", (int64_t)t->id);
        doc_set_int(doc, "bytes", (int64_t)t->moved);
        r = http_frame_send(SOCKET_FD, doc, view_make("", 0), -1, -1, err);
    }
    return r;
}

static int take_request(struct role *role, struct error *err)
{
    CLEANUP(http_frame_done) struct http_frame f = HTTP_FRAME_INIT;
    const int r = http_frame_take(SOCKET_FD, HTTP_BODY_MAX, &f, err);

    role->ended = r == 0;
    return r > 0 ? begin(role, &f, err) : r;
}

static bool are_due(const struct role *role)
{
    return role->sinks.lag && sinks_are_due(&role->sinks, now_ms() - role->hashed_ms);
}

/* Digests go on when enough bodies have something for them, and when there is nothing else to do. */
static int hash_some(struct role *role, bool idle, struct error *err)
{
    int r = 0;

    if (idle || are_due(role)) {
        sinks_hash(&role->sinks);
        role->hashed_ms = now_ms();
    }
    for (size_t i = role->transfers.size; r == 0 && i-- > 0;) {
        struct transfer *t = role->transfers.at[i];

        if (t->arrived && sink_is_hashed(&t->sink))
            r = finish(role, t, err);
    }
    return r;
}

/* Once nothing comes, digests catch up until something does. */
static int wait_ms(const struct role *role, int running, bool idle)
{
    if (role->sinks.lag)
        return running && !idle && !are_due(role) ? IDLE_MS : 0;
    return running ? 1000 : 60000;
}

static int work(struct role *role, struct error *err)
{
    struct curl_waitfd waits = {.fd = SOCKET_FD, .events = POLLIN};
    int running = 0, ready = 1, r = 0;

    while (r == 0 && !role->ended) {
        if (role->curl.multi_perform(role->multi, &running) != 0)
            return error_set(err, -EIO, "libcurl failed");
        r = take_messages(role, err);
        if (r == 0)
            r = hash_some(role, ready == 0, err);
        if (r == 0)
            r = tell_progress(role, err);
        if (r < 0)
            return r;
        waits.revents = 0;
        (void)role->curl.multi_poll(role->multi, &waits, 1, wait_ms(role, running, ready == 0),
                                    &ready);
        if (waits.revents)
            r = take_request(role, err);
    }
    return r;
}

/* Main is gone. Registries forget an upload whose chunk broke off, so those that are on their way
 * may arrive. */
static void end_well(struct role *role)
{
    const int64_t until = now_ms() + HTTP_LAST_MS;
    int running = 0, r = 0;

    role->ended = true;
    for (size_t i = role->transfers.size; i-- > 0;)
        if (role->transfers.at[i]->last_fd < 0) {
            transfer_free(role->transfers.at[i]);
            role->transfers.at[i] = role->transfers.at[--role->transfers.size];
        }
    while (r == 0 && role->transfers.size && now_ms() < until) {
        if (role->curl.multi_perform(role->multi, &running) != 0)
            return;
        r = take_messages(role, NULL);
        if (r == 0 && role->transfers.size)
            (void)role->curl.multi_poll(role->multi, NULL, 0, 100, NULL);
    }
}

static int run(struct role *role, struct error *err)
{
    const int r = curl_load(&role->curl, err);

    if (r < 0)
        return r;
    role->multi = role->curl.multi_init();
    if (!role->multi)
        return error_set(err, -ENOMEM, "libcurl does not start");
    role->curl.multi_setopt(role->multi, CURL_MULTI_MAX_HOST_CONNECTIONS, (long)HTTP_CONNECTIONS);
    return work(role, err);
}

static void role_done(struct role *role)
{
    vec_each (t, &role->transfers)
        transfer_free(*t);
    vec_done(&role->transfers);
    sinks_done(&role->sinks);
    if (role->multi)
        role->curl.multi_cleanup(role->multi);
}

int http_role_main(void)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
    CLEANUP(role_done) struct role role = {0};
    ERROR_AUTO(err);

    /* it goes when main goes, which these end, but not before what is half sent has arrived */
    (void)prctl(PR_SET_PDEATHSIG, 0);
    for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
        (void)signal(ignored[i], SIG_IGN);
    if (run(&role, &err) >= 0) {
        end_well(&role);
        _exit(0); /* libcurl would wait for its resolver */
    }
    json_t *doc = json_object();
    doc_set_text(doc, "fatal", err.text);
    doc_set_text(doc, "hint", err.hint);
    doc_set_int(doc, "code", -err.code);
    const int r = http_frame_send(SOCKET_FD, doc, view_make("", 0), -1, -1, NULL);
    end_well(&role);
    return r < 0 ? 2 : 1;
}
