/* Blobs on their way out.
 *
 *     HEAD -> it is there
 *       |---> POST (mount) -> mounted
 *       |       |  '---> POST (without) --.
 *       |       '-> Location <------------'
 *       |              |---> PUT -> kept; broken: POST again
 *       |              '---> PATCH, PATCH .. PUT of the rest -> kept
 *       |                      ^      | broken, or not what was sent
 *       '- one was begun ------+-- GET of the upload; forgotten: POST again, or
 *                                 HEAD, when all of it was on its way
 *
 * Registries differ in what they make of chunks: whatever is odd about one ends in an upload as a
 * whole. A digest at the end tells whether what they have is what was sent. */
#include <errno.h>

#include "registry/internal.h"

#define ACTIONS "pull,push"
#define PAUSE_MS 500 /* before an upload is begun again, times the rounds */
#define LOST_MAX 3   /* uploads in chunks that were forgotten when one broke */

enum step { STEP_HEAD, STEP_MOUNT, STEP_POST, STEP_STATUS, STEP_PATCH, STEP_PUT, STEP_DROP };

void registry_upload_done(struct registry_upload *u)
{
    free(u->location);
    *u = (struct registry_upload){0};
}

/* ---- what is kept ---- */

static void keep(struct registry_call *c)
{
    static char nothing[] = "";
    const struct registry_upload over = {.location = nothing};

    if (c->keeper)
        c->keeper->keep(c->keeper, c->upload.location ? &c->upload : &over);
}

static void forget(struct registry_call *c)
{
    registry_upload_done(&c->upload);
    keep(c);
}

/* Where the registry is, of what was sent so far. Before the first byte they say "0-0", and some do
 * so always: then our own count stands. */
static uint64_t count_of(const struct strings *headers, uint64_t ours)
{
    uint64_t last;

    return head_upload_range(head_get(headers, "Range"), &last) && last > 0 ? last + 1 : ours;
}

/* Every answer names the place of the next request. */
static int take_location(struct registry_upload *u, const char *base, const struct strings *headers,
                         struct error *err)
{
    const struct view text = head_get(headers, "Location");
    char *url = NULL;
    const int r = text.at       ? location_resolve(base, text, &url, err)
                  : u->location ? 0
                                : error_set(err, -EPROTO, "there is no Location");

    if (r == 0 && url) {
        free(u->location);
        u->location = url;
    }
    return r;
}

void registry_upload_take(struct registry_upload *u, int status, const struct strings *headers)
{
    cleanup_free char *base = xstrdup(u->location);

    const uint64_t theirs = count_of(headers, u->until);

    if (status / 100 == 2 && theirs >= u->have && theirs <= u->until &&
        take_location(u, base, headers, NULL) == 0)
        u->have = theirs;
}

/* ---- requests ---- */

static void pause_before(struct registry_call *c, struct exchange *x)
{
    if (c->rounds)
        x->not_before_ms =
            c->now_ms + c->rounds * PAUSE_MS + (int64_t)session_random(c->s, PAUSE_MS);
}

static int begin_post(struct registry_call *c)
{
    const bool waited = c->step == STEP_HEAD;

    forget(c);
    c->step = c->from ? STEP_MOUNT : STEP_POST;
    char *path = c->from ? call_path(c, "blobs/uploads/?mount=%s&from=%s", c->name, c->from)
                         : call_path(c, "blobs/uploads/");
    struct exchange *x = call_begin(c, "POST", path, ACTIONS);

    x->has_body = true; /* of no bytes */
    if (!waited)
        pause_before(c, x);
    return 0;
}

/* The end was sent and nobody heard what became of it: it may have arrived all the same. */
static int begin_look(struct registry_call *c)
{
    forget(c);
    c->step = STEP_HEAD;
    pause_before(c, call_begin(c, "HEAD", call_path(c, "blobs/%s", c->name), ACTIONS));
    return 0;
}

static char *with_digest(const struct registry_call *c, const char *location)
{
    return xasprintf("%s%sdigest=%s", location, strchr(location, '?') ? "&" : "?", c->name);
}

static uint64_t chunk_of(const struct registry_call *c)
{
    return MAX(MAX(c->chunk, (uint64_t)REGISTRY_CHUNK_MIN), c->upload.chunk_min);
}

static void fill(struct registry_call *c, struct exchange *x, uint64_t size)
{
    strings_add(&x->headers, "Content-Type: application/octet-stream");
    x->once = true;
    x->body_fd = c->fd;
    x->body_offset = c->offset + c->upload.have;
    x->body_size = size;
    x->before = c->upload.have;
    c->upload.until = c->upload.have + size;
}

static int begin_put(struct registry_call *c)
{
    c->step = STEP_PUT;
    struct exchange *x = call_begin(c, "PUT", with_digest(c, c->upload.location), ACTIONS);

    fill(c, x, c->size - c->upload.have);
    x->has_body = c->fd < 0;
    str_add(&x->body, str_view(&c->bytes));
    return 0;
}

