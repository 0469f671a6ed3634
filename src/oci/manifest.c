#include "oci/manifest.h"

#include <errno.h>
#include <inttypes.h>

/* What both kinds begin with. */
static int read_head(json_t *doc, enum media want, const char **ret_type,
                     const char **ret_artifact_type, json_t **ret_annotations, struct error *err)
{
    int64_t version = 0;
    const char *type = NULL;
    int r;

    if (!json_is_object(doc))
        return error_set(err, -EINVAL, "it is not a JSON object");
    r = doc_need_int(doc, "schemaVersion", &version, err);
    if (r == 0)
        r = doc_text(doc, "mediaType", &type, err);
    if (r == 0)
        r = descriptor_read_annotations(doc, ret_annotations, err);
    if (r == 0)
        r = descriptor_read_artifact_type(doc, ret_artifact_type, err);
    if (r < 0)
        return r == -ENOENT ? -EINVAL : r;
    if (version != 2)
        return error_set(err, -EINVAL, "schemaVersion is %" PRId64 ", not 2", version);
    if (type && media_of(type) != want)
        return error_set(err, -EINVAL, "mediaType '%.80s' is not that of %s", type,
                         want == MEDIA_INDEX ? "an index" : "a manifest");
    const bool index = json_object_get(doc, "manifests");
    const bool manifest = json_object_get(doc, "layers") || json_object_get(doc, "config");
    if (index && manifest)
        return error_set(err, -EINVAL, "it is both an index and a manifest");
    *ret_type = type;
    return 0;
}

