#include "image/export.h"

#include <errno.h>
#include <unistd.h>

#include "image/bundle.h"
#include "image/export_internal.h"
#include "image/internal.h"
#include "image/queue.h"
#include "image/target.h"
#include "oci/media.h"

/* Files have the times that they have in the image's archives; with SOURCE_DATE_EPOCH all of them that, as in BuildKit. */
static json_t *trees_request(const struct image *i, const struct output *o)
{
    json_t *doc = json_object(), *trees = json_array(), *times = json_array();
    char hex[DIGEST_HEX_MAX];

    vec_each (layer, &i->record.layers) {
        const struct layer_times all = {LAYER_TIMES_SET, o ? o->epoch_s : 0};
        json_t *item = json_object();
        image_put_times(o && o->has_epoch ? all : layer->times, item);
        doc_push(times, item);
        doc_push(trees, doc_new_text(digest_hex(&layer->tree, hex)));
    }
    doc_set(doc, "trees", trees);
    doc_set(doc, "times", times);
    return doc;
}

/* How the files of an image meet those that are there. */
enum meeting { MEET_MERGE, MEET_DELETE };

/* Where they go in an archive of several images, and whether this is the last one. */
struct part {
    const char *prefix; /* "linux_arm64", or NULL */
    bool more;
};

static int run_files(struct image_tools *t, const struct image *i, const struct output *o,
                     const char *job, int fd, enum meeting meeting, struct part part,
                     struct error *err)
{
    struct queue_item item = {.job = job, .request = trees_request(i, o), .fd = fd};
    struct holder *h;
    int r = image_holder(t, &h, err);

    if (r == 0) {
        doc_set_bool(item.request, "owners", t->ids.kind == IDENTITY_ROOT);
        doc_set_bool(item.request, "delete", meeting == MEET_DELETE);
        if (part.prefix)
            doc_set_text(item.request, "prefix", part.prefix);
        doc_set_bool(item.request, "more", part.more);
        r = queue_run(t, &item, 1, err);
    }
    if (r == 0)
        r = target_tell(t->env, item.answer, err);
    queue_items_done(&item, 1);
    return r;
}

/* "linux_arm64", as buildx names the directories of platforms. */
static char *directory_of(const struct exporting *x)
{
    char text[PLATFORM_TEXT_MAX];
    char *name = xstrdup(platform_format(&x->image->config.platform, text));

    for (char *c = name; *c; c++)
        if (*c == '/')
            *c = '_';
    return name;
}

static bool is_split(const struct export_set *set)
{
    return set->output->split == OUTPUT_SPLIT_YES ||
           (set->output->split == OUTPUT_SPLIT_AUTO && set->count > 1);
}

static int export_tar(struct export_set *set, struct error *err)
{
    struct bundle b;
    int r = bundle_open_archive(set->output->dest, &b, err);

    for (size_t i = 0; r == 0 && i < set->count; i++) {
        const struct exporting *x = &set->at[i];
        cleanup_free char *prefix = is_split(set) ? directory_of(x) : NULL;
        r = run_files(x->tools, x->image, x->output, "image-tar", b.fd, MEET_MERGE,
                      (struct part){prefix, i + 1 < set->count}, err);
    }
    if (r == 0)
        r = bundle_close(&b, err);
    bundle_done(&b);
    return r;
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

static int write_directory(struct image_tools *t, const struct image *i, const struct output *o,
                           const char *path, enum meeting meeting, struct error *err)
{
    int r = fd_make_dirs(AT_FDCWD, path, 0755, err);

    if (r == 0 && meeting == MEET_DELETE)
        r = check_below_cwd(path, err);
    cleanup_close int fd = r < 0 ? r : fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, err);

    if (fd < 0)
        return fd;
    return run_files(t, i, o, "image-tree", fd, meeting, (struct part){0}, err);
}

int image_unpack(struct image_tools *t, const struct image *i, const char *directory,
                 struct error *err)
{
    struct queue_item item = {.job = "image-tree", .request = trees_request(i, NULL)};
    const int r = target_unpack(t, directory, &item, err);

    queue_items_done(&item, 1);
    return r;
}

static int export_directory(struct export_set *set, struct error *err)
{
    const struct output *o = set->output;
    int r = 0;

    for (size_t i = 0; r == 0 && i < set->count; i++) {
        const struct exporting *x = &set->at[i];
        cleanup_free char *name = is_split(set) ? directory_of(x) : NULL;
        cleanup_free char *path = name ? xasprintf("%s/%s", o->dest, name) : xstrdup(o->dest);
        r = write_directory(x->tools, x->image, o, path, o->delete ? MEET_DELETE : MEET_MERGE, err);
    }
    return r;
}

/* ---- all of them ---- */

static int add_names(struct export_set *set, const struct strings *names, struct error *err)
{
    char *canonical;

    vec_each (name, names) {
        const int r = image_name_canonical(*name, &canonical, err);
        if (r < 0)
            return r;
        bool known = false;
        vec_each (have, &set->names) {
            known = known || strcmp(*have, canonical) == 0;
        }
        if (known)
            free(canonical);
        else
            strings_take(&set->names, canonical);
    }
    return 0;
}

static int take_names(struct export_set *set, const struct strings *names, struct error *err)
{
    const char *own = set->at[0].image->record.name;
    int r = names ? add_names(set, names, err) : 0;

    if (r == 0)
        r = add_names(set, &set->output->names, err);
    if (r == 0 && set->names.size == 0 && own) /* without the platform that may be behind it */
        strings_take(&set->names, xstrndup(own, strcspn(own, " ")));
    return r;
}

