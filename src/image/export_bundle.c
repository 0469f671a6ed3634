/* Layouts and docker archives: configuration, manifest, index, and the layers' blobs. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "image/attest.h"
#include "image/export_internal.h"
#include "oci/manifest.h"

const char *export_manifest_type(const struct exporting *x)
{
    return x->docker ? MEDIA_DOCKER_MANIFEST : MEDIA_OCI_MANIFEST;
}

const char *export_index_type(const struct export_set *set)
{
    return set->output->docker_types ? MEDIA_DOCKER_LIST : MEDIA_OCI_INDEX;
}

static const char *layer_type(const struct exporting *x, size_t i)
{
    const bool docker = x->output->docker_types;

    switch (x->layers[i].codec->id) {
    case CODEC_ZSTD:
    case CODEC_ZSTD_CHUNKED:
        return MEDIA_OCI_LAYER_ZSTD; /* docker has no name of its own for it */
    case CODEC_NONE:
        return docker ? MEDIA_DOCKER_LAYER_TAR : MEDIA_OCI_LAYER_TAR;
    case CODEC_GZIP:
    case CODEC_XZ:
    case CODEC_BZIP2:
    case CODEC_ESTARGZ:
        break;
    }
    return docker ? MEDIA_DOCKER_LAYER_GZIP : MEDIA_OCI_LAYER_GZIP;
}

/* The manifest that the image came with, as long as it says what we export. */
static bool old_manifest_fits(struct exporting *x)
{
    const char *text = json_string_value(json_object_get(x->image->record.extra, "manifest"));
    CLEANUP(manifest_freep) struct manifest *m = NULL;

    if (!text || x->annotations || manifest_parse(view_of(text), &m, NULL) < 0 ||
        (m->docker != x->output->docker_types && !x->output->own_types) ||
        m->layer_count != x->image->record.layers.size || !digest_eq(&m->config.digest, &x->id))
        return false;
    for (size_t i = 0; i < m->layer_count; i++)
        if (!digest_eq(&m->layers[i].digest, &x->layers[i].digest))
            return false;
    x->docker = m->docker;
    return true;
}

/* What the manifest said that came with the image, what its record says, what this output says. */
static json_t *all_annotations(const struct exporting *x)
{
    const json_t *extra = x->image->record.extra;
    const char *text = json_string_value(json_object_get(extra, "manifest"));
    CLEANUP(manifest_freep) struct manifest *m = NULL;
    json_t *all = json_object();

    if (text && manifest_parse(view_of(text), &m, NULL) == 0 && m->annotations)
        json_object_update(all, m->annotations);
    if (x->annotations)
        json_object_update(all, x->annotations);
    if (json_object_size(all) > 0)
        return all;
    doc_unref(all);
    return NULL;
}

/* What lazy pullers of eStargz look for: containerd's snapshotter, and the store of podman. */
static void annotate_estargz(const struct export_layer *l, json_t *doc)
{
    char text[DIGEST_TEXT_MAX];

    descriptor_set_annotation(doc, "containerd.io/snapshot/stargz/toc.digest",
                              digest_format(&l->toc.digest, text));
    snprintf(text, sizeof(text), "%" PRIu64, l->plain_size);
    descriptor_set_annotation(doc, "io.containers.estargz.uncompressed-size", text);
}

/* containers/storage, pkg/chunked/internal/minimal: what its readers believe, not the footer. */
static void annotate_chunked(const struct write_toc *t, json_t *doc)
{
    static const char prefix[] = "io.github.containers.zstd-chunked.";
    char key[64], text[96];

    snprintf(key, sizeof(key), "%smanifest-checksum", prefix);
    descriptor_set_annotation(doc, key, digest_format(&t->digest, text));
    snprintf(key, sizeof(key), "%smanifest-position", prefix);
    snprintf(text, sizeof(text), "%" PRIu64 ":%" PRIu64 ":%" PRIu64 ":1", t->at, t->size,
             t->plain_size);
    descriptor_set_annotation(doc, key, text);
    snprintf(key, sizeof(key), "%starsplit-position", prefix);
    snprintf(text, sizeof(text), "%" PRIu64 ":%" PRIu64 ":%" PRIu64, t->split_at, t->split_size,
             t->split_plain_size);
    descriptor_set_annotation(doc, key, text);
}

