/* cooper lint - rules over Dockerfiles. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/lint_context.h"
#include "cli/lint_files.h"
#include "cli/lint_settings.h"
#include "cli/lint_sinks.h"
#include "cli/lint_stored.h"
#include "lint/config.h"
#include "lint/fix.h"
#include "lint/format.h"
#include "lint/rule.h"

struct options {
    const char *config, *context, *threshold, *explain, *name, *fix, *ignore_file, *exit_code;
    struct strings formats, outputs;
    struct lint_choices choices;
    struct strings trusted, labels;
    bool no_fail, strict_labels, no_pragma, no_shellcheck, brief, no_color;
};

/* ---- configuration ---- */

static int apply_options(struct lint_config *c, const struct options *o, struct error *err)
{
    int r = lint_settings_choose(&o->choices, c, err);

    vec_each (name, &o->trusted)
        strings_add(&c->trusted, *name);
    for (size_t i = 0; r == 0 && i < o->labels.size; i++)
        r = lint_config_label(c, view_of(o->labels.at[i]), err);
    c->no_fail |= o->no_fail;
    c->strict_labels |= o->strict_labels;
    c->ignore_pragmas |= o->no_pragma;
    if (r == 0 && o->threshold)
        r = lint_config_threshold(c, o->threshold, err);
    c->no_color |= o->no_color;
    return r;
}

/* ---- the files ---- */

struct work {
    const struct env *env;
    const struct options *o;
    const struct lint_config *config;
    struct lint_exceptions *exceptions;
    struct lint_stored *stored;
    struct lint_bases *bases;
    struct lint_directory context;
    struct linter *linters[2]; /* [1]: with what another rule covers, for formats that want it */
    struct lint_sinks sinks;
    bool failed; /* a finding at or above the threshold */
};

static void work_done(struct work *w)
{
    linter_free(w->linters[0]);
    linter_free(w->linters[1]);
    lint_exceptions_free(w->exceptions);
    lint_stored_free(w->stored);
    lint_bases_free(w->bases);
    lint_directory_done(&w->context);
    lint_sinks_done(&w->sinks);
}

static int read_file(const char *path, struct str *ret, struct error *err)
{
    const int r = strcmp(path, "-") == 0
                      ? fd_read_all(0, DOCKERFILE_SIZE_MAX, ret, err)
                      : fd_read_file(AT_FDCWD, path, DOCKERFILE_SIZE_MAX, ret, err);

    return r < 0 ? error_wrap(err, r, "lint '%s'", path) : 0;
}

/* The file that a symbolic link names is the one that is mended; it keeps its owner and mode. */
static int replace(const char *path, struct view text, struct error *err)
{
    cleanup_free char *real = realpath(path, NULL);
    struct stat st;

    if (!real || stat(real, &st) < 0)
        return error_sys(err, "mend '%s'", path);
    if (!S_ISREG(st.st_mode))
        return error_set(err, -EINVAL, "mend '%s': it is no regular file", path);
    if (access(real, W_OK) < 0)
        return error_sys(err, "mend '%s'", path);
    const int r = fd_replace_file(AT_FDCWD, real, text, st.st_mode & 0777, err);
    if (r < 0)
        return error_wrap(err, r, "mend '%s'", path);
    (void)!chown(real, st.st_uid, st.st_gid); /* only root may give files away */
    (void)!chmod(real, st.st_mode & 0777);    /* the umask took from it */
    return 0;
}

/* What a terminal obeys is not handed to one; whoever applies the diff gets the bytes. */
static void print_diff(const struct env *env, struct view before, struct view after,
                       const char *path)
{
    STR_AUTO(diff);
    STR_AUTO(shown);

    lint_fix_diff(before, after, path, &diff);
    if (isatty(fileno(env->out)))
        text_add_visible(&shown, str_view(&diff));
    else
        str_add(&shown, str_view(&diff));
    (void)fwrite(shown.at, 1, shown.size, env->out);
}

