/* net/http_transfer.h - one request of "@net http": what libcurl is told of it, and what libcurl tells. */
#pragma once

#include "net/curl.h"
#include "net/http_internal.h"
#include "net/sink.h"

struct role;
struct transfer {
    struct role *role;
    json_t *request;
    uint64_t id;
    struct str body, answer; /* what goes out, what comes in */
    int fd, last_fd, told_fd;
    bool upload, download, with_hash, full, has_body, arrived;
    int result;            /* enum curl_code, of one that arrived */
    uint64_t offset, size; /* of the part that goes out; offset and limit of what comes in */
    uint64_t sent;
    struct sink sink; /* what comes in; open once there is something */
    size_t body_max;
    uint64_t moved, told;
    struct strings headers;
    size_t head_size;
    char *local; /* a complaint of ours */
    char message[CURL_ERROR_SIZE];
    void *easy, *list;
};
struct role {
    struct curl curl;
    void *multi;
    VEC(struct transfer *) transfers;
    struct sinks sinks;
    int64_t told_ms, hashed_ms;
    bool ended;
};

/* libcurl's own text gives way to it. */
void transfer_complain(struct transfer *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool transfer_goes_to_file(const struct transfer *t);
/* What is wrong is complained about, too. */
MUST_CHECK int transfer_open_sink(struct transfer *t);
void transfer_set_options(const struct curl *c, struct transfer *t, const char *method,
                          const char *url);
/* What came is in its file then. */
void transfer_free(struct transfer *t);
