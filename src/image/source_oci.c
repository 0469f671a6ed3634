/* OCI layouts: a directory, or the same in an archive (image-spec 1.1, image-layout.md). */
#include <errno.h>
#include <inttypes.h>

#include "image/source_internal.h"
#include "oci/beside.h"

/* What is said about images stands beside them. */
static void leave_artifacts(struct image_index *x)
{
    size_t kept = 0;

    for (size_t i = 0; i < x->manifest_count; i++)
        if (!beside_is(&x->manifests[i]))
            x->manifests[kept++] = x->manifests[i];
    x->manifest_count = kept;
}

static int open_layout(struct image_source *s, struct error *err)
{
    STR_AUTO(text);
    int r = source_read_file(s, LAYOUT_FILE, 65536, &text, err);

    if (r == 0)
        r = layout_parse(str_view(&text), err);
    if (r == 0)
        r = source_read_file(s, "index.json", MANIFEST_SIZE_MAX, &text, err);
    r = r < 0 ? r : image_index_parse(str_view(&text), &s->index, err);
    if (r == 0)
        leave_artifacts(s->index);
    return r;
}

static size_t count(const struct image_source *s)
{
    return s->index->manifest_count;
}

static const struct descriptor *entry(const struct image_source *s, size_t i)
{
    return i < count(s) ? &s->index->manifests[i] : &s->asked;
}

/* A whole name where the layout has one; a tag alone stays a tag. */
static void names(const struct image_source *s, size_t i, struct strings *ret)
{
    const struct descriptor *d = entry(s, i);
    const char *whole = descriptor_annotation(d, ANNOTATION_IMAGE_NAME);
    const char *name = descriptor_annotation(d, ANNOTATION_REF_NAME);

    if (whole)
        strings_add(ret, whole);
    else if (name)
        strings_add(ret, name);
}

/* Where the blob is; its size is what the descriptor says. */
static int blob_extent(struct image_source *s, const struct descriptor *d, struct image_extent *ret,
                       struct error *err)
{
    char hex[DIGEST_HEX_MAX], name[128];
    int r = descriptor_need_sha256(d, err);

    if (r < 0)
        return r;
    snprintf(name, sizeof(name), "blobs/sha256/%s", digest_hex(&d->digest, hex));
    r = source_extent(s, name, ret, err);
    if (r == -ENOENT)
        return error_set(err, r, "blob %s is missing", d->digest_text);
    if (r < 0)
        return r;
    if (ret->size != d->size)
        return error_set(err, -EPROTO,
                         "blob %s has %" PRIu64 " bytes, not %" PRIu64 " as its descriptor says",
                         d->digest_text, ret->size, d->size);
    return 0;
}

static int read_document(struct image_source *s, const struct descriptor *d, size_t limit,
                         struct str *ret, struct error *err)
{
    struct image_extent x;
    struct digest got;
    char text[DIGEST_TEXT_MAX];
    int r = blob_extent(s, d, &x, err);

    if (r == 0)
        r = extent_read(&x, limit, ret, err);
    if (r < 0)
        return r;
    digest_of(str_view(ret), &got);
    if (!digest_eq(&got, &d->digest))
        return error_set(err, -EPROTO, "blob %s is damaged: its digest is %s", d->digest_text,
                         digest_format(&got, text));
    return 0;
}

static int take_layers(struct image_source *s, const struct manifest *m,
                       struct image_source_image *ret, struct error *err)
{
    ret->layers = xcalloc(m->layer_count + 1, sizeof(*ret->layers));
    ret->layer_count = m->layer_count;
    for (size_t i = 0; i < m->layer_count; i++) {
        const struct descriptor *d = &m->layers[i];
        struct image_source_layer *l = &ret->layers[i];

        if (!media_is_layer(media_of(d->media_type)))
            return error_set(err, -EINVAL, "layers[%zu] has the type '%.80s', which is no layer", i,
                             d->media_type);
        const int r = s->form->layer(s, d, &l->extent, err);
        if (r < 0)
            return r;
        l->digest = d->digest;
        l->media_type = xstrdup(d->media_type);
        descriptor_urls(d, &l->urls);
    }
    return 0;
}