static int begin_patch(struct registry_call *c, uint64_t size)
{
    c->step = STEP_PATCH;
    c->sent_ms = c->now_ms;
    struct exchange *x = call_begin(c, "PATCH", xstrdup(c->upload.location), ACTIONS);

    strings_take(&x->headers, xasprintf("Content-Range: %llu-%llu", (long long)c->upload.have,
                                        (long long)(c->upload.have + size - 1)));
    fill(c, x, size);
    return 0;
}

/* The next piece; the last one goes with the digest. */
static int begin_piece(struct registry_call *c)
{
    const uint64_t left = c->size - c->upload.have, chunk = chunk_of(c);
    const bool last = c->whole || c->fd < 0 || left <= chunk || left - chunk <= chunk / 2;
    const int r = last ? begin_put(c) : begin_patch(c, chunk);

    if (!last || c->upload.have)
        keep(c);
    return r;
}

static int begin_status(struct registry_call *c)
{
    c->step = STEP_STATUS;
    struct exchange *x = call_begin(c, "GET", xstrdup(c->upload.location), ACTIONS);

    pause_before(c, x);
    return 0;
}

/* ---- answers ---- */

static int take_head(struct registry_call *c, const struct registry_answer *a, struct error *err)
{
    uint64_t size;

    if (call_ok(a) &&
        (!view_to_u64(head_get(&a->headers, "Content-Length"), &size) || size == c->size)) {
        c->result.existed = true;
        forget(c);
        return 1;
    }
    if (!call_ok(a) && a->status != 404)
        return call_problem(c, a, err);
    c->result.absent = c->probe && !c->from;
    if (c->result.absent)
        return 1;
    return c->upload.location ? begin_status(c) : begin_post(c);
}

/* Nothing was mounted: an upload that was begun instead is of no use. */
static int drop(struct registry_call *c, const struct registry_answer *a)
{
    const struct view location = head_get(&a->headers, "Location");
    char *url = NULL;

    c->result.absent = true;
    if (!call_ok(a) || !location.at || location_resolve(c->x.at, location, &url, NULL) < 0)
        return 1;
    c->step = STEP_DROP;
    (void)call_begin(c, "DELETE", url, ACTIONS);
    return 0;
}

static int begin_upload(struct registry_call *c, const struct registry_answer *a, struct error *err)
{
    const int r = take_location(&c->upload, c->x.at, &a->headers, err);

    if (r < 0)
        return error_wrap(err, r, "%s: upload of blob %s to %s", c->s->host, c->name,
                          c->repository);
    if (!view_to_u64(head_get(&a->headers, "OCI-Chunk-Min-Length"), &c->upload.chunk_min))
        c->upload.chunk_min = 0;
    return begin_piece(c);
}

/* Some registries fail where they could mount nothing: then without. */
static int take_post(struct registry_call *c, const struct registry_answer *a, struct error *err)
{
    if (c->step == STEP_MOUNT && a->status == 201) {
        c->result.mounted = true;
        return 1;
    }
    if (c->probe)
        return drop(c, a);
    if (c->step == STEP_MOUNT && a->status / 100 == 4 && a->status != 429) {
        free(c->from);
        c->from = NULL;
        return begin_post(c);
    }
    return call_ok(a) ? begin_upload(c, a, err) : call_problem(c, a, err);
}

static int give_up(const struct registry_call *c, const struct registry_answer *a,
                   struct error *err)
{
    if (a->failure == REGISTRY_ANSWERED)
        return call_problem(c, a, err);
    return error_set(err, -EIO, "%s: upload of blob %s to %s: %s", c->s->host, c->name,
                     c->repository, a->complaint ? a->complaint : "the connection broke");
}

static int begin_whole(struct registry_call *c)
{
    c->whole = true;
    return begin_post(c);
}

/* What another process began, or what is left where a chunk broke. The registry may have more than
 * was acknowledged, but not more than there is; what it says of nothing is not to be told from what
 * it says of one byte. */
static int take_status(struct registry_call *c, const struct registry_answer *a)
{
    struct registry_upload *u = &c->upload;
    uint64_t last = 0;
    const bool told = head_upload_range(head_get(&a->headers, "Range"), &last);
    const uint64_t theirs = last > 0 ? last + 1 : 0;

    if (!call_ok(a) && u->until == c->size && ++c->lost < LOST_MAX)
        return begin_look(c);
    if (!call_ok(a) || !told || theirs < u->have || theirs > MIN(u->until, c->size) ||
        take_location(u, c->x.at, &a->headers, NULL) < 0)
        return ++c->lost < LOST_MAX ? begin_post(c) : begin_whole(c);
    u->have = theirs;
    return begin_piece(c);
}

