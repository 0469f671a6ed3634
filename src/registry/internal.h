/* registry/internal.h - private to the registry: headers, challenges, one request with all that it
 * may meet on its way, and the calls made of such requests. */
#pragma once

#include "base/doc.h"
#include "base/env.h"
#include "registry/registry.h"

/* ---- credentials.c ---- */

/* $DOCKER_CONFIG/config.json, else that of the home; NULL: there is no home. Caller frees. */
char *credentials_docker_file(const struct env *env);

/* ---- head.c: lines of an answer ---- */

/* The value of the first header of this name, trimmed; at NULL when there is none. */
struct view head_get(const struct strings *headers, const char *name);
/* "bytes 0-9/100" of a 206; total "*" is UINT64_MAX. */
struct head_range {
    uint64_t first, last, total;
};
bool head_content_range(struct view text, struct head_range *ret);
/* "0-99" of an upload: how much the registry has. Any blanks and "bytes=" before it are let pass. */
bool head_upload_range(struct view text, uint64_t *ret_last);
/* Milliseconds to wait: seconds, or a date against unix_s. -1: none. */
int64_t head_retry_after(struct view text, int64_t unix_s);
/* The URL of the rel="next" link (RFC 8288); false: there is none. */
bool head_next_link(struct view text, struct view *ret);
/* The text of a Warning with code 299 (RFC 7234, 5.5), unescaped; false: another one. */
bool head_warning(struct view text, struct str *ret);

/* ---- location.c: URLs ---- */

/* RFC 3986, 5.2, for http and https. -EINVAL for others, for user names in it, blanks and control
 * characters. */
MUST_CHECK int location_resolve(const char *base, struct view text, char **ret, struct error *err);
/* "https://host:443" of a URL: lower case, with its port. Caller frees. */
char *location_origin(const char *url);
bool location_same_origin(const char *a, const char *b);
bool location_is_tls(const char *url);
/* Its host is an address of a private network, this machine, or a link. */
bool location_is_private(const char *url);
/* ret gets the text with everything escaped that may not stand in a query. */
void location_escape(struct str *ret, struct view text);

/* ---- challenge.c: WWW-Authenticate (RFC 7235) ---- */

struct challenge {
    enum challenge_kind { CHALLENGE_NONE, CHALLENGE_BASIC, CHALLENGE_BEARER } kind;
    char *realm, *service, *scope; /* of Bearer; or NULL */
};
void challenge_done(struct challenge *c);
/* The strongest one that we can answer, out of all lines. Malformed ones are none. */
void challenge_parse(const struct strings *headers, struct challenge *ret);

/* ---- token.c ---- */

struct token_answer {
    char *token;
    int64_t lives_s; /* from now on */
};
MUST_CHECK int token_parse(struct view body, int64_t unix_s, struct token_answer *ret,
                           struct error *err);

/* ---- problem.c ---- */

/* One line out of {"errors":[...]} or whatever the body is; "" when it says nothing. */
void problem_read(struct view body, struct str *ret);
/* Sets the error of a status that nobody hoped for. what: "blob sha256:.. of app". */
int problem_set(const struct registry_session *s, const char *what, const struct registry_answer *a,
                struct error *err);

/* ---- session.c ---- */

struct token {
    uint64_t number; /* what an exchange remembers of it: others may forget it meanwhile */
    char *scopes;    /* separated by blanks */
    char *text;      /* NULL: being fetched */
    int64_t until_ms;
};
struct registry_session {
    char *host, *api_host;
    bool insecure, private;
    bool plain;   /* http */
    bool settled; /* an answer came: the scheme is known */
    bool busy;    /* somebody finds that out */
    struct challenge door;
    struct registry_credential credential;
    VEC(struct token *) tokens;
    uint64_t token_number; /* of the last one */
    int64_t not_before_ms;
    uint64_t random;
    struct strings warnings;
    size_t warned;
    bool no_post; /* tokens: the server knows no OAuth form */
};
/* "https://host". Caller frees. */
char *session_base(const struct registry_session *s);
struct token *session_token(struct registry_session *s, const char *scopes);
struct token *session_new_token(struct registry_session *s, const char *scopes);
struct token *session_token_number(struct registry_session *s, uint64_t number);
void session_forget_token(struct registry_session *s, uint64_t number);
bool session_has_login(const struct registry_session *s);
/* From 0 to n - 1. */
uint64_t session_random(struct registry_session *s, uint64_t n);
void session_take_warnings(struct registry_session *s, const struct strings *headers);

/* ---- exchange.c: one request, with tokens, redirects and further tries ---- */

