/* cooper history - the steps that made an image, newest first. */
#include "base/text.h"
#include "cli/commands.h"
#include "cli/images.h"
#include "cli/table.h"

#define CREATED_BY_WIDTH 45 /* docker's */

struct options {
    const char *format, *platform;
    bool no_trunc;
};

/* The layer that a step made: those that are not empty, in order; -1 for none. */
static void layers_of_steps(const struct image *i, ssize_t *ret)
{
    size_t layer = 0;

    for (size_t n = 0; n < i->config.history.size; n++)
        ret[n] = !i->config.history.at[n].empty_layer && layer < i->record.layers.size
                     ? (ssize_t)layer++
                     : -1;
}

static int step_size(struct image_tools *t, const struct image *i, ssize_t layer, uint64_t *ret,
                     struct error *err)
{
    *ret = 0;
    return layer < 0 ? 0 : store_tree_size(t->store, &i->record.layers.at[layer].tree, ret, err);
}

static void cut_created_by(const struct options *o, const char *text, struct str *ret)
{
    str_add_text(ret, text ? text : "");
    for (size_t n = 0; n < ret->size; n++)
        if ((unsigned char)ret->at[n] < ' ')
            ret->at[n] = ' ';
    if (o->no_trunc || ret->size <= CREATED_BY_WIDTH)
        return;
    size_t end = CREATED_BY_WIDTH - 1;
    while (end > 0 && ((unsigned char)ret->at[end] & 0xc0) == 0x80)
        end--;
    str_truncate(ret, end);
    str_add_text(ret, "\xe2\x80\xa6");
}

static void add_row(const struct env *env, const struct options *o, const struct image *i,
                    const struct history *h, bool top, uint64_t size, struct table *table)
{
    char text[DIGEST_TEXT_MAX];
    STR_AUTO(id);
    STR_AUTO(age);
    STR_AUTO(by);
    STR_AUTO(bytes);

    if (!top || digest_is_zero(&i->record.id))
        str_add_text(&id, "<missing>");
    else
        str_printf(&id, o->no_trunc ? "%s" : "%.12s",
                   digest_format(&i->record.id, text) + (o->no_trunc ? 0 : strlen("sha256:")));
    image_age(env, h->created, &age);
    cut_created_by(o, h->created_by, &by);
    text_size(&bytes, size);
    table_row(table,
              (const char *const[]){id.at, age.at, by.at, bytes.at, h->comment ? h->comment : ""},
              5);
}

static json_t *row_doc(const struct history *h, uint64_t size)
{
    json_t *doc = json_object();

    doc_set_text(doc, "CreatedAt", h->created);
    doc_set_text(doc, "CreatedBy", h->created_by);
    doc_set_text(doc, "Comment", h->comment);
    doc_set_bool(doc, "EmptyLayer", h->empty_layer);
    doc_set_int(doc, "Size", (int64_t)size);
    return doc;
}

static int show(struct image_tools *t, const struct options *o, const struct image *i, bool json,
                struct error *err)
{
    const struct histories *steps = &i->config.history;
    CLEANUP(table_done) struct table table = {0};
    cleanup_doc json_t *docs = json_array();
    cleanup_free ssize_t *layers = xcalloc(steps->size + 1, sizeof(*layers));

    layers_of_steps(i, layers);
    table_row(&table, (const char *const[]){"IMAGE", "CREATED", "CREATED BY", "SIZE", "COMMENT"},
              5);
    for (size_t n = steps->size; n > 0; n--) {
        uint64_t size;
        const int r = step_size(t, i, layers[n - 1], &size, err);

        if (r < 0)
            return r;
        if (json)
            doc_push(docs, row_doc(&steps->at[n - 1], size));
        else
            add_row(t->env, o, i, &steps->at[n - 1], n == steps->size, size, &table);
    }
    if (json)
        image_print_doc(t->env, docs);
    else
        table_print(&table, t->env->out);
    return 0;
}

static int run(const struct env *env, const void *options, char *const *arguments,
               struct error *err)
{
    const struct options *o = options;
    IMAGE_TOOLS_AUTO(t);
    CLEANUP(image_freep) struct image *i = NULL;
    bool json;
    int r = format_is_json(o->format, &json, err);

    if (r == 0)
        r = image_tools_open(env, &t, err);
    if (r == 0)
        r = image_open_platform(&t, arguments[0], o->platform, &i, err);
    if (r == 0) {
        image_try_finish(&t, i);
        r = show(&t, o, i, json, err);
    }
    return image_exit(r);
}

static const struct option_row rows[] = {
    OPT_TEXT(0, "platform", struct options, platform, "PLATFORM",
             "of an image of several platforms, such as linux/arm64"),
    OPT_FLAG(0, "no-trunc", struct options, no_trunc, "whole commands and ids"),
    OPT_TEXT(0, "format", struct options, format, "table|json",
             "how it is printed (default table)"),
    OPT_END,
};

const struct command_row cmd_history = {
    .name = "history",
    .group = "look at images",
    .arguments = "IMAGE",
    .help = "show the steps that made an image",
    .options = rows,
    .options_size = sizeof(struct options),
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run,
    .example = "cooper history app:1",
};
