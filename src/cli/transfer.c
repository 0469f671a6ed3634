#include "cli/transfer.h"

#include <errno.h>
#include <stdlib.h>

#include "cli/images.h"
#include "image/site.h"

/* ---- words ---- */

int transfer_multi_arch(const char *text, struct copy_options *o, struct error *err)
{
    if (!text || strcmp(text, "system") == 0)
        return 0;
    if (strcmp(text, "all") == 0)
        o->all_platforms = true;
    else if (strcmp(text, "index-only") == 0)
        o->index_only = true;
    else
        return error_set(err, -EINVAL, "--multi-arch is system, all or index-only, not '%.40s'",
                         text);
    return 0;
}

void transfer_index_done(struct transfer_index *x)
{
    annotations_done(&x->annotations);
}

void platforms_done(struct platforms *p)
{
    vec_done(p);
}

int transfer_platforms(const char *text, struct platforms *ret, struct error *err)
{
    struct view rest = view_of(text ? text : ""), word;
    int r = 0;

    while (text && r == 0 && view_cut(&rest, ',', &word)) {
        cleanup_free char *one = view_dup(word);
        struct platform p;

        r = platform_parse(one, &p, err);
        if (r == 0)
            vec_push(ret, p);
    }
    return r;
}

int transfer_form(const char *text, enum copy_form *ret, struct error *err)
{
    if (text && strcmp(text, "oci") == 0)
        *ret = COPY_OCI;
    else if (text && (strcmp(text, "v2s2") == 0 || strcmp(text, "docker") == 0))
        *ret = COPY_V2S2;
    else if (text)
        return error_hint(err, error_set(err, -EINVAL, "there is no format '%.40s'", text),
                          "choose oci or v2s2");
    return 0;
}

/* ---- out of the store ---- */

static const enum output_type types[] = {[PLACE_REGISTRY] = OUTPUT_REGISTRY,
                                         [PLACE_OCI] = OUTPUT_OCI,
                                         [PLACE_OCI_ARCHIVE] = OUTPUT_OCI_ARCHIVE,
                                         [PLACE_DOCKER_ARCHIVE] = OUTPUT_DOCKER_ARCHIVE,
                                         [PLACE_DIR] = OUTPUT_OCI, /* to begin with */
                                         [PLACE_STORE] = OUTPUT_IMAGE};

static int make_output(const struct transfer *x, const struct place *to, struct output *ret,
                       struct error *err)
{
    enum copy_form form = COPY_AS_IS;
    STR_AUTO(text);
    int r = transfer_form(x->form, &form, err);

    if (r < 0)
        return r;
    str_add_text(&text, "type=registry");
    if (x->compression)
        str_printf(&text, ",force-compression=true,compression=%s", x->compression);
    if (x->level)
        str_printf(&text, ",compression-level=%s", x->level);
    if (form != COPY_AS_IS)
        str_printf(&text, ",oci-mediatypes=%s", form == COPY_OCI ? "true" : "false");
    r = output_parse(text.at, ret, err);
    if (r < 0)
        return r;
    ret->type = types[to->kind];
    ret->immutable = x->immutable;
    ret->directory = to->kind == PLACE_OCI || to->kind == PLACE_DIR;
    ret->dest = to->path ? xstrdup(to->path) : NULL;
    return 0;
}

int transfer_check(const struct transfer *x, struct error *err)
{
    const struct place nowhere = {.kind = PLACE_REGISTRY};
    CLEANUP(output_done) struct output output = {0};

    const int r = make_output(x, &nowhere, &output, err);

    if (r == 0 && x->form && output.codec && output.codec->suffix &&
        strcmp(output.codec->suffix, "+zstd") == 0 && strcmp(x->form, "oci") != 0)
        return error_set(err, -EINVAL, "docker's schema 2 has no layers packed with zstd");
    return r;
}

/* Docker's lists have no annotations. */
static void keep_index(const struct transfer *x, const struct place *to, struct output *o)
{
    if (!x->index || !x->index->is_there ||
        (to->kind != PLACE_REGISTRY && to->kind != PLACE_OCI && to->kind != PLACE_OCI_ARCHIVE &&
         to->kind != PLACE_DIR))
        return;
    o->index = true;
    if (!o->docker_types)
        annotations_add_all(&o->annotations, &x->index->annotations);
}

/* What it is called where it goes: in layouts a tag alone has the image's name before it. */
static int add_name(const struct place *to, const struct image *image, struct output *o,
                    struct error *err)
{
    const char *own = image->record.name;
    REFERENCE_AUTO(ref);