/* An upload that broke: a whole one is there, or begun anew, for nobody knows what the registry has of
 * it. */
static int take_break(struct registry_call *c, const struct registry_answer *a, struct error *err)
{
    if (++c->rounds >= REGISTRY_TRIES)
        return give_up(c, a, err);
    if (c->step == STEP_PATCH || c->upload.have)
        return begin_status(c);
    /* once: one request more a round, and where every third one fails none would come to its end */
    return c->step == STEP_PUT && c->rounds == 1 ? begin_look(c) : begin_post(c);
}

/* One that was busy was waited for already. */
static bool broke(const struct registry_answer *a)
{
    return a->failure != REGISTRY_ANSWERED || a->status == 404 ||
           (exchange_status_passes(a->status) && a->status != 429 && a->status != 503);
}

/* What is lost when we are killed is half a second, and a fast registry has few chunks to handle. */
static void set_chunk(struct registry_call *c, uint64_t size)
{
    const uint64_t ms = (uint64_t)MAX(c->now_ms - c->sent_ms, 1);

    c->chunk = MIN(size * REGISTRY_CHUNK_MS / ms, (uint64_t)REGISTRY_CHUNK_MAX);
}

/* Out of order chunks are taken by some as if they were not: what counts is the range. */
static int take_chunk(struct registry_call *c, const struct registry_answer *a, struct error *err)
{
    struct registry_upload *u = &c->upload;
    const uint64_t theirs = count_of(&a->headers, u->until);

    if (theirs < u->have || theirs > u->until)
        return begin_whole(c);
    if (theirs < u->until && ++c->rounds >= REGISTRY_TRIES)
        return begin_whole(c);
    const int r = take_location(u, c->x.at, &a->headers, err);
    if (r < 0)
        return error_wrap(err, r, "%s: upload of blob %s to %s", c->s->host, c->name,
                          c->repository);
    if (theirs == u->until)
        c->rounds = 0;
    set_chunk(c, theirs - u->have);
    u->have = theirs;
    return begin_piece(c);
}

static int take_patch(struct registry_call *c, const struct registry_answer *a, struct error *err)
{
    if (broke(a) || a->status == 416)
        return take_break(c, a, err);
    if (a->status == 401 || a->status == 403 || a->status == 429 || a->status == 503)
        return call_problem(c, a, err);
    /* 201 is for what was put: it will refuse to be given the rest (ECR) */
    return call_ok(a) && a->status != 201 ? take_chunk(c, a, err) : begin_whole(c);
}

static int take_put(struct registry_call *c, const struct registry_answer *a, struct error *err)
{
    if (call_ok(a)) {
        forget(c);
        return 1;
    }
    if (broke(a))
        return take_break(c, a, err);
    /* it may have counted wrong, and what an earlier process sent may be of a file that changed */
    if (c->upload.have && !c->whole && (a->status == 400 || a->status == 405 || a->status == 416))
        return begin_whole(c);
    return call_problem(c, a, err);
}

static int take(struct registry_call *c, const struct registry_answer *a, struct error *err)
{
    switch ((enum step)c->step) {
    case STEP_HEAD:
        return take_head(c, a, err);
    case STEP_MOUNT:
    case STEP_POST:
        return take_post(c, a, err);
    case STEP_STATUS:
        return take_status(c, a);
    case STEP_PATCH:
        return take_patch(c, a, err);
    case STEP_DROP:
        return 1;
    case STEP_PUT:
        break;
    }
    return take_put(c, a, err);
}

static const struct call_row row_put = {"blob", take};

struct registry_call *registry_blob_probe(struct registry_session *s, const char *repository,
                                          const struct registry_blob *blob)
{
    struct registry_call *c = registry_blob_put(s, repository, blob);

    c->probe = true;
    return c;
}

static void take_over(struct registry_call *c, struct registry_keeper *k)
{
    c->keeper = k;
    c->upload = k->upload;
    k->upload = (struct registry_upload){0};
    if (c->upload.location && c->upload.have > c->size)
        registry_upload_done(&c->upload);
}

struct registry_call *registry_blob_put(struct registry_session *s, const char *repository,
                                        const struct registry_blob *blob)
{
    struct registry_call *c = call_new(&row_put, s, repository);
    char text[DIGEST_TEXT_MAX];

    c->digest = blob->digest;
    c->size = blob->size;
    c->name = xstrdup(digest_format(&blob->digest, text));
    c->fd = blob->fd;
    c->offset = blob->offset;
    if (blob->fd < 0)
        str_add(&c->bytes, blob->bytes);
    c->from = blob->from && strcmp(blob->from, repository) != 0 ? xstrdup(blob->from) : NULL;
    if (blob->keeper)
        take_over(c, blob->keeper);
    c->step = STEP_HEAD;
    (void)call_begin(c, "HEAD", call_path(c, "blobs/%s", c->name), ACTIONS);
    return c;
}
