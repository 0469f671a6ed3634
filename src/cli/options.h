/* cli/options.h - reads options out of rows, as getopt_long() users expect: -x VALUE, -xVALUE, -xyz
 * for flags,
 * --name VALUE, --name=VALUE, --flag=false, --no-flag; "--" ends them. */
#pragma once

#include "cli/cli.h"

/* What every command takes besides its own rows. */
struct global_options {
    const char *root, *color, *progress;
    bool quiet, verbose, help;
    struct strings warnings; /* no option: of what was passed over; the caller's to say and free */
};
extern const struct option_row global_rows[];

/* Reads argv[0..argc) into *options (by the command's rows) and *globals; what is left goes to
 * *ret_arguments (borrowed texts). An unknown option is -EINVAL with a suggestion in the hint.
 * command NULL: globals only, stopping at the first argument. */
MUST_CHECK int options_parse(const struct command_row *command, char *const *argv, int argc,
                             void *options, struct global_options *globals,
                             struct strings *ret_arguments, struct error *err);
/* What was given, into a zeroed struct that more words are read into; options_done() frees it. */
void options_copy(const struct command_row *command, const void *options, void *ret);
/* Frees the lists of OPTION_TEXTS. */
void options_done(const struct command_row *command, void *options);

/* "64k", "10m", "2g", "1.5g" are not all: digits and one of b k m g t (powers of 1024). */
MUST_CHECK int size_parse(const char *text, uint64_t *ret, struct error *err);
