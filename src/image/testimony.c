#include "image/testimony.h"

#include <errno.h>
#include <inttypes.h>

#include "oci/beside.h"
#include "trust/notation.h"

#define OVERTAKEN_MAX 5 /* tries, while others change the same tag */

/* What is behind a tag may be a signature's own manifest or an index of referrers. */
static const char *const suffixes[] = {".sig", ".att", ""};

struct reader {
    struct site *site;
    struct testimony *t;
    uint64_t size; /* of all blobs that were read */
    VEC(struct digest) seen;
};

void testimony_done(struct testimony *t)
{
    vec_each (e, &t->evidence)
        evidence_done(e);
    vec_done(&t->evidence);
    vec_each (e, &t->envelopes)
        str_done(e);
    vec_done(&t->envelopes);
    strings_done(&t->complaints);
    vec_each (m, &t->manifests) {
        free(m->tag);
        str_done(&m->bytes);
    }
    vec_done(&t->manifests);
    vec_each (b, &t->blobs)
        str_done(b);
    vec_done(&t->blobs);
    if (t->manifest.at)
        str_done(&t->manifest);
}

/* ---- reading ---- */

/* A signature that cannot be read is none; the next one may be good. */
static void complain(struct reader *r, const char *what, struct error *take_why)
{
    strings_take(&r->t->complaints, xasprintf("%s: %s", what, take_why->text));
    error_done(take_why);
}

static void keep_blob(struct reader *r, const struct str *bytes)
{
    if (!r->t->keep)
        return;
    vec_push(&r->t->blobs, STR_INIT);
    str_add(vec_last(&r->t->blobs), str_view(bytes));
}

static size_t said(const struct testimony *t)
{
    return t->evidence.size + t->envelopes.size;
}

static void keep_manifest(struct reader *r, struct view bytes, const char *tag)
{
    if (!r->t->keep)
        return;
    vec_push(&r->t->manifests,
             (struct testimony_manifest){.tag = tag ? xstrdup(tag) : NULL, .bytes = STR_INIT});
    str_add(&vec_last(&r->t->manifests)->bytes, bytes);
}

/* Of all that is read, manifests that say nothing too: they are a stranger's as well. */
static int count_bytes(struct reader *r, uint64_t size, struct error *err)
{
    r->size += MIN(size, (uint64_t)EVIDENCE_TOTAL_MAX + 1);
    return r->size <= EVIDENCE_TOTAL_MAX
               ? 0
               : error_set(err, -EDQUOT, "what lies beside the image has more than %u MiB",
                           EVIDENCE_TOTAL_MAX >> 20);
}

static int check_limits(struct reader *r, const struct descriptor *d, struct error *err)
{
    if (r->t->evidence.size + r->t->envelopes.size + r->t->complaints.size >= EVIDENCE_COUNT_MAX)
        return error_set(err, -EDQUOT,
                         "more than %d signatures and statements lie beside the image",
                         EVIDENCE_COUNT_MAX);
    return count_bytes(r, d->size, err);
}

static int read_layer(struct reader *r, const struct descriptor *d, struct error *err)
{
    const uint64_t limit = evidence_size_max(evidence_form_of(d));
    struct evidence e;
    STR_AUTO(blob);
    ERROR_AUTO(why);
    int result = check_limits(r, d, err);

    if (result < 0)
        return result;
    if (d->size > limit)
        result = error_set(&why, -EDQUOT, "it has more than %" PRIu64 " bytes", limit);
    else
        result = r->site->kind->blob(r->site, d, &blob, &why);
    if (result == 0)
        result = evidence_read(d, str_view(&blob), &e, &why);
    if (result < 0) {
        complain(r, d->digest_text, &why);
        return 0;
    }
    keep_blob(r, &blob);
    vec_push(&r->t->evidence, e);
    return 0;
}

/* notation's own manifests: one layer, and the type of the artifact or, older, of the configuration. */
static bool is_notation(const struct manifest *m)
{
    return m->layer_count == 1 &&
           (strcmp(m->layers[0].media_type, MEDIA_JWS) == 0 ||
            strcmp(m->layers[0].media_type, MEDIA_COSE) == 0) &&
           strcmp(m->artifact_type ? m->artifact_type : m->config.media_type, MEDIA_NOTATION) == 0;
}

