/* cooper push - an image of the store to a registry, layout or archive. */
#include <errno.h>

#include "cli/commands.h"
#include "cli/images.h"
#include "image/copy.h"
#include "image/export.h"
#include "image/place.h"

struct options {
    const char *platform, *tls_verify, *compression;
};

static const struct option_row rows[] = {
    OPT_TEXT(0, "platform", struct options, platform, "OS/ARCH",
             "this one of several platforms (default: all)"),
    OPT_TEXT(0, "compression", struct options, compression,
             "gzip|zstd|zstd:chunked|estargz|uncompressed",
             "what the layers are packed with (default: as they are, gzip for new ones)"),
    OPT_TLS_VERIFY(struct options),
    OPT_END,
};

static const enum output_type types[] = {[PLACE_REGISTRY] = OUTPUT_REGISTRY,
                                         [PLACE_OCI] = OUTPUT_OCI,
                                         [PLACE_OCI_ARCHIVE] = OUTPUT_OCI_ARCHIVE,
                                         [PLACE_DOCKER_ARCHIVE] = OUTPUT_DOCKER_ARCHIVE};

/* The destination, or the image's own name. */
static int open_place(char *const *arguments, struct place *ret, struct error *err)
{
    if (arguments[1])
        return place_parse(arguments[1], ret, err);
    if (!reference_is_id(arguments[0]))
        return place_parse(arguments[0], ret, err);
    return error_hint(err,
                      error_set(err, -EINVAL, "an image by its id has no name to be pushed to"),
                      "say where to: cooper push %s HOST/NAME:TAG", arguments[0]);
}

static int make_output(const struct options *o, const struct place *to, struct output *ret,
                       struct error *err)
{
    cleanup_free char *text =
        xasprintf("type=registry%s%s", o->compression ? ",force-compression=true,compression=" : "",
                  o->compression ? o->compression : "");
    if (to->kind >= ARRAY_SIZE(types))
        return error_set(err, -ENOTSUP, "an image is not pushed to such a place");
    const int r = output_parse(text, ret, err);

    if (r < 0)
        return r;
    ret->type = types[to->kind];
    ret->directory = to->kind == PLACE_OCI;
    ret->dest = to->path ? xstrdup(to->path) : NULL;
    return 0;
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
    if (!to->tag)
        return 0;
    if (to->kind == PLACE_DOCKER_ARCHIVE || !reference_tag_valid(view_of(to->tag)) || !own) {
        strings_add(&o->names, to->tag);
        return 0;
    }
    cleanup_free char *plain = xstrndup(own, strcspn(own, " "));
    const int r = reference_parse(plain, &ref, err);
    if (r < 0)
        return r;
    free(ref.tag);
    ref.tag = xstrdup(to->tag);
    strings_take(&o->names, reference_format(&ref));
    return 0;
}

static void tell(const struct env *env, const struct output *o, const struct export_result *result)
{
    char text[DIGEST_TEXT_MAX];
    const char *to = o->names.size ? o->names.at[0] : o->dest;
    cleanup_free char *familiar = image_name_familiar(to);

    if (o->dest && strcmp(o->dest, "-") == 0)
        return;
    if (env->quiet)
        fprintf(env->out, "%s\n", digest_format(&result->manifest, text));
    else
        fprintf(env->out, "Pushed %s: %s\n", familiar, digest_format(&result->manifest, text));
}

static int push(struct image_tools *t, const struct options *o, const char *name,
                const struct place *to, struct output *output, struct error *err)
{
    /* the names of the output are all that it is called */
    const struct strings no_names = {0};
    struct image **images = NULL;
    struct export_result result = {0};
    size_t count = 0;
    int r = image_open_some(t, name, o->platform, &images, &count, err);
    const size_t opened = count;

    if (r == 0)
        r = add_name(to, images[0], output, err);
    if (r == 0 && count > 1 && to->kind == PLACE_DOCKER_ARCHIVE)
        count = 1;
    if (r == 0)
        r = image_export_all(t, images, count, output, &no_names, &result, err);
    if (r == 0)
        tell(t->env, output, &result);
    images_free(images, opened);
    return r;
}

static int run(const struct env *env, const void *given, char *const *arguments, struct error *err)
{
    const struct options *o = given;
    enum wire_tls tls = WIRE_TLS_DEFAULT;
    CLEANUP(output_done) struct output output = {0};
    PLACE_AUTO(to);
    IMAGE_TOOLS_AUTO(t);

    /* what is not in the store goes as it is */
    if (arguments[1] && !o->compression && strncmp(arguments[0], "oci:", 4) == 0)
        return copy_images(
            env,
            &(struct copy_options){.from = arguments[0], .to = arguments[1], .all_platforms = true},
            o->tls_verify, err);
    int r = open_place(arguments, &to, err);

    if (r == 0)
        r = make_output(o, &to, &output, err);
    if (r == 0)
        r = place_tls(o->tls_verify, &tls, err);
    if (r < 0)
        return image_exit(r);
    r = image_tools_open(env, &t, err);
    t.tls = tls;
    if (r == 0)
        r = push(&t, o, arguments[0], &to, &output, err);
    return r < 0 ? EXIT_FAILED : EXIT_DONE;
}

const struct command_row cmd_push = {
    .name = "push",
    .group = "ship and trust them",
    .arguments = "IMAGE [REF|oci:DIR[:TAG]|oci-archive:FILE|docker-archive:FILE]",
    .help = "copy an image of the store to a registry",
    .options = rows,
    .options_size = sizeof(struct options),
    .arguments_min = 1,
    .arguments_max = 2,
    .run = run,
    .example = "cooper push app:1 localhost:5000/app:1",
};
