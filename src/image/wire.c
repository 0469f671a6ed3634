#include "image/wire.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "base/progress.h"
#include "image/wire_host.h"
#include "image/wire_upload.h"
#include "net/http.h"

struct item {
    struct registry_call *call;
    bool borrowed, sent, finished;
    uint64_t id;
    char *title;
    uint64_t total;
    struct progress_step *step;
    wire_done *done;
    void *ctx;
    struct wire_upload *upload; /* or NULL */
    int told_fd;                /* or -1 */
    uint64_t before;            /* bytes of earlier requests */
};

struct wire {
    const struct env *env;
    struct wire_hosts *hosts;
    VEC(struct item *) items; /* in their order; those in front are worked on */
    bool keeps_uploads;
    struct store *store, *own_store; /* of them; or NULL */
    struct http *http;
    uint64_t last_id;
};

struct wire *wire_new(const struct env *env, const struct wire_access *read,
                      const struct wire_access *write)
{
    struct wire *w = xcalloc(1, sizeof(*w));

    w->env = env;
    w->hosts = wire_hosts_new(env, read, write);
    return w;
}

static void item_free(struct item *i, enum progress_end end)
{
    progress_finish(i->step, end, NULL);
    if (!i->borrowed)
        registry_call_free(i->call);
    wire_upload_free(i->upload);
    free(i->title);
    free(i);
}

static void drop_all(struct wire *w)
{
    bool uploads = false;

    vec_each (i, &w->items) {
        uploads = uploads || ((*i)->sent && (*i)->upload);
        item_free(*i, PROGRESS_CANCELED);
    }
    w->items.size = 0;
    /* afterwards nobody holds their descriptors any more */
    if (uploads)
        http_leave(w->http);
    else
        http_close(w->http);
    w->http = NULL;
}

void wire_free(struct wire *w)
{
    if (!w)
        return;
    drop_all(w);
    vec_done(&w->items);
    wire_hosts_free(w->hosts);
    store_close(w->own_store);
    free(w);
}

static int64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int wire_places(struct wire *w, const struct reference *ref, bool push,
                struct registry_endpoints *ret, struct error *err)
{
    return wire_hosts_places(w->hosts, ref, push, ret, err);
}

int wire_session(struct wire *w, const struct registry_endpoint *at, struct registry_session **ret,
                 struct error *err)
{
    return wire_hosts_session(w->hosts, at, NULL, ret, err);
}

int wire_session_as(struct wire *w, const struct registry_endpoint *at,
                    const struct registry_credential *credential, struct registry_session **ret,
                    struct error *err)
{
    return wire_hosts_session(w->hosts, at, credential, ret, err);
}

const struct env *wire_env(const struct wire *w)
{
    return w->env;
}

/* ---- the queue ---- */

static struct item *add(struct wire *w, struct registry_call *c, bool borrowed)
{
    struct item *i = xcalloc(1, sizeof(*i));

    i->call = c;
    i->borrowed = borrowed;
    i->told_fd = -1;
    i->id = ++w->last_id;
    vec_push(&w->items, i);
    return i;
}

void wire_add(struct wire *w, struct registry_call *take_call, const char *title, uint64_t total,
              wire_done *done, void *ctx)
{
    struct item *i = add(w, take_call, false);

    i->title = title ? xstrdup(title) : NULL;
    i->total = total;
    i->done = done;
    i->ctx = ctx;
}

void wire_get_blob(struct wire *w, struct registry_call *take_call, const char *title,
                   uint64_t total, int told_fd, wire_done *done, void *ctx)
{
    wire_add(w, take_call, title, total, done, ctx);
    w->items.at[w->items.size - 1]->told_fd = told_fd;
}

void wire_keep_uploads(struct wire *w, struct store *s)
{
    w->keeps_uploads = true;
    w->store = s;
}

