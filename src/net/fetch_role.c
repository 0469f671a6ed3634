/* @net: descriptor 3 brings the requests and takes the answers. A stranger's server talks to this
 * process: it has no store, and nothing it says is trusted. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/doc.h"
#include "base/fd.h"
#include "base/frame.h"
#include "base/vec.h"
#include "net/curl.h"
#include "net/fetch.h"
#include "net/http.h"

#define REQUEST_MAX (64u << 10)
#define REQUESTS_MAX 20000 /* packages of one image; a desktop has 2500 */
#define SOCKET_FD 3
#define TELL_MS 100 /* between two words about progress */

struct net;
struct transfer {
    struct net *net;
    size_t number;
    json_t *request;
    const char *url, *proxy, *ca, *old_etag;
    int64_t old_time_s;
    int fd;
    uint64_t size, max;
    unsigned tries;
    bool too_long;
    void *easy, *headers;
    char etag[FETCH_ETAG_MAX + 1]; /* of the answer that is being read */
    char message[CURL_ERROR_SIZE];
};
struct net {
    struct curl curl;
    void *multi;
    struct transfer *at;
    size_t size, cap;
    size_t next, running; /* next: not begun yet */
    uint64_t bytes;
    int64_t told_ms;
};

static int64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int tell(json_t *take_doc, struct error *err)
{
    cleanup_doc json_t *doc = take_doc;
    STR_AUTO(text);

    doc_print(doc, true, &text);
    return frame_send(SOCKET_FD, str_view(&text), NULL, 0, err);
}

struct transfer_end {
    int code;
    const char *complaint;
    bool unchanged;
    int64_t time_s;
};

static int tell_end(const struct transfer *t, const struct transfer_end *end, struct error *err)
{
    json_t *doc = json_object();

    doc_set_int(doc, "item", (int64_t)t->number);
    doc_set_int(doc, "code", -end->code);
    doc_set_int(doc, "size", (int64_t)t->size);
    doc_set_text(doc, "complaint", end->complaint);
    doc_set_bool(doc, "unchanged", end->unchanged);
    doc_set_int(doc, "time", end->time_s);
    if (*t->etag)
        doc_set_text(doc, "etag", t->etag);
    return tell(doc, err);
}

static int tell_bytes(struct net *n, struct error *err)
{
    const int64_t now = now_ms();
    json_t *doc;

    if (now - n->told_ms < TELL_MS)
        return 0;
    n->told_ms = now;
    doc = json_object();
    doc_set_int(doc, "bytes", (int64_t)n->bytes);
    return tell(doc, err);
}

static int read_request(struct net *n, struct view text, int fd, struct error *err)
{
    struct transfer t = {.net = n, .number = n->size, .fd = fd};
    int64_t max = 0;
    int r = doc_parse(text, REQUEST_MAX, "request", &t.request, err);

    if (r >= 0)
        r = doc_need_text(t.request, "url", &t.url, err);
    if (r >= 0)
        r = doc_text(t.request, "proxy", &t.proxy, err);
    if (r >= 0)
        r = doc_text(t.request, "ca", &t.ca, err);
    if (r >= 0)
        r = doc_text(t.request, "etag", &t.old_etag, err);
    if (r >= 0)
        r = doc_int(t.request, "since", &t.old_time_s, err);
    if (r >= 0)
        r = doc_need_int(t.request, "max", &max, err);
    t.max = (uint64_t)max;
    if (r >= 0 && n->size >= REQUESTS_MAX)
        r = error_set(err, -EDQUOT, "more than %d files at once", REQUESTS_MAX);
    vec_push(n, t);
    return r;
}

static int read_requests(struct net *n, struct error *err)
{
    for (;;) {
        STR_AUTO(text);
        int fds[FRAME_FDS_MAX];
        size_t fd_count = 0;
        int r = frame_recv(SOCKET_FD, &text, fds, &fd_count, err);

        if (r <= 0)
            return r;
        if (fd_count != 1)
            return error_set(err, -EPROTO, "a request came without its descriptor");
        r = read_request(n, str_view(&text), fds[0], err);
        if (r < 0)
            return r;
    }
}

static size_t on_bytes(const char *data, size_t size, size_t count, void *ctx)
{
    struct transfer *t = ctx;
    size_t left = size * count; /* libcurl: size is 1, count at most 16 KiB */

    if (left > t->max - t->size) {
        t->too_long = true;
        return 0;
    }
    while (left > 0) {
        const ssize_t w = pwrite(t->fd, data, left, (off_t)t->size);

        if (w < 0) {
            snprintf(t->message, sizeof(t->message), "write: %s", strerror(errno));
            return 0;
        }
        data += w;
        left -= (size_t)w;
        t->size += (uint64_t)w;
        t->net->bytes += (uint64_t)w;
    }
    return size * count;
}

