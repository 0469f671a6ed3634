#include "net/http_transfer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"

#define BUFFER_SIZE (64L << 10) /* what is read of a socket at once stays in the cache */
#define UPLOAD_BUFFER_SIZE (256L << 10)
#define WINDOW_SIZE (8 << 20)
#define CONNECT_S 30

void transfer_complain(struct transfer *t, const char *fmt, ...)
{
    STR_AUTO(text);
    va_list ap;

    va_start(ap, fmt);
    str_vprintf(&text, fmt, ap);
    va_end(ap);
    free(t->local);
    t->local = str_take(&text);
}

/* ---- what libcurl calls ---- */

static size_t on_header(const char *data, size_t size, size_t count, void *ctx)
{
    struct transfer *t = ctx;
    const struct view line = view_trim(view_make(data, size * count));

    t->head_size += size * count;
    if (view_starts(line, "HTTP/"))
        strings_done(&t->headers);
    else if (line.size && t->headers.size < HTTP_HEADERS_MAX && !memchr(line.at, 0, line.size))
        strings_take(&t->headers, view_dup(line));
    if (t->head_size <= HTTP_HEAD_MAX)
        return size * count;
    t->full = true;
    transfer_complain(t, "the head of the answer has no end");
    return 0;
}

bool transfer_goes_to_file(const struct transfer *t)
{
    long status = 0;

    t->role->curl.easy_getinfo(t->easy, CURL_INFO_RESPONSE_CODE, &status);
    return t->download && (status == 200 || status == 206);
}

int transfer_open_sink(struct transfer *t)
{
    long status = 0;
    ERROR_AUTO(err);

    t->role->curl.easy_getinfo(t->easy, CURL_INFO_RESPONSE_CODE, &status);
    const int r = sink_open(&t->sink, &t->role->sinks, t->fd, t->told_fd,
                            status == 206 ? t->offset : 0, t->with_hash, &err);
    if (r < 0)
        transfer_complain(t, "%s", err.text);
    return r;
}

void transfer_free(struct transfer *t)
{
    if (t->easy) {
        t->role->curl.multi_remove_handle(t->role->multi, t->easy);
        t->role->curl.easy_cleanup(t->easy);
    }
    t->role->curl.slist_free_all(t->list);
    doc_unref(t->request);
    (void)!sink_flush(&t->sink, NULL); /* who comes after it goes on there */
    sink_close(&t->sink);
    str_done(&t->body);
    str_done(&t->answer);
    strings_done(&t->headers);
    fd_closep(&t->fd);
    fd_closep(&t->last_fd);
    fd_closep(&t->told_fd);
    free(t->local);
    free(t);
}

static size_t to_file(struct transfer *t, const char *data, size_t size)
{
    ERROR_AUTO(err);

    if (!sink_is_open(&t->sink) && transfer_open_sink(t) < 0)
        return 0;
    const uint64_t there = sink_size(&t->sink);
    if (there > t->size || size > t->size - there) {
        t->full = true;
        transfer_complain(t, "it is longer than announced");
        return 0;
    }
    if (sink_add(&t->sink, view_make(data, size), &err) < 0) {
        transfer_complain(t, "%s", err.text);
        return 0;
    }
    t->moved += size;
    return size;
}

static size_t on_bytes(const char *data, size_t size, size_t count, void *ctx)
{
    struct transfer *t = ctx;
    const size_t all = size * count; /* libcurl: size is 1 */

    if (transfer_goes_to_file(t))
        return to_file(t, data, all);
    if (all > t->body_max - t->answer.size) {
        long status = 0;
        t->role->curl.easy_getinfo(t->easy, CURL_INFO_RESPONSE_CODE, &status);
        t->full = true;
        transfer_complain(t, "its answer has more than %zu bytes [%ld]", t->body_max, status);
        return 0;
    }
    str_add(&t->answer, view_make(data, all));
    return all;
}

static size_t on_read(char *buf, size_t size, size_t count, void *ctx)
{
    struct transfer *t = ctx;
    const size_t want = (size_t)MIN(t->size - t->sent, (uint64_t)(size * count));
    const ssize_t n = want ? pread(t->fd, buf, want, (off_t)(t->offset + t->sent)) : 0;

    if (n < 0 || (want && n == 0)) {
        transfer_complain(t, "read: %s", n < 0 ? strerror(errno) : "the file became shorter");
        return CURL_READ_ABORT;
    }
    t->sent += (uint64_t)n;
    t->moved = t->sent;
    return (size_t)n;
}

/* A connection that died before the answer: libcurl sends again on another. */
static int on_seek(void *ctx, int64_t offset, int origin)
{
    struct transfer *t = ctx;

    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > t->size)
        return CURL_SEEK_FAIL;
    t->sent = (uint64_t)offset;
    return CURL_SEEK_OK;
}

/* ---- a request ---- */

static bool is_loopback(const char *url)
{
    const char *start = strstr(url, "://");
    const char *host = start ? start + 3 : url;
    const size_t size = *host == '[' ? strcspn(host, "]") : strcspn(host, ":/?#");
    cleanup_free char *name = xstrndup(host, size);
    struct in_addr address;

    if (inet_pton(AF_INET, name, &address) == 1)
        return ntohl(address.s_addr) >> 24 == IN_LOOPBACKNET;
    return strcmp(name, "localhost") == 0 || strcmp(name, "[::1") == 0;
}

