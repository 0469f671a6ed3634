#include "cli/help.h"

#include "cli/commands.h"
#include "cli/options.h"

#define HELP_COLUMN 32

static void option_line(FILE *out, const struct option_row *row)
{
    STR_AUTO(left);

    if (row->letter)
        str_printf(&left, "  -%c, --%s", row->letter, row->name);
    else
        str_printf(&left, "      --%s", row->name);
    if (row->value)
        str_printf(&left,
                   row->kind == OPTION_MAYBE  ? "[=%s]"
                   : row->kind == OPTION_WORD ? " [%s]"
                                              : " %s",
                   row->value);
    if (left.size >= HELP_COLUMN)
        fprintf(out, "%s\n%*s%s\n", left.at, HELP_COLUMN, "", row->help);
    else
        fprintf(out, "%-*s%s\n", HELP_COLUMN, left.at, row->help);
}

static void option_list(FILE *out, const char *heading, const struct option_row *rows)
{
    if (!rows || !rows->name)
        return;
    fprintf(out, "\n%s\n", heading);
    for (const struct option_row *row = rows; row->name; row++)
        option_line(out, row);
}

void help_usage_text(struct str *to, const struct command_row *command)
{
    const bool options = command->options && command->options->name;

    str_printf(to, "cooper %s%s%s%s", command->name, options ? " [OPTIONS]" : "",
               *command->arguments ? " " : "", command->arguments);
}

void help_command(FILE *out, const struct command_row *command)
{
    STR_AUTO(usage);

    help_usage_text(&usage, command);
    fprintf(out, "Usage: %s\n", usage.at);
    fprintf(out, "\n%c%s.\n",
            command->help[0] - ('a' - 'A') * (command->help[0] >= 'a' && command->help[0] <= 'z'),
            command->help + 1);
    option_list(out, "Options:", command->options);
    option_list(out, "Options of every command:", global_rows);
    if (command->example)
        fprintf(out, "\nExample:\n  %s\n", command->example);
}

void help_all(FILE *out)
{
    const char *group = NULL;

    fputs("Usage: cooper COMMAND [OPTIONS] [ARGUMENTS]\n\n"
          "Turns a Dockerfile into a small and safe image, without a daemon and without root.\n",
          out);
    for (const struct command_row *const *c = commands; *c; c++) {
        if (!group || strcmp(group, (*c)->group) != 0)
            fprintf(out, "\n%s\n", (*c)->group);
        group = (*c)->group;
        fprintf(out, "  %-12s%s\n", (*c)->name, (*c)->help);
    }
    option_list(out, "Options of every command:", global_rows);
    fputs("\n'cooper help COMMAND' shows the options of one command.\n", out);
}

/* scdoc reads '_' and '*' as marks of emphasis, and '\\' as its escape. */
static void scd_text(FILE *out, const char *text)
{
    for (const char *c = text; *c; c++)
        fprintf(out, strchr("_*\\~#[<>", *c) ? "\\%c" : "%c", *c);
}

void help_scd_options(FILE *out, const struct option_row *rows)
{
    for (const struct option_row *row = rows; row && row->name; row++) {
        fputs("*", out);
        if (row->letter)
            fprintf(out, "-%c*, *", row->letter);
        fprintf(out, "--%s*", row->name);
        if (row->value) {
            const bool maybe = row->kind == OPTION_MAYBE || row->kind == OPTION_WORD;
            fputs(row->kind == OPTION_MAYBE  ? "\\[="
                  : row->kind == OPTION_WORD ? " \\["
                                             : " ",
                  out);
            scd_text(out, row->value);
            fputs(maybe ? "]" : "", out);
        }
        fputs("\n\t", out);
        scd_text(out, row->help);
        fputs(".\n\n", out);
    }
}
