/* cooper pull - an image of a registry, layout or archive into the store. */
#include <errno.h>

#include "cli/access.h"
#include "cli/commands.h"
#include "cli/images.h"
#include "cli/transfer.h"

struct options {
    const char *platform;
    struct access_words access;
};

static const struct option_row rows[] = {
    OPT_TEXT(0, "platform", struct options, platform, "OS/ARCH", "which image of an index"),
    OPT_REGISTRY(struct options, access),
    OPT_END,
};

static void tell(const struct env *env, const struct image *i)
{
    char text[DIGEST_TEXT_MAX];
    const char *manifest = json_string_value(json_object_get(i->record.extra, "manifest"));
    cleanup_free char *name = i->record.name ? image_name_familiar(i->record.name) : NULL;
    struct digest d = i->record.id;

    if (env->quiet) {
        fprintf(env->out, "%s\n", digest_format(&i->record.id, text));
        return;
    }
    if (manifest)
        digest_of(view_of(manifest), &d);
    fprintf(env->out, "Pulled %s: %s\n", name ? name : "image", digest_format(&d, text));
}

static int run(const struct env *env, const void *given, char *const *arguments, struct error *err)
{
    const struct options *o = given;
    CLEANUP(wire_access_done) struct wire_access access = {0};
    struct transfer x = {0};
    CLEANUP(load_result_done) struct load_result result = {0};
    struct platform platform;
    PLACE_AUTO(place);
    IMAGE_TOOLS_AUTO(t);
    int r = o->platform ? platform_parse(o->platform, &platform, err) : 0;

    if (r == 0)
        r = access_read(&o->access, &access, err);

    x.choice.platforms = &platform;
    x.choice.platform_count = o->platform != NULL;
    if (r == 0 && arguments[1] && strncmp(arguments[1], "oci:", 4) == 0) {
        x.choice.from = arguments[0];
        x.choice.to = arguments[1];
        return copy_images(env, &x.choice, &access, err);
    }
    if (r == 0)
        r = place_parse(arguments[0], &place, err);
    if (r == 0 && place.kind == PLACE_STORE)
        r = error_set(err, -EINVAL, "what is in the store need not be pulled");
    if (r < 0)
        return image_exit(r);
    r = image_tools_open(env, &t, err);
    t.access = &access;
    if (r == 0)
        r = transfer_in(&t, arguments[0], &x, arguments[1], false, &result, err);
    vec_each (i, &result)
        tell(env, *i);
    return r < 0 ? EXIT_FAILED : EXIT_DONE;
}

const struct command_row cmd_pull = {
    .name = "pull",
    .group = "ship and trust them",
    .arguments = "REF|oci:DIR[:TAG]|oci-archive:FILE|docker-archive:FILE|dir:DIR [NAME]",
    .help = "bring an image of a registry into the store",
    .options = rows,
    .options_size = sizeof(struct options),
    .arguments_min = 1,
    .arguments_max = 2,
    .run = run,
    .example = "cooper pull debian:bookworm",
};
