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

static bool is_file(const char *text, struct place *ret)
{
    return place_parse(text, ret, NULL) == 0 &&
           (ret->kind == PLACE_OCI || ret->kind == PLACE_OCI_ARCHIVE ||
            ret->kind == PLACE_DOCKER_ARCHIVE);
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
    if (r == 0 && is_file(arguments[0], &place))
        r = load(&t, &place, o->platform, arguments[1], &loaded, err);
    else if (r == 0)
        r = image_open_platform(&t, arguments[0], o->platform, &i, err);
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
