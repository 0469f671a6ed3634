/* cooper unpack - the files of an image in a directory. */
#include "cli/commands.h"
#include "cli/images.h"
#include "image/export.h"

struct options {
    const char *platform;
};

static int run(const struct env *env, const void *options, char *const *arguments,
               struct error *err)
{
    IMAGE_TOOLS_AUTO(t);
    CLEANUP(image_freep) struct image *i = NULL;
    int r = image_tools_open(env, &t, err);

    const struct options *o = options;
    if (r == 0)
        r = image_open_platform(&t, arguments[0], o->platform, &i, err);
    if (r == 0)
        r = image_unpack(&t, i, arguments[1], err);
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
    .arguments = "IMAGE DIR",
    .help = "write the files of an image into a directory",
    .options = rows,
    .options_size = sizeof(struct options),
    .arguments_min = 2,
    .arguments_max = 2,
    .run = run,
    .example = "cooper unpack app:1 rootfs",
};
