/* One registry, as long as this process speaks to it. */
#include "registry/internal.h"

#define WARNINGS_MAX 20

void registry_credential_done(struct registry_credential *c)
{
    char *const texts[] = {c->user, c->password, c->identity_token, c->token};

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        if (texts[i])
            explicit_bzero(texts[i], strlen(texts[i]));
        free(texts[i]);
    }
    *c = (struct registry_credential){0};
}

static char *copy(const char *text)
{
    return text && *text ? xstrdup(text) : NULL;
}

struct registry_session *registry_session_new(const struct registry_options *o)
{
    struct registry_session *s = xcalloc(1, sizeof(*s));

    s->host = xstrdup(o->host);
    s->api_host = xstrdup(registry_api_host(o->host));
    s->insecure = o->insecure;
    s->random = o->seed | 1;
    if (o->credential)
        s->credential = (struct registry_credential){
            copy(o->credential->user), copy(o->credential->password),
            copy(o->credential->identity_token), copy(o->credential->token)};
    cleanup_free char *base = session_base(s);
    s->private = location_is_private(base);
    return s;
}

static void token_free(struct token *t)
{
    free(t->scopes);
    if (t->text)
        explicit_bzero(t->text, strlen(t->text));
    free(t->text);
    free(t);
}

void registry_session_free(struct registry_session *s)
{
    if (!s)
        return;
    vec_each (t, &s->tokens)
        token_free(*t);
    vec_done(&s->tokens);
    challenge_done(&s->door);
    registry_credential_done(&s->credential);
    strings_done(&s->warnings);
    free(s->host);
    free(s->api_host);
    free(s);
}

const char *registry_session_host(const struct registry_session *s)
{
    return s->host;
}

const char *registry_session_warning(struct registry_session *s)
{
    return s->warned < s->warnings.size ? s->warnings.at[s->warned++] : NULL;
}

void session_take_warnings(struct registry_session *s, const struct strings *headers)
{
    STR_AUTO(text);

    vec_each (line, headers) {
        struct view value = view_of(*line), key;
        bool known = s->warnings.size >= WARNINGS_MAX;

        if (!view_cut(&value, ':', &key) || !value.at || !view_eq_nocase(key, "warning") ||
            !head_warning(view_trim(value), &text))
            continue;
        vec_each (have, &s->warnings) {
            known = known || strcmp(*have, text.at) == 0;
        }
        if (!known)
            strings_add(&s->warnings, text.at);
    }
}

char *session_base(const struct registry_session *s)
{
    return xasprintf("%s://%s", s->plain ? "http" : "https", s->api_host);
}

struct token *session_token(struct registry_session *s, const char *scopes)
{
    vec_each (t, &s->tokens)
        if (strcmp((*t)->scopes, scopes) == 0)
            return *t;
    return NULL;
}

struct token *session_new_token(struct registry_session *s, const char *scopes)
{
    struct token *t = xcalloc(1, sizeof(*t));

    t->number = ++s->token_number;
    t->scopes = xstrdup(scopes);
    vec_push(&s->tokens, t);
    return t;
}

struct token *session_token_number(struct registry_session *s, uint64_t number)
{
    vec_each (t, &s->tokens)
        if ((*t)->number == number)
            return *t;
    return NULL;
}

void session_forget_token(struct registry_session *s, uint64_t number)
{
    for (size_t i = 0; i < s->tokens.size; i++) {
        if (s->tokens.at[i]->number != number)
            continue;
        token_free(s->tokens.at[i]);
        s->tokens.at[i] = s->tokens.at[--s->tokens.size];
        return;
    }
}

bool session_has_login(const struct registry_session *s)
{
    const struct registry_credential *c = &s->credential;

    return c->identity_token || c->token || (c->user && c->password);
}

/* xorshift: only so that clients do not come back all at once. */
uint64_t session_random(struct registry_session *s, uint64_t n)
{
    s->random ^= s->random << 13;
    s->random ^= s->random >> 7;
    s->random ^= s->random << 17;
    return n ? s->random % n : 0;
}
