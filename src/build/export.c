/* The solved target becomes an image: history and times, the store's record, --output rows, the files that name
 * its id. */
#include "build/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/doc.h"
#include "base/fd.h"
#include "build/source_images.h"
#include "image/export.h"
#include "image/squash.h"
#include "oci/descriptor.h"

static void set_created(char **field, int64_t seconds)
{
    char text[CONFIG_TIME_MAX];

    free(*field);
    *field = xstrdup(config_time_format(seconds, text));
}

/* With SOURCE_DATE_EPOCH everything that this build added has happened then; what the base says stays (BuildKit has come
 * to do the same: its issue 4614). */
static void date_with_epoch(struct image_config *c, size_t of_base, int64_t epoch_s)
{
    for (size_t i = of_base; i < c->history.size; i++)
        set_created(&c->history.at[i].created, epoch_s);
    set_created(&c->created, epoch_s);
}

/* Layers that steps made are the last ones; so are their entries among those that made a layer. */
static void date_layers(struct image_config *c, const struct result_layer *own, size_t left)
{
    for (size_t i = c->history.size; i-- > 0 && left > 0;)
        if (!c->history.at[i].empty_layer)
            set_created(&c->history.at[i].created, own[--left].created_s);
}

/* Entries without a layer get the time of the first new layer, those behind it that of the layer before them; so a
 * build that was answered from the cache is the same image again (BuildKit does it like this). */
static void date_the_rest(struct image_config *c)
{
    const char *time = NULL;
    bool missing = false;

    for (size_t i = 0; i < c->history.size; i++) {
        if (c->history.at[i].created) {
            time = c->history.at[i].created;
            if (missing)
                break;
        } else {
            missing = true;
        }
    }
    missing = false;
    for (size_t i = 0; i < c->history.size; i++) {
        struct history *h = &c->history.at[i];
        if (h->created) {
            if (missing)
                time = h->created;
            continue;
        }
        missing = true;
        if (time)
            h->created = xstrdup(time);
    }
    if (c->history.size && c->history.at[c->history.size - 1].created)
        config_set_text(&c->created, c->history.at[c->history.size - 1].created);
}

/* What was loaded stays as it is: the same layers, so the same blobs, as every other image of that base has. */
void build_base_diff_ids(const struct build *b, struct op_ref root, struct image_config *c)
{
    const struct op *base = solver_base(b->solver, root);

    if (!base)
        return;
    vec_each (diff_id, &base->u.image.image->config->diff_ids) {
        config_add_diff_id(c, diff_id);
    }
}

/* Of the entries that made the layers from `keep` on only the last one makes a layer still. */
static void squash_history(struct image_config *c, size_t keep)
{
    struct history *last = NULL;

    for (size_t i = 0; i < c->history.size; i++) {
        struct history *h = &c->history.at[i];
        if (h->empty_layer)
            continue;
        if (keep > 0) {
            keep--;
            continue;
        }
        h->empty_layer = true;
        last = h;
    }
    if (last)
        last->empty_layer = false;
}

/* Layers from `keep` on become one; the steps stay in the cache as they were. */
static int squash(struct build *b, size_t keep, struct digest *trees, size_t *count,
                  struct image_config *c, struct error *err)
{
    if (*count < keep + 2)
        return 0;
    const int r =
        image_squash(&b->tools, trees, keep, trees + keep, *count - keep, &trees[keep], err);
    if (r < 0)
        return error_wrap(err, r, "squash");
    *count = keep + 1;
    c->diff_ids.size = MIN(c->diff_ids.size, keep);
    squash_history(c, keep);
    return 0;
}

static void date_image(const struct build *b, struct op_ref root, struct image_config *c)
{
    const struct op *base = solver_base(b->solver, root);

    if (b->graph->has_epoch) {
        date_with_epoch(c, base ? base->u.image.image->config->history.size : 0, b->graph->epoch_s);
        return;
    }
    cleanup_free struct result_layer *own = NULL;
    const size_t count = solver_layers(b->solver, root, &own);
    date_layers(c, own, count);
    date_the_rest(c);
}

