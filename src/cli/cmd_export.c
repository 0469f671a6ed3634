/* cooper export - an image as a layout, an archive or files. */
#include <errno.h>

#include "cli/commands.h"
#include "cli/images.h"
#include "image/export.h"

struct options {
    struct strings outputs;
};

static void tell(const struct env *env, const char *name, const struct output *o,
                 const struct export_result *result)
{
    char text[DIGEST_TEXT_MAX];

    if (o->dest && strcmp(o->dest, "-") == 0)
        return;
    if (digest_is_zero(&result->manifest))
        return;
    if (env->quiet)
        fprintf(env->out, "%s\n", digest_format(&result->manifest, text));
    else
        fprintf(env->out, "Exported %s to %s %s: %s\n", name, output_type_name(o->type), o->dest,
                digest_format(&result->manifest, text));
}

/* All are read before the first is written. */
static int export_all(struct image_tools *t, struct image *i, const char *name,
                      const struct strings *texts, struct error *err)
{
    CLEANUP(outputs_done) struct outputs outputs = {0};
    int r = outputs_parse(texts, &outputs, err);

    for (size_t n = 0; r == 0 && n < outputs.size; n++)
        if (outputs.at[n].rewrite_timestamp)
            r = error_set(err, -EINVAL,
                          "rewrite-timestamp is for 'cooper build', which knows the new layers");
    for (size_t n = 0; r == 0 && n < outputs.size; n++) {
        struct export_result result = {0};

        r = image_export(t, i, &outputs.at[n], NULL, &result, err);
        if (r == 0)
            tell(t->env, name, &outputs.at[n], &result);
    }
    return r;
}

static int run(const struct env *env, const void *options, char *const *arguments,
               struct error *err)
{
    const struct options *o = options;
    static char docker[] = "type=docker-archive,dest=-";
    char *one[] = {docker};
    const struct strings standard = {one, 1, 1};
    IMAGE_TOOLS_AUTO(t);
    CLEANUP(image_freep) struct image *i = NULL;
    int r = image_tools_open(env, &t, err);

    if (r == 0)
        r = image_open(&t, arguments[0], &i, err);
    if (r == 0)
        r = export_all(&t, i, arguments[0], o->outputs.size ? &o->outputs : &standard, err);
    return image_exit(r);
}

static const struct option_row rows[] = {
    OPT_TEXTS('o', "output", struct options, outputs, "type=TYPE,dest=DEST",
              "oci, oci-archive, docker-archive, tar or local; dest=- is standard output (default: "
              "type=docker-archive,dest=-)"),
    OPT_END,
};

const struct command_row cmd_export = {
    .name = "export",
    .group = "look at images",
    .arguments = "IMAGE",
    .help = "write an image for other programs",
    .options = rows,
    .options_size = sizeof(struct options),
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run,
    .example = "cooper export app:1 --output type=oci-archive,dest=app.tar",
};
