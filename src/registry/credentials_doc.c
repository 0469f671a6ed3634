/* What stands in one file: bytes in, an answer out. */
#include <errno.h>

#include "registry/credentials.h"

static const char hub[] = "docker.io", hub_key[] = "https://index.docker.io/v1/";

void credentials_answer_done(struct credentials_answer *a)
{
    free(a->helper);
    registry_credential_done(&a->credential);
}

int credentials_parse(struct view text, bool legacy, json_t **ret, struct error *err)
{
    cleanup_doc json_t *doc = NULL;
    int r = view_trim(text).size == 0 ? (doc = json_object(), 0) /* as touch(1) makes it */
                                      : doc_parse(text, CREDENTIALS_FILE_MAX, "it", &doc, err);

    if (r == 0 && !json_is_object(doc))
        r = error_set(err, -EINVAL, "it is no JSON object");
    if (r == 0 && legacy) {
        json_t *around = json_object();

        doc_set(around, "auths", steal(doc));
        doc = around;
    }
    if (r == 0)
        *ret = steal(doc);
    return r;
}

/* ---- keys ---- */

/* "https://host/v1/", "host", "host/namespace/app": docker writes the first two, podman the others. */
struct key {
    struct view host, path;
    bool exact; /* no more than the host */
};

static struct key key_read(const char *text)
{
    struct view rest = view_of(text), path = VIEW("");
    const bool scheme = view_starts(rest, "https://") || view_starts(rest, "http://");
    struct key k = {.exact = !scheme};

    if (scheme)
        rest = view_of(strstr(text, "://") + 3);
    (void)view_cut(&rest, '/', &k.host);
    if (rest.at && rest.size > 0)
        path = rest;
    while (path.size > 0 && path.at[path.size - 1] == '/')
        path.size--;
    if (path.size > 0)
        k.exact = false;
    if (!scheme && !view_eq_text(path, "v1") && !view_eq_text(path, "v2"))
        k.path = path;
    if (view_eq_nocase(k.host, "index.docker.io") || view_eq_nocase(k.host, "registry-1.docker.io"))
        k.host = view_of(hub);
    return k;
}

static bool covers(struct view path, const char *repository)
{
    if (path.size == 0)
        return true;
    return repository && strncmp(repository, path.at, path.size) == 0 &&
           (repository[path.size] == '\0' || repository[path.size] == '/');
}

/* 0: not meant; else the higher the better. */
static size_t rank(const char *text, const char *host, const char *repository)
{
    const struct key k = key_read(text);

    if (!view_eq_nocase(k.host, host) || !covers(k.path, repository))
        return 0;
    if (k.path.size > 0)
        return 3 + k.path.size;
    return strcmp(text, hub_key) == 0 ? 3 : k.exact ? 2 : 1;
}

/* ---- entries ---- */

static char *text_of(const json_t *entry, const char *key)
{
    const char *text = json_string_value(json_object_get(entry, key));

    return text && *text ? xstrdup(text) : NULL;
}

/* "user:password" in base64; docker lets NULs at the end of the password pass. */
static int read_login(const char *text, struct registry_credential *ret, struct error *err)
{
    STR_AUTO(login);
    int r = 0;

    if (strlen(text) > CREDENTIALS_SECRET_MAX)
        return error_set(err, -EDQUOT, "'auth' has more than %d bytes", CREDENTIALS_SECRET_MAX);
    if (!str_add_unbase64(&login, view_of(text)))
        return error_set(err, -EINVAL, "'auth' is not base64");
    while (login.size > 0 && login.at[login.size - 1] == '\0')
        str_truncate(&login, login.size - 1);
    const char *colon = strchr(login.at, ':');
    if (!colon || strlen(login.at) != login.size) {
        r = error_set(err, -EINVAL, "'auth' is not user:password");
    } else {
        ret->user = xstrndup(login.at, (size_t)(colon - login.at));
        ret->password = xstrdup(colon + 1);
    }
    explicit_bzero(login.at, login.size);
    return r;
}

static bool is_empty(const struct registry_credential *c)
{
    return !(c->user && *c->user && c->password && *c->password) && !c->identity_token && !c->token;
}