/* Layers of the base have the times and blobs that they have; those of this build get `times`. */
static struct image_layer *add_times(const struct op *base, const struct digest *trees,
                                     size_t count, size_t below, struct layer_times times)
{
    struct image_layer *layers = xcalloc(count + 1, sizeof(*layers));

    for (size_t i = 0; i < count; i++) {
        const struct store_layer *old =
            i < below ? source_image_layer(base->u.image.image, i) : NULL;

        layers[i] = (struct image_layer){trees[i],
                                         old         ? old->times
                                         : i < below ? (struct layer_times){0}
                                                     : times,
                                         old};
    }
    return layers;
}

int build_layers(struct build *b, struct op_ref root, struct image_layer **ret, size_t *ret_count,
                 struct error *err)
{
    const struct op *base = solver_base(b->solver, root);
    cleanup_free struct digest *trees = NULL;
    const int r = build_trees(b, root, &trees, ret_count, err);

    if (r < 0)
        return r;
    *ret = add_times(base, trees, *ret_count, base ? base->u.image.image->layer_count : 0,
                     (struct layer_times){0});
    return 0;
}

void build_note_origins(const struct build *b, struct op_ref root, struct image *image)
{
    const struct graph *g = b->graph;
    cleanup_free bool *needed = xcalloc(g->ops.size + 1, sizeof(*needed));
    CLEANUP(image_origins_done) struct image_origins from = {.made = true};

    graph_needed(g, root, needed);
    for (size_t i = 0; i < g->ops.size; i++)
        if (needed[i] && g->ops.at[i]->kind == OP_SOURCE_IMAGE)
            source_image_origins(g->ops.at[i]->u.image.image, &from);
    image_origins_set(&image->record, &from);
}

/* How many layers of the base stay what they are. One that must not be passed on is not made one of ours, which would
 * go to any registry; those below it stay with it. */
static size_t squash_above(const struct build *b, const struct op *base)
{
    size_t keep = base ? base->u.image.image->layer_count : 0;

    if (b->options->squash != BUILD_SQUASH_ALL)
        return keep;
    for (; keep > 0; keep--) {
        const struct store_layer *layer = source_image_layer(base->u.image.image, keep - 1);
        if (!layer || !layer->foreign)
            continue;
        env_warn(b->env, "layer %zu of the base must not be passed on: it is not squashed", keep);
        break;
    }
    return keep;
}

static int make_image(struct build *b, uint32_t stage, struct layer_times times, struct image **ret,
                      struct error *err)
{
    const struct stage *target = &b->graph->stages.at[stage];
    const enum build_squash how = b->options->squash;
    const struct op *base = solver_base(b->solver, target->root);
    const size_t below = squash_above(b, base);
    cleanup_free struct digest *trees = NULL;
    CONFIG_AUTO(config);
    size_t count = 0;
    int r = build_trees(b, target->root, &trees, &count, err);

    if (r < 0)
        return r;
    config_clone(target->config, &config);
    build_base_diff_ids(b, target->root, &config);
    date_image(b, target->root, &config);
    if (how != BUILD_SQUASH_NOTHING)
        r = squash(b, below, trees, &count, &config, err);
    if (r < 0)
        return r;
    r = cache_inline(b, target->root, how == BUILD_SQUASH_NOTHING ? below : SIZE_MAX, &config, err);
    if (r < 0)
        return r;
    cleanup_free struct image_layer *layers = add_times(base, trees, count, below, times);
    r = image_new(&b->tools, &config, layers, count, ret, err);
    if (r == 0)
        build_note_origins(b, target->root, *ret);
    return r;
}

static struct layer_times build_times(const struct build *b)
{
    return b->graph->reproducible ? (struct layer_times){LAYER_TIMES_SET, b->graph->epoch_s}
                                  : (struct layer_times){0};
}