static int take_manifest(struct image_source *s, struct image_source_image *ret, struct error *err)
{
    CLEANUP(manifest_freep) struct manifest *m = NULL;
    int r = manifest_parse(str_view(&ret->manifest), &m, err);

    if (r < 0)
        return r;
    /* docker 1.x registries wrote application/octet-stream */
    if (media_of(m->config.media_type) != MEDIA_CONFIG &&
        strcmp(m->config.media_type, "application/octet-stream") != 0)
        return error_set(err, -EINVAL, "it is an artifact of type '%.80s', not an image",
                         m->artifact_type ? m->artifact_type : m->config.media_type);
    r = s->form->document(s, &m->config, CONFIG_SIZE_MAX, &ret->config, err);
    if (r == 0)
        r = take_layers(s, m, ret, err);
    return r < 0 ? r : source_take_config(ret, err);
}

int source_read_manifest(struct image_source *s, const struct platform *p,
                         struct image_source_image *ret, struct error *err)
{
    CLEANUP(image_index_freep) struct image_index *index = NULL;
    enum media kind;

    for (size_t depth = 0; depth < SOURCE_DEPTH_MAX; depth++) {
        const struct descriptor *d;
        struct image_index *next = NULL;
        int r = manifest_kind(str_view(&ret->manifest), &kind, err);

        if (r < 0)
            return r;
        if (kind == MEDIA_MANIFEST)
            return take_manifest(s, ret, err);
        r = image_index_parse(str_view(&ret->manifest), &next, err);
        if (r < 0)
            return r;
        image_index_free(index);
        index = next;
        r = image_index_select(index, p, &d, err);
        if (r == 0)
            r = s->form->document(s, d, MANIFEST_SIZE_MAX, &ret->manifest, err);
        if (r < 0)
            return r;
    }
    return error_set(err, -ELOOP, "indexes are nested deeper than %d", SOURCE_DEPTH_MAX);
}

static int read_image(struct image_source *s, size_t i, const struct platform *p,
                      struct image_source_image *ret, struct error *err)
{
    const struct descriptor *d = entry(s, i);
    const int r = read_document(s, d, MANIFEST_SIZE_MAX, &ret->manifest, err);

    ret->root = d->digest;
    return r < 0 ? r : source_read_manifest(s, p, ret, err);
}

/* What index.json lists, or any other manifest or index among the blobs: one of an index below it, one that lost its tag. */
static int find_digest(struct image_source *s, const char *text, size_t *ret, struct error *err)
{
    char hex[DIGEST_HEX_MAX], name[128];
    struct image_extent x;
    struct digest d;

    if (digest_parse(text, &d, NULL) < 0)
        return -ENOENT;
    for (size_t i = 0; i < count(s); i++) {
        if (digest_eq(&s->index->manifests[i].digest, &d)) {
            *ret = i;
            return 0;
        }
    }
    snprintf(name, sizeof(name), "blobs/sha256/%s", digest_hex(&d, hex));
    const int r = source_extent(s, name, &x, err);
    if (r < 0)
        return r;
    (void)digest_format(&d, s->asked_text);
    s->asked = (struct descriptor){.digest_text = s->asked_text, .digest = d, .size = x.size};
    *ret = count(s);
    return 0;
}

const struct source_form source_oci_directory = {
    .name = "oci",
    .help = "an OCI layout directory",
    .archive = false,
    .marker = "index.json",
    .open = open_layout,
    .count = count,
    .read = read_image,
    .names = names,
    .find_digest = find_digest,
    .document = read_document,
    .layer = blob_extent,
};

const struct source_form source_oci_archive = {
    .name = "oci-archive",
    .help = "an OCI layout in a tar archive",
    .archive = true,
    .marker = "index.json",
    .open = open_layout,
    .count = count,
    .read = read_image,
    .names = names,
    .find_digest = find_digest,
    .document = read_document,
    .layer = blob_extent,
};
