/* rules_variables.c - variables that nobody declared, and what FROM makes of them. */
#include <ctype.h>

#include "dockerfile/words.h"
#include "lint/rule.h"
#include "oci/reference.h"

#define NAMES_MAX 512  /* candidates of a "did you mean" */
#define VALUES_MAX 256 /* that one FROM is made of: a default may name others, and these others */
#define VALUE_SIZE_MAX 4096 /* of a default: no name of an image is longer */

static const char *const platform_args[] = {
    "BUILDPLATFORM", "BUILDOS",    "BUILDARCH",     "BUILDVARIANT", "TARGETPLATFORM",
    "TARGETOS",      "TARGETARCH", "TARGETVARIANT", "TARGETSTAGE",  NULL};
/* Known without ARG in every stage. */
static const char *const proxy_args[] = {"http_proxy", "https_proxy", "ftp_proxy",
                                         "no_proxy",   "all_proxy",   NULL};

/* ---- reading words ---- */

struct seek {
    struct lint *l;
    const struct lint_scope *scope;
    bool from;      /* in FROM: what stands before it, with values */
    unsigned *left; /* of VALUES_MAX */
};

static const char *get(void *ctx, struct view name);

/* A default as it becomes where it is declared; "x" when nobody can say. */
static const char *value_of(const struct seek *s, const struct lint_var *v)
{
    const struct lint_scope before = {.vars = v->before};
    struct seek inner = {s->l, &before, true, s->left};
    const struct words w = {.escape = s->l->d->escape, .get = get, .ctx = &inner};
    STR_AUTO(text);

    if (*s->left == 0 || words_expand(&w, v->value, &text, NULL) < 0 || text.size > VALUE_SIZE_MAX)
        return "x";
    return arena_strndup(s->l->arena, text.at, text.size);
}

static const char *get(void *ctx, struct view name)
{
    const struct seek *s = ctx;
    const struct lint_var *v = lint_var_find(s->scope, name);

    if (s->from && !v && lint_view_in(name, platform_args))
        return "x";
    if (!v || (s->from && !v->value.at))
        return v && !s->from ? "x" : NULL;
    if (!s->from)
        return arena_strndup(s->l->arena, v->value.at, v->value.size);
    *s->left -= *s->left > 0;
    return value_of(s, v);
}

/* The word as it becomes, and the names in it that nothing declares. */
static bool expand(struct lint *l, const struct lint_scope *scope, bool from, struct view text,
                   struct str *ret, struct strings *unset)
{
    unsigned left = VALUES_MAX;
    struct seek s = {l, scope, from, &left};
    const struct words w = {.escape = l->d->escape, .get = get, .ctx = &s, .unset = unset};

    return words_expand(&w, text, ret, NULL) == 0;
}

static bool is_name(const char *text)
{
    return isalpha((unsigned char)*text) || *text == '_';
}

/* ---- UndefinedVar ---- */

static const char *nearest(struct lint *l, const struct lint_scope *scope, struct view name)
{
    const char *names[NAMES_MAX];
    size_t count = 0;

    names[count++] = "PATH";
    for (const struct lint_var *v = scope->vars; v && count < NAMES_MAX; v = v->before)
        names[count++] = arena_strndup(l->arena, v->name.at, v->name.size);
    return source_nearest(name, names, count);
}

/* What the base image sets is not known here: where there is one, only a slip of the pen is told. */
static bool is_from_scratch(const struct lint_stage *s)
{
    while (s->parent)
        s = s->parent;
    return view_eq_text(s->image, "scratch");
}

static void check_word(struct lint *l, const struct lint_stage *s, const struct word *w)
{
    CLEANUP(strings_done) struct strings unset = {0};
    STR_AUTO(text);

    if (!lint_has_variable(w->text) || !s->from ||
        !expand(l, &s->scope, false, w->text, &text, &unset))
        return;
    for (size_t i = 0; i < unset.size; i++) {
        const struct view name = view_of(unset.at[i]);
        if (!is_name(unset.at[i]) || view_eq_text(name, "PATH") || lint_view_in(name, proxy_args))
            continue;
        const char *near = nearest(l, &s->scope, name);
        if (near && strcmp(near, "PATH") == 0 && view_ends(name, "PATH"))
            continue; /* GOPATH, CPATH: the base's */
        if (near && strcmp(near, unset.at[i]) != 0)
            lint_add(l, w->span, "Usage of undefined variable '$%.*s' (did you mean $%s?)",
                     LINT_CUT(name), near);
        else if (is_from_scratch(s))
            lint_add(l, w->span, "Usage of undefined variable '$%.*s'", LINT_CUT(name));
    }
}

static void check_undefined(struct lint *l, const struct lint_stage *s,
                            const struct instruction *in)
{
    for (size_t i = 0; i < in->word_count; i++)
        check_word(l, s, &in->words[i]);
    for (size_t i = 0; i < in->flag_count; i++) {
        const struct word value = {in->flags[i].value, in->flags[i].span};
        const struct flag_row *row = in->row ? flag_row_find(in->row, in->flags[i].name) : NULL;
        if (row && row->expand && in->kind != INSTRUCTION_RUN)
            check_word(l, s, &value);
    }
}

/* ---- FROM ---- */

