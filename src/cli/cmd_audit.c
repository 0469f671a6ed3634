/* cooper audit - images, run configurations and hosts held against docker-bench's checks and ours. */
#include <errno.h>
#include <sys/stat.h>

#include "cli/audit.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/lint_settings.h"
#include "cli/options.h"
#include "lint/rule.h"

/* The report with what stands in one file, in its own lines. */
static void add_part(struct audit_work *w, bool all, const struct lint_report *report,
                     const struct run_list *list, const struct run_file *file)
{
    struct lint_report part = {0};

    vec_each (f, report) {
        if (run_list_file(list, f->span.line) != file)
            continue;
        struct lint_finding own = *f;
        if (own.span.line > 0) {
            own.span.line -= file->lines_before;
            own.span.end_line -= MIN(own.span.end_line, file->lines_before);
        }
        vec_push(&part, own);
    }
    if (part.size > 0 || file == list->files.at[0])
        lint_sinks_add(&w->sinks, all,
                       &(struct lint_subject){file->name, file->text, &part, file->hidden});
    vec_done(&part);
}

/* list NULL: one text, without other files. */
static void judge(struct audit_work *w, const char *name, struct view source,
                  const struct run_list *list, const struct lint_facts *facts, size_t count)
{
    for (size_t all = 0; all < ARRAY_SIZE(w->linters); all++) {
        CLEANUP(lint_report_done) struct lint_report report = {0};

        if (!lint_sinks_want(&w->sinks, all))
            continue;
        linter_next(w->linters[all], NULL, NULL, name);
        lint_audit(w->linters[all], facts, count, &report);
        vec_each (f, &report)
            w->failed |= f->level >= MAX(w->config.threshold, LINT_STYLE);
        if (!list)
            lint_sinks_add(&w->sinks, all, &(struct lint_subject){name, source, &report, false});
        else
            vec_each (file, &list->files)
                add_part(w, all, &report, list, *file);
    }
}

void audit_judge(struct audit_work *w, const char *name, struct view source,
                 const struct lint_facts *facts, size_t count)
{
    judge(w, name, source, NULL, facts, count);
}

void audit_judge_runs(struct audit_work *w, const char *name, const struct run_list *list)
{
    cleanup_free struct lint_facts *facts = xcalloc(list->runs.size + 1, sizeof(*facts));

    for (size_t i = 0; i < list->runs.size; i++)
        facts[i].run = list->runs.at[i];
    judge(w, name, VIEW(""), list, facts, list->runs.size);
}

/* ---- what is asked ---- */

enum audit_form { AUDIT_SUBJECTS, AUDIT_RUN };

struct question {
    enum audit_form form;
    struct audit_options options;
    struct global_options globals;
    struct strings words; /* subjects, or IMAGE and its command */
    struct strings line;  /* a command line that was pasted, in words */
};

static bool is_file(const char *word)
{
    struct stat st;

    return strcmp(word, "-") == 0 || (stat(word, &st) == 0 && !S_ISDIR(st.st_mode));
}

/* Options of docker run that say something were given. */
static bool has_run_options(const struct audit_options *o)
{
    static const struct docker_options none;

    return memcmp(&o->run, &none, sizeof(none)) != 0;
}

/* Behind `run` and `exec` options go on up to the image; behind other subjects they may stand anywhere. */
static int read_words(const struct audit_options *o, char *const *words, struct question *q,
                      struct error *err)
{
    struct command_row row = cmd_audit;
    int count = 0, pasted = audit_line(words, &q->line, err);

    if (pasted < 0)
        return pasted;
    if (pasted)
        words = strings_argv(&q->line);

    options_copy(&row, o, &q->options);
    if (!words[0]) {
        q->form = has_run_options(o) ? AUDIT_RUN : AUDIT_SUBJECTS;
        return 0;
    }
    const bool exec = strcmp(words[0], "exec") == 0, command = exec || strcmp(words[0], "run") == 0;
    if (command || (has_run_options(o) && !is_file(words[0])))
        q->form = AUDIT_RUN;
    q->options.run.exec = exec;
    words += command;
    while (words[count])
        count++;
    row.stop_at_first = q->form == AUDIT_RUN;
    int r = options_parse(&row, words, count, &q->options, &q->globals, &q->words, err);
    if (r == 0 && q->form == AUDIT_SUBJECTS && has_run_options(&q->options) && q->words.size > 0 &&
        !is_file(q->words.at[0]))
        q->form = AUDIT_RUN;
    return r;
}

