/* image/wire.h - registries for the rest of the program: calls of registry/registry.h, carried out by
 * @net (net/http.h), several at a time.
 *
 * One wire a command. It knows the sessions, which credential and which certificates belong to which
 * host, and starts @net when the first request is due. */
#pragma once

#include "base/env.h"
#include "registry/registries.h"
#include "registry/registry.h"

#define WIRE_CALLS 8 /* at the same time: as many digests are computed side by side */

struct wire;
enum wire_tls {
    WIRE_TLS_DEFAULT, /* verified, but for loopback */
    WIRE_TLS_VERIFY,
    WIRE_TLS_ANY, /* --tls-verify=false: any certificate, and plain HTTP */
};
/* What the command line says of registries, before the files of the machine. Texts are borrowed. */
struct wire_access {
    enum wire_tls tls;
    bool nobody;           /* no credential is looked for */
    const char *auth_file; /* the only file that has credentials */
    const char *cert_dir;  /* the only folder of certificates, whatever the registry is called */
    /* Of the registry that a reference names, not of its mirrors and where it moved to. */
    struct registry_credential credential;
};
void wire_access_done(struct wire_access *a);
/* read: of what is fetched; write: of what is put or deleted. Both borrowed; NULL: nothing was said. */
struct wire *wire_new(const struct env *env, const struct wire_access *read,
                      const struct wire_access *write);
/* Ends what is on its way. NULL is fine. */
void wire_free(struct wire *w);
DEFINE_CLEANUP(struct wire *, wire_free)

/* Where an image is pulled from or pushed to, as registries.conf has it: in this order. -EPERM: it is
 * blocked. */
MUST_CHECK int wire_places(struct wire *w, const struct reference *ref, bool push,
                           struct registry_endpoints *ret, struct error *err);
/* The session for a repository, opened by the credential that the command line or this machine's files have for it. */
MUST_CHECK int wire_session(struct wire *w, const struct registry_endpoint *at,
                            struct registry_session **ret, struct error *err);
/* The same with this credential, which is copied. */
MUST_CHECK int wire_session_as(struct wire *w, const struct registry_endpoint *at,
                               const struct registry_credential *credential,
                               struct registry_session **ret, struct error *err);
const struct env *wire_env(const struct wire *w);

/* Takes a call into the queue. title: of a row of progress, NULL: none; total: its bytes. done (or
 * NULL) is told when it succeeded, with the call, which is freed afterwards; it may add others. */
typedef int wire_done(void *ctx, struct registry_call *c, struct error *err);
void wire_add(struct wire *w, struct registry_call *take_call, const char *title, uint64_t total,
              wire_done *done, void *ctx);
/* The same with registry_blob_get(): told_fd, borrowed, is told how its file grows (net/http.h); -1: nobody is. */
void wire_get_blob(struct wire *w, struct registry_call *take_call, const char *title,
                   uint64_t total, int told_fd, wire_done *done, void *ctx);
/* The same with registry_blob_put(); titled, with its size. Large blobs of files that break off with this process are
 * gone on with by another one, where wire_keep_uploads() said where to note that. */
void wire_put_blob(struct wire *w, struct registry_session *s, const char *repository,
                   const struct registry_blob *blob, const char *title, wire_done *done, void *ctx);
struct store;
/* s is borrowed; NULL: the machine's, opened when there is something to note. */
void wire_keep_uploads(struct wire *w, struct store *s);
/* Does what can be done now, waiting at most wait_ms (-1: until something happens): 1 while there
 * are calls, 0 when all are done. The first failure ends all of them. */
MUST_CHECK int wire_step(struct wire *w, int wait_ms, struct error *err);
/* Until all are done. */
MUST_CHECK int wire_run(struct wire *w, struct error *err);
/* One alone, beside those in the queue: c stays the caller's. */
MUST_CHECK int wire_call(struct wire *w, struct registry_call *c, struct error *err);
/* Ends all that is in the queue; sessions stay. */
void wire_cancel(struct wire *w);
/* Readable when wire_step() has something to do; -1 while nothing is on its way. */
int wire_fd(const struct wire *w);
