/* cli/help.h - what --help and `cooper help` print, out of the rows. */
#pragma once

#include "cli/cli.h"

/* "cooper tag IMAGE NAME[:TAG]" */
void help_usage_text(struct str *to, const struct command_row *command);
void help_command(FILE *out, const struct command_row *command);
void help_all(FILE *out);
/* The list of options as the manual's source (scdoc) has it. */
void help_scd_options(FILE *out, const struct option_row *rows);