static int read_envelope(struct reader *r, const struct descriptor *d, struct error *err)
{
    struct str blob = STR_INIT;
    ERROR_AUTO(why);
    int result = check_limits(r, d, err);

    if (result < 0)
        return result;
    if (d->size > NOTATION_ENVELOPE_MAX)
        result = error_set(&why, -EDQUOT, "it has more than %u bytes", NOTATION_ENVELOPE_MAX);
    else
        result = r->site->kind->blob(r->site, d, &blob, &why);
    if (result == 0) {
        keep_blob(r, &blob);
        vec_push(&r->t->envelopes, blob);
        return 0;
    }
    str_done(&blob);
    complain(r, d->digest_text, &why);
    return 0;
}

static bool is_new(const struct reader *r, const struct digest *d)
{
    vec_each (seen, &r->seen)
        if (digest_eq(seen, d))
            return false;
    return true;
}

/* tag: where it is; NULL: in a list of referrers. */
static int read_manifest(struct reader *r, struct view text, const char *tag, struct error *err)
{
    CLEANUP(manifest_freep) struct manifest *m = NULL;
    const size_t before = said(r->t);
    ERROR_AUTO(why);
    int result = count_bytes(r, text.size, err);

    if (result < 0)
        return result;
    result = manifest_parse(text, &m, &why);
    if (result < 0) {
        complain(r, "a manifest beside the image", &why);
        return 0;
    }
    if (!is_new(r, &m->digest))
        return 0;
    vec_push(&r->seen, m->digest);
    if (is_notation(m))
        result = read_envelope(r, &m->layers[0], err);
    else
        for (size_t i = 0; result == 0 && i < m->layer_count; i++)
            if (evidence_form_of(&m->layers[i]) != EVIDENCE_NONE)
                result = read_layer(r, &m->layers[i], err);
    if (result == 0 && said(r->t) > before)
        keep_manifest(r, text, tag);
    return result;
}

static int read_referrer(struct reader *r, const struct digest *d, struct error *err)
{
    STR_AUTO(text);
    ERROR_AUTO(why);
    char name[DIGEST_TEXT_MAX];

    if (!is_new(r, d)) /* the list behind the tag is the list of a registry without the API */
        return 0;
    if (r->site->kind->manifest(r->site, d, &text, &why) == 0)
        return read_manifest(r, str_view(&text), NULL, err);
    complain(r, digest_format(d, name), &why);
    return 0;
}

static int read_some(struct reader *r, const struct digest *list, size_t count, struct error *err)
{
    int result = 0;

    if (count > TESTIMONY_REFERRERS_MAX)
        strings_take(&r->t->complaints,
                     xasprintf("of %zu manifests that refer to the image %d were read", count,
                               TESTIMONY_REFERRERS_MAX));
    for (size_t i = 0; result == 0 && i < MIN(count, (size_t)TESTIMONY_REFERRERS_MAX); i++)
        result = read_referrer(r, &list[i], err);
    return result;
}

/* The entries of an index of referrers; whatever artifactType they state, as cosign 2 writes a wrong
 * one. */
static int read_list(struct reader *r, struct view text, struct error *err)
{
    CLEANUP(image_index_freep) struct image_index *x = NULL;
    VEC(struct digest) list = {0};
    ERROR_AUTO(why);

    if (image_index_parse(text, &x, &why) < 0) {
        complain(r, "the list of referrers", &why);
        return 0;
    }
    for (size_t i = 0; i < x->manifest_count; i++)
        if (descriptor_need_sha256(&x->manifests[i], NULL) == 0)
            vec_push(&list, x->manifests[i].digest);
    const int result = read_some(r, list.at, list.size, err);
    vec_done(&list);
    return result;
}

static int read_tag(struct reader *r, const char *suffix, struct error *err)
{
    char text[DIGEST_TEXT_MAX], tag[BESIDE_TAG_MAX];
    enum media kind;
    STR_AUTO(manifest);
    int result;

    beside_tag(digest_format(&r->t->digest, text), suffix, tag);
    ERROR_AUTO(why);
    result = r->site->kind->tag(r->site, tag, &manifest, &why);
    if (result == -ENOENT)
        return 0;
    if (result < 0)
        return error_move(err, &why);
    if (manifest_kind(str_view(&manifest), &kind, &why) < 0) {
        complain(r, tag, &why);
        return 0;
    }
    return kind == MEDIA_INDEX ? read_list(r, str_view(&manifest), err)
                               : read_manifest(r, str_view(&manifest), tag, err);
}