static const struct descriptor *find_layer(const struct manifest *old, const struct digest *blob)
{
    for (size_t i = 0; old && i < old->layer_count; i++)
        if (digest_eq(&old->layers[i].digest, blob))
            return &old->layers[i];
    return NULL;
}

/* A blob that came with its table keeps what was said of it. */
static void keep_annotations(const struct descriptor *was, json_t *doc)
{
    if (was && was->annotations)
        doc_set(doc, "annotations", json_deep_copy(was->annotations));
}

static json_t *foreign_descriptor(const struct exporting *x, size_t i)
{
    json_t *doc = json_deep_copy(x->image->record.layers.at[i].foreign);
    const char *type = media_layer_as(json_string_value(json_object_get(doc, "mediaType")),
                                      x->output->docker_types);

    if (type)
        doc_set_text(doc, "mediaType", type);
    return doc;
}

static json_t *layer_descriptor(const struct exporting *x, const struct manifest *old, size_t i)
{
    const struct export_layer *l = &x->layers[i];
    const struct descriptor *was = find_layer(old, &l->digest);

    if (export_is_foreign(x, i)) /* it is no more ours than it was */
        return foreign_descriptor(x, i);
    json_t *doc = descriptor_new(layer_type(x, i), &l->digest, l->size);

    if (digest_is_zero(&l->toc.digest))
        keep_annotations(was, doc);
    else if (l->codec->id == CODEC_ESTARGZ)
        annotate_estargz(l, doc);
    else
        annotate_chunked(&l->toc, doc);
    return doc;
}

/* The configuration names the archives that go out. */
static void make_config(struct exporting *x)
{
    const struct store_image *record = &x->image->record;
    bool changed = false;
    CONFIG_AUTO(config);

    config_clone(&x->image->config, &config);
    for (size_t i = 0; i < record->layers.size; i++) {
        if (digest_is_zero(&x->layers[i].diff_id))
            continue;
        changed = changed || !digest_eq(&config.diff_ids.at[i], &x->layers[i].diff_id);
        config.diff_ids.at[i] = x->layers[i].diff_id;
    }
    if (changed)
        config_print(&config, &x->config);
    else
        str_add(&x->config, str_view(&record->config));
    digest_of(str_view(&x->config), &x->id);
}

static void make_manifest(struct exporting *x)
{
    const struct store_image *record = &x->image->record;
    const char *text = json_string_value(json_object_get(record->extra, "manifest"));
    const bool docker = x->output->docker_types;
    CLEANUP(manifest_freep) struct manifest *old = NULL;
    json_t *layers = json_array();

    x->docker = docker;
    if (old_manifest_fits(x)) {
        doc_unref(layers);
        str_add_text(&x->manifest, text);
        digest_of(str_view(&x->manifest), &x->manifest_digest);
        return;
    }
    if (text)
        (void)!manifest_parse(view_of(text), &old,
                              NULL); /* where it cannot be read nothing is kept */
    for (size_t i = 0; i < record->layers.size; i++)
        doc_push(layers, layer_descriptor(x, old, i));
    json_t *config =
        descriptor_new(docker ? MEDIA_DOCKER_CONFIG : MEDIA_OCI_CONFIG, &x->id, x->config.size);
    manifest_print(docker, config, layers, all_annotations(x), &x->manifest);
    digest_of(str_view(&x->manifest), &x->manifest_digest);
}

