#include <errno.h>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/options.h"

static int run(const struct env *env, const void *options, char *const *arguments,
               struct error *err)
{
    (void)options;
    if (!arguments[0]) {
        help_all(env->out);
        return EXIT_DONE;
    }
    const struct command_row *command = command_find(arguments[0]);
    if (!command)
        return command_unknown(arguments[0], err);
    if (scd)
        return print_scd(env->out, command);
    help_command(env->out, command);
    return EXIT_DONE;
}

static const struct option_row options[] = {
    OPT_TEXT(0, "format", struct help_options, format, "FORMAT",
             "text, or scd for the manual's source"),
    OPT_END,
};

const struct command_row cmd_help = {
    .name = "help",
    .group = "help",
    .arguments = "[COMMAND]",
    .help = "show all commands, or the options of one",
    .options = options,
    .options_size = sizeof(struct help_options),
    .arguments_max = 1,
    .run = run,
    .example = "cooper help build",
};
