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

static struct view program_name(struct view path)
{
    const char *slash = path.size ? memrchr(path.at, '/', path.size) : NULL;

    return slash ? view_make(slash + 1, path.size - (size_t)(slash + 1 - path.at)) : path;
}

/* The text that a shell will read at start: of a shell form, or of ["sh", "-c", "..."]. */
static bool script_of(const struct instruction *in, struct word *ret)
{
    static const char *const shells[] = {"sh", "bash", "ash", "dash", "zsh", "ksh", NULL};
    size_t count;
    const struct word *words = command_words(in, &count);

    if (!in->json && count > 0) {
        *ret = words[0];
        return true;
    }
    if (count < 3 || !lint_view_in(program_name(words[0].text), shells) ||
        !view_starts(words[1].text, "-") || !view_ends(words[1].text, "c"))
        return false;
    *ret = words[2];
    return true;
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

/* Does the last command of the script replace the shell? */
static bool script_execs(struct view script)
{
    struct view last = script;

    for (size_t i = 0; i < script.size; i++)
        if (strchr("&|;\n", script.at[i]) && script.at[i])
            last = view_make(script.at + i + 1, script.size - i - 1);
    last = view_trim(last);
    return view_starts(last, "exec ") || view_starts(view_trim(script), "exec ");
}

static void check_pid1(struct lint *l, const struct lint_stage *s)
{
    static const char *const runners[] = {"npm", "yarn", "pnpm", "npx", NULL};
    const struct instruction *in = s->entrypoint ? s->entrypoint : s->cmd;
    struct word script;
    size_t count;

    if (!in || in->word_count == 0)
        return;
    const struct word *words = command_words(in, &count);
    if (script_of(in, &script)) {
        if (!script_execs(script.text))
            lint_add(l, script.span,
                     "the program is a child of a shell, which hands no signal on: it is killed "
                     "after the grace period");
    } else if (count > 0 && lint_view_in(program_name(words[0].text), runners)) {
        lint_add(l, words[0].span, "'%.*s' as process 1 does not hand signals to what it starts",
                 LINT_CUT(words[0].text));
    }
}

static void check_stopsignal(struct lint *l, const struct lint_stage *s,
                             const struct instruction *in)
{
    static const char *const kills[] = {"SIGKILL", "KILL", "9", NULL};

    (void)s;
    if (in->word_count > 0 && lint_view_in(lint_unquote(in->words[0].text), kills))
        lint_add(l, in->words[0].span, "'%.*s' cannot be caught: the program never ends in order",
                 LINT_CUT(in->words[0].text));
}

/* ---- one program ---- */

static bool has_background(struct view script)
{
    for (size_t i = 0; i < script.size; i++) {
        const char before = i > 0 ? script.at[i - 1] : ' ',
                   after = i + 1 < script.size ? script.at[i + 1] : '\0';
        if (script.at[i] == '&' && before != '&' && before != '>' && before != '<' &&
            before != '\\' && after != '&' && after != '>' && after != '\0')
            return true;
    }
    return false;
}

static bool starts_service(struct view script)
{
    struct view word, rest = script;
    bool service = false;

    while (rest.at && view_cut(&rest, ' ', &word)) {
        if (service && (view_eq_text(word, "start") || view_eq_text(word, "restart")))
            return true;
        service |= view_eq_text(word, "service") || view_starts(word, "/etc/init.d/");
    }
    return false;
}

static void check_services(struct lint *l, const struct lint_stage *s, const struct instruction *in)
{
    static const char *const supervisors[] = {"supervisord", "runsvdir", "s6-svscan", "systemd",
                                              "monit",       "circusd",  "runit",     NULL};
    struct word script;
    size_t count;
    const struct word *words = command_words(in, &count);

    (void)s;
    if (script_of(in, &script)) {
        struct view rest = view_trim(script.text), first = VIEW("");
        (void)view_cut(&rest, ' ', &first);
        if (has_background(script.text) || starts_service(script.text) ||
            lint_view_in(program_name(first), supervisors))
            lint_add(l, script.span, "more than one service is started");
    } else if (count > 0 && lint_view_in(program_name(words[0].text), supervisors)) {
        lint_add(l, words[0].span, "'%.*s' starts more than one service", LINT_CUT(words[0].text));
    }
}

/* ---- code at start ---- */

static void check_fetch(struct lint *l, const struct lint_stage *s, const struct instruction *in)
{
    static const char *const fetches[] = {
        "apt-get install", "apt-get update",  "apt install",    "apk add",
        "apk update",      "yum install",     "dnf install",    "pip install",
        "pip3 install",    "npm install",     "npm ci",         "yarn install",
        "pnpm install",    "gem install",     "bundle install", "composer install",
        "go install",      "go mod download", "cargo install",  "git clone",
        "git pull",        "curl ",           "wget ",          "update-ca-certificates"};
    struct word script;

    (void)s;
    if (!script_of(in, &script))
        return;
    for (size_t i = 0; i < ARRAY_SIZE(fetches); i++) {
        const char *at = memmem(script.text.at, script.text.size, fetches[i], strlen(fetches[i]));
        if (!at || (at > script.text.at && !strchr(" ;&|(\n", at[-1])))
            continue;
        lint_add(l, script.span,
                 "'%s' at every start: the container runs what the network holds that day",
                 fetches[i]);
        return;
    }
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
        .id = "CP504",
        .name = "pid1-no-signals",
        .aliases = {NULL},
        .title = "the program gets no signals",
        .level = LINT_INFO,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "Process 1 of a container gets the stop signal, and a shell or npm keeps it. The "
               "program is killed in the middle of its "
               "work when the grace period ends.",
        .fix =
            "JSON form; `exec program` at the end of a script; or an init: tini, or `run --init`.",
        .bad = "FROM debian:12.5\nUSER 1001\nCMD [\"sh\", \"-c\", \"node app.js\"]\n",
        .good = "FROM debian:12.5\nUSER 1001\nCMD [\"sh\", \"-c\", \"exec node app.js\"]\n",
        .stage = check_pid1,
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
    {
        .id = "CP506",
        .name = "two-services",
        .aliases = {NULL},
        .title = "more than one service in a container",
        .level = LINT_INFO,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "When one of them dies the container lives on, and nobody is told. They cannot be "
               "updated, limited or watched apart.",
        .fix = "One container for each; compose or a pod keeps them together.",
        .bad = "FROM debian:12.5\nUSER 1001\nCMD [\"supervisord\", \"-n\"]\n",
        .good = "FROM debian:12.5\nUSER 1001\nCMD [\"nginx\", \"-g\", \"daemon off;\"]\n",
        .kinds = LINT_KIND(CMD) | LINT_KIND(ENTRYPOINT),
        .instruction = check_services,
    },
    {
        .id = "CP507",
        .name = "cert-or-code-at-start",
        .aliases = {NULL},
        .title = "code is fetched when the container starts",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "What runs is then not what was built and scanned, and differs from start to start. "
               "Without the network nothing starts.",
        .fix = "Fetch it in a RUN.",
        .bad = "FROM debian:12.5\nUSER 1001\nENTRYPOINT [\"sh\", \"-c\", \"pip install x && exec "
               "x\"]\n",
        .good = "FROM debian:12.5\nUSER 1001\nENTRYPOINT [\"x\"]\n",
        .kinds = LINT_KIND(CMD) | LINT_KIND(ENTRYPOINT),
        .instruction = check_fetch,
    },
};

const struct lint_table lint_command = {rows, ARRAY_SIZE(rows)};