/* What names one image, in the index of its platforms or in the layout. */
static json_t *manifest_entry(const struct exporting *x)
{
    const struct platform *platform = &x->image->config.platform;
    json_t *entry = descriptor_new(export_manifest_type(x), &x->manifest_digest, x->manifest.size);
    json_t *annotations = NULL;

    descriptor_set_platform(entry, platform);
    annotations_set(&x->output->annotations, ANNOTATE_MANIFEST_DESCRIPTOR, platform, &annotations);
    if (annotations)
        doc_set(entry, "annotations", annotations);
    return entry;
}

void export_make_index(struct export_set *set)
{
    json_t *manifests = json_array(), *annotations = NULL;

    for (size_t i = 0; i < set->count; i++)
        doc_push(manifests, manifest_entry(&set->at[i]));
    annotations_set(&set->output->annotations, ANNOTATE_INDEX, NULL, &annotations);
    image_index_print(set->output->docker_types, manifests, annotations, &set->index);
    digest_of(str_view(&set->index), &set->index_digest);
}

/* What names it all, under one of its names. */
static json_t *layout_entry(const struct export_set *set, const char *name)
{
    const char *created = set->at[0].image->config.created;
    json_t *entry, *user = NULL;
    REFERENCE_AUTO(ref);

    if (!export_has_index(set)) {
        entry = manifest_entry(&set->at[0]);
        user = json_incref(json_object_get(entry, "annotations"));
        (void)json_object_del(entry, "annotations");
    } else {
        entry = descriptor_new(export_index_type(set), &set->index_digest, set->index.size);
        annotations_set(&set->output->annotations, ANNOTATE_INDEX_DESCRIPTOR, NULL, &user);
    }
    if (name)
        descriptor_set_annotation(entry, ANNOTATION_IMAGE_NAME, name);
    if (created)
        descriptor_set_annotation(entry, ANNOTATION_CREATED, created);
    if (name && reference_parse(name, &ref, NULL) == 0 && ref.tag)
        descriptor_set_annotation(entry, ANNOTATION_REF_NAME, ref.tag);
    if (user && json_object_get(entry, "annotations"))
        json_object_update(json_object_get(entry, "annotations"), user);
    else if (user)
        doc_set(entry, "annotations", json_incref(user));
    doc_unref(user);
    return entry;
}

static const char *annotation(const json_t *entry, const char *key)
{
    return json_string_value(json_object_get(json_object_get(entry, "annotations"), key));
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* Artifacts that others put there stay; ours are there once. */
static bool is_ours(const json_t *entry, const json_t *ours)
{
    if (json_object_get(entry, "artifactType") || json_object_get(ours, "artifactType"))
        return json_equal(json_object_get(entry, "digest"), json_object_get(ours, "digest"));
    return same_text(annotation(entry, ANNOTATION_REF_NAME),
                     annotation(ours, ANNOTATION_REF_NAME)) &&
           same_text(annotation(entry, ANNOTATION_IMAGE_NAME),
                     annotation(ours, ANNOTATION_IMAGE_NAME));
}

/* Entries of a layout that is there already stay, but for those with our names. */
static int keep_entries(const struct bundle *b, json_t *manifests, struct error *err)
{
    CLEANUP(image_index_freep) struct image_index *old = NULL;
    STR_AUTO(text);
    ERROR_AUTO(why);
    int r = b->dir < 0 ? -ENOENT
                       : fd_read_regular(b->dir, "index.json", MANIFEST_SIZE_MAX, &text, &why);

    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return error_move(err, &why);
    r = image_index_parse(str_view(&text), &old, err);
    if (r < 0)
        return error_wrap(err, r, "the layout that is there");
    size_t at = 0;
    for (size_t i = 0; i < old->manifest_count; i++) {
        json_t *entry = old->manifests[i].doc, *ours;
        bool replaced = false;
        size_t n;

        json_array_foreach(manifests, n, ours)
        {
            replaced = replaced || is_ours(entry, ours);
        }
        if (!replaced)
            json_array_insert(manifests, at++, entry);
    }
    return 0;
}

struct attesting {
    struct bundle *bundle;
    json_t *entries;
};

static int add_attestation(void *ctx, const struct attestation *a, struct error *err)
{
    const struct attesting *to = ctx;
    struct digest digest;
    int r = 0;

    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(a->blobs); i++) {
        digest_of(a->blobs[i], &digest);
        r = bundle_add_blob_bytes(to->bundle, &digest, a->blobs[i], err);
    }
    if (r == 0)
        r = bundle_add_blob_bytes(to->bundle, &a->digest, a->manifest, err);
    if (r == 0)
        doc_push(to->entries, attestation_descriptor(a));
    return r;
}

