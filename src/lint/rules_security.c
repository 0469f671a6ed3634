/* rules_security.c - secrets and rights that stand in instructions (RUN's are in the tables of the shell). */
#include <ctype.h>

#include "lint/facts_run.h"
#include "lint/rule.h"

/* ---- names of secrets ---- */

/* One of the words between '_' and '-', unless another says that it is none. */
bool lint_secret_name(struct view name)
{
    static const char *const secret[] = {"apikey", "auth",     "credential", "credentials",
                                         "key",    "password", "pword",      "passwd",
                                         "secret", "token",    NULL};
    static const char *const harmless[] = {"public", "file", "version", NULL};
    bool found = false;
    struct view word;

    while (name.at && view_cut(&name, '_', &word)) {
        if (lint_view_in(word, harmless))
            return false;
        found |= lint_view_in(word, secret);
    }
    return found;
}

static void check_secret_name(struct lint *l, const struct lint_stage *s,
                              const struct instruction *in)
{
    const size_t step = in->kind == INSTRUCTION_ENV ? 3 : 1;

    (void)s;
    for (size_t i = 0; i < in->word_count; i += step) {
        struct view rest = in->words[i].text, name = rest;
        if (in->kind == INSTRUCTION_ARG)
            (void)view_cut(&rest, '=', &name);
        name = lint_unquote(name);
        if (lint_secret_name(name))
            lint_add(l, in->words[i].span,
                     "Do not use ARG or ENV instructions for sensitive data (%s \"%.*s\")",
                     in->kind == INSTRUCTION_ENV ? "ENV" : "ARG", LINT_CUT(name));
    }
}

/* ---- values ---- */

struct key_form {
    const char *prefix;
    size_t more; /* letters and digits that follow at least */
    const char *what;
};

static const struct key_form key_forms[] = {
    {"AKIA", 16, "a key of AWS"},        {"ASIA", 16, "a key of AWS"},
    {"ghp_", 36, "a token of GitHub"},   {"gho_", 36, "a token of GitHub"},
    {"ghs_", 36, "a token of GitHub"},   {"github_pat_", 40, "a token of GitHub"},
    {"glpat-", 20, "a token of GitLab"}, {"xoxb-", 20, "a token of Slack"},
    {"xoxp-", 20, "a token of Slack"},   {"sk_live_", 20, "a key of Stripe"},
    {"AIza", 35, "a key of Google"},     {"npm_", 36, "a token of npm"},
    {"pypi-", 40, "a token of PyPI"},    {"dckr_pat_", 20, "a token of Docker Hub"},
    {"hvs.", 20, "a token of Vault"},    {"SG.", 40, "a key of SendGrid"},
};

static size_t token_size(struct view v)
{
    size_t n = 0;

    while (n < v.size && (isalnum((unsigned char)v.at[n]) || strchr("_-.", v.at[n])) && v.at[n])
        n++;
    return n;
}

/* What the value looks like, or NULL. */
const char *lint_secret_in(struct view v)
{
    if (v.size > 20 && memmem(v.at, v.size, "-----BEGIN", 10) &&
        memmem(v.at, v.size, "PRIVATE KEY", 11))
        return "a private key";
    for (size_t i = 0; i < ARRAY_SIZE(key_forms); i++) {
        const size_t size = strlen(key_forms[i].prefix);
        const char *at = v.size ? memmem(v.at, v.size, key_forms[i].prefix, size) : NULL;
        if (!at || (at > v.at && isalnum((unsigned char)at[-1])))
            continue;
        const size_t left = v.size - (size_t)(at - v.at) - size;
        if (token_size(view_make(at + size, left)) >= key_forms[i].more)
            return key_forms[i].what;
    }
    return NULL;
}

static void check_secret_value(struct lint *l, const struct lint_stage *s,
                               const struct instruction *in)
{
    (void)s;
    for (size_t i = 0; i < in->word_count; i++) {
        const char *what = lint_secret_in(in->words[i].text);
        if (what)
            lint_add(l, in->words[i].span, "the value looks like %s", what);
    }
}

/* The value itself is shown nowhere. */
static void check_run_value(struct lint *l, const struct run_facts *f)
{
    vec_each (e, &f->env) {
        const char *what = e->value.at ? lint_secret_in(e->value) : NULL;
        if (what)
            lint_add_place(l, e->at.path, e->at.span, "the value of '%.*s' looks like %s",
                           LINT_CUT(e->name), what);
    }
}

static const struct lint_row rows[] = {
    {
        .id = "CP601",
        .name = "secret-in-arg-or-env",
        .aliases = {"DL3064", "SecretsUsedInArgOrEnv", "CIS-DI-0010", "DB-4.10"},
        .title = "ARG or ENV with the name of a secret",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "ARG and ENV stand in the history and configuration of the image, readable for "
               "everyone who can pull it. A secret mount is in neither.",
        .fix = "RUN --mount=type=secret,id=name for the build, `run --env-file` or a mounted file "
               "at run time.",
        .bad = "FROM debian:12.5\nARG GITHUB_TOKEN\nUSER 1001\n",
        .good = "FROM debian:12.5\nARG GITHUB_TOKEN_FILE\nUSER 1001\n",
        .kinds = LINT_KIND(ARG) | LINT_KIND(ENV),
        .instruction = check_secret_name,
    },
    {
        .id = "CP602",
        .name = "secret-value-in-label-or-env",
        .aliases = {NULL, "CIS-DI-0010", "DB-4.10"},
        .title = "a value that is a secret by its looks",
        .level = LINT_ERROR,
        .where = LINT_DOCKERFILE | LINT_IMAGE | LINT_RUNCONFIG | LINT_EXEC,
        .why = "Keys of this form are found by programs that read public images all day. Consider "
               "it known, and replace it.",
        .fix = "Revoke it; hand the new one in with RUN --mount=type=secret, or at run time.",
        .bad = "FROM debian:12.5\nENV X=AKIAABCDEFGHIJKLMNOP\nUSER 1001\n",
        .good = "FROM debian:12.5\nENV X=plain\nUSER 1001\n",
        .kinds = LINT_KIND(ARG) | LINT_KIND(ENV) | LINT_KIND(LABEL),
        .instruction = check_secret_value,
        .runtime = check_run_value,
    },
};

const struct lint_table lint_security = {rows, ARRAY_SIZE(rows)};