/* Without --output: the store, as buildx loads it; with --load there too. */
int build_outputs(const struct build_options *o, struct outputs *ret, struct error *err)
{
    CLEANUP(annotations_done) struct annotations annotations = {0};
    CLEANUP(strings_done) struct strings texts = {0};
    int r;

    for (size_t i = 0; i < o->outputs.size; i++)
        strings_add(&texts, o->outputs.at[i]);
    if (o->push)
        strings_add(&texts, "type=registry");
    if (texts.size == 0 || o->load)
        strings_add(&texts, "type=image");
    r = outputs_parse(&texts, ret, err);
    for (size_t i = 0; r >= 0 && i < o->annotations.size; i++)
        r = annotations_add_text(&annotations, o->annotations.at[i], err);
    if (r < 0)
        return r;
    vec_each (output, ret) {
        annotations_add_all(&output->annotations, &annotations);
    }
    return 0;
}

/* One image for each platform; where an output wants rewrite-timestamp, there are others of the same files. */
struct built {
    struct image **plain, **rewritten;
    size_t count;
};

static void built_done(struct built *i)
{
    images_free(i->plain, i->count);
    images_free(i->rewritten, i->count);
}

static int make_images(struct build *b, struct layer_times times, struct image ***ret,
                       struct error *err)
{
    const size_t count = b->graph->targets.size;
    int r = 0;

    *ret = xcalloc(count + 1, sizeof(struct image *));
    for (size_t i = 0; r >= 0 && i < count; i++) {
        const uint32_t target = b->graph->targets.at[i];
        r = make_image(b, target, times, &(*ret)[i], err);
        if (r >= 0 && b->options->provenance != PROVENANCE_NONE)
            image_attest(
                (*ret)[i], PREDICATE_SLSA,
                provenance_predicate(b, &b->graph->stages.at[target], b->options->provenance));
    }
    return r;
}

static int images_of_output(struct build *b, const struct output *o, struct built *built,
                            struct image *const **ret, struct error *err)
{
    const struct layer_times times = {LAYER_TIMES_CLAMP, b->graph->epoch_s};
    int r = 0;

    *ret = built->plain;
    if (!o->rewrite_timestamp || b->graph->reproducible)
        return 0;
    if (!b->graph->has_epoch) {
        env_warn(b->env, "rewrite-timestamp does nothing without SOURCE_DATE_EPOCH");
        return 0;
    }
    if (!built->rewritten)
        r = make_images(b, times, &built->rewritten, err);
    *ret = built->rewritten;
    return r;
}

static int write_output(struct build *b, struct built *built, struct output *o,
                        struct export_result *ret, struct error *err)
{
    struct image *const *images = NULL;
    int r = images_of_output(b, o, built, &images, err);

    if (r < 0)
        return r;
    o->has_epoch = b->graph->has_epoch;
    o->epoch_s = b->graph->epoch_s;
    /* what the user did not ask for needs no line of its own */
    struct progress_step *shown =
        b->options->outputs.size ? progress_begin(b->env->progress, o->text) : NULL;
    r = image_export_all(&b->tools, images, built->count, o, &b->options->tags, ret, err);
    progress_finish(shown, r < 0 ? PROGRESS_FAILED : PROGRESS_DONE, NULL);
    return r;
}

/* The manifest that is told is that of the last output that has one. */
static int write_outputs(struct build *b, struct built *built, bool images,
                         struct export_result *ret, struct error *err)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < b->outputs.size; i++) {
        struct output *o = &b->outputs.at[i];
        o->immutable = b->options->immutable;
        struct export_result one = {0};

        if ((o->type == OUTPUT_IMAGE) != images)
            continue;
        r = write_output(b, built, o, &one, err);
        if (!digest_is_zero(&one.manifest))
            *ret = one;
    }
    return r;
}

static int set_names(const struct build *b, json_t *doc, struct error *err)
{
    STR_AUTO(names);

    for (size_t i = 0; i < b->options->tags.size; i++) {
        cleanup_free char *name = NULL;
        const int r = image_name_canonical(b->options->tags.at[i], &name, err);
        if (r < 0)
            return r;
        str_printf(&names, "%s%s", i ? "," : "", name);
    }
    if (names.size)
        doc_set_text(doc, "image.name", names.at);
    return 0;
}

