/* cooper audit - images, run configurations and hosts held against docker-bench's checks and ours. */
#include <errno.h>
#include <unistd.h>

#include "audit/runconfig.h"
#include "cli/commands.h"
#include "cli/docker_options.h"
#include "cli/lint_settings.h"
#include "cli/options.h"
#include "lint/config.h"
#include "lint/format.h"
#include "lint/rule.h"

struct options {
    const char *config, *format, *threshold, *explain;
    struct strings ignore, enable;
    const char *exit_code;
    bool no_fail, brief;
    struct docker_options run;
};

/* ---- what every kind of subject shares ---- */

struct work {
    const struct env *env;
    const struct options *o;
    struct lint_config config;
    const struct lint_format *format;
    struct lint_output out;
    bool failed; /* a finding at or above the threshold */
};

/* name: of the subject in reports; source: what findings with a line stand in, or nothing. */
static void judge(struct work *w, const char *name, struct view source,
                  const struct lint_facts *facts, size_t count)
{
    CLEANUP(lint_report_done) struct lint_report report = {0};
    struct lint_options options = lint_config_options(&w->config);

    options.audit = true;
    options.raw = w->format->all;
    CLEANUP(linter_freep) struct linter *l = linter_new(&options);
    lint_audit(l, facts, count, &report);
    vec_each (f, &report)
        w->failed |= f->level >= MAX(w->config.threshold, LINT_STYLE);
    lint_output_file(&w->out, w->format, &(struct lint_subject){name, source, &report});
    (void)fwrite(w->out.text.at, 1, w->out.text.size, w->env->out);
    str_clear(&w->out.text);
}

static void judge_runs(struct work *w, const char *name, struct view source,
                       const struct run_list *list)
{
    cleanup_free struct lint_facts *facts = xcalloc(list->runs.size + 1, sizeof(*facts));

    for (size_t i = 0; i < list->runs.size; i++)
        facts[i].run = list->runs.at[i];
    judge(w, name, source, facts, list->runs.size);
}

/* ---- docker run's options ---- */

static int audit_options(struct work *w, const struct docker_options *o, struct error *err)
{
    RUN_LIST_AUTO(list);
    const char *image = o->command[0];
    cleanup_free char *name =
        xasprintf("%s %s", o->exec ? "exec" : "run", image ? image : "without an image");
    const int r = runconfig_options(o, &list, err);

    if (r == 0)
        judge_runs(w, name, VIEW(""), &list);
    return r;
}

/* ---- the command ---- */

static int configure(struct work *w, struct error *err)
{
    const struct options *o = w->o;
    struct lint_config *c = &w->config;
    int r = lint_rules_check(&o->enable, "enable", err);

    if (r == 0)
        r = lint_rules_check(&o->ignore, "ignore", err);
    if (r == 0 && o->threshold)
        r = lint_config_threshold(c, o->threshold, err);
    if (r < 0)
        return r;
    vec_each (name, &o->enable)
        lint_config_enable(c, *name);
    vec_each (name, &o->ignore)
        lint_config_set(c, *name, LINT_IGNORE);
    w->format = lint_format_find(o->format ? o->format : "tty");
    if (w->format)
        return 0;
    STR_AUTO(names);
    lint_format_names(&names);
    return error_set(err, -EINVAL, "--format is one of %s, not '%.40s'", names.at, o->format);
}

static int audit(struct work *w, char *const *arguments, struct error *err)
{
    struct docker_options run = w->o->run;

    run.command = arguments;
    return audit_options(w, &run, err);
}

static int run(const struct env *env, const void *options, char *const *arguments,
               struct error *err)
{
    const struct options *o = options;
    struct work w = {.env = env, .o = o};
    int status = 0;

    if (o->explain)
        return lint_rule_explain(env, o->explain, err);
    lint_config_init(&w.config);
    int r = lint_settings_read(env, o->config, &w.config, err);
    if (r == 0 && (configure(&w, err) < 0 || lint_settings_status(o->exit_code, &status, err) < 0))
        r = EXIT_USAGE;
    if (r == 0) {
        lint_output_begin(&w.out, w.format);
        w.out.brief = o->brief || env->quiet;
        w.out.color = isatty(fileno(env->out)) && env->color;
        r = audit(&w, arguments, err);
        lint_output_end(&w.out, w.format);
        (void)fwrite(w.out.text.at, 1, w.out.text.size, env->out);
        lint_output_done(&w.out);
    }
    const bool failed = w.failed && !w.config.no_fail && !o->no_fail;
    lint_config_done(&w.config);
    if (r != 0 || !failed)
        return r;
    return status;
}

static const struct option_row rows[] = {
    OPT_TEXT(0, "format", struct options, format,
             "tty|table|json|sarif|checkstyle|codeclimate|gitlab|gnu|junit|sonarqube",
             "how findings are written (default: tty)"),
    OPT_TEXT(0, "exit-on", struct options, threshold, "LEVEL",
             "lowest level that fails: error, warning, info (default), style, none"),
    OPT_TEXT(0, "exit-code", struct options, exit_code, "N", "status when it fails (default: 3)"),
    OPT_FLAG(0, "no-fail", struct options, no_fail, "status 0 whatever is found"),
    OPT_TEXTS(0, "ignore", struct options, ignore, "RULE", "leave a rule out"),
    OPT_TEXTS(0, "enable", struct options, enable, "RULE", "switch a rule on that is off"),
    OPT_TEXT(0, "config", struct options, config, "FILE",
             "instead of the .hadolint.yaml that is found"),
    OPT_FLAG(0, "brief", struct options, brief, "tty: one line a finding"),
    OPT_TEXT(0, "explain", struct options, explain, "RULE",
             "print what a rule is about; all: the whole reference"),
    DOCKER_OPTIONS(struct options, run),
    OPT_END,
};

const struct command_row cmd_audit = {
    .name = "audit",
    .group = "check them",
    .arguments = "[run|exec] [DOCKER'S OPTIONS] IMAGE [COMMAND...]",
    .help = "find what is unsafe in how containers are run",
    .options = rows,
    .foreign = docker_foreign,
    .options_size = sizeof(struct options),
    .arguments_max = -1,
    .stop_at_first = true,
    .run = run,
    .example = "cooper audit run --privileged -v /:/host app:1.2.3",
};
