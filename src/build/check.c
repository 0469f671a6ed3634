/* --check: what is wrong with a Dockerfile that builds. The parser and the front end find what they meet on their way;
 * a rule engine adds its own here, to the same list, and --check, a build's warnings and "# check=" apply to all. */
#include "build/check.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "oci/config.h"

struct check_directive {
    struct view skip; /* names between commas; "all" */
    bool error;
};

/* "skip=A,B;error=true" (BuildKit's linter.ParseLintOptions). */
static int read_directive(struct view text, struct check_directive *ret, struct error *err)
{
    struct view part;

    while (text.at && view_cut(&text, ';', &part)) {
        struct view value = view_trim(part), key;
        if (value.size == 0)
            continue;
        (void)view_cut(&value, '=', &key);
        value = view_trim(value);
        key = view_trim(key);
        if (view_eq_text(key, "skip") && value.at)
            ret->skip = value;
        else if (view_eq_text(key, "error") && view_eq_nocase(value, "true"))
            ret->error = true;
        else if (!view_eq_text(key, "experimental") &&
                 !(view_eq_text(key, "error") && view_eq_nocase(value, "false")))
            return error_hint(err,
                              error_set(err, -EINVAL, "invalid check option '%.*s'",
                                        (int)MIN(part.size, 80u), part.at),
                              "it is skip=RULE,RULE or skip=all, error=true or false");
    }
    return 0;
}

static bool is_skipped(struct view skip, const char *rule)
{
    struct view name;

    if (!rule)
        return false;
    while (skip.at && view_cut(&skip, ',', &name)) {
        name = view_trim(name);
        if (view_eq_nocase(name, "all") || view_eq_nocase(name, rule))
            return true;
    }
    return false;
}

int check_read(const struct dockerfile *d, const struct strings *build_args, struct check *ret,
               struct error *err)
{
    static const char argument[] = "BUILDKIT_DOCKERFILE_CHECK=";
    struct check_directive c = {0};
    int r = 0;

    for (size_t i = 0; r >= 0 && i < d->directive_count; i++) {
        if (!view_eq_text(d->directives[i].name, "check"))
            continue;
        r = read_directive(d->directives[i].value, &c, err);
        if (r < 0)
            r = source_error_at(err, r, d->name, d->directives[i].span);
    }
    for (size_t i = 0; r >= 0 && i < build_args->size; i++) {
        if (strncmp(build_args->at[i], argument, strlen(argument)) != 0)
            continue;
        c = (struct check_directive){0};
        r = read_directive(view_of(build_args->at[i] + strlen(argument)), &c, err);
    }
    *ret = (struct check){c.skip, c.error};
    return r;
}

/* "# check=skip=RULE" right above the instruction that the line belongs to. */
static bool is_skipped_here(const struct dockerfile *d, uint32_t line, const char *rule)
{
    for (size_t i = 0; i < d->instruction_count; i++) {
        const struct instruction *in = &d->instructions[i];

        if (line < in->span.line || line > in->span.end_line)
            continue;
        for (size_t j = 0; j < in->comment_count; j++) {
            const struct view text = in->comments[j].text;
            struct check_directive c = {0};
            if (view_starts(text, "check=") &&
                read_directive(view_make(text.at + 6, text.size - 6), &c, NULL) == 0 &&
                is_skipped(c.skip, rule))
                return true;
        }
    }
    return false;
}

void check_filter(const struct check *c, const struct dockerfile *d, struct findings *f)
{
    size_t kept = 0;

    for (size_t i = 0; i < f->size; i++) {
        struct finding x = f->at[i];
        if (is_skipped(c->skip, x.rule) || is_skipped_here(d, x.span.line, x.rule)) {
            free(x.rule);
            free(x.text);
        } else {
            f->at[kept++] = x;
        }
    }
    f->size = kept;
    findings_sort(f);
}

/* BuildKit's rules are CamelCase. What is said beyond them, "heredoc-no-errexit", "DL3006", stops no build that BuildKit lets
 * pass. */
static bool is_buildkit_rule(const char *rule)
{
    return *rule >= 'A' && *rule <= 'Z' && !strpbrk(rule, "-0123456789");
}

int check_verdict(const struct check *c, const struct findings *f, struct error *err)
{
    STR_AUTO(rules);

    vec_each (x, f)
        if (x->rule && is_buildkit_rule(x->rule) && !strstr(rules.at, x->rule))
            str_printf(&rules, "%s%s", rules.size ? ", " : "", x->rule);
    if (!c->error || rules.size == 0)
        return 0;
    error_set(err, -EINVAL, "lint violation found for rules: %s", rules.at);
    return error_hint(err, -EINVAL, "'# check=error=true' makes warnings of these rules errors");
}

/* ---- the rule engine ---- */

struct lint_list {
    struct findings found;
    struct str fails; /* names of rules that stop the build */
};

static void add_found(void *ctx, const char *rule, struct span span, const char *text, bool fails)
{
    struct lint_list *l = ctx;

    vec_push(&l->found, (struct finding){xstrdup(rule), xstrdup(text), span});
    if (fails && !strstr(l->fails.at, rule))
        str_printf(&l->fails, "%s%s", l->fails.size ? ", " : "", rule);
}

static bool has_rule(const struct findings *f, const char *rule, uint32_t line)
{
    vec_each (x, f)
        if (x->rule && strcmp(x->rule, rule) == 0 && (line == 0 || x->span.line == line))
            return true;
    return false;
}

static void drop(struct finding *x)
{
    free(x->rule);
    free(x->text);
}

static void merge(struct findings *f, struct findings *take_found)
{
    static const char variables[] = "UndefinedVar";
    size_t kept = 0;

    for (size_t i = 0; i < f->size; i++) {
        struct finding x = f->at[i];
        if (x.rule && strcmp(x.rule, variables) != 0 && has_rule(take_found, x.rule, 0))
            drop(&x);
        else
            f->at[kept++] = x;
    }
    f->size = kept;
    vec_each (x, take_found) {
        if (strcmp(x->rule, variables) == 0 && has_rule(f, variables, x->span.line))
            drop(x);
        else
            vec_push(f, *x);
    }
    vec_done(take_found);
}

static const char *check_argument(const struct strings *build_args)
{
    static const char argument[] = "BUILDKIT_DOCKERFILE_CHECK=";
    const char *value = NULL;

    vec_each (arg, build_args)
        if (strncmp(*arg, argument, strlen(argument)) == 0)
            value = *arg + strlen(argument);
    return value;
}

int check_lint(const struct env *env, const struct build_options *o, const struct check *c,
               const struct dockerfile *d, const struct ignore *ignore, struct findings *f,
               struct error *err)
{
    struct lint_list list = {.fails = STR_INIT};
    const struct build_lint ask = {
        .dockerfile = d,
        .ignore = ignore,
        .check = check_argument(&o->build_args),
        .platforms = o->platforms.size > 0,
        .full = o->lint_mode != BUILD_LINT_NOTHING,
        .add = add_found,
        .ctx = &list,
    };

    if (!o->lint || !(o->print == BUILD_PRINT_CHECK || ask.full || c->error))
        return 0;
    int r = o->lint(env, &ask, err);
    merge(f, &list.found);
    findings_sort(f);
    if (r == 0 && o->lint_mode == BUILD_LINT_ERROR && list.fails.size > 0)
        r = error_set(err, -EINVAL, "--lint=error: findings of %s", list.fails.at);
    str_done(&list.fails);
    return r;
}
