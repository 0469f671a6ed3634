#include "image/export.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#include "image/bundle.h"
#include "image/internal.h"
#include "image/queue.h"
#include "oci/manifest.h"

struct exporting {
    struct image_tools *tools;
    struct image *image;
    const struct output *output;
    struct store_blob *blobs; /* one a layer: what goes out; media types are constants */
    const struct codec **codecs;
    struct str manifest;
    struct digest manifest_digest;
    json_t *annotations;  /* of the manifest: new ones; or NULL */
    struct strings names; /* canonical */
};

/* ---- which blobs ---- */

static bool is_wanted(const struct exporting *x, const struct codec *codec)
{
    const struct output *o = x->output;

    if (o->codec && o->force)
        return codec == o->codec;
    /* plain archives are worth packing once; everything packed is good enough */
    return o->codec ? codec == o->codec || codec->id != CODEC_NONE : codec->id != CODEC_NONE;
}

static void form_of(const struct output *o, struct str *ret)
{
    str_clear(ret);
    str_add_text(ret, o->codec ? o->codec->name : "gzip");
    if (o->level != CODEC_LEVEL_DEFAULT)
        str_printf(ret, "-%d", o->level);
}

static void take_blob(struct exporting *x, size_t i, const struct digest *digest, uint64_t size,
                      const struct codec *codec)
{
    x->blobs[i] = (struct store_blob){*digest, size, NULL};
    x->codecs[i] = codec;
}

/* Blobs of the record first, then packed forms of other times. */
static int find_blob(struct exporting *x, size_t i, struct error *err)
{
    const struct store_layer *layer = &x->image->record.layers.at[i];
    struct digest digest;
    uint64_t size;
    STR_AUTO(form);

    if (x->output->level == CODEC_LEVEL_DEFAULT || !x->output->force)
        vec_each (b, &layer->blobs) {
            const struct codec *codec = codec_by_media_type(b->media_type);

            if (codec && is_wanted(x, codec) &&
                store_blob_hold(x->tools->store, &b->digest, NULL) == 0) {
                take_blob(x, i, &b->digest, b->size, codec);
                return 1;
            }
        }
    if (digest_is_zero(&layer->diff_id))
        return 0;
    form_of(x->output, &form);
    const int r = cache_blob_get(x->tools->cache, &layer->diff_id, form.at, &digest, &size, err);
    if (r > 0)
        take_blob(x, i, &digest, size, x->output->codec ? x->output->codec : codec_by_name("gzip"));
    return r;
}

/* From the plain bytes that were loaded, where there are such: others may not come out of the tree the same. */
static json_t *pack_request(const struct exporting *x, const struct store_layer *layer)
{
    char hex[DIGEST_HEX_MAX];
    json_t *doc = json_object();

    if (layer->blobs.size)
        doc_set_text(doc, "blob", digest_hex(&layer->blobs.at[0].digest, hex));
    else
        image_pack_tree(layer, doc);
    doc_set_text(doc, "codec", x->output->codec ? x->output->codec->name : "gzip");
    doc_set_int(doc, "level", x->output->level);
    doc_set_bool(doc, "keep", true);
    return doc;
}

static int take_packed(struct exporting *x, size_t i, const json_t *answer, struct error *err)
{
    struct store_layer *layer = &x->image->record.layers.at[i];
    const struct codec *codec = x->output->codec ? x->output->codec : codec_by_name("gzip");
    const char *diff, *blob;
    struct digest diff_id, digest;
    int64_t size = 0;
    STR_AUTO(form);
    int r = doc_need_text(answer, "diff_id", &diff, err);

    if (r == 0)
        r = doc_need_text(answer, "blob", &blob, err);
    if (r == 0)
        r = doc_need_int(answer, "size", &size, err);
    if (r == 0)
        r = digest_parse(diff, &diff_id, err);
    if (r == 0)
        r = digest_parse(blob, &digest, err);
    if (r == 0)
        r = image_take_diff_id(x->tools, layer, &diff_id, err);
    if (r < 0)
        return r;
    take_blob(x, i, &digest, (uint64_t)size, codec);
    form_of(x->output, &form);
    r = cache_blob_put(x->tools->cache, &diff_id, form.at, &digest, (uint64_t)size, err);
    return r < 0 ? r : cache_link_put(x->tools->cache, CACHE_BLOB_DIFF, &digest, &diff_id, err);
}

