/* Who we are: Basic, bearer tokens, refresh tokens. What may see it is decided here and nowhere
 * else (registry.h). */
#include <errno.h>

#include "registry/internal.h"

#define SPARE_MS 5000 /* a token that dies on the way helps nobody */

/* ---- what may be followed ---- */

int auth_check_url(const struct registry_session *s, const char *what, const char *url,
                   struct error *err)
{
    cleanup_free char *base = session_base(s);

    if (location_same_origin(url, base))
        return 0;
    if (location_is_tls(base) && !location_is_tls(url))
        return error_hint(
            err, error_set(err, -EPROTO, "%s: its %s leaves TLS: '%.200s'", s->host, what, url),
            "a proxy before the registry must send X-Forwarded-Proto: https");
    if (!s->private && location_is_private(url))
        return error_set(err, -EPROTO, "%s: its %s is an address of a private network: '%.200s'",
                         s->host, what, url);
    return 0;
}

/* ---- scopes ---- */

/* "repository:app" of "repository:app:pull", and the actions behind it. */
static void split_scope(struct view scope, struct view *ret_what, struct view *ret_actions)
{
    const char *colon = scope.size ? memrchr(scope.at, ':', scope.size) : NULL;

    *ret_what = colon ? view_make(scope.at, (size_t)(colon - scope.at)) : scope;
    *ret_actions = colon ? view_make(colon + 1, (size_t)(scope.at + scope.size - colon - 1))
                         : view_make("", 0);
}

static bool has_action(struct view actions, struct view want)
{
    struct view have;

    while (view_cut(&actions, ',', &have))
        if (view_eq(have, want))
            return true;
    return want.size == 0;
}

static bool covers(struct view have, struct view want)
{
    struct view a, b, have_actions, actions, one;

    split_scope(have, &a, &have_actions);
    split_scope(want, &b, &actions);
    if (!view_eq(a, b))
        return false;
    while (view_cut(&actions, ',', &one))
        if (!has_action(have_actions, one))
            return false;
    return true;
}

static bool covered(const char *scopes, struct view want)
{
    struct view rest = view_of(scopes), have;

    while (view_cut(&rest, ' ', &have))
        if (covers(have, want))
            return true;
    return false;
}

/* What the registry misses stands first: some look at the first only. */
static void want_scopes(struct exchange *x, const char *asked)
{
    struct view rest = view_of(asked), one;
    STR_AUTO(all);

    while (view_cut(&rest, ' ', &one))
        if (one.size && !covered(x->scopes ? x->scopes : "", one))
            str_printf(&all, "%.*s ", VIEW_ARG(one));
    if (!all.size)
        return;
    str_add_text(&all, x->scopes ? x->scopes : "");
    while (all.size && all.at[all.size - 1] == ' ')
        str_truncate(&all, all.size - 1);
    free(x->scopes);
    x->scopes = str_take(&all);
}

/* ---- the request for a token ---- */

static void add_basic(struct registry_request *r, const char *user, const char *password)
{
    cleanup_free char *pair = xasprintf("%s:%s", user, password);
    STR_AUTO(line);

    str_add_text(&line, "Authorization: Basic ");
    str_add_base64(&line, view_of(pair));
    explicit_bzero(pair, strlen(pair));
    strings_take(&r->headers, str_take(&line));
}

static void add_field(struct str *ret, const char *key, struct view value)
{
    const char last = ret->size ? ret->at[ret->size - 1] : '?';

    if (last != '?' && last != '&')
        str_add_char(ret, '&');
    str_printf(ret, "%s=", key);
    location_escape(ret, value);
}

static void ask_by_form(struct exchange *x, struct registry_request *r, const char *realm)
{
    const struct registry_session *s = x->s;

    str_clear(&x->form);
    str_add_text(&x->form, "grant_type=refresh_token&client_id=cooper");
    add_field(&x->form, "refresh_token", view_of(s->credential.identity_token));
    if (s->door.service)
        add_field(&x->form, "service", view_of(s->door.service));
    if (x->scopes)
        add_field(&x->form, "scope", view_of(x->scopes));
    r->method = "POST";
    r->url = xstrdup(realm);
    strings_add(&r->headers, "Content-Type: application/x-www-form-urlencoded");
    r->body = str_view(&x->form);
}

static void add_login(struct registry_request *r, const struct registry_credential *c)
{
    if (c->identity_token)
        add_basic(r, c->user ? c->user : "<token>", c->identity_token);
    else if (c->user && c->password)
        add_basic(r, c->user, c->password);
}

static void ask_by_query(struct exchange *x, struct registry_request *r, const char *realm)
{
    const struct registry_session *s = x->s;
    struct view rest = view_of(x->scopes), scope;
    STR_AUTO(url);

    str_add_text(&url, realm);
    if (!strchr(realm, '?'))
        str_add_char(&url, '?');
    if (s->door.service)
        add_field(&url, "service", view_of(s->door.service));
    while (view_cut(&rest, ' ', &scope))
        if (scope.size)
            add_field(&url, "scope", scope);
    r->method = "GET";
    r->url = str_take(&url);
    add_login(r, &s->credential);
}

static int ask_for_token(struct exchange *x, struct registry_request *r, struct error *err)
{
    struct registry_session *s = x->s;
    cleanup_free char *base = session_base(s), *realm = NULL;
    int code = location_resolve(base, view_of(s->door.realm), &realm, err);

    if (code < 0)
        return error_wrap(err, code, "%s: realm of its tokens", s->host);
    code = auth_check_url(s, "realm", realm, err);
    if (code < 0)
        return code;
    x->token = session_new_token(s, x->scopes ? x->scopes : "")->number;
    x->posted = s->credential.identity_token && !s->no_post;
    if (x->posted)
        ask_by_form(x, r, realm);
    else
        ask_by_query(x, r, realm);
    r->insecure = s->insecure;
    free(x->token_url);
    x->token_url = xstrdup(r->url);
    x->token_foreign = false;
    return 1;
}

