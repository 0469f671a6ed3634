/* table.c - the instructions, one row each (Dockerfile reference; BuildKit's
 * frontend/dockerfile/instructions). */
#include "dockerfile/dockerfile.h"

static const struct flag_row add_flags[] = {
    {"checksum", FLAG_TEXT, true},  {"chmod", FLAG_TEXT, true},         {"chown", FLAG_TEXT, true},
    {"exclude", FLAG_TEXTS, false}, {"keep-git-dir", FLAG_BOOL, false}, {"link", FLAG_BOOL, false},
    {"unpack", FLAG_BOOL, false},   {NULL, FLAG_BOOL, false},
};
static const struct flag_row copy_flags[] = {
    {"chmod", FLAG_TEXT, true}, {"chown", FLAG_TEXT, true}, {"exclude", FLAG_TEXTS, false},
    {"from", FLAG_TEXT, false}, {"link", FLAG_BOOL, false}, {"parents", FLAG_BOOL, false},
    {NULL, FLAG_BOOL, false},
};
static const struct flag_row from_flags[] = {
    {"platform", FLAG_TEXT, true},
    {NULL, FLAG_BOOL, false},
};
static const struct flag_row health_flags[] = {
    {"interval", FLAG_TEXT, false},       {"retries", FLAG_TEXT, false},
    {"start-interval", FLAG_TEXT, false}, {"start-period", FLAG_TEXT, false},
    {"timeout", FLAG_TEXT, false},        {NULL, FLAG_BOOL, false},
};
static const struct flag_row run_flags[] = {
    {"device", FLAG_TEXTS, false},  {"mount", FLAG_TEXTS, true}, {"network", FLAG_TEXT, false},
    {"security", FLAG_TEXT, false}, {NULL, FLAG_BOOL, false},
};

#define ANY (-1)

const struct instruction_row instruction_rows[] = {
    /* name, kind, form, JSON, heredocs, trigger, least and most words, flags, usage */
    {"add", INSTRUCTION_ADD, ARGUMENTS_WORDS, true, true, true, 2, ANY, add_flags,
     "ADD [FLAGS] SOURCE... DESTINATION"},
    {"arg", INSTRUCTION_ARG, ARGUMENTS_QUOTED, false, false, true, 1, ANY, NULL,
     "ARG NAME[=DEFAULT]..."},
    {"cmd", INSTRUCTION_CMD, ARGUMENTS_TEXT, true, false, true, 0, ANY, NULL,
     "CMD [\"PROGRAM\", \"ARGUMENT\"...]"},
    {"copy", INSTRUCTION_COPY, ARGUMENTS_WORDS, true, true, true, 2, ANY, copy_flags,
     "COPY [FLAGS] SOURCE... DESTINATION"},
    {"entrypoint", INSTRUCTION_ENTRYPOINT, ARGUMENTS_TEXT, true, false, true, 0, ANY, NULL,
     "ENTRYPOINT [\"PROGRAM\", \"ARGUMENT\"...]"},
    {"env", INSTRUCTION_ENV, ARGUMENTS_PAIRS, false, false, true, 1, ANY, NULL,
     "ENV NAME=VALUE..."},
    {"expose", INSTRUCTION_EXPOSE, ARGUMENTS_WORDS, false, false, true, 1, ANY, NULL,
     "EXPOSE PORT[/PROTOCOL]..."},
    {"from", INSTRUCTION_FROM, ARGUMENTS_WORDS, false, false, false, 1, 3, from_flags,
     "FROM [--platform=PLATFORM] IMAGE [AS NAME]"},
    {"healthcheck", INSTRUCTION_HEALTHCHECK, ARGUMENTS_HEALTH, true, false, true, 1, ANY,
     health_flags, "HEALTHCHECK [FLAGS] CMD COMMAND, or HEALTHCHECK NONE"},
    {"label", INSTRUCTION_LABEL, ARGUMENTS_PAIRS, false, false, true, 1, ANY, NULL,
     "LABEL NAME=VALUE..."},
    {"maintainer", INSTRUCTION_MAINTAINER, ARGUMENTS_TEXT, false, false, false, 1, 1, NULL,
     "MAINTAINER NAME"},
    {"onbuild", INSTRUCTION_ONBUILD, ARGUMENTS_NESTED, false, false, false, 0, 0, NULL,
     "ONBUILD INSTRUCTION"},
    {"run", INSTRUCTION_RUN, ARGUMENTS_TEXT, true, true, true, 0, ANY, run_flags,
     "RUN [FLAGS] COMMAND"},
    {"shell", INSTRUCTION_SHELL, ARGUMENTS_TEXT, true, false, true, 1, ANY, NULL,
     "SHELL [\"PROGRAM\", \"ARGUMENT\"...]"},
    {"stopsignal", INSTRUCTION_STOPSIGNAL, ARGUMENTS_TEXT, false, false, true, 1, 1, NULL,
     "STOPSIGNAL SIGNAL"},
    {"user", INSTRUCTION_USER, ARGUMENTS_TEXT, false, false, true, 1, 1, NULL, "USER NAME[:GROUP]"},
    {"volume", INSTRUCTION_VOLUME, ARGUMENTS_WORDS, true, false, true, 1, ANY, NULL,
     "VOLUME PATH..."},
    {"workdir", INSTRUCTION_WORKDIR, ARGUMENTS_TEXT, false, false, true, 1, 1, NULL,
     "WORKDIR PATH"},
};
const size_t instruction_row_count = ARRAY_SIZE(instruction_rows);

const struct instruction_row *instruction_row_find(struct view name)
{
    for (size_t i = 0; i < instruction_row_count; i++)
        if (view_eq_nocase(name, instruction_rows[i].name))
            return &instruction_rows[i];
    return NULL;
}

const struct flag_row *flag_row_find(const struct instruction_row *row, struct view name)
{
    for (const struct flag_row *f = row->flags; f && f->name; f++)
        if (view_eq_text(name, f->name))
            return f;
    return NULL;
}
