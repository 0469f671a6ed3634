/* net/http.h - single HTTP requests, several at a time, by @net: a process that has sockets and no
 * store.
 *
 * Nothing is followed, retried or remembered here but connections: redirects, tokens and further
 * tries are decided by who asks (registry/registry.h), which has no sockets. Bodies of files go
 * between socket and descriptor within @net; small ones come with the answer. */
#pragma once

#include "base/str.h"
#include "base/vec.h"
#include "oci/digest.h"

#define HTTP_CONNECTIONS 8         /* to one host */
#define HTTP_STALL_S 30            /* without one byte: given up */
#define HTTP_STALL_SENT_S 300      /* the same once all was sent: a registry copies, and hashes */
#define HTTP_LAST_MS 3000          /* that requests with a last_fd go on when their owner is gone */
#define HTTP_HEAD_MAX (128u << 10) /* bytes of the heads of an answer */
#define HTTP_HEADERS_MAX 256       /* lines of its last head */
#define HTTP_TLS_MAX (1u << 20)    /* bytes of certificates of one host */
#define HTTP_REQUEST_MAX (256u << 10) /* bytes of a request without its body */

/* What one host wants besides the system's certificates: PEM, each may be NULL. */
struct http_tls {
    char *ca, *certificate, *key;
};
void http_tls_done(struct http_tls *t);

struct http_request {
    uint64_t id; /* chosen by the caller, of no other request on its way */
    const char *method, *url;
    const struct strings *headers; /* "Name: value" */
    struct view body;
    bool has_body;
    int body_fd; /* -1: none. Sent from body_offset on */
    uint64_t body_offset, body_size;
    /* -1: none. When this process is gone, the answer to a request that was on its way is added to
     * this file, as http_last_read() reads it. */
    int last_fd;
    int sink_fd; /* -1: none. A 200 replaces the file, a 206 goes to sink_offset */
    int told_fd; /* with sink_fd; -1: none. Who follows the file (base/follow.h), up to its end */
    uint64_t sink_offset, sink_max;
    bool hash;
    size_t body_max;
    bool insecure;
    const struct http_tls *tls; /* or NULL */
};

enum http_failure {
    HTTP_ANSWERED,
    HTTP_FAILED,
    HTTP_NO_TLS,
    HTTP_UNTRUSTED,
    HTTP_TOO_LONG,
    HTTP_LOCAL,
};
struct http_event {
    uint64_t id;
    bool done; /* else only bytes says something: how many went so far */
    uint64_t bytes;
    enum http_failure failure;
    char *complaint;
    int status;
    struct strings headers;
    struct str body;
    uint64_t size; /* of the sink's file */
    struct digest digest;
};
void http_event_done(struct http_event *e);
#define HTTP_EVENT_AUTO(name) CLEANUP(http_event_done) struct http_event name = {.body = STR_INIT}

struct http;
/* Starts @net. -ENOTSUP comes with the first event where libcurl is not installed. */
MUST_CHECK int http_open(struct http **ret, struct error *err);
/* Ends it, with all that is on its way; NULL is fine. Afterwards nobody holds the descriptors. */
void http_close(struct http *h);
DEFINE_CLEANUP(struct http *, http_close)
/* The same, but requests with a last_fd may end first, for HTTP_LAST_MS at most. */
void http_leave(struct http *h);
/* What the file was given; false: that is none. */
bool http_last_read(struct view text, int *ret_status, struct strings *ret_headers);
/* Descriptors are borrowed until the event with done comes. */
MUST_CHECK int http_submit(struct http *h, const struct http_request *r, struct error *err);
int http_fd(const struct http *h); /* readable when there is an event */
MUST_CHECK int http_take(struct http *h, struct http_event *ret, struct error *err);

/* The role "@net http". */
int http_role_main(void);
