/* The side of main. Frames either way are a line of JSON, a NUL, and the bytes of a small body; large
 * ones come in a file of memory, so that neither side ever waits for the other to read. */
#include "net/http.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/doc.h"
#include "base/fd.h"
#include "base/frame.h"
#include "base/proc.h"
#include "net/http_internal.h"

struct http {
    int fd;
    struct process child;
};

void http_tls_done(struct http_tls *t)
{
    if (t->key)
        explicit_bzero(t->key, strlen(t->key));
    free(t->ca);
    free(t->certificate);
    free(t->key);
    *t = (struct http_tls){0};
}

void http_event_done(struct http_event *e)
{
    free(e->complaint);
    strings_done(&e->headers);
    str_done(&e->body);
    *e = (struct http_event){.body = STR_INIT};
}

int http_frame_send(int fd, json_t *take_doc, struct view body, int file, int last,
                    struct error *err)
{
    cleanup_doc json_t *doc = take_doc;
    cleanup_close int memory = -1;
    STR_AUTO(text);
    int fds[3];
    size_t count = 0;

    if (file >= 0)
        fds[count++] = file;
    if (last >= 0) {
        doc_set_bool(doc, "last", true);
        fds[count++] = last;
    }
    if (body.size > HTTP_INLINE_MAX) {
        memory = fd_of_bytes("body", body, err);
        if (memory < 0)
            return memory;
        doc_set_bool(doc, "memory", true);
        fds[count++] = memory;
    }
    doc_print(doc, true, &text);
    str_add_char(&text, '\0');
    if (memory < 0)
        str_add(&text, body);
    const int r = frame_send(fd, str_view(&text), fds, count, err);
    explicit_bzero(text.at, text.size); /* credentials */
    return r;
}

static int take_memory(int fd, size_t limit, struct str *ret, struct error *err)
{
    return lseek(fd, 0, SEEK_SET) < 0 ? error_sys(err, "read a body")
                                      : fd_read_all(fd, limit, ret, err);
}

int http_frame_take(int fd, size_t limit, struct http_frame *ret, struct error *err)
{
    int fds[FRAME_FDS_MAX];
    size_t count = 0;
    bool memory = false, last = false;
    STR_AUTO(text);
    int r = frame_recv(fd, &text, fds, &count, err);

    if (r <= 0)
        return r;
    struct http_frame f = HTTP_FRAME_INIT;
    struct view rest = str_view(&text), line;
    (void)view_cut(&rest, '\0', &line);
    r = doc_parse(line, HTTP_REQUEST_MAX, "frame", &f.doc, err);
    if (r == 0)
        r = doc_bool(f.doc, "memory", &memory, err);
    if (r == 0)
        r = doc_bool(f.doc, "last", &last, err);
    if (r == 0 && memory && count > 0)
        r = take_memory(fds[--count], limit, &f.body, err), (void)close(fds[count]);
    else if (r == 0 && rest.at)
        str_add(&f.body, rest);
    explicit_bzero(text.at, text.size);
    if (last && count > 0)
        f.last_fd = fds[--count];
    if (count > 0)
        f.fd = fds[--count];
    while (count > 0)
        (void)close(fds[--count]);
    if (r < 0) {
        http_frame_done(&f);
        return r;
    }
    *ret = f;
    return 1;
}

void http_frame_done(struct http_frame *f)
{
    doc_unref(f->doc);
    str_done(&f->body);
    fd_closep(&f->fd);
    fd_closep(&f->last_fd);
    *f = (struct http_frame)HTTP_FRAME_INIT;
}

/* ---- requests ---- */

static json_t *request_doc(const struct http_request *r)
{
    json_t *doc = json_object(), *headers = json_array();

    doc_set_int(doc, "id", (int64_t)r->id);
    doc_set_text(doc, "method", r->method);
    doc_set_text(doc, "url", r->url);
    if (r->headers)
        vec_each (line, r->headers)
            doc_push(headers, doc_new_text(*line));
    doc_set(doc, "headers", headers);
    doc_set_bool(doc, "has_body", r->has_body);
    doc_set_int(doc, "body_max", (int64_t)r->body_max);
    doc_set_bool(doc, "insecure", r->insecure);
    if (r->tls) {
        doc_set_text(doc, "ca", r->tls->ca);
        doc_set_text(doc, "certificate", r->tls->certificate);
        doc_set_text(doc, "key", r->tls->key);
    }
    if (r->body_fd >= 0) {
        doc_set_bool(doc, "upload", true);
        doc_set_int(doc, "offset", (int64_t)r->body_offset);
        doc_set_int(doc, "size", (int64_t)r->body_size);
    } else if (r->sink_fd >= 0) {
        doc_set_bool(doc, "download", true);
        doc_set_int(doc, "offset", (int64_t)r->sink_offset);
        doc_set_int(doc, "size", (int64_t)MIN(r->sink_max, (uint64_t)INT64_MAX));
        doc_set_bool(doc, "hash", r->hash);
        doc_set_bool(doc, "told", r->told_fd >= 0);
    }
    return doc;
}