static void check_from_word(struct lint *l, struct view text, struct span span)
{
    CLEANUP(strings_done) struct strings unset = {0};
    STR_AUTO(result);

    if (!lint_has_variable(text) || !expand(l, &l->preamble->scope, true, text, &result, &unset))
        return;
    for (size_t i = 0; i < unset.size; i++) {
        const struct view name = view_of(unset.at[i]);
        if (!is_name(unset.at[i]) || lint_var_find(&l->preamble->scope, name) ||
            lint_view_in(name, platform_args))
            continue;
        const char *near = nearest(l, &l->preamble->scope, name);
        lint_add(l, span, "FROM argument '%.*s' is not declared%s%s%s", LINT_CUT(name),
                 near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
    }
}

static void check_from_args(struct lint *l, const struct lint_stage *s,
                            const struct instruction *in)
{
    (void)s;
    if (in->word_count > 0)
        check_from_word(l, in->words[0].text, in->words[0].span);
    if (instruction_flag(in, "platform").at)
        check_from_word(l, instruction_flag(in, "platform"), lint_flag_span(in, "platform"));
}

static void check_from_default(struct lint *l, const struct lint_stage *s,
                               const struct instruction *in)
{
    REFERENCE_AUTO(ref);
    CLEANUP(strings_done) struct strings unset = {0};
    STR_AUTO(result);

    (void)s;
    if (in->word_count == 0 || !lint_has_variable(in->words[0].text) ||
        !expand(l, &l->preamble->scope, true, in->words[0].text, &result, &unset))
        return;
    if (result.size == 0 || reference_parse(result.at, &ref, NULL) < 0)
        lint_add(l, in->words[0].span,
                 "Default value for ARG %.*s results in empty or invalid base image name",
                 LINT_CUT(in->words[0].text));
}

/* ---- DL3044 ---- */

static bool same_env_names(const struct instruction *in, size_t own, struct view name)
{
    for (size_t i = 0; i < in->word_count; i += 3)
        if (i != own && view_eq(lint_unquote(in->words[i].text), name) &&
            !view_eq(name, lint_unquote(in->words[own].text)))
            return true;
    return false;
}

static void check_same_env(struct lint *l, const struct lint_stage *s, const struct instruction *in)
{
    if (in->word_count > 3u * 256)
        return; /* every pair is held against every other */
    for (size_t i = 0; i + 1 < in->word_count; i += 3) {
        CLEANUP(strings_done) struct strings unset = {0};
        STR_AUTO(text);

        if (!expand(l, &s->scope, false, in->words[i + 1].text, &text, &unset))
            continue;
        for (size_t k = 0; k < unset.size; k++)
            if (same_env_names(in, i, view_of(unset.at[k])))
                lint_add(l, in->words[i + 1].span,
                         "'$%.80s' is set in this very ENV: the value from before it is taken, and "
                         "there is none",
                         unset.at[k]);
    }
}

static const struct lint_row rows[] = {
    {
        .id = "CP160",
        .name = "undefined-variable",
        .aliases = {"UndefinedVar"},
        .title = "a variable that nothing declares",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "An undeclared variable becomes nothing, and the line means something else. What "
               "the base image sets is not seen here: "
               "above a base, only names that look like a slip of the pen are told.",
        .fix = "Declare it with ARG or ENV above, in this stage.",
        .bad = "FROM scratch\nCOPY $foo /\nUSER 1001\n",
        .good = "FROM scratch\nARG foo\nCOPY $foo /\nUSER 1001\n",
        .kinds = LINT_KIND(ADD) | LINT_KIND(COPY) | LINT_KIND(ENV) | LINT_KIND(EXPOSE) |
                 LINT_KIND(LABEL) | LINT_KIND(STOPSIGNAL) | LINT_KIND(USER) | LINT_KIND(VOLUME) |
                 LINT_KIND(WORKDIR) | LINT_KIND(ARG),
        .instruction = check_undefined,
    },
    {
        .id = "CP161",
        .name = "undefined-from-argument",
        .aliases = {"UndefinedArgInFrom"},
        .title = "FROM uses an argument that nothing declares",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = "FROM sees only the ARGs above the first FROM, and those of the platform. Any other "
               "name becomes nothing.",
        .fix = "Declare it with ARG above the first FROM.",
        .bad = "FROM debian:12.5$X\nUSER 1001\n",
        .good = "ARG X=\nFROM debian:12.5$X\nUSER 1001\n",
        .kinds = LINT_KIND(FROM),
        .instruction = check_from_args,
    },
    {
        .id = "CP162",
        .name = "from-default-invalid",
        .aliases = {"InvalidDefaultArgInFrom"},
        .title = "without build arguments FROM names no image",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = "Whoever builds the file without --build-arg gets an error about a name they never "
               "wrote. A default makes it build.",
        .fix = "Give the ARG a default: ARG VERSION=12.5.",
        .bad = "ARG V\nFROM debian:$V\nUSER 1001\n",
        .good = "ARG V=12.5\nFROM debian:$V\nUSER 1001\n",
        .kinds = LINT_KIND(FROM),
        .instruction = check_from_default,
    },
    {
        .id = "CP163",
        .name = "env-of-itself",
        .aliases = {"DL3044"},
        .title = "ENV uses a variable that the same ENV sets",
        .level = LINT_ERROR,
        .where = LINT_DOCKERFILE,
        .why = "All values of one ENV are worked out before any is set. The variable still has the "
               "value from before, here none.",
        .fix = "Set it in an ENV of its own above.",
        .bad = "FROM debian:12.5\nENV A=/srv B=$A/bin\nUSER 1001\n",
        .good = "FROM debian:12.5\nENV A=/srv\nENV B=$A/bin\nUSER 1001\n",
        .kinds = LINT_KIND(ENV),
        .instruction = check_same_env,
    },
};

const struct lint_table lint_variables = {rows, ARRAY_SIZE(rows)};