/* What buildx writes about a manifest, or about the index of several platforms. */
static void set_descriptor(json_t *doc, const struct image *image, size_t count,
                           const struct export_result *exported)
{
    char text[DIGEST_TEXT_MAX];

    if (digest_is_zero(&exported->manifest)) {
        /* in the store alone: as docker, whose images were their configurations */
        if (count == 1)
            doc_set_text(doc, "containerimage.digest", digest_format(&image->record.id, text));
        return;
    }
    json_t *descriptor =
        descriptor_new(exported->media_type, &exported->manifest, exported->manifest_size);
    if (count == 1)
        descriptor_set_platform(descriptor, &image->config.platform);
    if (image->config.created)
        descriptor_set_annotation(descriptor, ANNOTATION_CREATED, image->config.created);
    doc_set(doc, "containerimage.descriptor", descriptor);
    doc_set_text(doc, "containerimage.digest", digest_format(&exported->manifest, text));
}

static void set_provenance(json_t *doc, const struct image *image, const char *platform)
{
    const json_t *list = json_object_get(image->record.extra, "attestations");
    json_t *predicate = json_object_get(json_array_get(list, 0), "predicate");
    cleanup_free char *key = xasprintf("buildx.build.provenance%s", platform);

    if (predicate)
        doc_set(doc, key, json_incref(predicate));
}

/* /dev/stdout, a pipe, a link: not to be replaced by a file of that name. */
static bool is_special(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

void build_forget_file(const char *path)
{
    if (path && !is_special(path))
        (void)unlink(path);
}

static int write_for(const char *path, const char *option, struct view text, struct error *err)
{
    int r = 0;

    if (is_special(path)) {
        cleanup_close int fd =
            fd_open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY, 0644, err);
        r = fd < 0 ? fd : fd_write_all(fd, text, err);
    } else {
        r = fd_replace_file(AT_FDCWD, path, text, 0644, err);
    }
    return r < 0 ? error_wrap(err, r, "write %s '%s'", option, path) : 0;
}

static int write_doc(const struct build *b, const json_t *doc, struct error *err)
{
    STR_AUTO(out);

    doc_print(doc, false, &out);
    str_add_char(&out, '\n');
    return write_for(b->options->metadata_file, "--metadata-file", str_view(&out), err);
}

int build_write_result(const struct build *b, json_t *result, struct error *err)
{
    cleanup_doc json_t *doc = json_object();

    doc_set(doc, "result.json", json_incref(result));
    return b->options->metadata_file ? write_doc(b, doc, err) : 0;
}

static int write_metadata(const struct build *b, struct image *const *images, size_t count,
                          const struct export_result *exported, struct error *err)
{
    cleanup_doc json_t *doc = json_object();
    char text[DIGEST_TEXT_MAX], platform[PLATFORM_TEXT_MAX];

    for (size_t i = 0; i < count; i++) {
        cleanup_free char *key =
            xasprintf("containerimage.config.digest%s%s", count > 1 ? "/" : "",
                      count > 1 ? platform_format(&images[i]->config.platform, platform) : "");
        doc_set_text(doc, key, digest_format(&images[i]->record.id, text));
        set_provenance(doc, images[i], key + strlen("containerimage.config.digest"));
    }
    set_descriptor(doc, images[0], count, exported);
    const int r = set_names(b, doc, err);
    return r < 0 ? r : write_doc(b, doc, err);
}

static bool prints_id(const struct build *b)
{
    return (b->env->quiet || (b->options->tags.size == 0 && b->options->outputs.size == 0)) &&
           !outputs_take_stdout(&b->outputs);
}

/* The id costs a pass over all new layers: only for those who ask, or have no name to find the image by. */
static bool wants_id(const struct build *b)
{
    return b->options->iidfile || b->options->metadata_file || prints_id(b);
}