/* The realm sent us elsewhere for it. What opens the realm is not for others. */
static int ask_there(struct exchange *x, struct registry_request *r)
{
    x->token_moved = false;
    r->method = "GET";
    r->url = xstrdup(x->token_url);
    r->insecure = x->s->insecure;
    if (!x->token_foreign)
        add_login(r, &x->s->credential);
    return 1;
}

static void add_bearer(struct exchange *x, struct registry_request *r, const char *token)
{
    x->sent_authorization = true;
    strings_take(&r->headers, xasprintf("Authorization: Bearer %s", token));
}

int auth_prepare(struct exchange *x, int64_t now_ms, struct registry_request *r, struct error *err)
{
    struct registry_session *s = x->s;
    const struct registry_credential *c = &s->credential;

    x->sent_authorization = false;
    if (x->foreign || s->door.kind == CHALLENGE_NONE)
        return 0;
    if (s->door.kind == CHALLENGE_BASIC) {
        if (c->user && c->password) {
            x->sent_authorization = true;
            add_basic(r, c->user, c->password);
        }
        return 0;
    }
    if (c->token) {
        add_bearer(x, r, c->token);
        return 0;
    }
    struct token *t = session_token(s, x->scopes ? x->scopes : "");
    if (t && !t->text)
        return x->token_moved && t->number == x->token ? ask_there(x, r) : -EAGAIN;
    if (t && t->until_ms - SPARE_MS > now_ms) {
        x->token = t->number;
        add_bearer(x, r, t->text);
        return 0;
    }
    if (t)
        session_forget_token(s, t->number);
    return ask_for_token(x, r, err);
}

/* ---- its answer ---- */

static bool is_redirect(const struct exchange *x, const struct registry_answer *a)
{
    return a->failure == REGISTRY_ANSWERED && !x->posted && a->status / 100 == 3 &&
           a->status != 304;
}

static int follow(struct exchange *x, const struct registry_answer *a, struct error *err)
{
    const struct view location = head_get(&a->headers, "Location");
    cleanup_free char *url = NULL;
    int r = x->token_redirects++ < REGISTRY_REDIRECTS
                ? 0
                : error_set(err, -ELOOP, "more than %d redirects", REGISTRY_REDIRECTS);

    if (r == 0 && !location.at)
        r = error_set(err, -EPROTO, "a redirect without a Location");
    if (r == 0)
        r = location_resolve(x->token_url, location, &url, err);
    if (r == 0 && location_is_tls(x->token_url) && !location_is_tls(url))
        r = error_set(err, -EPROTO, "its redirect leaves TLS: '%.200s'", url);
    if (r < 0)
        return error_wrap(err, r, "%s: token", x->s->host);
    r = auth_check_url(x->s, "redirect for tokens", url, err);
    if (r < 0)
        return r;
    x->token_foreign = x->token_foreign || !location_same_origin(url, x->token_url);
    free(x->token_url);
    x->token_url = steal(url);
    x->token_moved = true;
    return 0;
}

int auth_take_token(struct exchange *x, int64_t now_ms, int64_t unix_s,
                    const struct registry_answer *a, struct error *err)
{
    struct registry_session *s = x->s;
    struct token *t = session_token_number(s, x->token);
    struct token_answer got;

    explicit_bzero(x->form.at, x->form.size);
    str_clear(&x->form);
    if (a->failure == REGISTRY_ANSWERED && a->status == 200 && t) {
        const int r = token_parse(str_view(&a->body), unix_s, &got, err);
        if (r < 0)
            return error_wrap(err, r, "%s: token", s->host);
        t->text = got.token;
        t->until_ms = now_ms + got.lives_s * 1000;
        return 0;
    }
    if (is_redirect(x, a))
        return follow(x, a, err);
    session_forget_token(s, x->token);
    x->token = 0;
    /* servers without the form say 404 or 405, Artifactory 401, others 400 */
    if (a->failure == REGISTRY_ANSWERED && x->posted &&
        (a->status / 100 == 4 || a->status / 100 == 3) && a->status != 429) {
        s->no_post = true;
        return 0;
    }
    if (exchange_again(x, now_ms, unix_s, a))
        return 0;
    if (a->failure != REGISTRY_ANSWERED)
        return error_set(err, -EIO, "%s: token: %s", s->host,
                         a->complaint ? a->complaint : "the connection failed");
    return problem_set(s, "token", a, err);
}

bool auth_refused(struct exchange *x, const struct registry_answer *a)
{
    struct registry_session *s = x->s;
    const bool sent = x->sent_authorization;
    struct challenge c;

    if (x->refusals++ >= 2)
        return false;
    challenge_parse(&a->headers, &c);
    if (c.kind == CHALLENGE_NONE) {
        challenge_done(&c);
        return false;
    }
    if (c.kind == CHALLENGE_BEARER && c.scope)
        want_scopes(x, c.scope);
    challenge_done(&s->door);
    s->door = c;
    if (x->token)
        session_forget_token(s, x->token);
    x->token = 0;
    if (c.kind == CHALLENGE_BASIC)
        return !sent && s->credential.user && s->credential.password;
    return !(sent && s->credential.token);
}