static int make_blobs(struct exporting *x, struct error *err)
{
    const size_t count = x->image->record.layers.size;
    cleanup_free struct queue_item *items = xcalloc(count + 1, sizeof(*items));
    cleanup_free size_t *numbers = xcalloc(count + 1, sizeof(*numbers));
    size_t wanted = 0;
    int r = 0;

    for (size_t i = 0; i < count && r >= 0; i++) {
        r = find_blob(x, i, err);
        if (r != 0)
            continue;
        numbers[wanted] = i;
        items[wanted++] = (struct queue_item){
            .job = "layer-pack",
            .title = xasprintf("pack layer %zu of %zu", i + 1, count),
            .request = pack_request(x, &x->image->record.layers.at[i]),
            .fd = -1,
        };
    }
    r = r < 0 ? r : queue_run(x->tools, items, wanted, err);
    for (size_t n = 0; r == 0 && n < wanted; n++)
        r = take_packed(x, numbers[n], items[n].answer, err);
    for (size_t n = 0; n < wanted; n++)
        mem_freep(&items[n].title);
    queue_items_done(items, wanted);
    return r;
}

/* ---- documents ---- */

static const char *layer_type(const struct exporting *x, size_t i)
{
    const bool docker = x->output->docker_types;

    switch (x->codecs[i]->id) {
    case CODEC_ZSTD:
        return MEDIA_OCI_LAYER_ZSTD; /* docker has no name of its own for it */
    case CODEC_NONE:
        return docker ? MEDIA_DOCKER_LAYER_TAR : MEDIA_OCI_LAYER_TAR;
    case CODEC_GZIP:
    case CODEC_XZ:
    case CODEC_BZIP2:
        break;
    }
    return docker ? MEDIA_DOCKER_LAYER_GZIP : MEDIA_OCI_LAYER_GZIP;
}

/* The manifest that the image came with, as long as it says what we export. */
static bool old_manifest_fits(const struct exporting *x)
{
    const char *text = json_string_value(json_object_get(x->image->record.extra, "manifest"));
    CLEANUP(manifest_freep) struct manifest *m = NULL;

    if (!text || x->annotations || manifest_parse(view_of(text), &m, NULL) < 0 ||
        m->docker != x->output->docker_types || m->layer_count != x->image->record.layers.size ||
        !digest_eq(&m->config.digest, &x->image->record.id))
        return false;
    for (size_t i = 0; i < m->layer_count; i++)
        if (!digest_eq(&m->layers[i].digest, &x->blobs[i].digest))
            return false;
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

static void make_manifest(struct exporting *x)
{
    const struct store_image *record = &x->image->record;
    const bool docker = x->output->docker_types;
    json_t *layers = json_array();

    if (old_manifest_fits(x)) {
        doc_unref(layers);
        str_add_text(&x->manifest, json_string_value(json_object_get(record->extra, "manifest")));
        digest_of(str_view(&x->manifest), &x->manifest_digest);
        return;
    }
    for (size_t i = 0; i < record->layers.size; i++)
        doc_push(layers, descriptor_new(layer_type(x, i), &x->blobs[i].digest, x->blobs[i].size));
    json_t *config = descriptor_new(docker ? MEDIA_DOCKER_CONFIG : MEDIA_OCI_CONFIG, &record->id,
                                    record->config.size);
    manifest_print(docker, config, layers, all_annotations(x), &x->manifest);
    digest_of(str_view(&x->manifest), &x->manifest_digest);
}

static json_t *index_entry(const struct exporting *x, const char *name)
{
    json_t *entry =
        descriptor_new(x->output->docker_types ? MEDIA_DOCKER_MANIFEST : MEDIA_OCI_MANIFEST,
                       &x->manifest_digest, x->manifest.size);
    REFERENCE_AUTO(ref);

    descriptor_set_platform(entry, &x->image->config.platform);
    if (name)
        descriptor_set_annotation(entry, ANNOTATION_IMAGE_NAME, name);
    if (x->image->config.created)
        descriptor_set_annotation(entry, ANNOTATION_CREATED, x->image->config.created);
    if (name && reference_parse(name, &ref, NULL) == 0 && ref.tag)
        descriptor_set_annotation(entry, ANNOTATION_REF_NAME, ref.tag);
    json_t *annotations = json_object_get(entry, "annotations"), *more = annotations;
    annotations_set(&x->output->annotations, ANNOTATE_MANIFEST_DESCRIPTOR,
                    &x->image->config.platform, &more);
    if (more != annotations)
        doc_set(entry, "annotations", more);
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

/* Entries of a layout that is there already stay, but for those with our names. */
static int keep_entries(const struct bundle *b, json_t *manifests, struct error *err)
{
    CLEANUP(image_index_freep) struct image_index *old = NULL;
    STR_AUTO(text);
    int r =
        b->dir < 0 ? -ENOENT : fd_read_file(b->dir, "index.json", MANIFEST_SIZE_MAX, &text, NULL);

    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return error_set(err, r, "read 'index.json': %s", strerror(-r));
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
            replaced = replaced || (same_text(annotation(entry, ANNOTATION_REF_NAME),
                                              annotation(ours, ANNOTATION_REF_NAME)) &&
                                    same_text(annotation(entry, ANNOTATION_IMAGE_NAME),
                                              annotation(ours, ANNOTATION_IMAGE_NAME)));
        }
        if (!replaced)
            json_array_insert(manifests, at++, entry);
    }
    return 0;
}