static void question_done(struct question *q)
{
    options_done(&cmd_audit, &q->options);
    strings_done(&q->globals.warnings);
    strings_done(&q->words);
    strings_done(&q->line);
}

static void make_linters(struct audit_work *w)
{
    struct lint_options options = lint_config_options(&w->config);

    options.audit = true;
    options.exceptions = w->exceptions;
    for (size_t i = 0; i < ARRAY_SIZE(w->linters); i++) {
        options.raw = i > 0;
        w->linters[i] = linter_new(&options);
    }
}

static int configure(struct audit_work *w, int *ret_status, struct error *err)
{
    const struct audit_options *o = w->o;
    int r = lint_settings_choose(&o->choices, &w->config, err);

    if (r == 0)
        r = lint_settings_status(o->exit_code, ret_status, err);
    if (r == 0 && o->threshold)
        r = lint_config_threshold(&w->config, o->threshold, err);
    if (r == 0)
        r = lint_sinks_pair(&w->sinks, o->formats.size > 0 ? &o->formats : &w->config.formats,
                            &o->outputs, err);
    make_linters(w);
    return r;
}

/* ---- the command ---- */

/* "./x", "/x", "~/x" is no image's name. */
static bool is_missing_path(const char *word)
{
    static const char *const starts[] = {"/", "./", "../", "~/"};
    struct stat st;
    bool path = false;

    for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
        path |= view_starts(view_of(word), starts[i]);
    return path && stat(word, &st) < 0 && (errno == ENOENT || errno == ENOTDIR);
}

static int audit_subject(struct audit_work *w, const char *word, struct error *err)
{
    if (is_missing_path(word))
        return error_set(err, -ENOENT, "there is no file '%.200s'", word);
    return is_file(word) ? audit_file(w, word, err) : audit_image(w, word, err);
}

static int audit(struct audit_work *w, struct question *q, struct error *err)
{
    int r = w->o->host ? audit_host(w, err) : 0;

    if (r == 0 && q->form == AUDIT_RUN) {
        struct docker_options run = q->options.run;
        run.command = strings_argv(&q->words);
        return audit_run(w, &run, err);
    }
    if (r == 0 && q->options.files.size > 0)
        r = audit_merged(w, &q->options.files, err);
    for (size_t i = 0; r == 0 && i < q->words.size; i++)
        r = audit_subject(w, q->words.at[i], err);
    return r;
}

static int print_all(struct audit_work *w, struct question *q, struct error *err)
{
    const struct env *env = w->env;
    ERROR_AUTO(e);
    int r = lint_sinks_begin(&w->sinks, env, w->o->brief || env->quiet || q->globals.quiet,
                             env->color && !w->config.no_color, err);

    if (r == 0)
        r = audit(w, q, err);
    const int ended = lint_sinks_end(&w->sinks, &e); /* after a failure too: they stay documents */
    if (r == 0 && ended < 0)
        r = error_move(err, &e);
    if (r == 0)
        lint_settings_unused(env, w->exceptions);
    return r;
}

static void work_done(struct audit_work *w)
{
    for (size_t i = 0; i < ARRAY_SIZE(w->linters); i++)
        linter_free(w->linters[i]);
    lint_exceptions_free(w->exceptions);
    lint_sinks_done(&w->sinks);
    lint_config_done(&w->config);
}

static int check_words(const struct question *q, struct error *err)
{
    const bool alone = q->words.size == 0 && q->options.host,
               files = q->options.files.size > 0 && q->form == AUDIT_SUBJECTS;

    if (q->options.all && (!alone || files))
        return error_set(err, -EINVAL, "--all is for --host, and for nothing beside it");
    if (q->options.files.size > 0 && !files)
        return error_set(err, -EINVAL, "--file is for compose files, not for docker run");
    if (q->form == AUDIT_RUN && (q->words.size == 0 || !*q->words.at[0])) {
        const char *what = q->options.run.exec ? "CONTAINER" : "IMAGE";
        (void)error_set(err, -EINVAL, "%s is missing", what);
        return error_hint(err, -EINVAL, "cooper audit %s [OPTIONS] %s [COMMAND...]",
                          q->options.run.exec ? "exec" : "run", what);
    }
    if (q->words.size > 0 || alone || files)
        return 0;
    (void)error_set(err, -EINVAL, "'cooper audit' wants something to look at");
    return error_hint(err, -EINVAL,
                      "an image, cooper audit run [OPTIONS] IMAGE, a file, or --host");
}