/* 1: the diff is all that is wanted of the file. */
static int fix(struct work *w, const char *path, struct str *text, struct error *err)
{
    const bool diff = strcmp(w->o->fix, "diff") == 0, input = strcmp(path, "-") == 0;
    STR_AUTO(mended);

    const size_t made = lint_fix(w->linters[0], str_view(text), path, &mended);
    if (diff)
        print_diff(w->env, str_view(text), str_view(&mended), path);
    else if (input)
        (void)fwrite(mended.at, 1, mended.size, w->env->out);
    if (diff || input)
        return 1;
    const int r = made > 0 ? replace(path, str_view(&mended), err) : 0;
    if (r < 0)
        return r;
    str_clear(text);
    str_add(text, str_view(&mended));
    return 0;
}

static void report(struct work *w, bool all, const char *name, struct view text)
{
    CLEANUP(lint_report_done) struct lint_report found = {0};

    if (!lint_sinks_want(&w->sinks, all))
        return;
    lint_text(w->linters[all], text, name, &found);
    vec_each (f, &found)
        w->failed |= f->level >= MAX(w->config->threshold, LINT_STYLE);
    const struct view source = found.dockerfile ? found.dockerfile->source : text;
    lint_sinks_add(&w->sinks, all, &(struct lint_subject){name, source, &found});
}

static int lint_one(struct work *w, const char *path, struct error *err)
{
    const char *name = w->o->name ? w->o->name : path;
    STR_AUTO(text);
    int r = read_file(path, &text, err);

    if (r == 0)
        r = lint_context_read(w->env, &w->context, path, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < ARRAY_SIZE(w->linters); i++)
        linter_next(w->linters[i], w->context.ignore, w->context.sent, path);
    if (w->o->fix && (r = fix(w, path, &text, err)) != 0)
        return r < 0 ? r : 0;
    report(w, false, name, str_view(&text));
    report(w, true, name, str_view(&text));
    return 0;
}

/* ---- the command ---- */

static bool names_input(char *const *arguments)
{
    for (; *arguments; arguments++)
        if (strcmp(*arguments, "-") == 0)
            return true;
    return false;
}

/* Neither a diff nor a Dockerfile is a document. */
static int choose_sinks(struct work *w, char *const *arguments, struct error *err)
{
    const struct options *o = w->o;
    CLEANUP(strings_done) struct strings none = {0};
    const struct strings *formats = o->formats.size > 0 ? &o->formats : &w->config->formats;
    const bool plain = o->fix && (*o->fix || names_input(arguments));

    return lint_sinks_pair(&w->sinks, plain ? &none : formats, plain ? &none : &o->outputs, err);
}

static void make_linters(struct work *w)
{
    struct lint_options options = lint_config_options(w->config);

    options.exceptions = w->exceptions;
    options.bases = w->bases = lint_bases_new();
    w->stored = lint_stored_new(w->env);
    lint_stored_use(w->stored, &options);
    options.context = true;
    options.no_shellcheck = w->o->no_shellcheck;
    for (size_t i = 0; i < ARRAY_SIZE(w->linters); i++) {
        options.raw = i > 0;
        w->linters[i] = linter_new(&options);
    }
}

static int lint_all(struct work *w, char *const *arguments, struct error *err)
{
    CLEANUP(strings_done) struct strings files = {0};
    ERROR_AUTO(e);
    int r = lint_files(w->env, arguments, &files, err);

    if (r < 0)
        return r;
    make_linters(w);
    r = lint_sinks_begin(&w->sinks, w->env, w->o->brief || w->env->quiet,
                         w->env->color && !w->config->no_color, err);
    for (size_t i = 0; r == 0 && i < files.size; i++)
        r = lint_one(w, files.at[i], err);
    const int ended = lint_sinks_end(&w->sinks, &e); /* after a failure too: they stay documents */
    if (r == 0 && ended < 0)
        r = error_move(err, &e);
    if (r == 0)
        lint_settings_unused(w->env, w->exceptions);
    return r;
}

static int check_usage(const struct options *o, struct error *err)
{
    if (o->fix && *o->fix && strcmp(o->fix, "diff") != 0)
        return error_set(err, -EINVAL, "--fix takes nothing or diff, not '%.40s'", o->fix);
    return 0;
}

static int run(const struct env *env, const void *options, char *const *arguments,
               struct error *err)
{
    const struct options *o = options;
    CLEANUP(lint_config_done) struct lint_config config = {0};
    struct env said = *env;
    CLEANUP(work_done)
    struct work w = {.env = &said, .o = o, .config = &config, .context = {.named = o->context}};
    int status = 0;