static int add_index(const struct exporting *x, struct bundle *b, struct error *err)
{
    json_t *manifests = json_array();
    STR_AUTO(text);
    int r;

    vec_each (name, &x->names) {
        doc_push(manifests, index_entry(x, *name));
    }
    if (x->names.size == 0)
        doc_push(manifests, index_entry(x, NULL));
    r = keep_entries(b, manifests, err);
    if (r < 0) {
        doc_unref(manifests);
        return r;
    }
    image_index_print(false, manifests, NULL, &text);
    return bundle_add(b, "index.json", str_view(&text), err);
}

/* What `docker load` reads; paths are those of the layout. */
static int add_docker_manifest(const struct exporting *x, struct bundle *b, struct error *err)
{
    cleanup_doc json_t *all = json_array();
    json_t *entry = json_object(), *tags = json_array(), *layers = json_array();
    char hex[DIGEST_HEX_MAX], path[128];
    STR_AUTO(text);

    snprintf(path, sizeof(path), "blobs/sha256/%s", digest_hex(&x->image->record.id, hex));
    doc_set_text(entry, "Config", path);
    vec_each (name, &x->names) {
        cleanup_free char *familiar = image_name_familiar(*name);
        doc_push(tags, doc_new_text(familiar));
    }
    doc_set(entry, "RepoTags", tags);
    for (size_t i = 0; i < x->image->record.layers.size; i++) {
        snprintf(path, sizeof(path), "blobs/sha256/%s", digest_hex(&x->blobs[i].digest, hex));
        doc_push(layers, doc_new_text(path));
    }
    doc_set(entry, "Layers", layers);
    doc_push(all, entry);
    doc_print(all, true, &text);
    return bundle_add(b, "manifest.json", str_view(&text), err);
}

static bool was_added(const struct exporting *x, size_t i)
{
    for (size_t n = 0; n < i; n++)
        if (digest_eq(&x->blobs[n].digest, &x->blobs[i].digest))
            return true;
    return false;
}