static int read_referrers(struct reader *r, struct error *err)
{
    cleanup_free struct digest *list = NULL;
    size_t count = 0;
    const int result = r->site->kind->referrers(r->site, &r->t->digest, &list, &count, err);

    return result < 0 ? result : read_some(r, list, count, err);
}

int testimony_collect(struct site *p, struct testimony *ret, struct error *err)
{
    struct reader reader = {.site = p, .t = ret};
    int r = ret->manifest.size ? 0 : p->kind->image(p, &ret->digest, &ret->manifest, err);

    ret->collected = true;
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(suffixes); i++)
        r = read_tag(&reader, suffixes[i], err);
    if (r == 0)
        r = read_referrers(&reader, err);
    vec_done(&reader.seen);
    return r < 0 ? error_wrap(err, r, "'%s'", p->name) : 0;
}

/* ---- writing ---- */

static bool has_layer(const struct manifest *m, const struct sign_layer *l)
{
    for (size_t i = 0; i < m->layer_count; i++)
        if (json_equal(m->layers[i].doc, l->descriptor))
            return true;
    return false;
}

/* 1: the layer is there, 0: it was written and may have been overwritten since. */
static int add_layer(struct site *p, const char *tag, const struct sign_layer *l, struct error *err)
{
    CLEANUP(manifest_freep) struct manifest *old = NULL;
    STR_AUTO(before);
    STR_AUTO(manifest);
    STR_AUTO(config);
    ERROR_AUTO(absent);
    int r = p->kind->tag(p, tag, &before, &absent);

    if (r == 0)
        r = manifest_parse(str_view(&before), &old, err);
    else
        r = r == -ENOENT ? 0 : error_move(err, &absent);
    if (r < 0 || (old && has_layer(old, l)))
        return r < 0 ? r : 1;
    r = sign_tag_manifest(old, l, &manifest, &config, err);
    if (r == 0)
        r = p->kind->put_blob(p, str_view(&config), err);
    return r < 0 ? r : p->kind->put_manifest(p, tag, str_view(&manifest), err);
}

int testimony_add_tag(struct site *p, const struct testimony *t, const char *suffix,
                      const struct sign_layer *l, struct error *err)
{
    char text[DIGEST_TEXT_MAX], tag[BESIDE_TAG_MAX];
    int r = p->kind->put_blob(p, str_view(&l->blob), err);

    beside_tag(digest_format(&t->digest, text), suffix, tag);
    for (size_t i = 0; r == 0 && i < OVERTAKEN_MAX; i++)
        r = add_layer(p, tag, l, err);
    if (r == 0)
        r = error_set(err, -EAGAIN, "others change the tag %s all the time", tag);
    return r < 0 ? error_wrap(err, r, "'%s'", p->name) : 0;
}

static json_t *describe_subject(const struct testimony *t)
{
    CLEANUP(manifest_freep) struct manifest *m = NULL;
    CLEANUP(image_index_freep) struct image_index *x = NULL;
    const char *type = MEDIA_OCI_MANIFEST;

    if (manifest_parse(str_view(&t->manifest), &m, NULL) == 0)
        type = m->media_type;
    else if (image_index_parse(str_view(&t->manifest), &x, NULL) == 0)
        type = x->media_type;
    return descriptor_new(type, &t->digest, t->manifest.size);
}

int testimony_add_referrer(struct site *p, const struct testimony *t, const struct sign_layer *l,
                           const char *predicate_type, const char *created, struct error *err)
{
    STR_AUTO(manifest);

    sign_referrer_manifest(l, describe_subject(t), predicate_type, created, &manifest);
    int r = p->kind->put_blob(p, str_view(&l->blob), err);
    if (r == 0)
        r = p->kind->put_blob(p, VIEW("{}"), err);
    if (r == 0)
        r = p->kind->put_manifest(p, NULL, str_view(&manifest), err);
    return r < 0 ? error_wrap(err, r, "'%s'", p->name) : 0;
}