    if (o->explain)
        return lint_rule_explain(env, o->explain, err) < 0 ? EXIT_USAGE : EXIT_DONE;
    lint_config_init(&config);
    int r = lint_settings_read(env, o->config, &config, err);
    if (r == 0)
        r = lint_settings_exceptions(env, o->ignore_file, &w.exceptions, err);
    if (r < 0)
        return r;
    said.verbose |= config.verbose;
    if (check_usage(o, err) < 0 || lint_settings_status(o->exit_code, &status, err) < 0 ||
        apply_options(&config, o, err) < 0 || choose_sinks(&w, arguments, err) < 0)
        return EXIT_USAGE;
    r = lint_all(&w, arguments, err);
    if (r < 0)
        return r;
    return !w.failed || config.no_fail || lint_sinks_never_fail(&w.sinks) ? EXIT_DONE : status;
}

static const struct option_row rows[] = {
    OPT_TEXTS('f', "format", struct options, formats,
              "tty|json|sarif|checkstyle|codeclimate|gitlab|gnu|junit|sonarqube|codacy|table",
              "how findings are written (default: tty)"),
    OPT_TEXTS('o', "output", struct options, outputs, "FILE",
              "where they go, - for standard output; each has the --format of the same number"),
    OPT_TEXT('t', "failure-threshold", struct options, threshold, "LEVEL",
             "lowest level that fails: error, warning, info (default), style; none: any finding"),
    OPT_TEXT(0, "exit-on", struct options, threshold, "LEVEL", "the same"),
    OPT_TEXT(0, "exit-code", struct options, exit_code, "N", "status when it fails (default: 3)"),
    OPT_FLAG(0, "no-fail", struct options, no_fail, "status 0 whatever is found"),
    OPT_TEXTS(0, "ignore", struct options, choices.ignore, "RULE", "leave a rule out"),
    OPT_TEXTS(0, "enable", struct options, choices.enable, "RULE", "switch a rule on that is off"),
    OPT_TEXTS(0, "error", struct options, choices.error, "RULE", "give a rule the level error"),
    OPT_TEXTS(0, "warning", struct options, choices.warning, "RULE",
              "give a rule the level warning"),
    OPT_TEXTS(0, "info", struct options, choices.info, "RULE", "give a rule the level info"),
    OPT_TEXTS(0, "style", struct options, choices.style, "RULE", "give a rule the level style"),
    OPT_TEXTS(0, "trusted-registry", struct options, trusted, "HOST",
              "images of other registries are findings; * at either end"),
    OPT_TEXTS(0, "require-label", struct options, labels, "NAME:TYPE",
              "a label that every image has: text, url, semver, hash, rfc3339, spdx, email"),
    OPT_FLAG(0, "strict-labels", struct options, strict_labels, "no labels but the required ones"),
    OPT_FLAG(0, "disable-ignore-pragma", struct options, no_pragma, "comments switch nothing off"),
    OPT_FLAG(0, "no-shellcheck", struct options, no_shellcheck, "do not run ShellCheck over RUNs"),
    OPT_TEXT('c', "config", struct options, config, "FILE",
             "instead of the .hadolint.yaml that is found"),
    OPT_TEXT(0, "ignore-file", struct options, ignore_file, "FILE",
             "findings that are taken as they are (default: .cooperignore)"),
    OPT_WORD(0, "fix", struct options, fix, "diff",
             "mend what a machine can, then lint; diff: only show what would change; - is written "
             "to stdout"),
    OPT_TEXT(0, "context", struct options, context, "DIR",
             "the build context (default: where the file is)"),
    OPT_TEXT(0, "file-path-in-report", struct options, name, "NAME", "how reports call the file"),
    OPT_FLAG(0, "brief", struct options, brief, "tty: one line a finding"),
    OPT_FLAG(0, "no-color", struct options, no_color, "tty: no colours"),
    OPT_TEXT(0, "explain", struct options, explain, "RULE",
             "print what a rule is about; all: the whole reference"),
    OPT_END,
};

const struct command_row cmd_lint = {
    .name = "lint",
    .group = "check them",
    .arguments = "[FILE|DIR|-]...",
    .help = "find what is wrong with Dockerfiles",
    .options = rows,
    .options_size = sizeof(struct options),
    .arguments_max = -1,
    .run = run,
    .example = "cooper lint --failure-threshold warning",
};
