/* registry/registry.h - the distribution API (distribution-spec 1.1) as a state machine over bytes.
 *
 * Nothing here has a socket, a file or a clock. A call says which request is to be sent, is given
 * the answer, and says what comes next, until it is done:
 *
 *     call = registry_blob_get(session, ...)
 *     registry_call_next()  -> REGISTRY_SEND: a request; send it, then registry_call_take()
 *                           -> REGISTRY_WAIT: ask again after so many milliseconds, or as soon as
 *                              another call of this session took an answer
 *                           -> REGISTRY_DONE: registry_call_result(), or the error
 *
 * A session is one registry: its scheme, what it asks for at the door, tokens, how long it wants to
 * be left alone. Calls of one session share all that and run beside each other; each has one
 * request on its way at most.
 *
 * Where secrets go (each of these was a hole in a client once)
 *   1  Authorization is sent to the scheme, host and port of the session and to the realm that its
 *      own challenge names, nowhere else: not behind a redirect, not to an upload's Location, not to
 *      the URLs of foreign layers. A challenge of another host is not answered.
 *   2  A realm or redirect of a registry that was reached by TLS is https too.
 *   3  A realm, redirect or Location on another host that is a private address is refused, unless
 *      the registry itself is one. */
#pragma once

#include "base/vec.h"
#include "oci/digest.h"
#include "oci/reference.h"

#define REGISTRY_TRIES 5             /* of one request, the first included */
#define REGISTRY_REDIRECTS 10        /* as Go's client */
#define REGISTRY_WAIT_MAX_MS 60000   /* with a longer Retry-After it is given up at once */
#define REGISTRY_HEADERS_MAX 256     /* of one answer */
#define REGISTRY_HEADER_MAX 16384    /* bytes of a line */
#define REGISTRY_BODY_MAX 65536      /* errors, tokens */
#define REGISTRY_LIST_MAX (4u << 20) /* tags, referrers: one page */
#define REGISTRY_PAGES_MAX 1000
#define REGISTRY_TAGS_MAX 1000000

/* What opens a registry: texts owned, NULL where there is none. */
struct registry_credential {
    char *user, *password;
    char *identity_token; /* a refresh token of OAuth; the user's name is not needed with it */
    char *token;          /* a bearer token that is used as it is */
};
void registry_credential_done(struct registry_credential *c);

/* --- where an image is --- */

/* "docker.io" is spoken to at registry-1.docker.io; others as they are called. */
const char *registry_api_host(const char *host);
/* localhost, 127.0.0.0/8 or [::1], with or without port: no certificate is asked of it, and plain
 * HTTP will do, as docker has it. */
bool registry_is_loopback(const char *host);
/* repository[/...] by the grammar of distribution-spec: what may stand in a path. */
bool registry_repository_valid(const char *repository);

struct registry_options {
    const char *host; /* as references have it: "docker.io", "localhost:5000" */
    /* Certificates are not checked, and plain HTTP is spoken where TLS is not understood. */
    bool insecure;
    const struct registry_credential *credential; /* copied; NULL: none */
    uint64_t seed;                                /* of the jitter between tries */
};
struct registry_session;
struct registry_session *registry_session_new(const struct registry_options *o);
void registry_session_free(struct registry_session *s);
DEFINE_CLEANUP(struct registry_session *, registry_session_free)
const char *registry_session_host(const struct registry_session *s);
/* Warnings of the registry (Warning: 299), each once: the next one or NULL. */
const char *registry_session_warning(struct registry_session *s);

/* --- what goes over the wire --- */

struct registry_request {
    const char *method;
    char *url;
    struct strings headers; /* "Name: value" */
    struct view body;       /* in memory; borrowed from the call */
    int body_fd;            /* or out of a file; -1: none */
    uint64_t body_offset, body_size;
    uint64_t before; /* bytes of the blob that went earlier */
    /* Where the body of a 200 or 206 goes: with 206 at sink_offset, with 200 at the beginning of the
     * file, which is cut there. -1: into the answer. */
    int sink_fd;
    uint64_t sink_offset, sink_max; /* sink_max: size that the file has at most afterwards */
    bool hash;                      /* SHA-256 of the whole file is wanted in the answer */
    size_t body_max;                /* of what goes into the answer */
    bool insecure;
};
void registry_request_done(struct registry_request *r);

enum registry_failure {
    REGISTRY_ANSWERED, /* status, headers and the whole body came */
    REGISTRY_FAILED,   /* no connection, or it broke */
    REGISTRY_NO_TLS,   /* the handshake failed */
    REGISTRY_UNTRUSTED,
    REGISTRY_TOO_LONG, /* more than body_max or sink_max */
    REGISTRY_LOCAL,    /* nothing that another try would mend: the disk is full */
};
struct registry_answer {
    enum registry_failure failure;
    char *complaint; /* of the failure, or NULL */
    int status;
    struct strings headers; /* "name: value" */
    struct str body;
    uint64_t size;        /* of the sink's file afterwards, also after a failure */
    struct digest digest; /* where hash was wanted and it did not fail; else zero */
};
void registry_answer_done(struct registry_answer *a);

/* --- calls --- */

enum registry_next { REGISTRY_SEND, REGISTRY_WAIT, REGISTRY_DONE };
struct registry_call;
/* What to do now; now_ms is of a clock that does not jump. After REGISTRY_SEND the call waits for
 * registry_call_take(). *ret_wait_ms: -1, until another call of the session went on. A failure is
 * final. */
MUST_CHECK int registry_call_next(struct registry_call *c, int64_t now_ms, enum registry_next *ret,
                                  struct registry_request *ret_request, int64_t *ret_wait_ms,
                                  struct error *err);