/* Without one, what breaks off begins anew. */
static struct store *store_of(struct wire *w)
{
    if (!w->store && w->keeps_uploads && store_open(w->env, &w->own_store, NULL) == 0)
        w->store = w->own_store;
    return w->store;
}

void wire_put_blob(struct wire *w, struct registry_session *s, const char *repository,
                   const struct registry_blob *blob, const char *title, wire_done *done, void *ctx)
{
    const bool large = blob->fd >= 0 && blob->size > REGISTRY_CHUNK_MIN;
    struct store *store = large ? store_of(w) : NULL;
    struct wire_upload *u = store ? wire_upload_open(store, s, repository, blob) : NULL;
    struct registry_blob with = *blob;

    with.keeper = u ? wire_upload_keeper(u) : NULL;
    wire_add(w, registry_blob_put(s, repository, &with), title, blob->size, done, ctx);
    w->items.at[w->items.size - 1]->upload = u;
}

static void take_out(struct wire *w, const struct item *i)
{
    for (size_t n = 0; n < w->items.size; n++) {
        if (w->items.at[n] != i)
            continue;
        memmove(&w->items.at[n], &w->items.at[n + 1],
                (w->items.size - n - 1) * sizeof(*w->items.at));
        w->items.size--;
        return;
    }
}

static int finish(struct wire *w, struct item *i, struct error *err)
{
    int r = 0;

    i->finished = true;
    take_out(w, i);
    if (i->done)
        r = i->done(i->ctx, i->call, err);
    item_free(i, r < 0 ? PROGRESS_FAILED : PROGRESS_DONE);
    return r;
}

static int submit(struct wire *w, struct item *i, const struct registry_request *q,
                  struct error *err)
{
    const struct http_request r = {
        .id = i->id,
        .method = q->method,
        .url = q->url,
        .headers = &q->headers,
        .body = q->body,
        .has_body = q->body.at != NULL && q->body_fd < 0,
        .body_fd = q->body_fd,
        .body_offset = q->body_offset,
        .body_size = q->body_size,
        .last_fd = i->upload && q->body_fd >= 0 ? wire_upload_fd(i->upload) : -1,
        .sink_fd = q->sink_fd,
        .told_fd = i->told_fd,
        .sink_offset = q->sink_offset,
        .sink_max = q->sink_max,
        .hash = q->hash,
        .body_max = q->body_max,
        .insecure = q->insecure,
        .tls = wire_hosts_tls(w->hosts, registry_call_session(i->call), q->url),
    };
    int code = w->http ? 0 : http_open(&w->http, err);

    if (code == 0)
        code = http_submit(w->http, &r, err);
    i->sent = code == 0;
    i->before = q->before;
    if (i->title && !i->step)
        i->step = progress_begin(w->env->progress, i->title);
    return code;
}

/* One item: 1 when it went on. */
static int push_on(struct wire *w, struct item *i, int64_t *wait_ms, struct error *err)
{
    struct registry_request q = {.body_fd = -1, .sink_fd = -1};
    enum registry_next next;
    int64_t wait = -1;
    int r = registry_call_next(i->call, now_ms(), &next, &q, &wait, err);

    if (r == 0 && next == REGISTRY_SEND)
        r = submit(w, i, &q, err);
    else if (r == 0 && next == REGISTRY_DONE)
        r = finish(w, i, err);
    else if (wait >= 0 && (*wait_ms < 0 || wait < *wait_ms))
        *wait_ms = wait;
    registry_request_done(&q);
    return r < 0 ? r : next != REGISTRY_WAIT;
}

/* All that can go on goes on; *wait_ms: until one of them wants to. */
static int pump(struct wire *w, int64_t *wait_ms, struct error *err)
{
    bool again = true;

    while (again) {
        again = false;
        *wait_ms = -1;
        for (size_t n = 0; n < MIN(w->items.size, WIRE_CALLS) && !again; n++) {
            struct item *i = w->items.at[n];
            const int r = i->sent ? 0 : push_on(w, i, wait_ms, err);

            if (r < 0)
                return r;
            again = r > 0;
        }
    }
    return 0;
}