static int add_layers(const struct exporting *x, struct bundle *b, struct error *err)
{
    for (size_t i = 0; i < x->image->record.layers.size; i++) {
        if (was_added(x, i))
            continue;
        cleanup_close int fd = store_blob_open(x->tools->store, &x->blobs[i].digest, NULL, err);
        const int r =
            fd < 0 ? fd : bundle_add_blob(b, &x->blobs[i].digest, fd, x->blobs[i].size, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int write_bundle(const struct exporting *x, struct bundle *b, struct error *err)
{
    const struct store_image *record = &x->image->record;
    int r = add_layers(x, b, err);

    if (r == 0)
        r = bundle_add_blob_bytes(b, &record->id, str_view(&record->config), err);
    if (r == 0)
        r = bundle_add_blob_bytes(b, &x->manifest_digest, str_view(&x->manifest), err);
    if (r == 0 && x->output->type == OUTPUT_DOCKER_ARCHIVE)
        r = add_docker_manifest(x, b, err);
    if (r == 0)
        r = bundle_add(b, LAYOUT_FILE, VIEW(LAYOUT_TEXT), err);
    if (r == 0)
        r = add_index(x, b, err); /* last: what it names is there */
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

static int export_bundle(struct exporting *x, struct error *err)
{
    const struct output *o = x->output;
    struct bundle b;
    int r = make_blobs(x, err);

    if (r == 0)
        r = image_finish(x->tools, x->image, err);
    if (r < 0)
        return r;
    make_manifest(x);
    r = is_directory(o) ? bundle_open_directory(o->dest, &b, err)
                        : bundle_open_archive(o->dest, &b, err);
    if (r == 0)
        r = write_bundle(x, &b, err);
    bundle_done(&b);
    return r;
}

/* ---- files ---- */

static json_t *trees_request(const struct image *i)
{
    json_t *doc = json_object(), *trees = json_array();
    char hex[DIGEST_HEX_MAX];

    vec_each (layer, &i->record.layers) {
        doc_push(trees, doc_new_text(digest_hex(&layer->tree, hex)));
    }
    doc_set(doc, "trees", trees);
    return doc;
}

/* How the files of an image meet those that are there. */
enum meeting { MEET_NOTHING, MEET_MERGE, MEET_DELETE };

static int run_files(struct image_tools *t, const struct image *i, const struct output *o,
                     const char *job, int fd, enum meeting meeting, struct error *err)
{
    struct queue_item item = {.job = job, .request = trees_request(i), .fd = fd};
    struct holder *h;
    int64_t skipped = 0;
    int r = image_holder(t, &h, err);

    if (r == 0) {
        doc_set_bool(item.request, "owners", t->ids.kind == IDENTITY_ROOT);
        doc_set_bool(item.request, "merge", meeting != MEET_NOTHING);
        doc_set_bool(item.request, "delete", meeting == MEET_DELETE);
        if (o && o->has_epoch)
            doc_set_int(item.request, "epoch", o->epoch_s);
        r = queue_run(t, &item, 1, err);
    }
    if (r == 0)
        r = doc_int(item.answer, "skipped", &skipped, err);
    if (r == 0 && skipped > 0)
        env_warn(t->env, "%lld device files are left out: only root makes them",
                 (long long)skipped);
    queue_items_done(&item, 1);
    return r;
}

static int export_tar(struct exporting *x, struct error *err)
{
    struct bundle b;
    int r = bundle_open_archive(x->output->dest, &b, err);

    if (r == 0)
        r = run_files(x->tools, x->image, x->output, "image-tar", b.fd, MEET_NOTHING, err);
    if (r == 0)
        r = bundle_close(&b, err);
    bundle_done(&b);
    return r;
}

static int directory_empty(int fd, const char *path, struct error *err)
{
    const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    bool empty = true;

    if (!dir) {
        if (copy >= 0)
            close(copy);
        return error_sys(err, "read '%s'", path);
    }
    for (const struct dirent *e; (e = readdir(dir));)
        empty = empty && (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0);
    closedir(dir);
    return empty ? 0 : error_set(err, -ENOTEMPTY, "directory '%s' is not empty", path);
}

/* As buildx: a slip of the pen must not empty somebody's home. */
static int check_below_cwd(const char *path, struct error *err)
{
    cleanup_free char *cwd = realpath(".", NULL), *full = realpath(path, NULL);
    const size_t size = cwd ? strlen(cwd) : 0;

    if (!cwd || !full)
        return error_sys(err, "look up '%s'", path);
    if (strncmp(full, cwd, size) == 0 && (full[size] == '/' || (size == 1 && full[1])))
        return 0;
    return error_hint(err,
                      error_set(err, -EPERM, "mode=delete is for directories below this one only"),
                      "go to the directory above '%s', or delete it yourself", path);
}

/* o NULL: the files as they are. */
static int write_directory(struct image_tools *t, const struct image *i, const struct output *o,
                           const char *path, enum meeting meeting, struct error *err)
{
    int r = fd_make_dirs(AT_FDCWD, path, 0755, err);

    if (r == 0 && meeting == MEET_DELETE)
        r = check_below_cwd(path, err);
    cleanup_close int fd = r < 0 ? r : fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, err);

    if (fd < 0)
        return fd;
    r = meeting == MEET_NOTHING ? directory_empty(fd, path, err) : 0;
    return r < 0 ? r : run_files(t, i, o, "image-tree", fd, meeting, err);
}

int image_unpack(struct image_tools *t, const struct image *i, const char *directory,
                 struct error *err)
{
    const int r = write_directory(t, i, NULL, directory, MEET_NOTHING, err);

    return r < 0 ? error_wrap(err, r, "unpack to '%s'", directory) : 0;
}

/* ---- all of them ---- */

static int add_names(struct exporting *x, const struct strings *names, struct error *err)
{
    char *canonical;

    vec_each (name, names) {
        const int r = image_name_canonical(*name, &canonical, err);
        if (r < 0)
            return r;
        bool known = false;
        vec_each (other, &x->names) {
            known = known || strcmp(*other, canonical) == 0;
        }
        if (known)
            free(canonical);
        else
            strings_take(&x->names, canonical);
    }
    return 0;
}

static int take_names(struct exporting *x, const struct strings *names, struct error *err)
{
    int r = names ? add_names(x, names, err) : 0;

    if (r == 0)
        r = add_names(x, &x->output->names, err);
    if (r == 0 && x->names.size == 0 && x->image->record.name)
        strings_add(&x->names, x->image->record.name);
    return r;
}

static int save_names(struct exporting *x, struct error *err)
{
    int r = 0;

    if (x->names.size == 0)
        return image_save(x->tools, x->image, NULL, err);
    vec_each (name, &x->names) {
        if (r == 0)
            r = image_save(x->tools, x->image, *name, err);
    }
    return r;
}

/* The record keeps the annotations, for whoever exports it later; other outputs of this image see
 * nothing of it. */
static int export_image(struct exporting *x, struct error *err)
{
    struct store_image *record = &x->image->record;
    char *name = record->name;
    json_t *extra = record->extra;

    record->name = NULL;
    record->extra = extra ? json_copy(extra) : NULL;
    if (x->annotations && !record->extra)
        record->extra = json_object();
    if (x->annotations)
        doc_set(record->extra, "annotations", json_incref(x->annotations));
    const int r = save_names(x, err);
    free(record->name);
    doc_unref(record->extra);
    record->name = name;
    record->extra = extra;
    return r;
}

static int export_any(struct exporting *x, struct error *err)
{
    const struct output *o = x->output;

    if (o->dest && strcmp(o->dest, "-") == 0 && isatty(1))
        return error_hint(err, error_set(err, -EINVAL, "an archive is not written to a terminal"),
                          "redirect standard output, or say dest=FILE");
    switch (o->type) {
    case OUTPUT_IMAGE:
        return export_image(x, err);
    case OUTPUT_OCI:
    case OUTPUT_OCI_ARCHIVE:
    case OUTPUT_DOCKER_ARCHIVE:
        return export_bundle(x, err);
    case OUTPUT_TAR:
        return export_tar(x, err);
    case OUTPUT_LOCAL:
        return write_directory(x->tools, x->image, o, o->dest, o->delete ? MEET_DELETE : MEET_MERGE,
                               err);
    case OUTPUT_CACHEONLY:
        return 0;
    case OUTPUT_REGISTRY:
        break;
    }
    return error_set(err, -ENOTSUP, "this cooper does not push to registries");
}

/* Those of the record first: an output of its own may say otherwise. */
static int take_annotations(struct exporting *x, struct error *err)
{
    const struct annotations *all = &x->output->annotations;
    const json_t *kept = json_object_get(x->image->record.extra, "annotations");

    if (annotations_have(all, ANNOTATE_INDEX) || annotations_have(all, ANNOTATE_INDEX_DESCRIPTOR))
        return error_hint(err, error_set(err, -EINVAL, "an image of one platform has no index"),
                          "annotate its manifest or manifest-descriptor");
    if (json_is_object(kept))
        x->annotations = json_copy((json_t *)(uintptr_t)kept); /* only read; lacks a const */
    annotations_set(all, ANNOTATE_MANIFEST, &x->image->config.platform, &x->annotations);
    return 0;
}

int image_export(struct image_tools *t, struct image *i, const struct output *o,
                 const struct strings *names, struct export_result *ret, struct error *err)
{
    struct exporting x = {.tools = t, .image = i, .output = o, .manifest = STR_INIT};
    int r;

    x.blobs = xcalloc(i->record.layers.size + 1, sizeof(*x.blobs));
    x.codecs = xcalloc(i->record.layers.size + 1, sizeof(struct codec *));
    r = take_names(&x, names, err);
    if (r == 0)
        r = take_annotations(&x, err);
    if (r == 0)
        r = export_any(&x, err);
    if (r == 0 && ret)
        *ret = (struct export_result){x.manifest_digest, i->record.id, x.manifest.size};
    free(x.blobs);
    free(x.codecs);
    str_done(&x.manifest);
    strings_done(&x.names);
    doc_unref(x.annotations);
    if (r < 0)
        return error_wrap(err, r, "export to %s%s%s", output_type_name(o->type), o->dest ? " " : "",
                          o->dest ? o->dest : "");
    return 0;
}
