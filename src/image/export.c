#include "image/export.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#include "image/bundle.h"
#include "image/export_internal.h"
#include "image/queue.h"

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
    struct exporting x = {
        .tools = t, .image = i, .output = o, .config = STR_INIT, .manifest = STR_INIT};
    int r;

    x.layers = xcalloc(i->record.layers.size + 1, sizeof(*x.layers));
    r = take_names(&x, names, err);
    if (r == 0)
        r = take_annotations(&x, err);
    if (r == 0)
        r = export_any(&x, err);
    if (r == 0 && ret)
        *ret = (struct export_result){x.manifest_digest, x.config.size ? x.id : i->record.id,
                                      x.manifest.size};
    free(x.layers);
    str_done(&x.config);
    str_done(&x.manifest);
    strings_done(&x.names);
    doc_unref(x.annotations);
    if (r < 0)
        return error_wrap(err, r, "export to %s%s%s", output_type_name(o->type), o->dest ? " " : "",
                          o->dest ? o->dest : "");
    return 0;
}
