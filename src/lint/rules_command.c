/* rules_command.c - what a container starts: CMD, ENTRYPOINT, HEALTHCHECK, STOPSIGNAL. */
#include <jansson.h>

#include "lint/run.h"

/* The words of a JSON form, HEALTHCHECK's type left out. */
static const struct word *command_words(const struct instruction *in, size_t *ret_count)
{
    const size_t skip = in->kind == INSTRUCTION_HEALTHCHECK && in->word_count > 0;

    *ret_count = in->word_count - skip;
    return skip ? in->words + skip : in->words; /* no words, no array */
}

static bool is_shell_form(const struct instruction *in)
{
    size_t count;

    (void)command_words(in, &count);
    return !in->json && count > 0;
}

/* ---- the JSON form of a simple command ---- */

/* What a shell does itself, or what it makes of a word. */
static bool needs_shell(const struct sh_word *program)
{
    static const char builtins[] =
        ". : alias bg break builtin case cd command continue declare eval exec exit export fg for "
        "function getopts hash if jobs let local read readonly return set shift source times trap "
        "type typeset ulimit umask unalias unset until wait while";

    for (const struct sh_word *w = program; w; w = w->next)
        if (!w->literal || memchr(w->raw.at, '~', w->raw.size) ||
            memchr(w->raw.at, '{', w->raw.size))
            return true;
    return program->text.size == 0 || lint_in_list(program->text, builtins) ||
           view_ends(program->text, ".sh"); /* which may lack "#!": then only a shell runs it */
}

/* The one command with nothing but literal words, behind `exec`; NULL: it is more than that. */
static const struct sh_word *simple_command(const struct lint_run *run)
{
    if (!run || run->windows || run->script_count != 1 || run->scripts[0]->error_count > 0)
        return NULL;
    const struct sh_node *n = run->scripts[0]->root->first;
    if (!n || n->next || n->kind != SH_COMMAND || n->op != SH_OP_END || n->negated || n->assigns ||
        n->redirects || !n->words)
        return NULL;
    const struct sh_word *w = n->words;
    if (view_eq_text(w->text, "exec") && w->next && !view_starts(w->next->text, "-"))
        w = w->next;
    return needs_shell(w) ? NULL : w;
}

static bool stage_has(const struct lint_stage *s, enum instruction_kind kind)
{
    for (; s; s = s->parent)
        for (size_t i = 0; i < s->count; i++)
            if (s->at[i].kind == kind)
                return true;
    return false;
}

/* ENTRYPOINT in shell form takes no arguments, and one in JSON form takes CMD for them: alone, each of the two means the same in both
 * forms. What is built on the stage may add the other. */
static bool form_is_free(const struct lint_stage *s, const struct instruction *in)
{
    if (in < s->at || in >= s->at + s->count || s->scope.shell || in->heredoc_count > 0 ||
        in->span.end_line != in->span.line)
        return false;
    if (in->kind == INSTRUCTION_HEALTHCHECK)
        return true;
    return !s->extended &&
           !stage_has(s, in->kind == INSTRUCTION_CMD ? INSTRUCTION_ENTRYPOINT : INSTRUCTION_CMD);
}

/* The arena's; NULL: a machine does not know. */
static const char *json_form(struct lint *l, const struct lint_stage *s,
                             const struct instruction *in)
{
    const struct sh_word *w = form_is_free(s, in) ? simple_command(lint_run_get(l, s, in)) : NULL;
    if (!w)
        return NULL;
    json_t *list = json_array();
    bool good = true;
    for (; w; w = w->next)
        good &= json_array_append_new(list, json_stringn(w->text.at, w->text.size)) == 0;
    char *text = good ? json_dumps(list, 0) : NULL;
    const char *ret = text ? arena_strdup(l->arena, text) : NULL;
    free(text);
    json_decref(list);
    return ret;
}

static void add_shell_form(struct lint *l, const struct lint_stage *s, const struct instruction *in,
                           const char *text)
{
    size_t count;
    const struct span begin = command_words(in, &count)->span;
    const char *json = json_form(l, s, in);
    const struct span all = {begin.line, begin.column, in->span.end_line, in->span.end_column};

    if (json)
        lint_add_edit(l, begin, all, json, "%s", text);
    else
        lint_add(l, begin, "%s", text);
}

/* ---- forms ---- */

static const char *kind_name(const struct instruction *in)
{
    return in->kind == INSTRUCTION_CMD          ? "CMD"
           : in->kind == INSTRUCTION_ENTRYPOINT ? "ENTRYPOINT"
                                                : "HEALTHCHECK";
}

static void check_json(struct lint *l, const struct lint_stage *s, const struct instruction *in)
{
    if (is_shell_form(in))
        add_shell_form(
            l, s, in,
            arena_printf(l->arena,
                         "%s in shell form: a shell stands between the signals and the program",
                         kind_name(in)));
}

static void check_json_buildkit(struct lint *l, const struct lint_stage *s,
                                const struct instruction *in)
{
    if (is_shell_form(in) && !s->scope.shell)
        add_shell_form(l, s, in,
                       arena_printf(l->arena,
                                    "JSON arguments recommended for %s to prevent unintended "
                                    "behavior related to OS signals",
                                    kind_name(in)));
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
        .aliases = {"JSON_IN_SINGLE_QUOTES", "ID.20013"},
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
