/* Blobs on their way here. */
#include <errno.h>
#include <inttypes.h>

#include "registry/internal.h"

static char *blob_path(const struct registry_call *c)
{
    return call_path(c, "blobs/%s", c->name);
}

static int take_head(struct registry_call *c, const struct registry_answer *a, struct error *err)
{
    uint64_t size;

    c->result.absent = a->status == 404;
    if (!call_ok(a) && !c->result.absent)
        return call_problem(c, a, err);
    /* a registry that has something else under this name has not got it */
    if (view_to_u64(head_get(&a->headers, "Content-Length"), &size) && size != c->size)
        c->result.absent = true;
    return 1;
}

/* ---- into a file ---- */

static void begin_get(struct registry_call *c, uint64_t have)
{
    struct exchange *x =
        call_begin(c, "GET", c->url ? xstrdup(c->urls.at[c->url - 1]) : blob_path(c), "pull");

    x->sink_fd = c->fd;
    x->sink_have = have < c->size ? have : 0;
    x->sink_size = c->size;
    x->hash = c->hash;
}

/* Once more from the beginning: what is there, or what the registry thinks of it, is wrong. */
static int from_the_beginning(struct registry_call *c, struct error *err, const char *why)
{
    if (c->rounds++ > 0)
        return error_set(err, -EPROTO, "%s: blob %s of %s: %s", c->s->host, c->name, c->repository,
                         why);
    begin_get(c, 0);
    return 0;
}

static int check_part(struct registry_call *c, const struct registry_answer *a, struct error *err)
{
    const struct view text = head_get(&a->headers, "Content-Range");
    struct head_range range;

    if (!text.at || !head_content_range(text, &range))
        return from_the_beginning(c, err, "it sent a part without saying which");
    if (range.first != c->x.sink_have || range.last + 1 != c->size ||
        (range.total != UINT64_MAX && range.total != c->size))
        return from_the_beginning(c, err, "it sent another part than it was asked for");
    return 1;
}

static int check_whole(struct registry_call *c, const struct registry_answer *a, struct error *err)
{
    char text[DIGEST_TEXT_MAX];

    if (a->size != c->size)
        return error_set(err, -EPROTO,
                         "%s: blob %s of %s has %" PRIu64 " bytes, not %" PRIu64
                         " as its descriptor says",
                         c->s->host, c->name, c->repository, a->size, c->size);
    if (!c->hash || digest_eq(&a->digest, &c->digest))
        return 1;
    digest_format(&a->digest, text);
    if (a->status == 206) /* the older part may be to blame */
        return from_the_beginning(c, err, "it has another digest");
    return error_set(err, -EPROTO, "%s: blob %s of %s: what came has the digest %s", c->s->host,
                     c->name, c->repository, text);
}

static int next_url(struct registry_call *c, struct error *err)
{
    cleanup_free char *url = NULL;
    const char *text = c->urls.at[c->url++];
    const int r = location_resolve("https://registry/", view_of(text), &url, err);

    if (r < 0)
        return error_wrap(err, r, "%s: urls of blob %s", c->s->host, c->name);
    begin_get(c, 0);
    return 0;
}

static int take_get(struct registry_call *c, const struct registry_answer *a, struct error *err)
{
    if ((a->status == 404 || (c->url && a->status / 100 == 4)) && c->url < c->urls.size)
        return next_url(c, err);
    if (a->status == 416 && c->x.sink_have)
        return from_the_beginning(c, err, "it has no such range");
    if (a->status != 200 && a->status != 206)
        return call_problem(c, a, err);
    const int r = a->status == 206 ? check_part(c, a, err) : 1;
    c->result.size = a->size;
    return r == 1 ? check_whole(c, a, err) : r;
}

/* ---- into memory ---- */

static int take_read(struct registry_call *c, const struct registry_answer *a, struct error *err)
{
    char text[DIGEST_TEXT_MAX];

    if (!call_ok(a))
        return call_problem(c, a, err);
    digest_of(str_view(&a->body), &c->result.digest);
    if (a->body.size != c->size)
        return error_set(err, -EPROTO,
                         "%s: blob %s of %s has %zu bytes, not %" PRIu64 " as its descriptor says",
                         c->s->host, c->name, c->repository, a->body.size, c->size);
    if (!digest_eq(&c->result.digest, &c->digest))
        return error_set(err, -EPROTO, "%s: blob %s of %s: what came has the digest %s", c->s->host,
                         c->name, c->repository, digest_format(&c->result.digest, text));
    str_add(&c->result.body, str_view(&a->body));
    return 1;
}

static const struct call_row row_head = {"blob", take_head}, row_get = {"blob", take_get},
                             row_read = {"blob", take_read};

static struct registry_call *blob_call(const struct call_row *row, struct registry_session *s,
                                       const char *repository, const struct digest *digest,
                                       uint64_t size)
{
    struct registry_call *c = call_new(row, s, repository);
    char text[DIGEST_TEXT_MAX];

    c->digest = *digest;
    c->size = size;
    c->name = xstrdup(digest_format(digest, text));
    return c;
}

struct registry_call *registry_blob_head(struct registry_session *s, const char *repository,
                                         const struct digest *digest, uint64_t size)
{
    struct registry_call *c = blob_call(&row_head, s, repository, digest, size);

    (void)call_begin(c, "HEAD", blob_path(c), "pull");
    return c;
}

struct registry_call *registry_blob_get(struct registry_session *s, const char *repository,
                                        const struct digest *digest, uint64_t size, int fd,
                                        uint64_t have, bool hash)
{
    struct registry_call *c = blob_call(&row_get, s, repository, digest, size);

    c->fd = fd;
    c->hash = hash;
    begin_get(c, have);
    return c;
}

void registry_blob_get_also(struct registry_call *c, const struct strings *urls)
{
    for (size_t i = 0; i < urls->size; i++)
        strings_add(&c->urls, urls->at[i]);
}

struct registry_call *registry_blob_read(struct registry_session *s, const char *repository,
                                         const struct digest *digest, uint64_t size, size_t limit)
{
    struct registry_call *c = blob_call(&row_read, s, repository, digest, size);
    struct exchange *x = call_begin(c, "GET", blob_path(c), "pull");

    /* what a redirect or a complaint says may be longer than a small blob */
    x->body_max = MAX((size_t)MIN(size, limit), (size_t)REGISTRY_BODY_MAX);
    return c;
}