/* Of several platforms the index has no configuration: its own digest, where it was written, else the first id. */
static int tell_id(const struct build *b, struct image *const *images, size_t count,
                   const struct export_result *exported, struct error *err)
{
    const struct build_options *o = b->options;
    const bool index = count > 1 && !digest_is_zero(&exported->manifest);
    char text[DIGEST_TEXT_MAX];
    int r = 0;

    if (!wants_id(b))
        return 0;
    digest_format(index ? &exported->manifest : &images[0]->record.id, text);
    if (o->iidfile)
        r = write_for(o->iidfile, "--iidfile", view_of(text), err);
    if (r >= 0 && o->metadata_file)
        r = write_metadata(b, images, count, exported, err);
    if (r >= 0 && prints_id(b))
        fprintf(b->env->out, "%s\n", text);
    return r;
}

/* "built app:1.0 in 12 ms, 4 of 5 steps from the cache" */
static void say_built(const struct build *b)
{
    const size_t steps = b->cached_count + b->run_count;
    const int64_t ms = progress_elapsed_ms(b->env->progress);
    STR_AUTO(text);

    str_add_text(&text, "built");
    for (size_t i = 0; i < b->options->tags.size; i++) {
        cleanup_free char *canonical = NULL;
        if (image_name_canonical(b->options->tags.at[i], &canonical, NULL) < 0)
            continue;
        cleanup_free char *name = image_name_familiar(canonical);
        str_printf(&text, "%s %s", i ? "," : "", name);
    }
    if (ms < 1000)
        str_printf(&text, " in %d ms", (int)ms);
    else
        str_printf(&text, " in %.1f s", (double)ms / 1000);
    if (steps > 0 && b->run_count == 0)
        str_printf(&text, ", every step from the cache");
    else if (b->cached_count > 0)
        str_printf(&text, ", %zu of %zu step%s from the cache", b->cached_count, steps,
                   steps == 1 ? "" : "s");
    progress_say(b->env->progress, "built", text.at);
}

static bool is_one_of(const struct digest *id, struct image *const *images, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (digest_eq(id, &images[i]->record.id))
            return true;
    return false;
}

/* --immutable: a name that is there may be given again to what has it already, to nothing else. */
static int check_name(struct build *b, const char *name, struct image *const *images, size_t count,
                      struct error *err)
{
    CLEANUP(image_freep) struct image *old = NULL;
    char text[DIGEST_TEXT_MAX];
    ERROR_AUTO(absent);
    int r = image_open(&b->tools, name, &old, &absent);

    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return error_move(err, &absent);
    r = image_finish(&b->tools, old, err);
    if (r < 0 || is_one_of(&old->record.id, images, count))
        return r;
    (void)error_set(err, -EEXIST, "'%s' names another image: %s", name,
                    digest_format(&old->record.id, text));
    return error_hint(err, -EEXIST, "--immutable moves no name; 'cooper rmi %s' gives it up", name);
}

static int check_names(struct build *b, struct image *const *images, size_t count,
                       struct error *err)
{
    const struct strings *tags = &b->options->tags;
    int r = 0;

    if (!b->options->immutable)
        return 0;
    for (size_t i = 0; r >= 0 && i < count; i++)
        r = image_finish(&b->tools, images[i], err);
    for (size_t i = 0; r >= 0 && i < tags->size; i++) {
        cleanup_free char *name = NULL;

        r = image_name_canonical(tags->at[i], &name, err);
        if (r >= 0)
            r = check_name(b, name, images, count, err);
    }
    return r;
}

int build_export(struct build *b, struct error *err)
{
    CLEANUP(built_done) struct built built = {.count = b->graph->targets.size};
    struct export_result exported = {0};
    int r = make_images(b, build_times(b), &built.plain, err);

    if (r >= 0)
        r = check_names(b, built.plain, built.count, err);
    /* the store comes last: its record then has the diff ids that the others came to know */
    if (r >= 0)
        r = write_outputs(b, &built, false, &exported, err);
    struct image **told = built.rewritten ? built.rewritten : built.plain;
    for (size_t i = 0; r >= 0 && wants_id(b) && i < built.count; i++)
        r = image_finish(&b->tools, told[i], err);
    if (r >= 0)
        r = write_outputs(b, &built, true, &exported, err);
    if (r >= 0)
        r = tell_id(b, told, built.count, &exported, err);
    if (r >= 0)
        say_built(b);
    return r;
}
