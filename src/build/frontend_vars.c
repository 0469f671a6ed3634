/* frontend_vars.c - variables: where they come from, and words that hold them. */
#include <ctype.h>
#include <errno.h>
#include <strings.h>

#include "build/frontend_internal.h"
#include "dockerfile/words.h"
#include "net/url.h"

/* ---- what the user gave ---- */

static const char *from_environ(char *const *environ_, struct view name)
{
    for (; environ_ && *environ_; environ_++)
        if (strncmp(*environ_, name.at, name.size) == 0 && (*environ_)[name.size] == '=')
            return *environ_ + name.size + 1;
    return NULL;
}

const char *fe_environ(const struct frontend *fe, struct view name)
{
    return from_environ(fe->o->environ_, name);
}

int build_arg_check(const char *text, struct error *err)
{
    return *text && *text != '=' ? 0
                                 : error_set(err, -EINVAL, "--build-arg '%.80s' has no name", text);
}

static bool is_given(const struct frontend *fe, const char *name)
{
    const struct strings *args = fe->o->build_args;

    for (size_t i = 0; args && i < args->size; i++) {
        struct view rest = view_of(args->at[i]), own;

        (void)view_cut(&rest, '=', &own);
        if (view_eq_nocase(own, name))
            return true;
    }
    return false;
}

/* In capitals and small letters, as the docker command makes them of its configuration; --build-arg wins in either. */
static void add_proxies(struct frontend *fe)
{
    const struct strings *list = fe->o->proxies;

    for (size_t i = 0; list && i < list->size; i++) {
        struct view value = view_of(list->at[i]), name;

        (void)view_cut(&value, '=', &name);
        cleanup_free char *key = view_dup(name);
        if (is_given(fe, key))
            continue;
        pairs_set(&fe->build_args, key, value.at);
        for (char *c = key; *c; c++)
            *c = (char)tolower((unsigned char)*c);
        pairs_set(&fe->build_args, key, value.at);
    }
}

int fe_read_build_args(struct frontend *fe, struct error *err)
{
    const struct strings *args = fe->o->build_args;

    for (size_t i = 0; args && i < args->size; i++) {
        struct view rest = view_of(args->at[i]), name;

        const int r = build_arg_check(args->at[i], err);
        if (r < 0)
            return r;
        (void)view_cut(&rest, '=', &name);
        const char *value = rest.at ? rest.at : from_environ(fe->o->environ_, name);
        cleanup_free char *key = view_dup(name);
        if (value)
            pairs_set(&fe->build_args, key, value);
    }
    add_proxies(fe);
    return 0;
}

static void set_default(struct frontend *fe, const char *name, const char *value)
{
    const char *given = pairs_get(&fe->build_args, name);

    if (given)
        map_set(&fe->used_args, view_of(name), fe);
    pairs_set(&fe->header, name, given ? given : value);
}

static void set_platform(struct frontend *fe, const char *prefix, const struct platform *p)
{
    char text[PLATFORM_TEXT_MAX];
    const struct {
        const char *name, *value;
    } rows[] = {
        {"PLATFORM", platform_format(p, text)},
        {"OS", p->os},
        {"OSVERSION", p->os_version},
        {"ARCH", p->architecture},
        {"VARIANT", p->variant},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_free char *name = xasprintf("%s%s", prefix, rows[i].name);
        set_default(fe, name, rows[i].value);
    }
}

/* TARGETSTAGE: the name of what is built. */
static void set_target_stage(struct frontend *fe)
{
    const char *target = fe->o->target ? fe->o->target : "";
    cleanup_free char *last = NULL;

    for (size_t i = 0; !*target && i < fe->d->instruction_count; i++) {
        const struct instruction *in = &fe->d->instructions[i];

        if (in->kind != INSTRUCTION_FROM)
            continue;
        free(last);
        last = in->word_count == 3 ? view_dup(in->words[2].text) : xstrdup("");
        for (char *c = last; *c; c++)
            *c = (char)tolower((unsigned char)*c);
    }
    if (!*target && last)
        target = last;
    set_default(fe, "TARGETSTAGE", *target ? target : "default");
}

/* NAME or NAME=default, cut; default {NULL, 0} without. */
static void cut_arg(struct view word, struct view *name, struct view *value)
{
    const char *equals = memchr(word.at, '=', word.size);

    *name = equals ? view_make(word.at, (size_t)(equals - word.at)) : word;
    *value = equals ? view_make(equals + 1, word.size - name->size - 1) : (struct view){0};
}

static int read_header_arg(struct frontend *fe, const struct instruction *in, const struct word *w,
                           struct error *err)
{
    struct word value = {.span = w->span};
    struct view name;
    const char *text = NULL;