static int add_index(const struct export_set *set, struct bundle *b, struct error *err)
{
    json_t *manifests = json_array();
    STR_AUTO(text);
    int r = 0;

    vec_each (name, &set->names) {
        doc_push(manifests, layout_entry(set, *name));
    }
    if (set->names.size == 0)
        doc_push(manifests, layout_entry(set, NULL));
    if (set->output->type != OUTPUT_DOCKER_ARCHIVE)
        r = export_attestations(set, add_attestation, &(struct attesting){b, manifests}, err);
    if (r == 0)
        r = keep_entries(b, manifests, err);
    if (r < 0) {
        doc_unref(manifests);
        return r;
    }
    image_index_print(false, manifests, NULL, &text);
    return bundle_add(b, "index.json", str_view(&text), err);
}

/* What `docker load` reads; paths are those of the layout. */
static int add_docker_manifest(const struct export_set *set, struct bundle *b, struct error *err)
{
    const struct exporting *x = &set->at[0];
    cleanup_doc json_t *all = json_array();
    json_t *entry = json_object(), *tags = json_array(), *layers = json_array();
    char hex[DIGEST_HEX_MAX], path[128];
    STR_AUTO(text);

    snprintf(path, sizeof(path), "blobs/sha256/%s", digest_hex(&x->id, hex));
    doc_set_text(entry, "Config", path);
    vec_each (name, &set->names) {
        cleanup_free char *familiar = image_name_familiar(*name);
        doc_push(tags, doc_new_text(familiar));
    }
    doc_set(entry, "RepoTags", tags);
    for (size_t i = 0; i < x->image->record.layers.size; i++) {
        snprintf(path, sizeof(path), "blobs/sha256/%s", digest_hex(&x->layers[i].digest, hex));
        doc_push(layers, doc_new_text(path));
    }
    doc_set(entry, "Layers", layers);
    doc_push(all, entry);
    doc_print(all, true, &text);
    return bundle_add(b, "manifest.json", str_view(&text), err);
}

/* ---- layers: the known ones while others are packed ---- */

struct layers_out {
    const struct exporting *x;
    struct bundle *bundle;
    size_t next; /* in their order, so that it is the same each time */
    struct bundle_blob blob;
    bool busy; /* with blob */
};

static int begin_layer(struct layers_out *l, struct error *err)
{
    const struct export_layer *layer = &l->x->layers[l->next];

    if (bundle_has_blob(l->bundle, &layer->digest)) {
        l->next++;
        return 1;
    }
    const int fd = store_blob_open(l->x->tools->store, &layer->digest, NULL, err);
    const int r = fd < 0 ? fd
                         : bundle_blob_begin(l->bundle, &layer->digest, fd, layer->size,
                                             !layer->fresh, &l->blob, err);
    if (r < 0)
        return r;
    l->busy = true;
    return 1;
}

/* One that is being packed: its file is followed. */
static int begin_growing(struct layers_out *l, struct error *err)
{
    const int from = fcntl(store_blob_writer_fd(l->x->layers[l->next].writer), F_DUPFD_CLOEXEC, 3);

    if (from < 0)
        return error_sys(err, "read a new blob");
    const int r = bundle_blob_begin_growing(l->bundle, from, &l->blob, err);
    if (r == -ESPIPE)
        return 0;
    l->busy = r == 0;
    return r < 0 ? r : 1;
}

