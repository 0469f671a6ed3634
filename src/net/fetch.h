/* net/fetch.h - files over HTTP(S) or file://, by a process that has sockets and no store.
 *
 * main gives @net the URLs with a descriptor to fill for each; @net answers with sizes or errors.
 * What was fetched is believed by nobody: who uses it checks its digest. */
#pragma once

#include "base/env.h"
#include "base/str.h"

#define FETCH_URL_MAX 4096
#define FETCH_CONNECTIONS 8 /* to one host; keep-alive makes more of little use */
#define FETCH_TRIES 3       /* as apt: Acquire::Retries */
#define FETCH_REDIRECTS 10  /* as Go's client, so BuildKit; apt follows as many */
#define FETCH_STALL_S 30    /* without one byte: given up */
#define FETCH_ETAG_MAX 1024 /* a longer one is not remembered */

struct fetch {
    const char *url;     /* http:, https:, file: */
    const char *proxy;   /* "" none, NULL: as the environment says (http_proxy, no_proxy) */
    const char *ca_file; /* NULL: the system's */
    int fd;              /* filled from its begin, borrowed */
    uint64_t size_max;   /* more is -EDQUOT */
    /* Of an earlier answer: where the server says that nothing has changed, nothing is fetched. */
    const char *old_etag; /* or NULL */
    int64_t old_time_s;   /* 0: none */

    int code;        /* out: 0; -ENOENT absent; -EDQUOT too long; -EIO the rest */
    char *complaint; /* out: what failed, or NULL */
    uint64_t size;   /* out: bytes */
    bool unchanged;  /* out: as the earlier answer said */
    char *etag;      /* out: or NULL */
    int64_t time_s;  /* out: Last-Modified, or -1 */
};
void fetch_done(struct fetch *f); /* frees what came out */

/* Called as bytes arrive: of all files together. */
typedef void fetch_progress(void *ctx, uint64_t bytes);

/* Fetches all, several at a time. 0 when every item has an answer in code; negative when @net
 * itself failed, such as -ENOTSUP where libcurl is not installed. */
MUST_CHECK int fetch_all(struct fetch *items, size_t count, fetch_progress *progress, void *ctx,
                         struct error *err);
/* The same beside other work: begin, step whenever the descriptor is readable, end. */
struct fetching;
MUST_CHECK int fetch_begin(struct fetch *items, size_t count, struct fetching **ret,
                           struct error *err);
int fetch_fd(const struct fetching *f);
/* Takes one message: 1 when every item has its answer, 0 when not yet. */
MUST_CHECK int fetch_step(struct fetching *f, fetch_progress *progress, void *ctx,
                          struct error *err);
/* Ends @net, at once where it is not done; NULL is fine. Afterwards nobody holds the descriptors. */
void fetch_end(struct fetching *f);
DEFINE_CLEANUP(struct fetching *, fetch_end)
/* The first failure among the items as an error naming its URL: its code, 0 when there is none. */
MUST_CHECK int fetch_check(const struct fetch *items, size_t count, struct error *err);

/* The role "@net". */
int fetch_role_main(int argc, char **argv);