static int run_question(const struct env *env, struct question *q, struct error *err)
{
    CLEANUP(work_done) struct audit_work w = {.env = env, .o = &q->options};
    int status = 0;

    if (q->globals.help) {
        help_command(env->out, &cmd_audit);
        return EXIT_DONE;
    }
    if (w.o->explain)
        return lint_rule_explain(env, w.o->explain, err) < 0 ? EXIT_USAGE : EXIT_DONE;
    if (check_words(q, err) < 0)
        return EXIT_USAGE;
    lint_config_init(&w.config);
    int r = lint_settings_read(env, w.o->config, &w.config, err);
    if (r == 0)
        r = lint_settings_exceptions(env, w.o->ignore_file, &w.exceptions, err);
    if (r == 0 && configure(&w, &status, err) < 0)
        return EXIT_USAGE;
    if (r == 0)
        r = w.o->all ? audit_host(&w, err) : print_all(&w, q, err);
    if (r == 0 && w.failed && !w.config.no_fail && !w.o->no_fail &&
        !lint_sinks_never_fail(&w.sinks))
        r = status;
    return r;
}

static int run(const struct env *env, const void *options, char *const *arguments,
               struct error *err)
{
    CLEANUP(question_done) struct question q = {0};

    if (read_words(options, arguments, &q, err) < 0)
        return EXIT_USAGE;
    return run_question(env, &q, err);
}

static const struct option_row rows[] = {
    OPT_TEXTS(0, "format", struct audit_options, formats,
              "tty|table|json|sarif|checkstyle|codeclimate|gitlab|gnu|junit|sonarqube|codacy",
              "how findings are written (default: tty); several, each with its --output"),
    OPT_TEXTS('o', "output", struct audit_options, outputs, "FILE|-",
              "where the format goes (default: standard output)"),
    OPT_TEXT(0, "exit-on", struct audit_options, threshold, "LEVEL",
             "lowest level that fails: error, warning, info (default), style; none: any finding"),
    OPT_TEXT(0, "exit-code", struct audit_options, exit_code, "N",
             "status when it fails (default: 3)"),
    OPT_FLAG(0, "no-fail", struct audit_options, no_fail, "status 0 whatever is found"),
    OPT_TEXTS(0, "ignore", struct audit_options, choices.ignore, "RULE", "leave a rule out"),
    OPT_TEXTS(0, "enable", struct audit_options, choices.enable, "RULE",
              "switch a rule on that is off"),
    OPT_TEXT(0, "config", struct audit_options, config, "FILE",
             "instead of the .hadolint.yaml that is found"),
    OPT_TEXT(0, "ignore-file", struct audit_options, ignore_file, "FILE",
             "instead of the .cooperignore here"),
    OPT_TEXTS(0, "error", struct audit_options, choices.error, "RULE",
              "give a rule the level error"),
    OPT_TEXTS(0, "warning", struct audit_options, choices.warning, "RULE",
              "give a rule the level warning"),
    OPT_TEXTS(0, "info", struct audit_options, choices.info, "RULE", "give a rule the level info"),
    OPT_TEXTS(0, "style", struct audit_options, choices.style, "RULE",
              "give a rule the level style"),
    OPT_TEXTS('f', "file", struct audit_options, files, "FILE",
              "a compose file; several are written over each other, as docker compose does"),
    OPT_TEXT(0, "platform", struct audit_options, platform, "OS/ARCH",
             "image: which one of an index (default: this machine's)"),
    OPT_TLS_VERIFY(struct audit_options, access),
    OPT_MAYBE(0, "host", struct audit_options, host, "DIR",
              "look at this machine, or at the one whose root directory is DIR"),
    OPT_FLAG(0, "all", struct audit_options, all,
             "host: list all checks and how they ended (table or json)"),
    OPT_TEXTS(0, "trusted-user", struct audit_options, trusted, "NAME",
              "host: may control the engine"),
    OPT_FLAG(0, "brief", struct audit_options, brief, "tty: one line a finding"),
    OPT_TEXT(0, "explain", struct audit_options, explain, "RULE",
             "print what a rule is about; all: the whole reference"),
    DOCKER_OPTIONS(struct audit_options, run),
    OPT_END,
};

const struct command_row cmd_audit = {
    .name = "audit",
    .group = "check them",
    .arguments = "IMAGE|FILE|-|[run|exec] IMAGE [COMMAND...]|--host",
    .help = "find what is unsafe in images, in how containers are run, and in hosts",
    .options = rows,
    .foreign = docker_foreign,
    .options_size = sizeof(struct audit_options),
    .arguments_max = -1,
    .stop_at_first = true,
    .run = run,
    .example = "cooper audit run --privileged -v /:/host app:1.2.3",
};
