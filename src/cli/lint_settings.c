#include "cli/lint_settings.h"

#include <errno.h>

#include "base/fd.h"
#include "cli/cli.h"
#include "lint/format.h"
#include "lint/rule.h"
#include "lint/yaml.h"

static const char *get_variable(const char *name)
{
    return getenv(name);
}

/* Reads the file; 0 when it is not there. Nobody waits for a pipe that was only found. */
static int try_config(struct lint_config *c, const char *path, bool found, struct error *err)
{
    STR_AUTO(text);
    ERROR_AUTO(e);
    int r = found ? fd_read_regular(AT_FDCWD, path, YAML_SIZE_MAX, &text, &e)
                  : fd_read_file(AT_FDCWD, path, YAML_SIZE_MAX, &text, &e);

    if (r == -ENOENT || r == -ENOTDIR)
        return 0;
    if (r < 0)
        return error_move(err, &e);
    r = lint_config_yaml(c, str_view(&text), path, err);
    return r < 0 ? r : 1;
}

/* Where hadolint looks, in its order; the first that is there is the only one. */
static int find_config(const struct env *env, struct lint_config *c, struct error *err)
{
    static const struct {
        const char *below; /* "": here; "~": $HOME; else a variable */
        const char *path;
    } places[] = {
        {"", ".hadolint"},          {"XDG_CONFIG_HOME", "/hadolint"},
        {"~", "/.config/hadolint"}, {"~", "/.hadolint/hadolint"},
        {"~", "/.hadolint/config"}, {"~", "/.hadolint"},
    };
    static const char *const ends[] = {".yaml", ".yml"};

    struct env said = *env;

    said.verbose |= c->verbose; /* HADOLINT_VERBOSE */
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        const char *below = places[i].below;
        const char *dir = *below == '~' ? env->home : *below ? getenv(below) : "";
        for (size_t k = 0; dir && (*dir || !*below) && k < ARRAY_SIZE(ends); k++) {
            cleanup_free char *path = xasprintf("%s%s%s", dir, places[i].path, ends[k]);
            const int r = try_config(c, path, true, err);
            if (r > 0)
                env_debug(&said, "settings of '%s'", path);
            if (r != 0)
                return r;
        }
    }
    return 0;
}

int lint_settings_read(const struct env *env, const char *path, struct lint_config *c,
                       struct error *err)
{
    int r;

    lint_config_environ(c, get_variable);
    r = path ? try_config(c, path, false, err) : find_config(env, c, err);
    if (r == 0 && path)
        return error_set(err, -ENOENT, "open '%s': there is no such file", path);
    return r < 0 ? r : 0;
}

int lint_settings_exceptions(const struct env *env, const char *path, struct lint_exceptions **ret,
                             struct error *err)
{
    const char *name = path ? path : ".cooperignore";
    STR_AUTO(text);
    ERROR_AUTO(e);
    const int r = path ? fd_read_file(AT_FDCWD, name, EXCEPTIONS_SIZE_MAX, &text, &e)
                       : fd_read_regular(AT_FDCWD, name, EXCEPTIONS_SIZE_MAX, &text, &e);

    *ret = NULL;
    if (!path && (r == -ENOENT || r == -ENOTDIR))
        return 0;
    if (r < 0)
        return error_move(err, &e);
    return lint_exceptions_parse(str_view(&text), name, env->now_s, ret, err);
}

void lint_settings_unused(const struct env *env, const struct lint_exceptions *e)
{
    struct lint_exception x;

    for (size_t i = 0; e && lint_exceptions_at(e, i, &x); i++)
        if (x.expired || !x.used)
            env_debug(env, "exception of line %u, %.80s: %s", x.line, x.rule,
                      x.expired ? "its day is over" : "there is nothing that it would take");
}

int lint_settings_status(const char *text, int *ret, struct error *err)
{
    uint64_t status = EXIT_FINDINGS;

    if (text && (!view_to_u64(view_of(text), &status) || status > 255))
        return error_set(err, -EINVAL, "--exit-code is 0 to 255, not '%.40s'", text);
    *ret = (int)status;
    return 0;
}

static int check_rules(const struct strings *names, const char *option, struct error *err)
{
    vec_each (name, names) {
        const struct view v = view_of(*name);
        if (lint_row_find(v) || strncasecmp(*name, "SC", 2) == 0)
            continue;
        (void)error_set(err, -EINVAL, "--%s: there is no rule '%.80s'", option, *name);
        return error_hint(err, -EINVAL, "'cooper lint --explain all' lists them");
    }
    return 0;
}

int lint_settings_choose(const struct lint_choices *choices, struct lint_config *c,
                         struct error *err)
{
    const struct {
        const struct strings *names;
        enum lint_level level;
    } lists[] = {{&choices->error, LINT_ERROR},
                 {&choices->warning, LINT_WARNING},
                 {&choices->info, LINT_INFO},
                 {&choices->style, LINT_STYLE},
                 {&choices->ignore, LINT_IGNORE}};

    vec_each (name, &choices->enable)
        lint_config_enable(c, *name);
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
        vec_each (name, lists[i].names)
            lint_config_set(c, *name, lists[i].level);
    return check_rules(&choices->enable, "enable", err);
}

int lint_rule_explain(const struct env *env, const char *name, struct error *err)
{
    const struct lint_row *row;
    STR_AUTO(text);

    if (strcmp(name, "all") == 0)
        lint_reference(&text);
    for (size_t i = 0; (row = lint_row_at(i)); i++)
        if (lint_row_named(row, view_of(name))) {
            str_add_text(&text, text.size > 0 ? "\n" : "");
            lint_explain(row, &text);
        }
    if (text.size == 0)
        return error_hint(err, error_set(err, -EINVAL, "there is no rule '%.80s'", name),
                          "'cooper lint --explain all' lists them");
    (void)fwrite(text.at, 1, text.size, env->out);
    return 0;
}
