/* cooper lint - rules over Dockerfiles. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/commands.h"
#include "cli/lint_files.h"
#include "cli/lint_settings.h"
#include "lint/config.h"
#include "lint/fix.h"
#include "lint/format.h"
#include "lint/rule.h"

struct options {
    const char *config, *context, *format, *threshold, *explain, *name, *fix;
    struct strings ignore, enable, error, warning, info, style, trusted, labels;
    int64_t exit_code;
    bool no_fail, strict_labels, no_pragma, no_shellcheck, brief, no_color;
};

/* ---- configuration ---- */

static int apply_options(struct lint_config *c, const struct options *o, struct error *err)
{
    const struct {
        const struct strings *names;
        enum lint_level level;
    } lists[] = {{&o->error, LINT_ERROR},
                 {&o->warning, LINT_WARNING},
                 {&o->info, LINT_INFO},
                 {&o->style, LINT_STYLE}};
    int r = lint_rules_check(&o->enable, "enable", err);

    for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
        vec_each (name, lists[i].names)
            lint_config_set(c, *name, lists[i].level);
    vec_each (name, &o->enable)
        lint_config_enable(c, *name);
    vec_each (name, &o->ignore)
        lint_config_set(c, *name, LINT_IGNORE);
    vec_each (name, &o->trusted)
        strings_add(&c->trusted, *name);
    for (size_t i = 0; r == 0 && i < o->labels.size; i++)
        r = lint_config_label(c, view_of(o->labels.at[i]), err);
    c->no_fail |= o->no_fail;
    c->strict_labels |= o->strict_labels;
    c->ignore_pragmas |= o->no_pragma;
    if (r == 0 && o->threshold)
        r = lint_config_threshold(c, o->threshold, err);
    if (o->format)
        strings_add(&c->formats, o->format);
    return r;
}

/* ---- the context's .dockerignore ---- */

struct context {
    char *directory; /* whose ignore file is at hand */
    struct ignore *ignore;
};

static void context_done(struct context *c)
{
    free(c->directory);
    ignore_free(c->ignore);
}

static int read_ignore(const char *path, struct context *c, struct error *err)
{
    STR_AUTO(text);
    ERROR_AUTO(e);
    const int r = fd_read_regular(AT_FDCWD, path, IGNORE_SIZE_MAX, &text, &e);

    if (r == -ENOENT || r == -ENOTDIR)
        return 0;
    if (r < 0)
        return error_move(err, &e);
    const int parsed = ignore_parse(str_view(&text), path, &c->ignore, err);
    return parsed < 0 ? parsed : 1;
}

/* As in a build: NAME.dockerignore beside the file, else .dockerignore of the context, which is the file's directory unless it is
 * named. */
static int read_context(const struct options *o, const char *file, struct context *c,
                        struct error *err)
{
    const char *slash = strrchr(file, '/');
    cleanup_free char *own = xasprintf("%s.dockerignore", file);
    cleanup_free char *directory = o->context ? xstrdup(o->context)
                                   : slash    ? xstrndup(file, (size_t)(slash - file))
                                              : xstrdup(".");
    cleanup_free char *shared = xasprintf("%s/.dockerignore", directory);

    context_done(c);
    *c = (struct context){0};
    int r = strcmp(file, "-") == 0 ? 0 : read_ignore(own, c, err);
    if (r == 0 && (o->context || strcmp(file, "-") != 0))
        r = read_ignore(shared, c, err);
    return r < 0 ? r : 0;
}

/* ---- the files ---- */

struct work {
    const struct env *env;
    const struct options *o;
    const struct lint_config *config;
    const struct lint_format *format;
    struct lint_output out;
    bool failed; /* a finding at or above the threshold */
};

static int read_file(const char *path, struct str *ret, struct error *err)
{
    const int r = strcmp(path, "-") == 0
                      ? fd_read_all(0, DOCKERFILE_SIZE_MAX, ret, err)
                      : fd_read_file(AT_FDCWD, path, DOCKERFILE_SIZE_MAX, ret, err);

    return r < 0 ? error_wrap(err, r, "lint '%s'", path) : 0;
}