    cut_arg(w->text, &name, &value.text);
    cleanup_free char *key = view_dup(name);
    const char *given = pairs_get(&fe->build_args, key);
    if (given) {
        map_set(&fe->used_args, name, fe);
        text = given;
    } else if (value.text.at) {
        const int r = fe_expand_header(fe, in, &value, &text, err);
        if (r < 0)
            return r;
    }
    if (text)
        pairs_set(&fe->header, key, text);
    else if (!pairs_get(&fe->header, key))
        pairs_set(&fe->bare, key, "");
    return 0;
}

int fe_read_header(struct frontend *fe, struct error *err)
{
    const struct platform host = platform_host();

    set_platform(fe, "BUILD", &host);
    set_platform(fe, "TARGET", &fe->o->platform);
    set_target_stage(fe);
    for (size_t i = 0; i < fe->d->instruction_count; i++) {
        const struct instruction *in = &fe->d->instructions[i];

        if (in->kind != INSTRUCTION_ARG)
            break;
        for (size_t j = 0; j < in->word_count; j++) {
            const int r = read_header_arg(fe, in, &in->words[j], err);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

/* In RUN they are set in capitals and small letters, and are in no key, no history and no Env. */
void fe_read_proxies(struct frontend *fe)
{
    static const char *const names[] = {"http_proxy", "https_proxy", "ftp_proxy", "no_proxy",
                                        "all_proxy"};
    CLEANUP(strings_done) struct strings list = {0};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const char *value = NULL;
        cleanup_free char *capitals = xstrdup(names[i]);

        for (char *c = capitals; *c; c++)
            *c = (char)toupper((unsigned char)*c);
        vec_each (arg, &fe->build_args)
            if (strcasecmp(arg->key, names[i]) == 0) {
                value = arg->value;
                map_set(&fe->used_args, view_of(arg->key), fe);
            }
        if (!value)
            value = from_environ(fe->o->environ_, view_of(names[i]));
        if (!value)
            value = from_environ(fe->o->environ_, view_of(capitals));
        if (value) {
            strings_take(&list, xasprintf("%s=%s", capitals, value));
            strings_take(&list, xasprintf("%s=%s", names[i], value));
        }
    }
    fe->secret_env = graph_texts(fe->g, &list, &fe->secret_env_count);
}

/* ---- expansion ---- */

static const char *get_var(void *ctx, struct view name)
{
    const struct pairs *vars = ctx;

    vec_each (var, vars)
        if (view_eq_text(name, var->key))
            return var->value;
    return NULL;
}

static bool is_declared(const struct fe_args *args, const char *name)
{
    vec_each (arg, args)
        if (strcmp(arg->name, name) == 0)
            return true;
    return false;
}

/* A '$' followed by a name of its own, such as $1 or $@, is no slip of the pen. */
static bool is_ordinary(const char *name)
{
    return isalpha((unsigned char)*name) || *name == '_';
}

static void warn_unset(struct frontend *fe, const struct pairs *vars, const struct fe_args *args,
                       const struct strings *unset, struct span span)
{
    for (size_t i = 0; i < unset->size; i++) {
        const char *name = unset->at[i], *near = NULL;
        VEC(const char *) names = {0};

        if (!is_ordinary(name) || is_declared(args, name))
            continue;
        vec_each (var, vars)
            vec_push(&names, var->key);
        near = source_nearest(view_of(name), names.at, names.size);
        if (near)
            fe_warn(fe, span, "UndefinedVar: Usage of undefined variable '$%s' (did you mean $%s?)",
                    name, near);
        else
            fe_warn(fe, span, "UndefinedVar: Usage of undefined variable '$%s'", name);
        vec_done(&names);
    }
}

static int expand_unset(struct frontend *fe, const struct pairs *vars, struct view text,
                        bool keep_quotes, struct strings *unset, struct view *ret,
                        struct error *err)
{
    STR_AUTO(expanded);
    struct words w = {.escape = keep_quotes ? '\\' : fe->d->escape,
                      .get = get_var,
                      .unset = unset,
                      .keep_quotes = keep_quotes};

    w.ctx = (void *)(uintptr_t)vars; /* get_var only reads */
    const int r = words_expand(&w, text, &expanded, err);
    if (r < 0)
        return r;
    *ret = view_make(arena_strndup(fe->arena, expanded.at, expanded.size), expanded.size);
    return 0;
}

static int expand_with(struct frontend *fe, const struct pairs *vars, const struct fe_args *args,
                       struct view text, struct span span, bool keep_quotes, struct view *ret,
                       struct error *err)
{
    CLEANUP(strings_done) struct strings unset = {0};
    const int r = expand_unset(fe, vars, text, keep_quotes, &unset, ret, err);

    if (r >= 0)
        warn_unset(fe, vars, args, &unset, span);
    return r;
}

struct span fe_span(const struct fe_stage *s, const struct fe_command *c, struct span span)
{
    return c && c->trigger ? s->from->span : span;
}

int fe_expand(struct frontend *fe, const struct fe_stage *s, const struct fe_command *c,
              const struct word *w, const char **ret, struct error *err)
{
    const struct span span = fe_span(s, c, w->span);
    struct view text;
    const int r = expand_with(fe, &s->vars, &s->args, w->text, span, false, &text, err);

    if (r < 0)
        return source_error_at(err, r, fe->d->name, span);
    *ret = text.at;
    return 0;
}

/* An ARG above the first FROM, with a value or not. */
static bool is_declared_above(const struct frontend *fe, const char *name)
{
    for (size_t i = 0; i < fe->d->instruction_count; i++) {
        const struct instruction *in = &fe->d->instructions[i];

        if (in->kind == INSTRUCTION_FROM)
            return false;
        for (size_t k = 0; in->kind == INSTRUCTION_ARG && k < in->word_count; k++) {
            struct view rest = in->words[k].text, declared;
            (void)view_cut(&rest, '=', &declared);
            if (view_eq_text(declared, name))
                return true;
        }
    }
    return false;
}

/* The nearest one that FROM sees, or NULL. */
static const char *nearest_above(const struct frontend *fe, const char *name)
{
    VEC(const char *) names = {0};

    vec_each (var, &fe->header)
        vec_push(&names, var->key);
    const char *near = source_nearest(view_of(name), names.at, names.size);
    vec_done(&names);
    return near;
}

static void warn_undeclared(struct frontend *fe, const struct strings *unset, struct span span)
{
    fe->undeclared = NULL;
    vec_each (name, unset) {
        if (!is_ordinary(*name) || is_declared_above(fe, *name))
            continue;
        const char *near = nearest_above(fe, *name);
        fe->undeclared =
            arena_printf(fe->arena, "FROM argument '%s' is not declared%s%s%s", *name,
                         near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
        fe_warn(fe, span, "UndefinedArgInFrom: %s", fe->undeclared);
    }
}

int fe_expand_header(struct frontend *fe, const struct instruction *in, const struct word *w,
                     const char **ret, struct error *err)
{
    CLEANUP(strings_done) struct strings unset = {0};
    CLEANUP(pairs_done) struct pairs vars = {0};
    struct view text;
    const bool from = in->kind == INSTRUCTION_FROM;

    vec_each (arg, &fe->bare)
        pairs_set(&vars, arg->key, arg->value);
    vec_each (arg, &fe->header)
        pairs_set(&vars, arg->key, arg->value);
    const int r = expand_unset(fe, &vars, w->text, false, &unset, &text, err);

    if (r >= 0 && from)
        warn_undeclared(fe, &unset, w->span);
    else if (r >= 0)
        warn_unset(fe, &vars, &(const struct fe_args){0}, &unset, w->span);
    if (r < 0)
        return source_error_at(err, r, fe->d->name, w->span);
    *ret = text.at;
    return 0;
}

int fe_expand_flag(struct frontend *fe, const struct fe_stage *s, const struct fe_command *c,
                   const char *name, const char **ret, struct error *err)
{
    *ret = "";
    for (size_t i = 0; i < c->in->flag_count; i++) {
        const struct flag *f = &c->in->flags[i];
        const struct word w = {f->value, f->span};

        if (view_eq_text(f->name, name))
            return fe_expand(fe, s, c, &w, ret, err);
    }
    return 0;
}

int fe_parse_mount(struct frontend *fe, const struct fe_stage *s, const struct fe_command *c,
                   const struct flag *f, struct mount_spec *ret, struct error *err)
{
    CLEANUP(strings_done) struct strings unset = {0};
    struct words words = {.escape = fe->d->escape, .get = get_var, .unset = &unset};

    words.ctx = (void *)(uintptr_t)&s->vars; /* get_var only reads */
    const int r = mount_parse(f->value, &words, fe->arena, ret, err);
    if (r == 0)
        warn_unset(fe, &s->vars, &s->args, &unset, fe_span(s, c, f->span));
    return r;
}

int fe_split(struct frontend *fe, const struct fe_stage *s, const struct fe_command *c,
             const struct word *w, struct strings *ret, struct error *err)
{
    const struct span span = fe_span(s, c, w->span);
    CLEANUP(strings_done) struct strings unset = {0};
    struct words words = {.escape = fe->d->escape, .get = get_var, .unset = &unset};

    words.ctx = (void *)(uintptr_t)&s->vars;
    const int r = words_split(&words, w->text, ret, err);
    if (r < 0)
        return source_error_at(err, r, fe->d->name, span);
    warn_unset(fe, &s->vars, &s->args, &unset, span);
    return 0;
}

int fe_expand_heredoc(struct frontend *fe, const struct fe_stage *s, const struct fe_command *c,
                      const struct heredoc *h, struct view *ret, struct error *err)
{
    const struct span span = fe_span(s, c, h->span);

    if (!h->expand) {
        *ret = view_make(arena_strndup(fe->arena, h->content.at, h->content.size), h->content.size);
        return 0;
    }
    const int r = expand_with(fe, &s->vars, &s->args, h->content, span, true, ret, err);
    return r < 0 ? source_error_at(err, r, fe->d->name, span) : 0;
}

/* ---- places ---- */

struct span fe_flag_span(const struct instruction *in, const char *name)
{
    for (size_t i = 0; i < in->flag_count; i++)
        if (view_eq_text(in->flags[i].name, name))
            return in->flags[i].span;
    return in->keyword_span;
}

int fe_at(const struct frontend *fe, const struct fe_stage *s, const struct fe_command *c,
          struct span span, int code, struct error *err)
{
    return source_error_at(err, code, fe->d->name, fe_span(s, c, span));
}

/* "Rule: words", or words alone. */
static void add_finding(struct graph *g, struct span span, struct view text)
{
    struct view rest = text, rule;
    struct finding f = {.span = span};

    if (view_cut(&rest, ':', &rule) && rule.size > 0 && isalpha((unsigned char)rule.at[0]) &&
        !memchr(rule.at, ' ', rule.size) && rest.size > 1) {
        f.rule = view_dup(rule);
        text = view_trim(rest);
    }
    vec_each (x, &g->findings)
        if (x->span.line == span.line && view_eq_text(text, x->text)) {
            free(f.rule);
            return;
        }
    f.text = view_dup(text);
    vec_push(&g->findings, f);
}

void fe_warn(struct frontend *fe, struct span span, const char *fmt, ...)
{
    STR_AUTO(text);
    va_list ap;

    va_start(ap, fmt);
    str_vprintf(&text, fmt, ap);
    va_end(ap);
    add_finding(fe->g, span, str_view(&text));
}

/* The first line of the heredoc, for a command that is nothing else. */
static void add_heredoc_line(struct str *title, const struct instruction *in)
{
    struct view rest, line;

    if (in->heredoc_count == 0 || !view_eq(in->rest, in->heredocs[0].opener))
        return;
    rest = view_trim(in->heredocs[0].content);
    if (rest.size == 0 || !view_cut(&rest, '\n', &line))
        return;
    line = view_trim(line);
    str_printf(title, " (%.*s%s)", VIEW_ARG(line), rest.at ? "..." : "");
}

static void describe(struct frontend *fe, const struct fe_stage *s, const struct fe_command *c,
                     struct op *op)
{
    const struct span span = fe_span(s, c, c->in->keyword_span);

    op->where = arena_printf(fe->arena, "%s:%u:%u", fe->d->name, span.line, span.column);
    const struct view first = view_trim(dockerfile_line(fe->d, span.line));
    op->line = arena_strndup(fe->arena, first.at ? first.at : "", first.size);
    op->stage = *s->name ? s->name : arena_printf(fe->arena, "%u", s->index);
    op->no_cache = fe->o->no_cache || s->no_cache;
}

void fe_describe_aside(struct frontend *fe, const struct fe_stage *s, const struct fe_command *c,
                       struct op *op, const char *what)
{
    op->title = arena_printf(fe->arena, "%s%s%s%s", *s->label ? "[" : "", s->label,
                             *s->label ? "] " : "", what);
    describe(fe, s, c, op);
}

void fe_describe(struct frontend *fe, struct fe_stage *s, const struct fe_command *c, struct op *op)
{
    const struct instruction *in = c->in;
    cleanup_free char *line = view_dup(in->line);
    cleanup_free char *shown = in->kind == INSTRUCTION_ADD ? url_public_text(line) : steal(line);
    STR_AUTO(title);
    const unsigned width = s->step_count >= 100 ? 3 : s->step_count >= 10 ? 2 : 1;

    str_printf(&title, "[%s%s%*u/%u] %s", s->label, *s->label ? " " : "", (int)width, ++s->step,
               s->step_count, c->trigger ? "ONBUILD " : "");
    for (size_t i = 0; i < in->keyword.size; i++)
        str_add_char(&title, (char)toupper((unsigned char)in->keyword.at[i]));
    str_add_text(&title, shown + in->keyword.size);
    add_heredoc_line(&title, in);
    op->title = arena_strdup(fe->arena, title.at);
    describe(fe, s, c, op);
}

void fe_history(struct fe_stage *s, bool layer, const char *fmt, ...)
{
    STR_AUTO(text);
    va_list ap;

    va_start(ap, fmt);
    str_vprintf(&text, fmt, ap);
    va_end(ap);
    config_add_history(s->config, NULL, text.at, "buildkit.dockerfile.v0", !layer);
}