/* ---- answers ---- */

static struct registry_answer answer_of(struct http_event *e)
{
    static const enum registry_failure failures[] = {
        [HTTP_ANSWERED] = REGISTRY_ANSWERED, [HTTP_FAILED] = REGISTRY_FAILED,
        [HTTP_NO_TLS] = REGISTRY_NO_TLS,     [HTTP_UNTRUSTED] = REGISTRY_UNTRUSTED,
        [HTTP_TOO_LONG] = REGISTRY_TOO_LONG, [HTTP_LOCAL] = REGISTRY_LOCAL};
    const struct registry_answer a = {.failure = failures[e->failure],
                                      .complaint = e->complaint,
                                      .status = e->status,
                                      .headers = e->headers,
                                      .body = e->body,
                                      .size = e->size,
                                      .digest = e->digest};

    *e = (struct http_event){.body = STR_INIT};
    return a;
}

static int take_event(struct wire *w, struct error *err)
{
    HTTP_EVENT_AUTO(e);
    struct item *i = NULL;
    const int r = http_take(w->http, &e, err);

    if (r < 0)
        return r;
    vec_each (have, &w->items)
        if ((*have)->id == e.id)
            i = *have;
    if (!i || !i->sent)
        return error_set(err, -EPROTO, "@net answers what nobody asked");
    if (!e.done) {
        progress_update(i->step, i->before + e.bytes, i->total, "MB");
        return 0;
    }
    i->sent = false;
    struct registry_answer a = answer_of(&e);
    return registry_call_take(i->call, now_ms(), (int64_t)time(NULL), &a, err);
}

static int wait_event(struct wire *w, int wait_ms, struct error *err)
{
    struct pollfd p = {w->http ? http_fd(w->http) : -1, POLLIN, 0};
    const int delay = progress_delay_ms(w->env->progress);

    if (delay >= 0 && (wait_ms < 0 || delay < wait_ms))
        wait_ms = delay;
    const int n = poll(&p, 1, wait_ms);
    if (n < 0 && errno != EINTR)
        return error_sys(err, "wait for @net");
    if (wait_ms)
        progress_tick(w->env->progress);
    return n > 0 ? take_event(w, err) : 0;
}

static int step(struct wire *w, int wait_ms, struct error *err)
{
    int64_t until = -1;
    int r = pump(w, &until, err);

    if (r < 0 || w->items.size == 0)
        return r;
    if (until >= 0 && (wait_ms < 0 || until < wait_ms))
        wait_ms = (int)until;
    r = wait_event(w, wait_ms, err);
    if (r == 0)
        r = pump(w, &until, err);
    return r < 0 ? r : w->items.size > 0;
}

int wire_step(struct wire *w, int wait_ms, struct error *err)
{
    const int r = step(w, wait_ms, err);

    if (r < 0)
        drop_all(w);
    return r;
}

int wire_run(struct wire *w, struct error *err)
{
    int r;

    while ((r = wire_step(w, -1, err)) > 0)
        ;
    return r;
}

static int note_end(void *ctx, struct registry_call *c, struct error *err)
{
    (void)c, (void)err;
    *(bool *)ctx = true;
    return 0;
}

int wire_call(struct wire *w, struct registry_call *c, struct error *err)
{
    struct item *i = add(w, c, true);
    bool ended = false;
    int r = 0;

    i->done = note_end;
    i->ctx = &ended;
    /* in front of what waits for its turn */
    memmove(&w->items.at[1], &w->items.at[0], (w->items.size - 1) * sizeof(*w->items.at));
    w->items.at[0] = i;
    while (r >= 0 && !ended)
        r = wire_step(w, -1, err);
    return MIN(r, 0);
}

void wire_cancel(struct wire *w)
{
    drop_all(w);
}

int wire_fd(const struct wire *w)
{
    return w->http && w->items.size ? http_fd(w->http) : -1;
}