/* Everything in a is taken over. A failure is final. */
MUST_CHECK int registry_call_take(struct registry_call *c, int64_t now_ms, int64_t unix_s,
                                  struct registry_answer *take_a, struct error *err);
void registry_call_free(struct registry_call *c);
DEFINE_CLEANUP(struct registry_call *, registry_call_free)

struct registry_result {
    bool absent;          /* manifest_head, manifest_delete, blob_head, referrers: there is none */
    struct str body;      /* exact bytes of a manifest */
    char *media_type;     /* of it */
    struct digest digest; /* of a manifest, computed where its bytes came */
    uint64_t size;
    bool existed;        /* blob_put: nothing was sent */
    bool mounted;        /* blob_put: taken over from another repository */
    bool has_subject;    /* manifest_put: the registry noted the subject itself */
    bool refused;        /* manifest_delete: the registry does not do that */
    struct strings tags; /* sorted as the registry has them */
};
/* Borrowed, lives as long as the call. */
struct registry_result *registry_call_result(struct registry_call *c);
const struct registry_session *registry_call_session(const struct registry_call *c);

/* GET /v2/: that there is a registry and that it takes the credential, -EACCES when not. */
struct registry_call *registry_door(struct registry_session *s);
/* A manifest by tag, or by digest where that is given: then its bytes match it. -ENOENT when there is
 * none. The media type that the document states is the one it was sent as. */
struct registry_call *registry_manifest_get(struct registry_session *s, const char *repository,
                                            const char *tag, const struct digest *digest);
/* Its digest and size alone; absent instead of -ENOENT. A registry that does not say gets asked for
 * the manifest. */
struct registry_call *registry_manifest_head(struct registry_session *s, const char *repository,
                                             const char *tag, const struct digest *digest);
/* bytes are copied. tag NULL: under its digest. */
struct registry_call *registry_manifest_put(struct registry_session *s, const char *repository,
                                            const char *tag, const char *media_type,
                                            struct view bytes);
/* The tag alone, or the digest with every tag that it has. Whoever deletes a tag must look whether it is gone: old
 * registries know digests only. */
struct registry_call *registry_manifest_delete(struct registry_session *s, const char *repository,
                                               const char *tag, const struct digest *digest);
struct registry_call *registry_blob_head(struct registry_session *s, const char *repository,
                                         const struct digest *digest, uint64_t size);
/* Into fd, borrowed, in which `have` bytes of it are already. The size is checked; hash: so is the
 * digest (-EPROTO). */
struct registry_call *registry_blob_get(struct registry_session *s, const char *repository,
                                        const struct digest *digest, uint64_t size, int fd,
                                        uint64_t have, bool hash);
/* Of registry_blob_get(), before it is begun: where else the blob is, when the registry has none (foreign layers): asked in
 * turn, without any credential. Copied. */
void registry_blob_get_also(struct registry_call *c, const struct strings *urls);
/* The same into memory, digest checked; size at most limit. */
struct registry_call *registry_blob_read(struct registry_session *s, const char *repository,
                                         const struct digest *digest, uint64_t size, size_t limit);

/* --- uploads that outlive a process ---
 * Large blobs go in chunks, each of which the registry acknowledges with a new Location. What is
 * known of such an upload before a chunk goes can be kept; another process goes on from there, with
 * what the registry says that it has, or from the beginning where it has forgotten. */
struct registry_upload {
    char *location;       /* absolute; "": over, nothing is to be kept */
    uint64_t have, until; /* acknowledged; end of the chunk that is on its way */
    uint64_t chunk_min;   /* that the registry asked for */
};
void registry_upload_done(struct registry_upload *u);
/* The answer to that chunk, which came when nobody was there to take it any more. */
void registry_upload_take(struct registry_upload *u, int status, const struct strings *headers);
/* Borrowed by the call, which calls keep() while it is worked on. */
struct registry_keeper {
    struct registry_upload upload; /* location NULL: none yet. Read when the upload begins */
    void (*keep)(struct registry_keeper *k, const struct registry_upload *u);
};
#define REGISTRY_CHUNK_MIN (1u << 20)
#define REGISTRY_CHUNK_MAX (64u << 20)
#define REGISTRY_CHUNK_MS 500 /* that one takes, by how long the one before it took */

/* Sends size bytes of fd, borrowed, from offset, unless the registry has the blob; from: a
 * repository of the same registry that may have it, or NULL. */
struct registry_blob {
    struct digest digest;
    uint64_t size;
    int fd;
    uint64_t offset;
    struct view bytes; /* fd -1: in memory, copied */
    const char *from;
    struct registry_keeper *keeper; /* or NULL */
};
/* Whether it is there, or can be taken over from blob->from: existed, mounted or absent. */
struct registry_call *registry_blob_probe(struct registry_session *s, const char *repository,
                                          const struct registry_blob *blob);
struct registry_call *registry_blob_put(struct registry_session *s, const char *repository,
                                        const struct registry_blob *blob);
struct registry_call *registry_tags(struct registry_session *s, const char *repository);
/* The index of what refers to the manifest: by the API, else by the fallback tag; absent when there
 * is neither. */
struct registry_call *registry_referrers(struct registry_session *s, const char *repository,
                                         const struct digest *digest);
/* "sha256-<hex>" (distribution-spec 1.1, Referrers Tag Schema). */
#define REGISTRY_REFERRERS_TAG_MAX 80
char *registry_referrers_tag(const struct digest *digest,
                             char buf[static REGISTRY_REFERRERS_TAG_MAX]);