    if (to->kind == PLACE_REGISTRY) {
        if (!to->reference.tag || to->reference.has_digest)
            return error_set(err, -EINVAL, "a digest is no name to push to: name a tag");
        strings_take(&o->names, reference_format(&to->reference));
        return 0;
    }
    if (to->kind == PLACE_STORE)
        strings_add(&o->names, to->path);
    if (!to->tag)
        return 0;
    if (to->kind == PLACE_DOCKER_ARCHIVE || !reference_tag_valid(view_of(to->tag))) {
        strings_add(&o->names, to->tag);
        return 0;
    }
    const char *slash = strrchr(to->path, '/');
    cleanup_free char *plain =
        own ? xstrndup(own, strcspn(own, " ")) : xstrdup(slash ? slash + 1 : to->path);
    ERROR_AUTO(why);
    int r = reference_parse(plain, &ref, own ? err : &why);
    if (r < 0 && !own) /* not every path is a name */
        r = reference_parse("image", &ref, err);
    if (r < 0)
        return r;
    free(ref.tag);
    ref.tag = xstrdup(to->tag);
    strings_take(&o->names, reference_format(&ref));
    return 0;
}

static void remove_directory(const char *path)
{
    ERROR_AUTO(ignored);

    (void)!fd_remove_tree(AT_FDCWD, path, &ignored); /* it is ours and has no other use */
}

/* skopeo's directory is made of a layout beside it. */
static int out_to_dir(struct image_tools *t, struct image **images, size_t count, struct output *o,
                      struct digest *ret, struct error *err)
{
    const struct strings no_names = {0};
    cleanup_free char *path = steal(o->dest);
    cleanup_free char *layout = xasprintf("%s.XXXXXX", path);

    if (!mkdtemp(layout))
        return error_sys(err, "make a directory beside '%s'", path);
    o->dest = xstrdup(layout);
    strings_add(&o->names, "image:1");
    cleanup_free char *from = xasprintf("oci:%s", layout), *to = xasprintf("dir:%s", path);
    int r = image_export_all(t, images, count, o, &no_names, NULL, err);
    if (r == 0)
        r = image_copy(image_wire(t),
                       &(struct copy_options){.from = from,
                                              .from_name = "the image",
                                              .to = to,
                                              .all_platforms = true,
                                              .own = true},
                       ret, err);
    remove_directory(layout);
    return r;
}

int transfer_out(struct image_tools *t, struct image **images, size_t count,
                 const struct transfer *x, const struct place *to, struct digest *ret,
                 struct error *err)
{
    /* the names of the output are all that it is called */
    const struct strings no_names = {0};
    CLEANUP(output_done) struct output output = {0};
    struct export_result result = {0};
    int r = make_output(x, to, &output, err);

    if (r == 0)
        r = add_name(to, images[0], &output, err);
    if (r == 0)
        keep_index(x, to, &output);
    if (r == 0 && to->kind == PLACE_DIR)
        return out_to_dir(t, images, count, &output, ret, err);
    if (count > 1 && to->kind == PLACE_DOCKER_ARCHIVE)
        count = 1;
    if (r == 0)
        r = image_export_all(t, images, count, &output, &no_names, &result, err);
    if (r == 0 && to->kind == PLACE_STORE) {
        r = image_finish(t, images[0], err);
        *ret = images[0]->record.id;
        return r;
    }
    if (r == 0)
        *ret = result.manifest;
    return r;
}

/* ---- into the store ---- */

static void note_annotations(const json_t *all, enum annotation_place place,
                             const struct platform *platform, struct annotations *ret)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)all, key, value)
    {
        struct annotation one = {.place = place, .has_platform = platform != NULL};

        one.key = xstrdup(key);
        one.value = xstrdup(json_string_value(value));
        if (platform)
            one.platform = *platform;
        vec_push(ret, one);
    }
}

/* What is said of the old bytes of an image says nothing of new ones. */
static int take_entry(struct image_tools *t, const struct descriptor *d,
                      struct transfer_index *index, struct platforms *ret, struct error *err)
{
    if (descriptor_annotation(d, ANNOTATION_REFERENCE_TYPE)) {
        if (index)
            env_warn(t->env, "an attestation is left out: it is about layers packed otherwise");
        return 0;
    }
    if (!d->has_platform)
        return error_set(err, -ENOTSUP, "%s in the index has no platform", d->digest_text);
    vec_push(ret, d->platform);
    if (index)
        note_annotations(d->annotations, ANNOTATE_MANIFEST_DESCRIPTOR, &d->platform,
                         &index->annotations);
    return 0;
}

