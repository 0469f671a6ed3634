/* The solved target becomes an image: history and times, the store's record, --output rows, the files that name
 * its id. */
#include "build/internal.h"

#include <errno.h>

#include "base/doc.h"
#include "base/fd.h"
#include "image/export.h"
#include "image/squash.h"

static void set_created(char **field, int64_t seconds)
{
    char text[CONFIG_TIME_MAX];

    free(*field);
    *field = xstrdup(config_time_format(seconds, text));
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

static int make_image(struct build *b, struct image **ret, struct error *err)
{
    const struct stage *target = &b->graph->stages.at[b->graph->target];
    const enum build_squash how = b->options->squash;
    cleanup_free struct digest *trees = NULL;
    cleanup_free struct result_layer *own = NULL;
    CONFIG_AUTO(config);
    size_t count = 0;
    int r = build_trees(b, target->root, &trees, &count, err);

    if (r < 0)
        return r;
    config_clone(target->config, &config);
    build_base_diff_ids(b, target->root, &config);
    const size_t own_count = solver_layers(b->solver, target->root, &own);
    date_layers(&config, own, own_count);
    date_the_rest(&config);
    if (how != BUILD_SQUASH_NOTHING)
        r = squash(b, how == BUILD_SQUASH_NEW ? count - own_count : 0, trees, &count, &config,
                   err);
    return r < 0 ? r : image_new(&b->tools, &config, trees, count, ret, err);
}

/* Without --output: the store, as buildx loads it. */
int build_outputs(const struct build_options *o, struct outputs *ret, struct error *err)
{
    static char image[] = "type=image";
    char *one[] = {image};
    const struct strings standard = {one, 1, 1};
    CLEANUP(annotations_done) struct annotations annotations = {0};
    int r = outputs_parse(o->outputs.size ? &o->outputs : &standard, ret, err);

    for (size_t i = 0; r >= 0 && i < o->annotations.size; i++)
        r = annotations_add_text(&annotations, o->annotations.at[i], err);
    if (r < 0)
        return r;
    vec_each (output, ret) {
        annotations_add_all(&output->annotations, &annotations);
    }
    return 0;
}

static int write_output(struct build *b, struct image *image, const struct output *o,
                        struct export_result *ret, struct error *err)
{
    /* what the user did not ask for needs no line of its own */
    struct progress_step *shown =
        b->options->outputs.size ? progress_begin(b->env->progress, o->text) : NULL;
    const int r = image_export(&b->tools, image, o, &b->options->tags, ret, err);

    progress_finish(shown, r < 0 ? PROGRESS_FAILED : PROGRESS_DONE, NULL);
    return r;
}

/* The manifest that is told is that of the last output that has one. */
static int write_outputs(struct build *b, struct image *image, bool images,
                         struct export_result *ret, struct error *err)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < b->outputs.size; i++) {
        const struct output *o = &b->outputs.at[i];
        struct export_result one = {0};

        if ((o->type == OUTPUT_IMAGE) != images)
            continue;
        r = write_output(b, image, o, &one, err);
        if (!digest_is_zero(&one.manifest))
            *ret = one;
    }
    return r;
}

static int write_metadata(const struct build *b, const struct image *image,
                          const struct export_result *exported, struct error *err)
{
    cleanup_doc json_t *doc = json_object();
    char text[DIGEST_TEXT_MAX];
    STR_AUTO(names);
    STR_AUTO(out);

    doc_set_text(doc, "containerimage.config.digest", digest_format(&image->record.id, text));
    if (!digest_is_zero(&exported->manifest))
        doc_set_text(doc, "containerimage.digest", digest_format(&exported->manifest, text));
    for (size_t i = 0; i < b->options->tags.size; i++) {
        cleanup_free char *name = NULL;
        const int r = image_name_canonical(b->options->tags.at[i], &name, err);
        if (r < 0)
            return r;
        str_printf(&names, "%s%s", i ? "," : "", name);
    }
    if (names.size)
        doc_set_text(doc, "image.name", names.at);
    doc_print(doc, false, &out);
    str_add_char(&out, '\n');
    return fd_replace_file(AT_FDCWD, b->options->metadata_file, str_view(&out), 0644, err);
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

static int tell_id(const struct build *b, const struct image *image,
                   const struct export_result *exported, struct error *err)
{
    const struct build_options *o = b->options;
    char text[DIGEST_TEXT_MAX];
    int r = 0;

    if (!wants_id(b))
        return 0;
    digest_format(&image->record.id, text);
    if (o->iidfile)
        r = fd_replace_file(AT_FDCWD, o->iidfile, view_of(text), 0644, err);
    if (r >= 0 && o->metadata_file)
        r = write_metadata(b, image, exported, err);
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

int build_export(struct build *b, struct error *err)
{
    CLEANUP(image_freep) struct image *image = NULL;
    struct export_result exported = {0};
    int r = make_image(b, &image, err);

    /* the store comes last: its record then has the diff ids that the others came to know */
    if (r >= 0)
        r = write_outputs(b, image, false, &exported, err);
    if (r >= 0 && wants_id(b))
        r = image_finish(&b->tools, image, err);
    if (r >= 0)
        r = write_outputs(b, image, true, &exported, err);
    if (r >= 0)
        r = tell_id(b, image, &exported, err);
    if (r >= 0)
        say_built(b);
    return r;
}
