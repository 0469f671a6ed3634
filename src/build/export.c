/* The solved target becomes an image: history and times, the store's record, --output rows, the files that name
 * its id. */
#include "build/internal.h"

#include <errno.h>

#include "base/doc.h"
#include "base/fd.h"
#include "image/export.h"

static void set_created(char **field, int64_t seconds)
{
    char text[CONFIG_TIME_MAX];

    free(*field);
    *field = xstrdup(config_time_format(seconds, text));
}

/* Layers that steps made are the last ones; so are their entries among those that made a layer. */
static void date_layers(struct image_config *c, const struct result *own)
{
    size_t left = own->count;

    for (size_t i = c->history.size; i-- > 0 && left > 0;)
        if (!c->history.at[i].empty_layer)
            set_created(&c->history.at[i].created, own->layers[--left].created_s);
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

static int make_image(struct build *b, struct image **ret, struct error *err)
{
    const struct stage *target = &b->graph->stages.at[b->graph->target];
    cleanup_free struct digest *trees = NULL;
    CONFIG_AUTO(config);
    size_t count = 0;
    int r = build_trees(b, target->root, &trees, &count, err);

    if (r < 0)
        return r;
    config_clone(target->config, &config);
    build_base_diff_ids(b, target->root, &config);
    date_layers(&config, solver_result(b->solver, target->root));
    date_the_rest(&config);
    return image_new(&b->tools, &config, trees, count, ret, err);
}

static int save_tags(struct build *b, struct image *image, struct error *err)
{
    const struct strings *tags = &b->options->tags;
    int r = 0;

    if (tags->size == 0)
        return image_save(&b->tools, image, NULL, err);
    for (size_t i = 0; r >= 0 && i < tags->size; i++)
        r = image_save(&b->tools, image, tags->at[i], err);
    return r;
}

static int write_outputs(struct build *b, struct image *image, struct export_result *ret,
                         struct error *err)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < b->options->outputs.size; i++) {
        struct output o = {0};
        r = output_parse(b->options->outputs.at[i], &o, err);
        if (r < 0)
            return r;
        struct progress_step *shown = progress_begin(b->env->progress, b->options->outputs.at[i]);
        r = image_export(&b->tools, image, &o, b->options->tags.size ? &b->options->tags : NULL,
                         ret, err);
        progress_finish(shown, r < 0 ? PROGRESS_FAILED : PROGRESS_DONE, NULL);
        output_done(&o);
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

/* Standard output may be taken by an archive. */
static bool id_has_room(const struct build_options *o)
{
    for (size_t i = 0; i < o->outputs.size; i++) {
        struct output out = {0};
        const bool taken = output_parse(o->outputs.at[i], &out, NULL) == 0 && out.dest &&
                           strcmp(out.dest, "-") == 0;
        output_done(&out);
        if (taken)
            return false;
    }
    return true;
}

/* The id costs a pass over all new layers: only for those who ask, or have no name to find the image by. */
static int tell_id(struct build *b, struct image *image, const struct export_result *exported,
                   struct error *err)
{
    const struct build_options *o = b->options;
    const bool prints =
        (b->env->quiet || (o->tags.size == 0 && o->outputs.size == 0)) && id_has_room(o);
    char text[DIGEST_TEXT_MAX];

    if (!o->iidfile && !o->metadata_file && !prints)
        return 0;
    int r = image_finish(&b->tools, image, err);
    if (r < 0)
        return r;
    digest_format(&image->record.id, text);
    if (o->iidfile)
        r = fd_replace_file(AT_FDCWD, o->iidfile, view_of(text), 0644, err);
    if (r >= 0 && o->metadata_file)
        r = write_metadata(b, image, exported, err);
    if (r >= 0 && prints)
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

    if (r >= 0)
        r = b->options->outputs.size ? write_outputs(b, image, &exported, err)
                                     : save_tags(b, image, err);
    if (r >= 0)
        r = tell_id(b, image, &exported, err);
    if (r >= 0)
        say_built(b);
    return r;
}