/* The record keeps the annotations, for whoever exports it later; other outputs of this image see
 * nothing of it. */
static void lend_annotations(struct exporting *x, char **name, json_t **extra)
{
    struct store_image *record = &x->image->record;

    *name = record->name;
    *extra = record->extra;
    record->name = NULL;
    record->extra = *extra ? json_copy(*extra) : NULL;
    if (x->annotations && !record->extra)
        record->extra = json_object();
    if (x->annotations)
        doc_set(record->extra, "annotations", json_incref(x->annotations));
}

static void take_back(struct exporting *x, char *name, json_t *extra)
{
    free(x->image->record.name);
    doc_unref(x->image->record.extra);
    x->image->record.name = name;
    x->image->record.extra = extra;
}

static int save_images(struct export_set *set, struct error *err)
{
    cleanup_free struct image **images = xcalloc(set->count, sizeof(struct image *));
    cleanup_free char **names = xcalloc(set->count, sizeof(char *));
    cleanup_free json_t **extras = xcalloc(set->count, sizeof(json_t *));
    int r = 0;

    for (size_t i = 0; i < set->count; i++) {
        images[i] = set->at[i].image;
        lend_annotations(&set->at[i], &names[i], &extras[i]);
    }
    if (set->names.size == 0)
        r = image_save_all(set->at[0].tools, images, set->count, NULL, err);
    vec_each (name, &set->names) {
        if (r == 0)
            r = image_save_all(set->at[0].tools, images, set->count, *name, err);
    }
    for (size_t i = 0; i < set->count; i++)
        take_back(&set->at[i], names[i], extras[i]);
    return r;
}

static int export_any(struct export_set *set, struct error *err)
{
    const struct output *o = set->output;

    int r = output_check_terminal(o, err);
    if (r >= 0)
        r = output_check(o, set->count, err);
    if (r < 0)
        return r;
    switch (o->type) {
    case OUTPUT_IMAGE:
        if (o->push) {
            const int pushed = export_registry(set, err);
            if (pushed < 0)
                return pushed;
        }
        return save_images(set, err);
    case OUTPUT_DOCKER_ARCHIVE:
    case OUTPUT_OCI:
    case OUTPUT_OCI_ARCHIVE:
        return export_bundle(set, err);
    case OUTPUT_TAR:
        return export_tar(set, err);
    case OUTPUT_LOCAL:
        return export_directory(set, err);
    case OUTPUT_CACHEONLY:
        return 0;
    case OUTPUT_REGISTRY:
        break;
    }
    return export_registry(set, err);
}

/* Those of the record first: an output of its own may say otherwise. */
static void take_annotations(struct exporting *x)
{
    const json_t *kept = json_object_get(x->image->record.extra, "annotations");

    if (json_is_object(kept))
        x->annotations = json_copy((json_t *)(uintptr_t)kept); /* only read; lacks a const */
    annotations_set(&x->output->annotations, ANNOTATE_MANIFEST, &x->image->config.platform,
                    &x->annotations);
}

static void begin(struct export_set *set, struct image_tools *t, struct image *const *images)
{
    set->at = xcalloc(set->count, sizeof(*set->at));
    for (size_t i = 0; i < set->count; i++) {
        struct exporting *x = &set->at[i];
        const size_t layers = images[i]->record.layers.size;
        *x = (struct exporting){.tools = t,
                                .image = images[i],
                                .output = set->output,
                                .config = STR_INIT,
                                .manifest = STR_INIT};
        x->layers = xcalloc(layers + 1, sizeof(*x->layers));
    }
}

static void end(struct export_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        struct exporting *x = &set->at[i];
        for (size_t n = 0; n < x->image->record.layers.size; n++)
            store_blob_abort(x->layers[n].writer);
        free(x->layers);
        str_done(&set->at[i].config);
        str_done(&set->at[i].manifest);
        doc_unref(set->at[i].annotations);
    }
    free(set->at);
    strings_done(&set->names);
    str_done(&set->index);
}

static struct export_result result_of(const struct export_set *set)
{
    const struct exporting *x = &set->at[0];

    if (export_has_index(set))
        return (struct export_result){.manifest = set->index_digest,
                                      .manifest_size = set->index.size,
                                      .media_type = export_index_type(set)};
    return (struct export_result){x->manifest_digest, x->config.size ? x->id : x->image->record.id,
                                  x->manifest.size, export_manifest_type(x)};
}

int image_export_all(struct image_tools *t, struct image *const *images, size_t count,
                     const struct output *o, const struct strings *names, struct export_result *ret,
                     struct error *err)
{
    struct export_set set = {.count = count, .output = o, .index = STR_INIT};
    int r;

    begin(&set, t, images);
    r = take_names(&set, names, err);
    for (size_t i = 0; r == 0 && i < count; i++)
        take_annotations(&set.at[i]);
    if (r == 0)
        r = export_any(&set, err);
    if (r == 0 && ret)
        *ret = result_of(&set);
    end(&set);
    if (r < 0)
        return error_wrap(err, r, "export to %s%s%s", output_type_name(o->type), o->dest ? " " : "",
                          o->dest ? o->dest : "");
    return 0;
}

int image_export(struct image_tools *t, struct image *i, const struct output *o,
                 const struct strings *names, struct export_result *ret, struct error *err)
{
    return image_export_all(t, &i, 1, o, names, ret, err);
}