/* The platforms of an index, attestations left out; none: it is no index. */
static int list_platforms(struct image_tools *t, const char *from, struct transfer_index *index,
                          struct platforms *ret, struct error *err)
{
    CLEANUP(site_closep) struct site *site = NULL;
    CLEANUP(image_index_freep) struct image_index *x = NULL;
    struct digest root;
    enum media kind = MEDIA_MANIFEST;
    STR_AUTO(bytes);
    int r = site_open(image_wire(t), from, false, &site, err);

    if (r == 0)
        r = site->kind->image(site, &root, &bytes, err);
    if (r == 0)
        r = manifest_kind(str_view(&bytes), &kind, err);
    if (r == 0 && kind == MEDIA_INDEX)
        r = image_index_parse(str_view(&bytes), &x, err);
    if (r < 0 || !x || (x->manifest_count == 1 && !x->manifests[0].has_platform))
        return r;
    for (size_t i = 0; r == 0 && i < x->manifest_count; i++)
        r = take_entry(t, &x->manifests[i], index, ret, err);
    if (index) {
        index->is_there = ret->size > 0;
        note_annotations(x->annotations, ANNOTATE_INDEX, NULL, &index->annotations);
    }
    return r;
}

static int load_one(struct image_tools *t, const struct place *from, struct load_options o,
                    struct load_result *ret, struct error *err)
{
    CLEANUP(load_result_done) struct load_result got = {0};

    o.path = from->path;
    o.tag = from->tag;
    o.reference = from->kind == PLACE_REGISTRY ? &from->reference : NULL;
    const int r = image_load(t, &o, &got, err);
    vec_each (i, &got) {
        vec_push(ret, *i);
        *i = NULL;
    }
    return r;
}

/* name NULL: those that it has. */
struct arrival {
    const struct transfer *transfer;
    const char *name, *dir; /* dir: of which the layout was made */
    bool unsaved;
};

static int load_all(struct image_tools *t, const struct place *from, const struct platforms *all,
                    const struct arrival *a, struct load_result *ret, struct error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < all->size; i++)
        r = load_one(t, from,
                     (struct load_options){.platform = &all->at[i], .unsaved = true, .dir = a->dir},
                     ret, err);
    return r < 0 || a->unsaved ? r : image_save_all(t, ret->at, ret->size, a->name, err);
}

static int load_some(struct image_tools *t, const char *from, const struct place *place,
                     const struct arrival *a, struct load_result *ret, struct error *err)
{
    const struct copy_options *c = &a->transfer->choice;
    PLATFORMS_AUTO(all);
    int r = 0;

    if (c->all_platforms && place->kind != PLACE_DOCKER_ARCHIVE)
        r = list_platforms(t, from, a->transfer->index, &all, err);
    for (size_t i = 0; c->platform_count > 1 && i < c->platform_count; i++)
        vec_push(&all, c->platforms[i]);
    if (r < 0)
        return r;
    if (all.size > 0)
        return load_all(t, place, &all, a, ret, err);
    return load_one(t, place,
                    (struct load_options){.name = a->name,
                                          .dir = a->dir,
                                          .unsaved = a->unsaved,
                                          .platform = c->platform_count ? c->platforms : NULL},
                    ret, err);
}

/* By way of a layout. */
static int in_from_dir(struct image_tools *t, const struct place *dir, const struct arrival *a,
                       struct load_result *ret, struct error *err)
{
    const char *tmp = getenv("TMPDIR");
    cleanup_free char *layout = xasprintf("%s/cooper.XXXXXX", tmp && *tmp ? tmp : "/var/tmp");
    struct digest ignored;
    PLACE_AUTO(place);

    if (!mkdtemp(layout))
        return error_sys(err, "make a directory in '%s'", tmp && *tmp ? tmp : "/var/tmp");
    cleanup_free char *from = xasprintf("dir:%s", dir->path), *to = xasprintf("oci:%s", layout);
    const struct copy_options all = {
        .from = from, .to = to, .to_name = "the store", .all_platforms = true};
    int r = image_copy(image_wire(t), &all, &ignored, err);
    if (r == 0)
        r = place_parse(to, &place, err);
    if (r == 0)
        r = load_some(t, to, &place, a, ret, err);
    remove_directory(layout);
    return r;
}

int transfer_in(struct image_tools *t, const char *from, const struct transfer *x, const char *name,
                bool unsaved, struct load_result *ret, struct error *err)
{
    PLACE_AUTO(place);
    const int r = place_parse(from, &place, err);
    const struct arrival a = {.transfer = x,
                              .name = name,
                              .dir = place.kind == PLACE_DIR ? place.path : NULL,
                              .unsaved = unsaved};

    if (r < 0)
        return r;
    return place.kind == PLACE_DIR ? in_from_dir(t, &place, &a, ret, err)
                                   : load_some(t, from, &place, &a, ret, err);
}
