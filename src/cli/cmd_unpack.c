/* cooper unpack - the files of an image in a directory. */
#include <errno.h>

#include "cli/commands.h"
#include "cli/images.h"
#include "image/export.h"
#include "image/load.h"
#include "image/place.h"

struct options {
    const char *platform;
};

/* "oci:DIR:TAG": one image of a layout or archive. No image: its files are in the directory. */
static int load(struct image_tools *t, const struct place *place, const char *platform,
                const char *directory, struct load_result *ret, struct error *err)
{
    struct platform p;
    const struct load_options o = {.path = place->path,
                                   .tag = place->tag,
                                   .platform = platform ? &p : NULL,
                                   .unsaved = true,
                                   .directory = directory};
    int r = platform ? platform_parse(platform, &p, err) : 0;

    return r < 0 ? r : image_load(t, &o, ret, err);
}

static bool is_file(const struct place *place)
{
    return place->kind == PLACE_OCI || place->kind == PLACE_OCI_ARCHIVE ||
           place->kind == PLACE_DOCKER_ARCHIVE;
}

static int open_stored(struct image_tools *t, const struct place *place, const char *text,
                       const char *platform, struct image **ret, struct error *err)
{
    if (place->kind == PLACE_REGISTRY && place_is_explicit(text))
        return error_hint(err, error_set(err, -EINVAL, "'%s' is in a registry", text),
                          "cooper pull it first");
    return image_open_platform(t, place->kind == PLACE_STORE ? place->path : text, platform, ret,
                               err);
}

static int run(const struct env *env, const void *options, char *const *arguments,
               struct error *err)
{
    IMAGE_TOOLS_AUTO(t);
    CLEANUP(image_freep) struct image *i = NULL;
    CLEANUP(load_result_done) struct load_result loaded = {0};
    PLACE_AUTO(place);
    int r = image_tools_open(env, &t, err);

    const struct options *o = options;
    if (r == 0) /* an id is no reference */
        (void)!place_parse(arguments[0], &place, NULL);
    if (r == 0 && is_file(&place))
        r = load(&t, &place, o->platform, arguments[1], &loaded, err);
    else if (r == 0)
        r = open_stored(&t, &place, arguments[0], o->platform, &i, err);
    if (r == 0 && (i || loaded.size))
        r = image_unpack(&t, i ? i : loaded.at[0], arguments[1], err);
    return image_exit(r);
}

static const struct option_row rows[] = {
    OPT_TEXT(0, "platform", struct options, platform, "PLATFORM",
             "of an image of several platforms, such as linux/arm64"),
    OPT_END,
};

const struct command_row cmd_unpack = {
    .name = "unpack",
    .group = "look at images",
    .arguments = "IMAGE|oci:DIR[:TAG]|oci-archive:FILE|docker-archive:FILE DIR",
    .help = "write the files of an image into a directory",
    .options = rows,
    .options_size = sizeof(struct options),
    .arguments_min = 2,
    .arguments_max = 2,
    .run = run,
    .example = "cooper unpack app:1 rootfs",
};
