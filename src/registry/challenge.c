/* What a registry asks for at the door. */
#include <ctype.h>

#include "registry/internal.h"

#define PARAMETERS_MAX 32

void challenge_done(struct challenge *c)
{
    free(c->realm);
    free(c->service);
    free(c->scope);
    *c = (struct challenge){0};
}

static bool is_token(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static void skip(struct view *v, const char *these)
{
    while (v->size && v->at[0] && strchr(these, v->at[0]))
        *v = view_make(v->at + 1, v->size - 1);
}

static struct view take_token(struct view *v)
{
    size_t n = 0;

    while (n < v->size && is_token(v->at[n]))
        n++;
    const struct view word = view_make(v->at, n);
    *v = view_make(v->at + n, v->size - n);
    return word;
}

/* A token, or a quoted text. */
static bool take_value(struct view *v, struct str *ret)
{
    str_clear(ret);
    if (!v->size || v->at[0] != '"') {
        const struct view word = take_token(v);

        str_add(ret, word);
        return word.size > 0;
    }
    size_t i = 1;
    for (; i < v->size && v->at[i] != '"'; i++) {
        if (v->at[i] == '\\' && i + 1 < v->size)
            i++;
        str_add_char(ret, v->at[i]);
    }
    if (i >= v->size || memchr(ret->at, 0, ret->size))
        return false;
    *v = view_make(v->at + i + 1, v->size - i - 1);
    return true;
}

static void take_parameter(struct challenge *c, struct view key, const char *value)
{
    char **field = view_eq_nocase(key, "realm")     ? &c->realm
                   : view_eq_nocase(key, "service") ? &c->service
                   : view_eq_nocase(key, "scope")   ? &c->scope
                                                    : NULL;

    if (field && !*field)
        *field = xstrdup(value);
}

/* Parameters until the next scheme, which is left in *rest. */
static bool take_parameters(struct view *rest, struct challenge *c)
{
    STR_AUTO(value);

    for (int n = 0; n < PARAMETERS_MAX; n++) {
        skip(rest, " \t,");
        struct view before = *rest;
        const struct view key = take_token(rest);
        skip(rest, " \t");
        if (!key.size)
            return rest->size == 0;
        if (!rest->size || rest->at[0] != '=') {
            *rest = before;
            return true;
        }
        *rest = view_make(rest->at + 1, rest->size - 1);
        skip(rest, " \t");
        if (!take_value(rest, &value))
            return false;
        take_parameter(c, key, value.at);
    }
    return false;
}

static void consider(struct challenge *take_c, struct challenge *best)
{
    if (take_c->kind == CHALLENGE_BEARER && !take_c->realm)
        take_c->kind = CHALLENGE_NONE;
    if (take_c->kind <= best->kind) {
        challenge_done(take_c);
        return;
    }
    challenge_done(best);
    *best = *take_c;
    *take_c = (struct challenge){0};
}

static void parse_line(struct view rest, struct challenge *best)
{
    while (rest.size) {
        struct challenge c = {0};

        skip(&rest, " \t,");
        const struct view scheme = take_token(&rest);
        if (!scheme.size)
            return;
        if (view_eq_nocase(scheme, "bearer"))
            c.kind = CHALLENGE_BEARER;
        else if (view_eq_nocase(scheme, "basic"))
            c.kind = CHALLENGE_BASIC;
        const bool good = take_parameters(&rest, &c);
        if (!good)
            c.kind = CHALLENGE_NONE;
        consider(&c, best);
        if (!good)
            return;
    }
}

void challenge_parse(const struct strings *headers, struct challenge *ret)
{
    struct challenge best = {0};

    vec_each (line, headers) {
        struct view value = view_of(*line), key;

        if (view_cut(&value, ':', &key) && value.at && view_eq_nocase(key, "www-authenticate"))
            parse_line(view_trim(value), &best);
    }
    *ret = best;
}
