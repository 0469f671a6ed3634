#include <errno.h>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/options.h"

struct help_options {
    const char *format;
};

/* What the manual's pages are made of: `cooper help --format scd COMMAND` is the OPTIONS part of
 * one. */
static void print_scd(FILE *out, const struct command_row *command)
{
    if (command) {
        help_scd_options(out, command->options);
        return;
    }
    for (const struct command_row *const *c = commands; *c; c++)
        fprintf(out, "*cooper-%s*(1)\n\t%s.\n\n", (*c)->name, (*c)->help);
    fputs("# OPTIONS OF EVERY COMMAND\n\n", out);
    help_scd_options(out, global_rows);
}

static void print_text(FILE *out, const struct command_row *command)
{
    if (command)
        help_command(out, command);
    else
        help_all(out);
}

static int run(const struct env *env, const void *options, char *const *arguments,
               struct error *err)
{
    const struct help_options *o = options;
    const struct command_row *command = arguments[0] ? command_find(arguments[0]) : NULL;

    if (arguments[0] && !command)
        return command_unknown(arguments[0], err);
    if (!o->format || strcmp(o->format, "text") == 0) {
        print_text(env->out, command);
    } else if (strcmp(o->format, "scd") == 0) {
        print_scd(env->out, command);
    } else {
        (void)error_set(err, -EINVAL, "--format is text or scd, not '%s'", o->format);
        return EXIT_USAGE;
    }
    return EXIT_DONE;
}

static const struct option_row options[] = {
    OPT_TEXT(0, "format", struct help_options, format, "text|scd", "text, or the manual's source"),
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
