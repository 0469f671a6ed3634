#include "image/tree.h"

#include <errno.h>

#include "base/map.h"
#include "image/image.h"
#include "oci/beside.h"
#include "trust/evidence.h"

#define ANNOTATION_BUNDLE_TYPE "dev.sigstore.bundle.predicateType"
#define SIGN_TYPE "https://sigstore.dev/cosign/sign/v1"

struct tree {
    struct site *site;
    struct map seen; /* by digest: what refers to itself ends */
    size_t count;
};

/* ---- what it is ---- */

static const struct {
    const char *part; /* of a media, artifact or predicate type */
    const char *kind;
} kinds[] = {
    {"spdx", "sbom"},
    {"cyclonedx", "sbom"},
    {"syft", "sbom"},
    {"/sbom", "sbom"},
    {SIGN_TYPE, "signature"},
    {MEDIA_COSIGN_SIMPLE, "signature"},
    {"application/vnd.cncf.notary.signature", "signature"},
    {"application/vnd.dev.cosign.artifact.sig.", "signature"},
    {"application/pgp-signature", "signature"},
    {"in-toto", "attestation"},
    {MEDIA_DSSE, "attestation"},
    {"://", "attestation"}, /* any other type of a predicate is a URL */
};

static const char *kind_of(const char *type)
{
    for (size_t i = 0; type && i < ARRAY_SIZE(kinds); i++)
        if (strcasestr(type, kinds[i].part))
            return kinds[i].kind;
    return NULL;
}

static const char *predicate_type(const struct descriptor *layer)
{
    static const char *const keys[] = {"predicateType", "in-toto.io/predicate-type",
                                       ANNOTATION_BUNDLE_TYPE};
    const char *type = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(keys) && !type; i++)
        type = descriptor_annotation(layer, keys[i]);
    return type;
}

static const char *layer_kind(const struct descriptor *layer)
{
    const char *kind = kind_of(predicate_type(layer));

    if (!kind)
        kind = kind_of(layer->media_type);
    return kind ? kind : "artifact";
}

static const char *annotation(const struct manifest *m, const char *key)
{
    return json_string_value(json_object_get(m->annotations, key));
}

/* What is said with it counts first, then what it calls itself, at last what is in it. */
static const char *manifest_kind_of(const struct manifest *m)
{
    const char *content = annotation(m, "dev.sigstore.bundle.content");
    const char *kind = kind_of(annotation(m, ANNOTATION_BUNDLE_TYPE));

    if (!kind && content && strcmp(content, "message-signature") == 0)
        kind = "signature";
    for (size_t i = 0; !kind && i < m->layer_count; i++)
        kind = kind_of(predicate_type(&m->layers[i]));
    if (!kind)
        kind = kind_of(m->artifact_type);
    if (!kind)
        kind = kind_of(m->config.media_type);
    if (!kind && m->layer_count)
        kind = layer_kind(&m->layers[0]);
    return kind ? kind : "artifact";
}

/* ---- documents ---- */

static json_t *layers_doc(const struct manifest *m)
{
    json_t *all = json_array();

    for (size_t i = 0; i < m->layer_count; i++) {
        const struct descriptor *l = &m->layers[i];
        json_t *doc = json_object();

        doc_set_text(doc, "mediaType", l->media_type);
        doc_set_text(doc, "digest", l->digest_text);
        doc_set_int(doc, "size", (int64_t)l->size);
        doc_set_text(doc, "kind", layer_kind(l));
        doc_set_text(doc, "predicateType", predicate_type(l));
        doc_push(all, doc);
    }
    return all;
}

static json_t *named(const struct digest *d, const char *media_type, uint64_t size)
{
    char text[DIGEST_TEXT_MAX];
    json_t *doc = json_object();

    doc_set_text(doc, "digest", digest_format(d, text));
    doc_set_text(doc, "mediaType", media_type);
    doc_set_int(doc, "size", (int64_t)size);
    return doc;
}

static json_t *referrer_doc(const struct manifest *m, const char *tag)
{
    json_t *doc = named(&m->digest, m->media_type, m->raw.size);
    const char *type = annotation(m, ANNOTATION_BUNDLE_TYPE);

    for (size_t i = 0; i < m->layer_count && !type; i++)
        type = predicate_type(&m->layers[i]);
    doc_set_text(doc, "artifactType", m->artifact_type ? m->artifact_type : m->config.media_type);
    doc_set_text(doc, "kind", manifest_kind_of(m));
    doc_set_text(doc, "tag", tag);
    doc_set_text(doc, "predicateType", type);
    doc_set_text(doc, "created", annotation(m, ANNOTATION_CREATED));
    doc_set(doc, "layers", layers_doc(m));
    return doc;
}