struct exchange {
    struct registry_session *s;
    /* what is wanted; set by who begins it */
    const char *method;
    char *url;    /* absolute, or "/v2/..." of the session */
    char *scopes; /* "repository:app:pull"; NULL: none */
    struct strings headers;
    struct str body;
    bool has_body;
    int body_fd;
    uint64_t body_offset, body_size, before;
    int sink_fd;
    uint64_t sink_have, sink_size;
    bool hash;
    size_t body_max;
    bool once; /* what was half sent must not be sent again: a failure is given to the caller */

    /* where it is */
    enum { EXCHANGE_READY, EXCHANGE_SENT, EXCHANGE_TOKEN } state;
    char *at;     /* absolute; behind redirects not the url any more */
    bool foreign; /* at is not the session's */
    bool probing; /* this one settles the session */
    bool sent_authorization;
    unsigned tries, redirects, refusals;
    int64_t not_before_ms;
    uint64_t token;                  /* being fetched, or used; 0: none */
    bool posted;                     /* the token was asked for by POST */
    char *token_url;                 /* that it was asked for at */
    bool token_moved, token_foreign; /* it is to be asked for there; that is not the realm's host */
    unsigned token_redirects;
    struct str form;
    struct registry_answer answer;
};
void exchange_init(struct exchange *x, struct registry_session *s, const char *method,
                   char *take_url);
void exchange_done(struct exchange *x);
MUST_CHECK int exchange_next(struct exchange *x, int64_t now_ms, enum registry_next *ret,
                             struct registry_request *ret_request, int64_t *ret_wait_ms,
                             struct error *err);
/* 1: x->answer is what the server finally said; 0: there is more to do. */
MUST_CHECK int exchange_take(struct exchange *x, int64_t now_ms, int64_t unix_s,
                             struct registry_answer *take_a, struct error *err);

/* A retry after this answer or failure: false when it was the last one. */
bool exchange_again(struct exchange *x, int64_t now_ms, int64_t unix_s,
                    const struct registry_answer *a);
bool exchange_status_passes(int status); /* a retry may see another one */

/* auth.c: 1: a request for a token was made; 0: the header (or none) was added. -EAGAIN without an
 * error text: another call is fetching the token. */
MUST_CHECK int auth_prepare(struct exchange *x, int64_t now_ms, struct registry_request *r,
                            struct error *err);
MUST_CHECK int auth_take_token(struct exchange *x, int64_t now_ms, int64_t unix_s,
                               const struct registry_answer *a, struct error *err);
/* After a 401: whether another try may do better. */
bool auth_refused(struct exchange *x, const struct registry_answer *a);
/* Whether a URL that the session's registry gave may be followed. what: "redirect". */
MUST_CHECK int auth_check_url(const struct registry_session *s, const char *what, const char *url,
                              struct error *err);

/* ---- call.c and its kinds ---- */

struct call_row {
    const char *name;
    /* After the answer of x: 1 done, 0 another exchange was begun. */
    int (*take)(struct registry_call *c, const struct registry_answer *a, struct error *err);
};
struct registry_call {
    const struct call_row *row;
    struct registry_session *s;
    char *repository, *name; /* name: tag or digest; for paths and messages */
    struct digest digest;    /* wanted; zero: any */
    uint64_t size;
    char *media_type, *from;
    int fd;
    uint64_t offset;
    struct str bytes;
    bool hash, has_digest, second; /* second: the fallback was begun */
    bool probe;
    unsigned step, rounds, lost; /* lost: uploads that the registry forgot */
    int64_t now_ms;
    struct registry_keeper *keeper;
    struct registry_upload upload; /* location NULL: none was begun */
    uint64_t chunk;                /* by how fast the last one went; 0: none did yet */
    int64_t sent_ms;               /* when it was sent */
    bool whole;                    /* not in chunks: this registry has trouble with them */
    json_t *list;                  /* of pages */
    struct strings urls;           /* where else a blob is */
    size_t url;                    /* how many of them were tried */
    size_t limit;
    struct exchange x;
    struct registry_result result;
    bool done;
};
struct registry_call *call_new(const struct call_row *row, struct registry_session *s,
                               const char *repository);
/* Begins the next exchange: path below /v2/<repository>/, or a whole URL. */
struct exchange *call_begin(struct registry_call *c, const char *method, char *take_url,
                            const char *actions);
char *call_path(const struct registry_call *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
int call_problem(const struct registry_call *c, const struct registry_answer *a, struct error *err);
/* Of a 2xx. */
bool call_ok(const struct registry_answer *a);
