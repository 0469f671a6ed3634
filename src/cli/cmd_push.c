/* cooper push - an image of the store to a registry, layout or archive. */
#include <errno.h>

#include "cli/access.h"
#include "cli/commands.h"
#include "cli/images.h"
#include "cli/transfer.h"

struct options {
    const char *platform, *compression, *level, *form;
    struct access_words access;
    bool immutable;
};

static const struct option_row rows[] = {
    OPT_TEXT(0, "platform", struct options, platform, "OS/ARCH",
             "this one of several platforms (default: all)"),
    OPT_TEXT(0, "compression", struct options, compression,
             "gzip|zstd|zstd:chunked|estargz|uncompressed",
             "what the layers are packed with (default: as they are, gzip for new ones)"),
    OPT_TEXT(0, "compression-format", struct options, compression, "FORM",
             "the same, by podman's name"),
    OPT_TEXT(0, "compression-level", struct options, level, "N|max", "how hard it packs"),
    OPT_TEXT(0, "format", struct options, form, "oci|v2s2",
             "the form of manifests (default: as they are, OCI's for new ones)"),
    OPT_FLAG(0, "immutable", struct options, immutable,
             "refuse when the tag is there and has another image"),
    OPT_REGISTRY(struct options, access),
    OPT_END,
};

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

static void tell(const struct env *env, const struct place *to, const struct image *i,
                 const struct digest *d)
{
    char text[DIGEST_TEXT_MAX];
    const char *own = i->record.name ? i->record.name : "";
    cleanup_free char *plain = xstrndup(own, strcspn(own, " "));
    cleanup_free char *name = to->kind == PLACE_REGISTRY ? reference_familiar(&to->reference)
                                                         : image_name_familiar(plain);

    if (to->path && strcmp(to->path, "-") == 0)
        return;
    if (env->quiet)
        fprintf(env->out, "%s\n", digest_format(d, text));
    else
        fprintf(env->out, "Pushed %s: %s\n",
                to->kind != PLACE_REGISTRY && to->tag ? to->tag
                : *name                               ? name
                                                      : to->path,
                digest_format(d, text));
}

static int push(struct image_tools *t, const struct transfer *x, const char *name,
                const char *platform, const struct place *to, struct error *err)
{
    struct image **images = NULL;
    struct digest digest;
    size_t count = 0;
    int r = image_open_some(t, name, platform, &images, &count, err);

    if (r == 0)
        r = transfer_out(t, images, count, x, to, &digest, err);
    if (r == 0)
        tell(t->env, to, images[0], &digest);
    images_free(images, count);
    return r;
}

static int push_layout(const struct env *env, const struct options *o,
                       const struct wire_access *access, char *const *arguments, struct error *err)
{
    struct copy_options c = {.from = arguments[0],
                             .to = arguments[1],
                             .all_platforms = !o->platform,
                             .immutable = o->immutable};
    PLATFORMS_AUTO(platforms);
    int r = transfer_platforms(o->platform, &platforms, err);

    if (r == 0)
        r = transfer_form(o->form, &c.form, err);
    c.platforms = platforms.at;
    c.platform_count = platforms.size;
    return r < 0 ? image_exit(r) : copy_images(env, &c, access, err);
}

static int run(const struct env *env, const void *given, char *const *arguments, struct error *err)
{
    const struct options *o = given;
    const struct transfer x = {.compression = o->compression,
                               .level = o->level,
                               .form = o->form,
                               .immutable = o->immutable};
    CLEANUP(wire_access_done) struct wire_access access = {0};
    PLACE_AUTO(to);
    IMAGE_TOOLS_AUTO(t);

    int r = access_read(&o->access, &access, err);
    if (r < 0)
        return image_exit(r);
    /* what is not in the store goes as it is */
    if (arguments[1] && !o->compression && strncmp(arguments[0], "oci:", 4) == 0)
        return push_layout(env, o, &access, arguments, err);
    r = open_place(arguments, &to, err);
    if (r == 0)
        r = transfer_check(&x, err);
    if (r < 0)
        return image_exit(r);
    r = image_tools_open(env, &t, err);
    t.access = &access;
    if (r == 0)
        r = push(&t, &x, arguments[0], o->platform, &to, err);
    return r < 0 ? EXIT_FAILED : EXIT_DONE;
}

const struct command_row cmd_push = {
    .name = "push",
    .group = "ship and trust them",
    .arguments = "IMAGE [REF|oci:DIR[:TAG]|oci-archive:FILE|docker-archive:FILE|dir:DIR]",
    .help = "copy an image of the store to a registry",
    .options = rows,
    .options_size = sizeof(struct options),
    .arguments_min = 1,
    .arguments_max = 2,
    .run = run,
    .example = "cooper push app:1 localhost:5000/app:1",
};
