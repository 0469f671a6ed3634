/* rules_command.c - what a container starts: CMD, ENTRYPOINT, HEALTHCHECK, STOPSIGNAL. */
#include "lint/rule.h"

/* The words of a JSON form, HEALTHCHECK's type left out. */
static const struct word *command_words(const struct instruction *in, size_t *ret_count)
{
    const size_t skip = in->kind == INSTRUCTION_HEALTHCHECK;

    *ret_count = in->word_count > skip ? in->word_count - skip : 0;
    return in->words + skip;
}

static bool is_shell_form(const struct instruction *in)
{
    size_t count;

    (void)command_words(in, &count);
    return !in->json && count > 0;
}

/* ---- forms ---- */

static void check_json(struct lint *l, const struct lint_stage *s, const struct instruction *in)
{
    (void)s;
    if (is_shell_form(in))
        lint_add(l, in->words[in->kind == INSTRUCTION_HEALTHCHECK].span,
                 "%s in shell form: a shell stands between the signals and the program",
                 in->row->kind == INSTRUCTION_CMD          ? "CMD"
                 : in->row->kind == INSTRUCTION_ENTRYPOINT ? "ENTRYPOINT"
                                                           : "HEALTHCHECK");
}

static void check_json_buildkit(struct lint *l, const struct lint_stage *s,
                                const struct instruction *in)
{
    if (is_shell_form(in) && !s->scope.shell)
        lint_add(l, in->words[0].span,
                 "JSON arguments recommended for %s to prevent unintended behavior related to OS "
                 "signals",
                 in->kind == INSTRUCTION_CMD ? "CMD" : "ENTRYPOINT");
}

static void check_json_broken(struct lint *l, const struct lint_stage *s,
                              const struct instruction *in)
{
    const struct view v = view_trim(in->rest);

    (void)s;
    if (in->json || in->heredoc_count || v.size < 3 || v.at[0] != '[' || v.at[v.size - 1] != ']' ||
        v.at[1] == '[' || v.at[1] == ' ')
        return;
    lint_add(l, in->words[0].span,
             "this looks like JSON and is none, so a shell runs it as it stands");
}

/* ---- signals ---- */

static void check_stopsignal(struct lint *l, const struct lint_stage *s,
                             const struct instruction *in)
{
    static const char *const kills[] = {"SIGKILL", "KILL", "9", NULL};

    (void)s;
    if (in->word_count > 0 && lint_view_in(lint_unquote(in->words[0].text), kills))
        lint_add(l, in->words[0].span, "'%.*s' cannot be caught: the program never ends in order",
                 LINT_CUT(in->words[0].text));
}

static const struct lint_row rows[] = {
    {
        .id = "CP501",
        .name = "shell-form",
        .aliases = {"DL3025", "ID.20012"},
        .title = "CMD, ENTRYPOINT or HEALTHCHECK in shell form",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "In shell form `/bin/sh -c` is started first, and takes signals, quotes and "
               "arguments for itself. In JSON form the program "
               "is started as written.",
        .fix = "Write a list: CMD [\"node\", \"app.js\"].",
        .bad = "FROM debian:12.5\nUSER 1001\nCMD node app.js\n",
        .good = "FROM debian:12.5\nUSER 1001\nCMD [\"node\", \"app.js\"]\n",
        .kinds = LINT_KIND(CMD) | LINT_KIND(ENTRYPOINT) | LINT_KIND(HEALTHCHECK),
        .instruction = check_json,
    },
    {
        .id = "CP502",
        .name = "shell-form-no-shell",
        .aliases = {"JSONArgsRecommended"},
        .title = "CMD or ENTRYPOINT in shell form, and no SHELL",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = "As CP501, but where SHELL was set on purpose BuildKit takes the shell form as "
               "meant. A shell as process 1 hands no "
               "signals on.",
        .fix = "Write a list: CMD [\"node\", \"app.js\"].",
        .bad = "FROM debian:12.5\nUSER 1001\nCMD node app.js\n",
        .good = "FROM debian:12.5\nUSER 1001\nCMD [\"node\", \"app.js\"]\n",
        .covered_by = {"CP501"},
        .kinds = LINT_KIND(CMD) | LINT_KIND(ENTRYPOINT),
        .instruction = check_json_buildkit,
    },
    {
        .id = "CP503",
        .name = "json-broken",
        .aliases = {"JSON_IN_SINGLE_QUOTES"},
        .title = "a list that is no JSON",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = "JSON knows double quotes only. A list in single quotes, or with a comma too many, "
               "becomes the text of a shell without a word.",
        .fix = "Use double quotes, a comma between two words and none behind the last.",
        .bad = "FROM debian:12.5\nUSER 1001\nRUN ['a', 'b']\n",
        .good = "FROM debian:12.5\nUSER 1001\nRUN [\"a\", \"b\"]\n",
        .kinds = LINT_KIND(CMD) | LINT_KIND(ENTRYPOINT) | LINT_KIND(RUN),
        .instruction = check_json_broken,
    },
    {
        .id = "CP505",
        .name = "stopsignal-kill",
        .aliases = {NULL},
        .title = "STOPSIGNAL SIGKILL",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "SIGKILL cannot be caught. The program never gets to finish a request or write its "
               "files.",
        .fix = "STOPSIGNAL SIGTERM, or the signal that the program documents.",
        .bad = "FROM debian:12.5\nSTOPSIGNAL SIGKILL\nUSER 1001\n",
        .good = "FROM debian:12.5\nSTOPSIGNAL SIGTERM\nUSER 1001\n",
        .kinds = LINT_KIND(STOPSIGNAL),
        .instruction = check_stopsignal,
    },
};

const struct lint_table lint_command = {rows, ARRAY_SIZE(rows)};