/* As Go's clients: this machine is asked without a proxy, and HTTP_PROXY counts too. */
static void set_proxy(const struct curl *c, struct transfer *t, const char *url)
{
    const char *upper = getenv("HTTP_PROXY");

    if (is_loopback(url))
        c->easy_setopt(t->easy, CURL_PROXY, "");
    else if (strncmp(url, "http:", 5) == 0 && upper && !getenv("http_proxy"))
        c->easy_setopt(t->easy, CURL_PROXY, upper);
}

static void set_blob(const struct curl *c, struct transfer *t, const char *key, int option)
{
    const char *text = json_string_value(json_object_get(t->request, key));

    if (text) /* lives as long as the transfer */
        c->easy_setopt(t->easy, option,
                       &(struct curl_blob){(void *)(uintptr_t)text, strlen(text), CURL_BLOB_COPY});
}

static void set_tls(const struct curl *c, struct transfer *t)
{
    const bool insecure = json_is_true(json_object_get(t->request, "insecure"));

    c->easy_setopt(t->easy, CURL_SSL_VERIFYPEER, insecure ? 0L : 1L);
    c->easy_setopt(t->easy, CURL_SSL_VERIFYHOST, insecure ? 0L : 2L);
    set_blob(c, t, "ca", CURL_CAINFO_BLOB);
    set_blob(c, t, "certificate", CURL_SSLCERT_BLOB);
    set_blob(c, t, "key", CURL_SSLKEY_BLOB);
}

static void set_body(const struct curl *c, struct transfer *t, const char *method)
{
    if (strcmp(method, "HEAD") == 0) {
        c->easy_setopt(t->easy, CURL_NOBODY, 1L);
        return;
    }
    if (t->upload) {
        c->easy_setopt(t->easy, CURL_UPLOAD, 1L);
        c->easy_setopt(t->easy, CURL_INFILESIZE_LARGE, (int64_t)t->size);
        c->easy_setopt(t->easy, CURL_READFUNCTION, on_read);
        c->easy_setopt(t->easy, CURL_READDATA, t);
        c->easy_setopt(t->easy, CURL_SEEKFUNCTION, on_seek);
        c->easy_setopt(t->easy, CURL_SEEKDATA, t);
        c->easy_setopt(t->easy, CURL_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER_SIZE);
    } else if (t->has_body) {
        c->easy_setopt(t->easy, CURL_POST, 1L);
        c->easy_setopt(t->easy, CURL_POSTFIELDS, t->body.at);
        c->easy_setopt(t->easy, CURL_POSTFIELDSIZE_LARGE, (int64_t)t->body.size);
    }
    c->easy_setopt(t->easy, CURL_CUSTOMREQUEST, method);
}

static void set_headers(const struct curl *c, struct transfer *t)
{
    const json_t *list = json_object_get(t->request, "headers");
    bool has_type = false;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *line = json_string_value(json_array_get(list, i));

        if (!line)
            continue;
        has_type = has_type || strncasecmp(line, "Content-Type:", 13) == 0;
        t->list = c->slist_append(t->list, line);
    }
    if (!has_type) /* libcurl would call it a form */
        t->list = c->slist_append(t->list, "Content-Type:");
    c->easy_setopt(t->easy, CURL_HTTPHEADER, t->list);
}

/* A wide window from the start, which the kernel goes on to widen (with SO_RCVBUF it would not): a
 * server that waits for room would send in our time, within our reads. */
static int on_socket(void *ctx, int fd, int purpose)
{
    (void)ctx, (void)purpose;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &(int){WINDOW_SIZE / 2}, sizeof(int));
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &(int){1}, sizeof(int));
    return 0;
}

void transfer_set_options(const struct curl *c, struct transfer *t, const char *method,
                          const char *url)
{
    const long stall = t->upload || t->has_body ? HTTP_STALL_SENT_S : HTTP_STALL_S;

    c->easy_setopt(t->easy, CURL_URL, url);
    c->easy_setopt(t->easy, CURL_PRIVATE, t);
    c->easy_setopt(t->easy, CURL_WRITEFUNCTION, on_bytes);
    c->easy_setopt(t->easy, CURL_WRITEDATA, t);
    c->easy_setopt(t->easy, CURL_HEADERFUNCTION, on_header);
    c->easy_setopt(t->easy, CURL_HEADERDATA, t);
    c->easy_setopt(t->easy, CURL_ERRORBUFFER, t->message);
    c->easy_setopt(t->easy, CURL_USERAGENT, "cooper/" COOPER_VERSION);
    c->easy_setopt(t->easy, CURL_PROTOCOLS, (long)(CURL_PROTO_HTTP | CURL_PROTO_HTTPS));
    c->easy_setopt(t->easy, CURL_FOLLOWLOCATION, 0L);
    c->easy_setopt(t->easy, CURL_NETRC, (long)CURL_NETRC_IGNORED);
    c->easy_setopt(t->easy, CURL_NOPROGRESS, 1L);
    c->easy_setopt(t->easy, CURL_NOSIGNAL, 1L);
    c->easy_setopt(t->easy, CURL_BUFFERSIZE, BUFFER_SIZE);
    c->easy_setopt(t->easy, CURL_SOCKOPTFUNCTION, on_socket);
    c->easy_setopt(t->easy, CURL_CONNECTTIMEOUT, (long)CONNECT_S);
    c->easy_setopt(t->easy, CURL_LOW_SPEED_LIMIT, 1L);
    c->easy_setopt(t->easy, CURL_LOW_SPEED_TIME, stall);
    set_body(c, t, method);
    set_headers(c, t);
    set_tls(c, t);
    set_proxy(c, t, url);
}