/* A line of the head: of the last answer, those of redirects are forgotten. */
static size_t on_header(const char *data, size_t size, size_t count, void *ctx)
{
    static const char name[] = "etag:";
    struct transfer *t = ctx;
    struct view line = view_trim(view_make(data, size * count));

    if (view_starts(line, "HTTP/"))
        t->etag[0] = '\0';
    if (line.size < strlen(name) || strncasecmp(line.at, name, strlen(name)) != 0)
        return size * count;
    line = view_trim(view_make(line.at + strlen(name), line.size - strlen(name)));
    if (line.size > FETCH_ETAG_MAX)
        return size * count;
    for (size_t i = 0; i < line.size; i++)
        if (line.at[i] < ' ' || line.at[i] > '~') /* JSON, and one line of a request, hold it */
            return size * count;
    memcpy(t->etag, line.at, line.size);
    t->etag[line.size] = '\0';
    return size * count;
}

/* The entity tag says more than a date, so it goes alone; a server looks at it alone, too. */
static void set_conditions(const struct curl *c, struct transfer *t)
{
    char text[FETCH_ETAG_MAX + 32];
    struct tm tm;

    if (t->old_etag)
        snprintf(text, sizeof(text), "If-None-Match: %s", t->old_etag);
    else if (t->old_time_s == 0 || !gmtime_r(&(time_t){t->old_time_s}, &tm) ||
             !strftime(text, sizeof(text), "If-Modified-Since: %a, %d %b %Y %H:%M:%S GMT", &tm))
        return;
    t->headers = c->slist_append(NULL, text);
    c->easy_setopt(t->easy, CURL_HTTPHEADER, t->headers);
}

static void set_options(const struct curl *c, struct transfer *t)
{
    const bool file = strncmp(t->url, "file:", 5) == 0;
    const bool tls = strncmp(t->url, "https:", 6) == 0;
    /* TLS is never left on the way; a server never points at our files */
    const long redirect = tls ? CURL_PROTO_HTTPS : CURL_PROTO_HTTP | CURL_PROTO_HTTPS;

    c->easy_setopt(t->easy, CURL_URL, t->url);
    c->easy_setopt(t->easy, CURL_PRIVATE, t);
    c->easy_setopt(t->easy, CURL_WRITEFUNCTION, on_bytes);
    c->easy_setopt(t->easy, CURL_WRITEDATA, t);
    c->easy_setopt(t->easy, CURL_HEADERFUNCTION, on_header);
    c->easy_setopt(t->easy, CURL_HEADERDATA, t);
    c->easy_setopt(t->easy, CURL_FILETIME, 1L);
    c->easy_setopt(t->easy, CURL_ERRORBUFFER, t->message);
    c->easy_setopt(t->easy, CURL_USERAGENT, "cooper/" COOPER_VERSION);
    c->easy_setopt(t->easy, CURL_PROTOCOLS,
                   (long)(file ? CURL_PROTO_FILE : CURL_PROTO_HTTP | CURL_PROTO_HTTPS));
    c->easy_setopt(t->easy, CURL_REDIR_PROTOCOLS, redirect);
    c->easy_setopt(t->easy, CURL_FOLLOWLOCATION, 1L);
    c->easy_setopt(t->easy, CURL_MAXREDIRS, (long)FETCH_REDIRECTS);
    c->easy_setopt(t->easy, CURL_FAILONERROR, 1L);
    c->easy_setopt(t->easy, CURL_NETRC, (long)CURL_NETRC_IGNORED);
    c->easy_setopt(t->easy, CURL_NOPROGRESS, 1L);
    c->easy_setopt(t->easy, CURL_NOSIGNAL, 1L);
    c->easy_setopt(t->easy, CURL_CONNECTTIMEOUT, (long)FETCH_STALL_S);
    c->easy_setopt(t->easy, CURL_LOW_SPEED_LIMIT, 1L);
    c->easy_setopt(t->easy, CURL_LOW_SPEED_TIME, (long)FETCH_STALL_S);
    c->easy_setopt(t->easy, CURL_MAXFILESIZE_LARGE, (int64_t)t->max);
    if (t->proxy)
        c->easy_setopt(t->easy, CURL_PROXY, t->proxy);
    if (t->ca)
        c->easy_setopt(t->easy, CURL_CAINFO, t->ca);
}

static int begin(struct net *n, struct transfer *t, struct error *err)
{
    t->easy = n->curl.easy_init();
    if (!t->easy || ftruncate(t->fd, 0) < 0)
        return error_sys(err, "begin of a transfer");
    n->bytes -= t->size;
    t->size = 0;
    t->tries++;
    t->message[0] = t->etag[0] = '\0';
    set_options(&n->curl, t);
    set_conditions(&n->curl, t);
    if (n->curl.multi_add_handle(n->multi, t->easy) != 0)
        return error_set(err, -EIO, "libcurl takes no further transfer");
    n->running++;
    return 0;
}

