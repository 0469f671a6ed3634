/* Blobs on their way out.
 *
 *     HEAD -> it is there
 *       '---> POST (mount) -> mounted
 *               |  '---> POST (without) --.
 *               '-> Location <------------'
 *                      '---> PUT -> kept; broken: POST again */
#include <errno.h>

#include "registry/internal.h"

#define ACTIONS "pull,push"
#define PAUSE_MS 500 /* before an upload is begun again, times the rounds */

enum step { STEP_HEAD, STEP_MOUNT, STEP_POST, STEP_PUT, STEP_DROP };

static int begin_post(struct registry_call *c)
{
    c->step = c->from ? STEP_MOUNT : STEP_POST;
    char *path = c->from ? call_path(c, "blobs/uploads/?mount=%s&from=%s", c->name, c->from)
                         : call_path(c, "blobs/uploads/");
    struct exchange *x = call_begin(c, "POST", path, ACTIONS);

    x->has_body = true; /* of no bytes */
    if (c->rounds)
        x->not_before_ms =
            c->now_ms + c->rounds * PAUSE_MS + (int64_t)session_random(c->s, PAUSE_MS);
    return 0;
}

static char *with_digest(const struct registry_call *c, const char *location)
{
    return xasprintf("%s%sdigest=%s", location, strchr(location, '?') ? "&" : "?", c->name);
}

static int begin_put(struct registry_call *c, const struct registry_answer *a, struct error *err)
{
    const struct view location = head_get(&a->headers, "Location");
    cleanup_free char *url = NULL;
    int r = location.at ? location_resolve(c->x.at, location, &url, err)
                        : error_set(err, -EPROTO, "there is no Location");

    if (r < 0)
        return error_wrap(err, r, "%s: upload of blob %s to %s", c->s->host, c->name,
                          c->repository);
    c->step = STEP_PUT;
    struct exchange *x = call_begin(c, "PUT", with_digest(c, url), ACTIONS);
    strings_add(&x->headers, "Content-Type: application/octet-stream");
    x->once = true;
    x->body_fd = c->fd;
    x->body_offset = c->offset;
    x->body_size = c->size;
    x->has_body = c->fd < 0;
    str_add(&x->body, str_view(&c->bytes));
    return 0;
}

static int take_head(struct registry_call *c, const struct registry_answer *a, struct error *err)
{
    uint64_t size;

    if (call_ok(a) &&
        (!view_to_u64(head_get(&a->headers, "Content-Length"), &size) || size == c->size)) {
        c->result.existed = true;
        return 1;
    }
    if (!call_ok(a) && a->status != 404)
        return call_problem(c, a, err);
    c->result.absent = c->probe && !c->from;
    return c->result.absent ? 1 : begin_post(c);
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
    return call_ok(a) ? begin_put(c, a, err) : call_problem(c, a, err);
}

/* An upload that broke is begun anew: what the registry has of it is not known. */
static int take_put(struct registry_call *c, const struct registry_answer *a, struct error *err)
{
    if (call_ok(a))
        return 1;
    /* one that was busy was waited for already */
    const bool broke = a->failure != REGISTRY_ANSWERED || a->status == 404 ||
                       (exchange_status_passes(a->status) && a->status != 429 && a->status != 503);
    if (broke && ++c->rounds < REGISTRY_TRIES)
        return begin_post(c);
    if (a->failure != REGISTRY_ANSWERED)
        return error_set(err, -EIO, "%s: upload of blob %s to %s: %s", c->s->host, c->name,
                         c->repository, a->complaint ? a->complaint : "the connection broke");
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
    c->step = STEP_HEAD;
    (void)call_begin(c, "HEAD", call_path(c, "blobs/%s", c->name), ACTIONS);
    return c;
}
