/* cooper export - an image as a layout, an archive or files. */
#include <errno.h>

#include "cli/commands.h"
#include "cli/images.h"
#include "image/export.h"

struct options {
    struct strings outputs;
    const char *platform;
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

/* What holds an index gets all platforms, other forms the one that has the name. */
static size_t platforms_for(const struct output *o, size_t count)
{
    return o->type == OUTPUT_OCI || o->type == OUTPUT_OCI_ARCHIVE ? count : 1;
}

/* A bare name is a directory for the files, as in 'docker buildx build'; who writes 'docker save -o app.tar' means the archive. */
static int check_bare(const struct strings *texts, struct error *err)
{
    for (size_t i = 0; i < texts->size; i++) {
        const char *text = texts->at[i];

        if (!strchr(text, '=') && view_ends(view_of(text), ".tar"))
            return error_hint(
                err, error_set(err, -EINVAL, "'-o %s' would make a directory of that name", text),
                "type=docker-archive,dest=%s is what 'docker load' reads, type=tar,dest=%s its "
                "files",
                text, text);
    }
    return 0;
}

/* All are read before the first is written. */
static int export_all(struct image_tools *t, struct image *const *images, size_t count,
                      const char *name, const struct strings *texts, struct error *err)
{
    CLEANUP(outputs_done) struct outputs outputs = {0};
    int r = check_bare(texts, err);

    if (r == 0)
        r = outputs_parse(texts, &outputs, err);
    for (size_t n = 0; r == 0 && n < outputs.size; n++)
        if (outputs.at[n].rewrite_timestamp)
            r = error_set(err, -EINVAL,
                          "rewrite-timestamp is for 'cooper build', which knows the new layers");
    for (size_t n = 0; r == 0 && n < outputs.size; n++) {
        struct export_result result = {0};

        r = image_export_all(t, images, platforms_for(&outputs.at[n], count), &outputs.at[n], NULL,
                             &result, err);
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
    struct image **images = NULL;
    size_t count = 0;
    int r = image_tools_open(env, &t, err);

    if (r == 0)
        r = image_open_some(&t, arguments[0], o->platform, &images, &count, err);
    if (r == 0)
        r = export_all(&t, images, count, arguments[0], o->outputs.size ? &o->outputs : &standard,
                       err);
    images_free(images, count);
    return image_exit(r);
}

static const struct option_row rows[] = {
    OPT_TEXTS('o', "output", struct options, outputs, "type=TYPE,dest=DEST",
              "oci, oci-archive, docker-archive, tar or local; dest=- is standard output (default: "
              "type=docker-archive,dest=-)"),
    OPT_TEXT(0, "platform", struct options, platform, "PLATFORM",
             "this one of several platforms (default: all where the form has an index)"),
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