static int read_array(json_t *doc, const char *key, size_t max, struct descriptor **ret,
                      size_t *ret_count, struct error *err)
{
    json_t *array, *item;
    char what[64];
    size_t i;
    int r = doc_need_array(doc, key, &array, err);

    if (r < 0)
        return r == -ENOENT ? -EINVAL : r;
    const size_t count = json_array_size(array);
    if (count > max)
        return error_set(err, -EDQUOT, "%s has %zu items, more than %zu", key, count, max);
    *ret = xcalloc(count ? count : 1, sizeof(**ret));
    *ret_count = count;
    json_array_foreach(array, i, item)
    {
        snprintf(what, sizeof(what), "%s[%zu]", key, i);
        r = descriptor_read(item, what, &(*ret)[i], err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_subject(struct manifest *m, struct error *err)
{
    json_t *subject = json_object_get(m->doc, "subject");
    int r;

    if (!subject || json_is_null(subject))
        return 0;
    r = descriptor_read(subject, "subject", &m->subject, err);
    m->has_subject = r == 0;
    return r;
}

static int read_manifest(struct manifest *m, struct error *err)
{
    const char *type = NULL;
    json_t *config;
    int r = read_head(m->doc, MEDIA_MANIFEST, &type, &m->artifact_type, &m->annotations, err);

    if (r == 0)
        r = doc_need_object(m->doc, "config", &config, err);
    if (r != 0)
        return r == -ENOENT ? -EINVAL : r;
    m->media_type = type ? type : MEDIA_OCI_MANIFEST;
    m->docker = media_is_docker(m->media_type);
    r = descriptor_read(config, "config", &m->config, err);
    if (r == 0)
        r = read_array(m->doc, "layers", MANIFEST_LAYERS_MAX, &m->layers, &m->layer_count, err);
    return r < 0 ? r : read_subject(m, err);
}

int manifest_parse(struct view bytes, struct manifest **ret, struct error *err)
{
    CLEANUP(manifest_freep) struct manifest *m = xcalloc(1, sizeof(*m));
    int r = doc_parse(bytes, MANIFEST_SIZE_MAX, "manifest", &m->doc, err);

    if (r < 0)
        return r;
    r = read_manifest(m, err);
    if (r < 0)
        return error_wrap(err, r, "manifest");
    m->raw = view_make(xmemdup(bytes.at, bytes.size), bytes.size);
    digest_of(bytes, &m->digest);
    *ret = steal(m);
    return 0;
}

void manifest_free(struct manifest *m)
{
    if (!m)
        return;
    doc_unref(m->doc);
    free(m->layers);
    mem_freep(&m->raw.at);
    free(m);
}

static int read_index(struct image_index *x, struct error *err)
{
    const char *type = NULL;
    struct descriptor subject;
    int r = read_head(x->doc, MEDIA_INDEX, &type, &x->artifact_type, &x->annotations, err);

    if (r < 0)
        return r;
    x->media_type = type ? type : MEDIA_OCI_INDEX;
    x->docker = media_is_docker(x->media_type);
    json_t *doc = json_object_get(x->doc, "subject");
    if (doc && !json_is_null(doc)) {
        r = descriptor_read(doc, "subject", &subject, err);
        if (r < 0)
            return r;
        x->subject = subject.digest_text;
    }
    return read_array(x->doc, "manifests", IMAGE_INDEX_MAX, &x->manifests, &x->manifest_count, err);
}

int image_index_parse(struct view bytes, struct image_index **ret, struct error *err)
{
    CLEANUP(image_index_freep) struct image_index *x = xcalloc(1, sizeof(*x));
    int r = doc_parse(bytes, MANIFEST_SIZE_MAX, "index", &x->doc, err);

    if (r < 0)
        return r;
    r = read_index(x, err);
    if (r < 0)
        return error_wrap(err, r, "index");
    x->raw = view_make(xmemdup(bytes.at, bytes.size), bytes.size);
    digest_of(bytes, &x->digest);
    *ret = steal(x);
    return 0;
}

void image_index_free(struct image_index *x)
{
    if (!x)
        return;
    doc_unref(x->doc);
    free(x->manifests);
    mem_freep(&x->raw.at);
    free(x);
}

int manifest_kind(struct view bytes, enum media *ret, struct error *err)
{
    cleanup_doc json_t *doc = NULL;
    const int r = doc_parse(bytes, MANIFEST_SIZE_MAX, "manifest", &doc, err);

    if (r < 0)
        return r;
    if (json_is_array(json_object_get(doc, "manifests")))
        *ret = MEDIA_INDEX;
    else if (json_is_object(json_object_get(doc, "config")))
        *ret = MEDIA_MANIFEST;
    else if (json_integer_value(json_object_get(doc, "schemaVersion")) == 1)
        return error_hint(err, error_set(err, -EINVAL, "manifest is of docker's schema 1"),
                          "copy the image with a tool that converts it: skopeo copy --format oci");
    else
        return error_set(err, -EINVAL, "it is neither an image manifest nor an index");
    return 0;
}

static void say_of_manifest(struct manifest *m, struct any_manifest *ret)
{
    *ret = (struct any_manifest){.digest = m->digest,
                                 .size = m->raw.size,
                                 .media_type = m->media_type,
                                 .artifact_type = m->artifact_type,
                                 .subject = m->has_subject ? m->subject.digest_text : NULL,
                                 .annotations = m->annotations,
                                 .manifest = m};
}

static void say_of_index(struct image_index *x, struct any_manifest *ret)
{
    *ret = (struct any_manifest){.digest = x->digest,
                                 .size = x->raw.size,
                                 .media_type = x->media_type,
                                 .artifact_type = x->artifact_type,
                                 .subject = x->subject,
                                 .annotations = x->annotations,
                                 .index = x};
}

int any_manifest_parse(struct view bytes, struct any_manifest *ret, struct error *err)
{
    struct manifest *m = NULL;
    struct image_index *x = NULL;
    enum media kind;
    int r = manifest_kind(bytes, &kind, err);

    if (r == 0)
        r = kind == MEDIA_INDEX ? image_index_parse(bytes, &x, err)
                                : manifest_parse(bytes, &m, err);
    if (r < 0)
        return r;
    if (x)
        say_of_index(x, ret);
    else
        say_of_manifest(m, ret);
    return 0;
}

void any_manifest_done(struct any_manifest *m)
{
    manifest_free(m->manifest);
    image_index_free(m->index);
}

static bool is_image(const struct descriptor *d)
{
    const enum media m = media_of(d->media_type);
    const char *kind = descriptor_annotation(d, ANNOTATION_REFERENCE_TYPE);

    return (m == MEDIA_MANIFEST || m == MEDIA_INDEX) && !d->artifact_type && !kind;
}

int image_index_select(const struct image_index *x, const struct platform *want,
                       const struct descriptor **ret, struct error *err)
{
    const struct descriptor *best = NULL, *only = NULL;
    int best_rank = -1;
    size_t images = 0;
    char text[PLATFORM_TEXT_MAX];
    STR_AUTO(have);

    for (size_t i = 0; i < x->manifest_count; i++) {
        const struct descriptor *d = &x->manifests[i];

        if (!is_image(d))
            continue;
        images++;
        only = d;
        if (!d->has_platform)
            continue;
        str_printf(&have, "%s%s", have.size ? ", " : "", platform_format(&d->platform, text));
        const int rank = platform_rank(want, &d->platform);
        if (rank >= 0 && (!best || rank < best_rank)) {
            best = d;
            best_rank = rank;
        }
    }
    if (!best && images == 1 && !only->has_platform)
        best = only;
    if (best) {
        *ret = best;
        return 0;
    }
    return error_hint(
        err,
        error_set(err, -ENOENT, "there is no image for platform %s", platform_format(want, text)),
        "it has: %.400s", have.size ? have.at : "no image at all");
}

void manifest_print(bool docker, json_t *take_config, json_t *take_layers, json_t *take_annotations,
                    struct str *ret)
{
    cleanup_doc json_t *doc = json_object();

    doc_set_int(doc, "schemaVersion", 2);
    doc_set_text(doc, "mediaType", docker ? MEDIA_DOCKER_MANIFEST : MEDIA_OCI_MANIFEST);
    doc_set(doc, "config", take_config);
    doc_set(doc, "layers", take_layers);
    if (take_annotations)
        doc_set(doc, "annotations", take_annotations);
    doc_print(doc, true, ret);
}

void image_index_print(bool docker, json_t *take_manifests, json_t *take_annotations,
                       struct str *ret)
{
    cleanup_doc json_t *doc = json_object();

    doc_set_int(doc, "schemaVersion", 2);
    doc_set_text(doc, "mediaType", docker ? MEDIA_DOCKER_LIST : MEDIA_OCI_INDEX);
    doc_set(doc, "manifests", take_manifests);
    if (take_annotations)
        doc_set(doc, "annotations", take_annotations);
    doc_print(doc, true, ret);
}