/* What a further try could mend: the network and servers that are overloaded. */
static bool worth_another(int result, long status)
{
    switch ((enum curl_code)result) {
    case CURL_E_UNSUPPORTED_PROTOCOL:
    case CURL_E_URL_MALFORMAT:
    case CURL_E_REMOTE_ACCESS_DENIED:
    case CURL_E_WRITE_ERROR:
    case CURL_E_FILE_COULDNT_READ:
    case CURL_E_TOO_MANY_REDIRECTS:
    case CURL_E_PEER_FAILED_VERIFICATION:
    case CURL_E_SSL_CERTPROBLEM:
    case CURL_E_SSL_CACERT_BADFILE:
    case CURL_E_SSL_ISSUER:
    case CURL_E_FILESIZE_EXCEEDED:
    case CURL_E_REMOTE_FILE_NOT_FOUND:
        return false;
    case CURL_E_HTTP_RETURNED_ERROR:
        return status >= 500 || status == 429 || status == 408;
    case CURL_OK:
    case CURL_E_COULDNT_RESOLVE_HOST:
    case CURL_E_SSL_CONNECT_ERROR:
    default:
        return true;
    }
}

static int end_code(const struct transfer *t, int result, long status)
{
    if (result == CURL_OK)
        return 0;
    if (t->too_long || result == CURL_E_FILESIZE_EXCEEDED)
        return -EDQUOT;
    if (status == 404 || status == 410 || result == CURL_E_FILE_COULDNT_READ ||
        result == CURL_E_REMOTE_FILE_NOT_FOUND)
        return -ENOENT;
    return -EIO;
}

static void end_easy(struct net *n, struct transfer *t)
{
    n->curl.multi_remove_handle(n->multi, t->easy);
    n->curl.easy_cleanup(t->easy);
    n->curl.slist_free_all(t->headers);
    t->easy = t->headers = NULL;
}

static int finish(struct net *n, struct transfer *t, int result, struct error *err)
{
    struct transfer_end end = {.time_s = -1};
    long status = 0;

    n->curl.easy_getinfo(t->easy, CURL_INFO_RESPONSE_CODE, &status);
    n->curl.easy_getinfo(t->easy, CURL_INFO_FILETIME, &end.time_s);
    end_easy(n, t);
    n->running--;
    if (result != CURL_OK && !t->too_long && t->tries < FETCH_TRIES &&
        worth_another(result, status))
        return begin(n, t, err);
    end.code = end_code(t, result, status);
    end.unchanged = result == CURL_OK && status == 304 && (t->old_etag || t->old_time_s);
    if (result == CURL_OK && status == 304 && !end.unchanged) {
        end.code = -EIO;
        end.complaint = "it is said to be unchanged, which nobody asked";
    } else if (t->too_long || result == CURL_E_FILESIZE_EXCEEDED)
        end.complaint = "it is longer than announced";
    else if (result != CURL_OK)
        end.complaint = t->message[0] ? t->message : n->curl.easy_strerror(result);
    const int r = tell_end(t, &end, err);
    (void)close(t->fd);
    t->fd = -1;
    return r;
}

static int take_messages(struct net *n, struct error *err)
{
    struct curl_message *m;
    int left;

    while ((m = n->curl.multi_info_read(n->multi, &left))) {
        struct transfer *t = NULL;
        const int result = m->data.result;

        if (m->msg != CURL_MSG_DONE)
            continue;
        n->curl.easy_getinfo(m->easy, CURL_INFO_PRIVATE, &t);
        const int r = finish(n, t, result, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int work(struct net *n, struct error *err)
{
    int running = 0, r = 0;

    while (r >= 0 && (n->next < n->size || n->running > 0)) {
        while (r >= 0 && n->next < n->size && n->running < FETCH_CONNECTIONS)
            r = begin(n, &n->at[n->next++], err);
        if (r < 0)
            break;
        if (n->curl.multi_perform(n->multi, &running) != 0)
            return error_set(err, -EIO, "libcurl failed");
        r = take_messages(n, err);
        if (r >= 0)
            r = tell_bytes(n, err);
        if (r >= 0 && n->running > 0)
            (void)n->curl.multi_poll(n->multi, NULL, 0, 1000, NULL);
    }
    return r;
}

static int run(struct net *n, struct error *err)
{
    int r = read_requests(n, err);

    if (r >= 0)
        r = curl_load(&n->curl, err);
    if (r < 0)
        return r;
    n->multi = n->curl.multi_init();
    if (!n->multi)
        return error_set(err, -ENOMEM, "libcurl does not start");
    n->curl.multi_setopt(n->multi, CURL_MULTI_MAX_HOST_CONNECTIONS, (long)FETCH_CONNECTIONS);
    return work(n, err);
}

static void net_done(struct net *n)
{
    vec_each (t, n) {
        if (t->easy)
            end_easy(n, t);
        doc_unref(t->request);
    }
    if (n->multi)
        n->curl.multi_cleanup(n->multi);
    vec_done(n);
}

int fetch_role_main(int argc, char **argv)
{
    CLEANUP(net_done) struct net n = {0};
    ERROR_AUTO(err);

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    if (argc > 1 && strcmp(argv[1], "http") == 0)
        return http_role_main();
    if (run(&n, &err) >= 0)
        return 0;
    json_t *doc = json_object();
    doc_set_text(doc, "fatal", err.text);
    doc_set_text(doc, "hint", err.hint);
    doc_set_int(doc, "code", -err.code);
    (void)tell(doc, NULL);
    return 1;
}