static int read_entry(const json_t *entry, struct registry_credential *ret, struct error *err)
{
    cleanup_free char *login = text_of(entry, "auth");
    struct registry_credential c = {.identity_token = text_of(entry, "identitytoken"),
                                    .token = text_of(entry, "registrytoken")};
    int r = 0;

    if (login) {
        r = read_login(login, &c, err);
        explicit_bzero(login, strlen(login));
    } else {
        c.user = text_of(entry, "username");
        c.password = text_of(entry, "password");
    }
    if (r < 0 || is_empty(&c)) {
        registry_credential_done(&c);
        return r;
    }
    *ret = c;
    return 1;
}

const char *credentials_helper(const json_t *doc, const char *host)
{
    const json_t *helpers = json_object_get(doc, "credHelpers");
    const char *best = NULL, *key;
    const json_t *name;
    size_t best_rank = 0;

    json_object_foreach((json_t *)(uintptr_t)helpers, key, name)
    {
        const size_t is = rank(key, host, NULL);

        if (is > best_rank && json_is_string(name)) {
            best_rank = is;
            best = json_string_value(name);
        }
    }
    if (!best_rank)
        best = json_string_value(json_object_get(doc, "credsStore"));
    return best && *best ? best : NULL;
}

int credentials_look(const json_t *doc, const char *host, const char *repository,
                     struct credentials_answer *ret, struct error *err)
{
    const char *helper = credentials_helper(doc, host), *key;
    json_t *auths = NULL;
    const json_t *entry;
    struct registry_credential best = {0};
    size_t best_rank = 0;
    int r = doc_object(doc, "auths", &auths, err);

    json_object_foreach(auths, key, entry)
    {
        struct registry_credential c = {0};
        const size_t is = r < 0 ? 0 : rank(key, host, repository);

        if (is <= best_rank)
            continue;
        r = read_entry(entry, &c, err);
        if (r < 0)
            (void)error_wrap(err, r, "auths of '%.200s'", key);
        if (r != 1)
            continue;
        registry_credential_done(&best);
        best = c;
        best_rank = is;
    }
    if (r < 0) {
        registry_credential_done(&best);
        return r;
    }
    *ret = (struct credentials_answer){helper ? xstrdup(helper) : NULL, best_rank > 0, best};
    return 0;
}

/* ---- changes ---- */

static const char *key_for(const char *host)
{
    return strcmp(host, hub) == 0 ? hub_key : host;
}

bool credentials_unset(json_t *doc, const char *host)
{
    json_t *auths = json_object_get(doc, "auths");
    const char *key;
    json_t *entry;
    void *next;
    bool any = false;

    json_object_foreach_safe(auths, next, key, entry)
    {
        if (rank(key, host, NULL) > 0) {
            json_object_del(auths, key);
            any = true;
        }
    }
    return any;
}

/* ---- what users type ---- */

int credentials_host(const char *text, char **ret, struct error *err)
{
    REFERENCE_AUTO(ref);
    const struct key k = key_read(*text ? text : hub);
    struct view path = k.path;

    if (!k.host.size || path.size) {
        (void)error_set(err, -EINVAL, "'%.100s' is no host of a registry", text);
        return error_hint(err, -EINVAL, "a login is for a whole registry: HOST[:PORT]");
    }
    /* by the grammar of references, which have to lead there */
    cleanup_free char *name = xasprintf("%.*s/a/b", VIEW_ARG(k.host));
    if (reference_parse(name, &ref, NULL) < 0 || !view_eq_nocase(k.host, ref.host))
        return error_set(err, -EINVAL, "'%.100s' is no host of a registry", text);
    *ret = steal(ref.host);
    return 0;
}

void credentials_set(json_t *doc, const char *host, const struct registry_credential *c)
{
    (void)credentials_unset(doc, host); /* in every spelling: the first of them would be found */
    json_t *auths = json_object_get(doc, "auths"), *entry = json_object();

    if (!json_is_object(auths)) {
        doc_set(doc, "auths", json_object());
        auths = json_object_get(doc, "auths");
    }
    if (c && c->identity_token)
        doc_set_text(entry, "identitytoken", c->identity_token);
    if (c && c->user && c->password) {
        cleanup_free char *login = xasprintf("%s:%s", c->user, c->password);
        STR_AUTO(text);

        str_add_base64(&text, view_of(login));
        doc_set_text(entry, "auth", text.at);
        explicit_bzero(login, strlen(login));
        explicit_bzero(text.at, text.size);
    }
    doc_set(auths, key_for(host), entry);
}