static int begin_next(struct layers_out *l, struct error *err)
{
    const struct exporting *x = l->x;

    if (l->next >= x->image->record.layers.size)
        return 0;
    if (x->layers[l->next].codec)
        return begin_layer(l, err);
    return x->layers[l->next].writer ? begin_growing(l, err) : 0;
}

static int follow(struct layers_out *l, struct error *err)
{
    const struct export_layer *layer = &l->x->layers[l->next];

    if (!layer->codec)
        return bundle_blob_follow(&l->blob, err);
    const int r = bundle_blob_settle(&l->blob, &layer->digest, layer->size, err);
    return r < 0 ? r : 1;
}

/* A piece of work; 0: there is none now, or all are written. */
static int add_layers(void *ctx, struct error *err)
{
    struct layers_out *l = ctx;

    if (!l->busy)
        return begin_next(l, err);
    if (l->blob.growing)
        return follow(l, err);
    const int r = bundle_blob_step(&l->blob, err);
    if (r != 0)
        return r;
    bundle_blob_done(&l->blob);
    l->busy = false;
    l->next++;
    return 1;
}

static int add_all_layers(struct exporting *x, struct bundle *b, struct error *err)
{
    struct layers_out l = {.x = x, .bundle = b};
    const struct queue_idle idle = {add_layers, &l};
    int r = export_pack_blobs(x, &idle, err);

    if (r == 0)
        while ((r = add_layers(&l, err)) > 0)
            ;
    if (l.busy)
        bundle_blob_done(&l.blob);
    return r;
}

int export_make_documents(struct exporting *x, struct error *err)
{
    const int r = image_finish(x->tools, x->image, err);

    if (r < 0)
        return r;
    make_config(x);
    make_manifest(x);
    return 0;
}

static int add_image(struct exporting *x, struct bundle *b, struct error *err)
{
    int r = add_all_layers(x, b, err);

    if (r == 0)
        r = export_make_documents(x, err);
    if (r < 0)
        return r;
    r = bundle_add_blob_bytes(b, &x->id, str_view(&x->config), err);
    return r < 0 ? r : bundle_add_blob_bytes(b, &x->manifest_digest, str_view(&x->manifest), err);
}

static int write_bundle(struct export_set *set, struct bundle *b, struct error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < set->count; i++)
        r = add_image(&set->at[i], b, err);
    if (r == 0 && export_has_index(set)) {
        export_make_index(set);
        r = bundle_add_blob_bytes(b, &set->index_digest, str_view(&set->index), err);
    }
    if (r == 0 && set->output->type == OUTPUT_DOCKER_ARCHIVE)
        r = add_docker_manifest(set, b, err);
    if (r == 0)
        r = bundle_add(b, LAYOUT_FILE, VIEW(LAYOUT_TEXT), err);
    if (r == 0)
        r = add_index(set, b, err); /* last: what it names is there */
    return r < 0 ? r : bundle_finish(b, err);
}

/* type=oci is a directory but where a file is there already, or its name says so (output.h). */
static bool is_directory(const struct output *o)
{
    struct stat st;

    if (o->directory)
        return true;
    return o->type == OUTPUT_OCI && !(stat(o->dest, &st) == 0 && !S_ISDIR(st.st_mode));
}

int export_bundle(struct export_set *set, struct error *err)
{
    const struct output *o = set->output;
    struct bundle b;
    int r = 0;

    for (size_t i = 0; r == 0 && i < set->count; i++)
        r = export_find_blobs(&set->at[i], err);
    if (r < 0)
        return r;
    r = is_directory(o) ? bundle_open_directory(o->dest, &b, err)
                        : bundle_open_archive(o->dest, &b, err);
    if (r == 0)
        r = write_bundle(set, &b, err);
    bundle_done(&b);
    return r;
}
