/* cooper tag - another name for an image. */
#include "cli/commands.h"
#include "cli/images.h"

static int run(const struct env *env, const void *options, char *const *arguments,
               struct error *err)
{
    IMAGE_TOOLS_AUTO(t);
    struct image **images = NULL;
    size_t count = 0;
    int r = image_tools_open(env, &t, err);

    (void)options;
    if (r == 0)
        r = image_open_all(&t, arguments[0], &images, &count, err);
    if (r == 0)
        r = image_save_all(&t, images, count, arguments[1], err);
    images_free(images, count);
    return image_exit(r);
}

static const struct option_row rows[] = {OPT_END};

const struct command_row cmd_tag = {
    .name = "tag",
    .group = "look at images",
    .arguments = "IMAGE NAME[:TAG]",
    .help = "give an image another name",
    .options = rows,
    .arguments_min = 2,
    .arguments_max = 2,
    .run = run,
    .example = "cooper tag app:1 app:latest",
};
