/* cooper diff - what two images do not have in common. */
#include "cli/commands.h"
#include "cli/images.h"
#include "cli/table.h"
#include "image/diff.h"

struct options {
    const char *format;
    bool times;
};

struct output {
    const struct env *env;
    json_t *rows; /* NULL: lines */
};

static const char *const kinds[] = {
    [DIFFERENCE_ONLY_A] = "only-a",
    [DIFFERENCE_ONLY_B] = "only-b",
    [DIFFERENCE_FILE] = "differs",
    [DIFFERENCE_CONFIG] = "config",
};

static void on_row(void *ctx, const struct difference_row *row)
{
    const struct output *o = ctx;

    if (o->rows) {
        json_t *doc = json_object();

        doc_set_text(doc, "Kind", kinds[row->kind]);
        doc_set_text(doc, "Path", row->path);
        doc_set_text(doc, "What", row->what);
        doc_set_text(doc, "A", row->a);
        doc_set_text(doc, "B", row->b);
        doc_push(o->rows, doc);
        return;
    }
    fprintf(o->env->out, "%s\t%s", kinds[row->kind], row->path);
    if (row->kind == DIFFERENCE_FILE || row->kind == DIFFERENCE_CONFIG)
        fprintf(o->env->out, "\t%s -> %s", row->a ? row->a : "(none)", row->b ? row->b : "(none)");
    fputc('\n', o->env->out);
}

static int diff(struct image_tools *t, const struct options *o, char *const *names, bool json,
                size_t *ret_count, struct error *err)
{
    CLEANUP(image_freep) struct image *a = NULL, *b = NULL;
    cleanup_doc json_t *rows = json ? json_array() : NULL;
    struct output out = {t->env, rows};
    int r = image_open(t, names[0], &a, err);

    if (r == 0)
        r = image_open(t, names[1], &b, err);
    if (r == 0)
        r = image_diff(t, a, b, o->times, on_row, &out, ret_count, err);
    if (r == 0 && json)
        image_print_doc(t->env, rows);
    return r;
}

static int run(const struct env *env, const void *options, char *const *arguments,
               struct error *err)
{
    const struct options *o = options;
    IMAGE_TOOLS_AUTO(t);
    size_t count = 0;
    bool json;
    int r = format_is_json(o->format, &json, err);

    if (r == 0)
        r = image_tools_open(env, &t, err);
    if (r == 0)
        r = diff(&t, o, arguments, json, &count, err);
    return r < 0 ? image_exit(r) : count ? EXIT_FINDINGS : EXIT_DONE;
}

static const struct option_row rows[] = {
    OPT_FLAG(0, "mtime", struct options, times, "compare modification times too"),
    OPT_TEXT(0, "format", struct options, format, "table|json",
             "how it is printed (default table)"),
    OPT_END,
};

const struct command_row cmd_diff = {
    .name = "diff",
    .group = "look at images",
    .arguments = "IMAGE IMAGE",
    .help = "compare the files and settings of two images",
    .options = rows,
    .options_size = sizeof(struct options),
    .arguments_min = 2,
    .arguments_max = 2,
    .run = run,
    .example = "cooper diff app:1 app:2",
};
