#include "cli/commands.h"

static int run(const struct env *env, const void *options, char *const *arguments,
               struct error *err)
{
    (void)options, (void)arguments, (void)err;
    fprintf(env->out, "cooper %s\n", COOPER_VERSION);
    return EXIT_DONE;
}

static const struct option_row options[] = {OPT_END};

const struct command_row cmd_version = {
    .name = "version",
    .group = "help",
    .arguments = "",
    .help = "print the version",
    .options = options,
    .run = run,
    .example = "cooper version",
};
