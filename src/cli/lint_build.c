#include "cli/lint_build.h"

#include "cli/lint_settings.h"
#include "cli/lint_stored.h"
#include "lint/rule.h"

/* BuildKit's name; else what people know it by, or our own. NULL: it has none of BuildKit's, and only those are asked for. */
static const char *rule_name(const struct lint_finding *f, bool full)
{
    for (size_t i = 0; i < ARRAY_SIZE(f->row->aliases) && f->row->aliases[i]; i++)
        if (lint_is_buildkit(f->row->aliases[i]))
            return f->row->aliases[i];
    if (!full)
        return NULL;
    return strcmp(f->code, f->row->id) == 0 ? f->row->name : f->code;
}

static void report(const struct lint_options *o, const struct build_lint *ask)
{
    CLEANUP(linter_freep) struct linter *l = linter_new(o);
    CLEANUP(lint_report_done) struct lint_report found = {0};

    lint_dockerfile(l, ask->dockerfile, &found);
    vec_each (f, &found) {
        const char *name = rule_name(f, ask->full);
        if (name && (!ask->full || f->level >= LINT_INFO))
            ask->add(ask->ctx, name, f->span, f->text, f->level >= LINT_WARNING);
    }
}

int lint_for_build(const struct env *env, const struct build_lint *ask, struct error *err)
{
    CLEANUP(lint_config_done) struct lint_config config = {0};
    CLEANUP(lint_exceptions_freep) struct lint_exceptions *exceptions = NULL;
    int r = 0;

    lint_config_init(&config);
    if (ask->full)
        r = lint_settings_read(env, NULL, &config, err);
    if (r == 0 && ask->full)
        r = lint_settings_exceptions(env, NULL, &exceptions, err);
    if (r < 0)
        return r;
    struct lint_options o = lint_config_options(&config);
    o.exceptions = exceptions;
    o.path = ask->dockerfile->name;
    o.ignore = ask->ignore;
    o.context = true;
    o.check = ask->check;
    o.other_platform = ask->platforms;
    o.raw = !ask->full;
    o.no_shellcheck = !ask->full;
    CLEANUP(lint_stored_freep) struct lint_stored *stored = lint_stored_new(env);
    lint_stored_use(stored, &o);
    report(&o, ask);
    return 0;
}