static void flush(struct work *w)
{
    (void)fwrite(w->out.text.at, 1, w->out.text.size, w->env->out);
    str_clear(&w->out.text);
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

/* 1: the diff is all that is wanted of the file. */
static int fix(struct work *w, const struct linter *l, const char *path, struct str *text,
               struct error *err)
{
    const bool diff = strcmp(w->o->fix, "diff") == 0, input = strcmp(path, "-") == 0;
    STR_AUTO(mended);

    const size_t made = lint_fix(l, str_view(text), path, &mended);
    if (diff)
        lint_fix_diff(str_view(text), str_view(&mended), path, &w->out.text);
    else if (input)
        str_add(&w->out.text, str_view(&mended));
    flush(w);
    if (diff || input)
        return 1;
    const int r = made > 0 ? replace(path, str_view(&mended), err) : 0;
    if (r < 0)
        return r;
    str_clear(text);
    str_add(text, str_view(&mended));
    return 0;
}

static int lint_one(struct work *w, const char *path, struct error *err)
{
    CLEANUP(context_done) struct context context = {0};
    CLEANUP(lint_report_done) struct lint_report report = {0};
    struct lint_options options = lint_config_options(w->config);
    const char *name = w->o->name ? w->o->name : strcmp(path, "-") == 0 ? "-" : path;
    STR_AUTO(text);
    int r = read_file(path, &text, err);

    if (r == 0)
        r = read_context(w->o, path, &context, err);
    if (r < 0)
        return r;
    options.ignore = context.ignore;
    options.context = true;
    options.raw = w->format->all;
    options.no_shellcheck = w->o->no_shellcheck;
    CLEANUP(linter_freep) struct linter *l = linter_new(&options);
    if (w->o->fix && (r = fix(w, l, path, &text, err)) != 0)
        return r < 0 ? r : 0;
    lint_text(l, str_view(&text), name, &report);
    vec_each (f, &report)
        w->failed |= f->level >= MAX(w->config->threshold, LINT_STYLE);
    const struct view source = report.dockerfile ? report.dockerfile->source : str_view(&text);
    lint_output_file(&w->out, w->format, &(struct lint_subject){name, source, &report});
    flush(w);
    return 0;
}

/* ---- the command ---- */

static int choose_format(struct work *w, struct error *err)
{
    const struct strings *names = &w->config->formats;
    const char *name = names->size > 0 ? names->at[names->size - 1] : "tty";
    STR_AUTO(list);

    w->format = lint_format_find(name);
    if (w->format)
        return 0;
    lint_format_names(&list);
    return error_set(err, -EINVAL, "--format is one of %s, not '%.40s'", list.at, name);
}

static int lint_all(struct work *w, char *const *arguments, struct error *err)
{
    CLEANUP(strings_done) struct strings files = {0};
    int r = lint_files(w->env, arguments, &files, err);

    if (r < 0)
        return r;
    lint_output_begin(&w->out, w->format);
    w->out.brief = w->o->brief || w->env->quiet;
    w->out.color = isatty(fileno(w->env->out)) && w->env->color && !w->config->no_color;
    for (size_t i = 0; r == 0 && i < files.size; i++)
        r = lint_one(w, files.at[i], err);
    lint_output_end(&w->out, w->format); /* after a failure too: it stays a document */
    flush(w);
    lint_output_done(&w->out);
    return r;
}

static bool names_input(char *const *arguments)
{
    for (; *arguments; arguments++)
        if (strcmp(*arguments, "-") == 0)
            return true;
    return false;
}

static int run(const struct env *env, const void *options, char *const *arguments,
               struct error *err)
{
    const struct options *o = options;
    CLEANUP(lint_config_done) struct lint_config config = {0};
    struct work w = {.env = env, .o = o, .config = &config};

    if (o->explain)
        return lint_rule_explain(env, o->explain, err);
    lint_config_init(&config);
    int r = lint_settings_read(env, o->config, &config, err);
    if (r < 0)
        return r;
    if (o->fix && *o->fix && strcmp(o->fix, "diff") != 0) {
        (void)error_set(err, -EINVAL, "--fix takes nothing or diff, not '%.40s'", o->fix);
        return EXIT_USAGE;
    }
    if (o->exit_code < 0 || o->exit_code > 255) {
        (void)error_set(err, -EINVAL, "--exit-code is 1 to 255: there are no others");
        return EXIT_USAGE;
    }
    if (apply_options(&config, o, err) < 0 || choose_format(&w, err) < 0)
        return EXIT_USAGE;
    if (o->fix && (*o->fix || names_input(arguments)))
        w.format = lint_format_find("tty"); /* neither a diff nor a Dockerfile is a document */
    r = lint_all(&w, arguments, err);
    if (r < 0)
        return r;
    if (!w.failed || config.no_fail || w.format->never_fails)
        return EXIT_DONE;
    return o->exit_code ? (int)o->exit_code : EXIT_FINDINGS;
}

static const struct option_row rows[] = {
    OPT_TEXT('f', "format", struct options, format,
             "tty|json|sarif|checkstyle|codeclimate|gitlab|gnu|junit|sonarqube",
             "how findings are written (default: tty)"),
    OPT_TEXT('t', "failure-threshold", struct options, threshold, "LEVEL",
             "lowest level that fails: error, warning, info (default), style, none"),
    OPT_TEXT(0, "exit-on", struct options, threshold, "LEVEL", "the same"),
    OPT_INT(0, "exit-code", struct options, exit_code, "N", "status when it fails (default: 3)"),
    OPT_FLAG(0, "no-fail", struct options, no_fail, "status 0 whatever is found"),
    OPT_TEXTS(0, "ignore", struct options, ignore, "RULE", "leave a rule out"),
    OPT_TEXTS(0, "enable", struct options, enable, "RULE", "switch a rule on that is off"),
    OPT_TEXTS(0, "error", struct options, error, "RULE", "give a rule the level error"),
    OPT_TEXTS(0, "warning", struct options, warning, "RULE", "give a rule the level warning"),
    OPT_TEXTS(0, "info", struct options, info, "RULE", "give a rule the level info"),
    OPT_TEXTS(0, "style", struct options, style, "RULE", "give a rule the level style"),
    OPT_TEXTS(0, "trusted-registry", struct options, trusted, "HOST",
              "images of other registries are findings; * at either end"),
    OPT_TEXTS(0, "require-label", struct options, labels, "NAME:TYPE",
              "a label that every image has: text, url, semver, hash, rfc3339, spdx, email"),
    OPT_FLAG(0, "strict-labels", struct options, strict_labels, "no labels but the required ones"),
    OPT_FLAG(0, "disable-ignore-pragma", struct options, no_pragma, "comments switch nothing off"),
    OPT_FLAG(0, "no-shellcheck", struct options, no_shellcheck, "do not run ShellCheck over RUNs"),
    OPT_TEXT('c', "config", struct options, config, "FILE",
             "instead of the .hadolint.yaml that is found"),
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