/* ---- reading ---- */

/* 1: it was not there yet. */
static int note(struct tree *t, const struct digest *d, struct error *err)
{
    char hex[DIGEST_HEX_MAX];
    const struct view key = view_of(digest_hex(d, hex));

    if (map_has(&t->seen, key))
        return 0;
    map_set(&t->seen, key, t);
    return ++t->count > TREE_COUNT_MAX
               ? error_set(err, -EDQUOT, "more than %d manifests speak of it", TREE_COUNT_MAX)
               : 1;
}

static int add_beside(struct tree *t, const struct digest *subject, unsigned depth, json_t *to,
                      struct error *err);

static int add(struct tree *t, struct view bytes, const char *tag, unsigned depth, json_t *to,
               struct error *err)
{
    CLEANUP(manifest_freep) struct manifest *m = NULL;
    int r = manifest_parse(bytes, &m, err);

    if (r < 0)
        return r;
    json_t *doc = referrer_doc(m, tag);
    doc_push(to, doc);
    return depth < TREE_DEPTH_MAX ? add_beside(t, &m->digest, depth + 1, doc, err) : 0;
}

static int add_referrer(struct tree *t, const struct digest *d, unsigned depth, json_t *to,
                        struct error *err)
{
    STR_AUTO(bytes);
    ERROR_AUTO(why);
    int r = note(t, d, err);

    if (r <= 0)
        return r;
    r = t->site->kind->manifest(t->site, d, &bytes, &why);
    if (r == 0)
        return add(t, str_view(&bytes), NULL, depth, to, err);
    return r == -ENOENT ? 0 : error_move(err, &why); /* a list may outlive what it lists */
}

static int add_tag(struct tree *t, const struct digest *subject, const char *suffix, unsigned depth,
                   json_t *to, struct error *err)
{
    char text[DIGEST_TEXT_MAX], tag[BESIDE_TAG_MAX];
    struct digest d;
    STR_AUTO(bytes);
    ERROR_AUTO(why);

    beside_tag(digest_format(subject, text), suffix, tag);
    int r = t->site->kind->tag(t->site, tag, &bytes, &why);
    if (r < 0)
        return r == -ENOENT ? 0 : error_move(err, &why);
    digest_of(str_view(&bytes), &d);
    r = note(t, &d, err);
    return r <= 0 ? r : add(t, str_view(&bytes), tag, depth, to, err);
}

/* to gets "referrers". */
static int add_beside(struct tree *t, const struct digest *subject, unsigned depth, json_t *to,
                      struct error *err)
{
    static const char *const suffixes[] = {".sig", ".att", ".sbom"};
    cleanup_free struct digest *list = NULL;
    json_t *all = json_array();
    size_t count = 0;
    int r = t->site->kind->referrers(t->site, subject, &list, &count, err);

    doc_set(to, "referrers", all);
    for (size_t i = 0; r >= 0 && i < count; i++)
        r = add_referrer(t, &list[i], depth, all, err);
    for (size_t i = 0; r >= 0 && depth == 0 && i < ARRAY_SIZE(suffixes); i++)
        r = add_tag(t, subject, suffixes[i], depth, all, err);
    return MIN(r, 0);
}

/* ---- the image itself ---- */

static int add_manifests(struct tree *t, const struct image_index *x, json_t *to, struct error *err)
{
    json_t *all = json_array();
    int r = 0;

    doc_set(to, "manifests", all);
    for (size_t i = 0; r == 0 && i < x->manifest_count; i++) {
        const struct descriptor *d = &x->manifests[i];
        char platform[PLATFORM_TEXT_MAX];
        json_t *doc = named(&d->digest, d->media_type, d->size);

        doc_push(all, doc);
        if (d->has_platform)
            doc_set_text(doc, "platform", platform_format(&d->platform, platform));
        r = descriptor_need_sha256(d, err);
        if (r == 0)
            r = MIN(note(t, &d->digest, err), 0);
        if (r == 0)
            r = add_beside(t, &d->digest, 0, doc, err);
    }
    return r;
}

static int look(struct tree *t, json_t *doc, const struct digest *root, struct view bytes,
                struct error *err)
{
    CLEANUP(image_index_freep) struct image_index *index = NULL;
    enum media kind = MEDIA_OTHER;
    int r = manifest_kind(bytes, &kind, err);

