/* Images of registries. */
#include <errno.h>
#include <inttypes.h>

#include "base/follow.h"
#include "image/source_internal.h"

static size_t count(const struct image_source *s)
{
    (void)s;
    return 1;
}

/* By digest alone it has no name that would stay true. */
static void names(const struct image_source *s, size_t i, struct strings *ret)
{
    struct reference named = s->ref;

    (void)i;
    named.has_digest = false;
    if (named.tag)
        strings_take(ret, reference_format(&named));
}

/* Runs the call, which is freed, and takes what it read. */
static int read_by(struct image_source *s, struct registry_call *take_call, uint64_t size,
                   struct str *ret, struct error *err)
{
    CLEANUP(registry_call_freep) struct registry_call *c = take_call;
    const int r = wire_call(s->wire, c, err);
    const struct registry_result *result = registry_call_result(c);

    if (r < 0)
        return r;
    if (size != UINT64_MAX && result->body.size != size)
        return error_set(err, -EPROTO, "it has %zu bytes, not %" PRIu64 " as its descriptor says",
                         result->body.size, size);
    str_clear(ret);
    str_add(ret, str_view(&result->body));
    return 0;
}

static const char *repository_of(const struct image_source *s)
{
    return s->places.at[s->place].repository;
}

static int document(struct image_source *s, const struct descriptor *d, size_t limit,
                    struct str *ret, struct error *err)
{
    const enum media kind = media_of(d->media_type);
    const char *repository = repository_of(s);
    const int r = descriptor_need_sha256(d, err);

    if (r < 0)
        return r;
    if (d->size > limit)
        return error_set(err, -EDQUOT, "%s has %" PRIu64 " bytes, more than the limit of %zu",
                         d->digest_text, d->size, limit);
    if (kind == MEDIA_INDEX || kind == MEDIA_MANIFEST)
        return read_by(s, registry_manifest_get(s->session, repository, NULL, &d->digest), d->size,
                       ret, err);
    return read_by(s, registry_blob_read(s->session, repository, &d->digest, d->size, limit),
                   d->size, ret, err);
}

static int layer(struct image_source *s, const struct descriptor *d, struct image_extent *ret,
                 struct error *err)
{
    (void)s;
    *ret = (struct image_extent){-1, 0, d->size};
    return descriptor_need_sha256(d, err);
}

static int read_manifest(struct image_source *s, struct str *ret, struct error *err)
{
    const struct reference *ref = &s->ref;
    const int r = wire_session(s->wire, &s->places.at[s->place], &s->session, err);

    return r < 0 ? r
                 : read_by(s,
                           registry_manifest_get(s->session, repository_of(s), ref->tag,
                                                 ref->has_digest ? &ref->digest : NULL),
                           UINT64_MAX, ret, err);
}

/* A mirror may lack the image or be away: the next place has it, the registry itself at last. */
static int read_image(struct image_source *s, size_t i, const struct platform *p,
                      struct image_source_image *ret, struct error *err)
{
    int r;

    (void)i;
    for (s->place = 0;; s->place++) {
        ERROR_AUTO(own);
        const struct registry_endpoint *at = &s->places.at[s->place];

        r = read_manifest(s, &ret->manifest, &own);
        if (r == 0)
            break;
        if (!at->mirror)
            return error_move(err, &own);
        if (r != -ENOENT)
            env_warn(wire_env(s->wire), "mirror %s/%s: %s", at->host, at->repository, own.text);
    }
    digest_of(str_view(&ret->manifest), &ret->root);
    return source_read_manifest(s, p, ret, err);
}

static int note_ready(void *ctx, struct registry_call *c, struct error *err)
{
    struct image_fetch *f = ctx;

    (void)c, (void)err;
    f->ready = true;
    if (f->told_fd >= 0)
        follow_tell(f->told_fd, FOLLOW_END);
    return 0;
}

void image_source_fetch(struct image_source *s, const struct image_source_layer *l, int fd,
                        uint64_t have, struct image_fetch *f)
{
    char text[DIGEST_TEXT_MAX];
    cleanup_free char *title = xasprintf("pull layer %.19s", digest_format(&l->digest, text));

    struct registry_call *c = registry_blob_get(s->session, repository_of(s), &l->digest,
                                                l->extent.size, fd, have, false);
    registry_blob_get_also(c, &l->urls);
    wire_get_blob(s->wire, c, title, l->extent.size, f->told_fd, note_ready, f);
}

const struct source_form source_registry = {
    .name = "registry",
    .help = "an image of a registry",
    .count = count,
    .read = read_image,
    .names = names,
    .document = document,
    .layer = layer,
};