int http_submit(struct http *h, const struct http_request *r, struct error *err)
{
    const bool up = r->body_fd >= 0;

    return http_frame_send(h->fd, request_doc(r), r->body, up ? r->body_fd : r->sink_fd,
                           up || r->sink_fd < 0 ? r->last_fd : r->told_fd, err);
}

/* ---- events ---- */

static int take_headers(const json_t *doc, struct strings *ret, struct error *err)
{
    json_t *list = NULL;
    const int r = doc_array(doc, "headers", &list, err);

    for (size_t i = 0; r == 0 && i < MIN(json_array_size(list), HTTP_HEADERS_MAX); i++) {
        const char *line = json_string_value(json_array_get(list, i));

        if (line)
            strings_add(ret, line);
    }
    return r;
}

static int take_end(const json_t *doc, struct http_event *e, struct error *err)
{
    const char *complaint = NULL, *digest = NULL;
    int64_t failure = 0, status = 0, size = 0;
    int r = doc_need_int(doc, "failure", &failure, err);

    if (r == 0)
        r = doc_int(doc, "status", &status, err);
    if (r == 0)
        r = doc_int(doc, "size", &size, err);
    if (r == 0)
        r = doc_text(doc, "complaint", &complaint, err);
    if (r == 0)
        r = doc_text(doc, "digest", &digest, err);
    if (r == 0)
        r = take_headers(doc, &e->headers, err);
    if (r == 0 && (failure < HTTP_ANSWERED || failure > HTTP_LOCAL))
        r = error_set(err, -EPROTO, "@net says something that is not known");
    if (r < 0)
        return r;
    e->failure = (enum http_failure)failure;
    e->status = (int)status;
    e->size = (uint64_t)size;
    e->complaint = complaint ? xstrdup(complaint) : NULL;
    return digest ? digest_parse(digest, &e->digest, err) : 0;
}

bool http_last_read(struct view text, int *ret_status, struct strings *ret_headers)
{
    cleanup_doc json_t *doc = NULL;
    HTTP_EVENT_AUTO(e);

    if (doc_parse(text, HTTP_REQUEST_MAX, "answer", &doc, NULL) < 0 ||
        take_end(doc, &e, NULL) < 0 || e.failure != HTTP_ANSWERED)
        return false;
    *ret_status = e.status;
    *ret_headers = e.headers;
    e.headers = (struct strings){0};
    return true;
}

/* {"fatal":..,"hint":..,"code":errno} ends everything. */
static int take_fatal(const json_t *doc, struct error *err)
{
    const char *fatal = json_string_value(json_object_get(doc, "fatal"));
    const char *hint = json_string_value(json_object_get(doc, "hint"));
    int64_t code = EIO;

    if (!fatal)
        return 0;
    if (doc_int(doc, "code", &code, NULL) < 0)
        code = EIO;
    const int r = error_set(err, -(int)MAX(code, 1), "%s", fatal);
    return hint ? error_hint(err, r, "%s", hint) : r;
}

int http_take(struct http *h, struct http_event *ret, struct error *err)
{
    CLEANUP(http_frame_done) struct http_frame f = HTTP_FRAME_INIT;
    HTTP_EVENT_AUTO(e);
    int64_t id = 0, bytes = 0;
    int r = http_frame_take(h->fd, HTTP_BODY_MAX, &f, err);

    if (r == 0)
        return error_set(err, -EPROTO, "@net ended before its work was done");
    if (r > 0)
        r = take_fatal(f.doc, err);
    if (r == 0)
        r = doc_need_int(f.doc, "id", &id, err);
    if (r == 0)
        r = doc_int(f.doc, "bytes", &bytes, err);
    e.id = (uint64_t)id;
    e.bytes = (uint64_t)bytes;
    e.done = r == 0 && !json_object_get(f.doc, "bytes");
    if (e.done)
        r = take_end(f.doc, &e, err);
    if (r < 0)
        return r;
    e.body = f.body;
    f.body = STR_INIT;
    *ret = e;
    e = (struct http_event){.body = STR_INIT};
    return 0;
}

/* ---- the child ---- */

int http_open(struct http **ret, struct error *err)
{
    struct process child;
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return error_sys(err, "socket for @net");
    cleanup_close int mine = ends[0], theirs = ends[1];
    struct proc_options o = PROC_OPTIONS_INIT;
    o.keep = &theirs;
    o.keep_count = 1;
    const int r = proc_spawn_role((const char *[]){"@net", "http", NULL}, &o, &child, err);
    if (r < 0)
        return r;
    struct http *h = xcalloc(1, sizeof(*h));
    *h = (struct http){steal_fd(mine), child};
    *ret = h;
    return 0;
}

void http_close(struct http *h)
{
    if (!h)
        return;
    (void)kill(h->child.pid, SIGKILL); /* it keeps nothing */
    (void)close(h->fd);
    (void)proc_wait(&h->child);
    free(h);
}

void http_leave(struct http *h)
{
    if (!h)
        return;
    (void)close(h->fd);
    (void)proc_wait(&h->child);
    free(h);
}

int http_fd(const struct http *h)
{
    return h->fd;
}