    if (r == 0)
        r = MIN(note(t, root, err), 0);
    if (r == 0)
        r = add_beside(t, root, 0, doc, err);
    if (r < 0 || kind != MEDIA_INDEX)
        return r;
    r = image_index_parse(bytes, &index, err);
    return r < 0 ? r : add_manifests(t, index, doc, err);
}

static int media_type_of(struct view bytes, const char **ret, struct error *err)
{
    cleanup_doc json_t *doc = NULL;
    enum media kind;
    const char *stated = NULL;
    int r = doc_parse(bytes, MANIFEST_SIZE_MAX, "manifest", &doc, err);

    if (r == 0)
        r = doc_text(doc, "mediaType", &stated, err);
    if (r == 0)
        r = manifest_kind(bytes, &kind, err);
    if (r < 0)
        return r;
    const bool docker = stated && media_is_docker(stated);
    if (kind == MEDIA_INDEX)
        *ret = docker ? MEDIA_DOCKER_LIST : MEDIA_OCI_INDEX;
    else
        *ret = docker ? MEDIA_DOCKER_MANIFEST : MEDIA_OCI_MANIFEST;
    return 0;
}

int image_tree(struct site *s, json_t **ret, struct error *err)
{
    struct tree t = {.site = s};
    cleanup_doc json_t *doc = json_object();
    const char *type = NULL;
    struct digest root;
    STR_AUTO(bytes);
    int r = s->kind->image(s, &root, &bytes, err);

    if (r == 0)
        r = media_type_of(str_view(&bytes), &type, err);
    if (r == 0) {
        json_t *own = named(&root, type, bytes.size);
        doc_set_text(doc, "reference", s->name);
        json_object_update(doc, own);
        doc_unref(own);
        r = look(&t, doc, &root, str_view(&bytes), err);
    }
    map_done(&t.seen);
    if (r < 0)
        return error_wrap(err, r, "%s", s->name);
    *ret = steal(doc);
    return 0;
}

/* ---- of the store ---- */

static json_t *kept_doc(const json_t *item)
{
    const char *type = json_string_value(json_object_get(item, "predicateType"));
    const char *kind = kind_of(type);
    json_t *doc = json_object();
    STR_AUTO(text);

    doc_print(json_object_get(item, "predicate"), true, &text);
    doc_set_text(doc, "artifactType", MEDIA_IN_TOTO);
    doc_set_int(doc, "size", (int64_t)text.size);
    doc_set_text(doc, "kind", kind ? kind : "attestation");
    doc_set_text(doc, "predicateType", type);
    doc_set(doc, "layers", json_array());
    doc_set(doc, "referrers", json_array());
    return doc;
}

static json_t *image_doc(const struct image *i)
{
    const char *manifest = json_string_value(json_object_get(i->record.extra, "manifest"));
    const json_t *list = json_object_get(i->record.extra, "attestations"), *item;
    json_t *doc = json_object(), *all = json_array();
    char text[DIGEST_TEXT_MAX], platform[PLATFORM_TEXT_MAX];
    struct digest d;
    size_t n;

    if (manifest) {
        digest_of(view_of(manifest), &d);
        doc_set_text(doc, "digest", digest_format(&d, text));
        doc_set_int(doc, "size", (int64_t)strlen(manifest));
    }
    if (!digest_is_zero(&i->record.id))
        doc_set_text(doc, "id", digest_format(&i->record.id, text));
    doc_set_text(doc, "platform", platform_format(&i->config.platform, platform));
    json_array_foreach(list, n, item)
    {
        doc_push(all, kept_doc(item));
    }
    doc_set(doc, "referrers", all);
    return doc;
}

int image_tree_local(struct image_tools *t, const char *name, json_t **ret, struct error *err)
{
    struct image **images = NULL;
    cleanup_doc json_t *doc = json_object();
    json_t *all = json_array();
    size_t count = 0;
    const int r = image_open_all(t, name, &images, &count, err);

    for (size_t i = 0; i < count; i++)
        doc_push(all, image_doc(images[i]));
    doc_set_text(doc, "reference", name);
    if (count == 1)
        json_object_update(doc, json_array_get(all, 0));
    if (count > 1)
        doc_set(doc, "manifests", json_incref(all));
    doc_unref(all);
    images_free(images, count);
    if (r == 0)
        *ret = steal(doc);
    return r;
}
