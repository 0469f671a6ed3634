#include "image/wire_host.h"

#include <dirent.h>
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "registry/credentials.h"
#include "registry/registries.h"

/* ---- certs.d (docker's and containers' certificates by folder) ---- */

static bool has_ending(const char *name, const char *ending)
{
    return name[0] != '.' && view_ends(view_of(name), ending);
}

static int add_file(int dir, const char *path, const char *name, struct str *ret, struct error *err)
{
    STR_AUTO(text);
    const int r = fd_read_file(dir, name, HTTP_TLS_MAX, &text, err);

    if (r < 0)
        return error_wrap(err, r, "read '%s/%s'", path, name);
    str_add(ret, str_view(&text));
    str_add_char(ret, '\n');
    return ret->size > HTTP_TLS_MAX
               ? error_set(err, -EDQUOT, "'%s' has more than %u bytes", path, HTTP_TLS_MAX)
               : 0;
}

/* The key stands beside its certificate. */
static int add_pair(int dir, const char *path, const char *name, struct http_tls *ret,
                    struct error *err)
{
    cleanup_free char *key_name =
        xasprintf("%.*s.key", (int)(strlen(name) - strlen(".cert")), name);
    STR_AUTO(certificate);
    STR_AUTO(key);
    int r = add_file(dir, path, name, &certificate, err);

    if (r == 0)
        r = add_file(dir, path, key_name, &key, err);
    if (r < 0)
        return error_hint(err, r, "NAME.cert and NAME.key belong together");
    free(ret->certificate);
    free(ret->key);
    ret->certificate = str_take(&certificate);
    ret->key = str_take(&key);
    return 0;
}

static int read_folder(const char *path, struct http_tls *ret, struct error *err)
{
    struct dirent **names = NULL;
    const int count = scandir(path, &names, NULL, alphasort);
    STR_AUTO(ca);
    int r = 0;

    if (count < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == EACCES
                   ? 0
                   : error_sys(err, "read '%s'", path);
    cleanup_close int dir = fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, err);
    if (dir < 0)
        r = dir;
    if (ret->ca)
        str_add_text(&ca, ret->ca);
    for (int i = 0; i < count; i++) {
        const char *name = names[i]->d_name;

        if (r == 0 && has_ending(name, ".crt"))
            r = add_file(dir, path, name, &ca, err);
        else if (r == 0 && has_ending(name, ".cert"))
            r = add_pair(dir, path, name, ret, err);
        free(names[i]);
    }
    free(names);
    if (r == 0 && ca.size) {
        free(ret->ca);
        ret->ca = str_take(&ca);
    }
    return r;
}

int wire_host_tls(const struct env *env, const char *host, const char *folder, struct http_tls *ret,
                  struct error *err)
{
    cleanup_free char *user =
        xasprintf("%s/.config/containers/certs.d", env->home ? env->home : "");
    const char *const roots[] = {"/etc/docker/certs.d", "/etc/containers/certs.d",
                                 env->home ? user : NULL};
    struct http_tls tls = {0};
    int r = folder ? read_folder(folder, &tls, err) : 0;

    for (size_t i = 0; r == 0 && !folder && i < ARRAY_SIZE(roots) && roots[i]; i++) {
        cleanup_free char *path = xasprintf("%s/%s", roots[i], host);
        r = read_folder(path, &tls, err);
    }
    if (r < 0) {
        http_tls_done(&tls);
        return r;
    }
    *ret = tls;
    return 0;
}

/* ---- sessions ---- */

struct host {
    struct registry_session *session;
    struct registry_credential credential;
    struct http_tls tls;
    struct http_tls beyond; /* the authorities of tls alone, borrowed */
    const char *cert_dir;   /* of the command line, or NULL */
    bool insecure;
};
/* Two repositories of one registry may be opened by two credentials (containers-auth.json). */
struct door {
    char *name;
    const struct wire_access *access;
    bool insecure;
    struct registry_session *session;
};
struct wire_hosts {
    const struct env *env;
    const struct wire_access *read, *write;
    struct registries *registries; /* NULL: not read yet */
    VEC(struct host) hosts;
    VEC(struct door) doors;
};

void wire_access_done(struct wire_access *a)
{
    registry_credential_done(&a->credential);
}

struct wire_hosts *wire_hosts_new(const struct env *env, const struct wire_access *read,
                                  const struct wire_access *write)
{
    static const struct wire_access nothing = {0};
    struct wire_hosts *h = xcalloc(1, sizeof(*h));

    h->env = env;
    h->read = read ? read : &nothing;
    h->write = write ? write : &nothing;
    return h;
}

static void tell_warnings(const struct wire_hosts *h, struct registry_session *s)
{
    const char *text;

    while ((text = registry_session_warning(s)))
        env_warn(h->env, "%s: %s", registry_session_host(s), text);
}

void wire_hosts_free(struct wire_hosts *h)
{
    if (!h)
        return;
    vec_each (host, &h->hosts) {
        tell_warnings(h, host->session);
        registry_session_free(host->session);
        registry_credential_done(&host->credential);
        http_tls_done(&host->tls);
    }
    vec_each (d, &h->doors)
        free(d->name);
    vec_done(&h->hosts);
    vec_done(&h->doors);
    registries_free(h->registries);
    free(h);
}

int wire_hosts_places(struct wire_hosts *h, const struct reference *ref, bool push,
                      struct registry_endpoints *ret, struct error *err)
{
    int r = h->registries ? 0 : registries_load(h->env, &h->registries, err);

    if (r == 0)
        r = (push ? registries_push : registries_pull)(h->registries, ref, ret, err);
    return r;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_credential(const struct registry_credential *a,
                            const struct registry_credential *b)
{
    return same_text(a->user, b->user) && same_text(a->password, b->password) &&
           same_text(a->identity_token, b->identity_token) && same_text(a->token, b->token);
}

/* Credential is taken over. */
static int session_for(struct wire_hosts *h, const char *name, const char *cert_dir, bool insecure,
                       struct registry_credential *take_credential, struct registry_session **ret,
                       struct error *err)
{
    CLEANUP(registry_credential_done) struct registry_credential credential = *take_credential;
    struct registry_options o = {.host = name, .credential = &credential, .insecure = insecure};
    struct host host = {.insecure = insecure, .cert_dir = cert_dir};
    struct timespec now;

    vec_each (have, &h->hosts)
        if (strcmp(registry_session_host(have->session), name) == 0 && have->insecure == insecure &&
            same_text(have->cert_dir, cert_dir) &&
            same_credential(&have->credential, &credential)) {
            *ret = have->session;
            return 0;
        }
    const int r = wire_host_tls(h->env, name, cert_dir, &host.tls, err);
    if (r < 0)
        return r;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    o.seed = (uint64_t)now.tv_nsec * 2654435761u ^ (uint64_t)getpid();
    *ret = host.session = registry_session_new(&o);
    host.credential = credential;
    credential = (struct registry_credential){0};
    host.beyond.ca = host.tls.ca;
    vec_push(&h->hosts, host);
    return 0;
}

static bool is_insecure(const struct wire_access *a, const struct registry_endpoint *at)
{
    return a->tls == WIRE_TLS_ANY ||
           (a->tls == WIRE_TLS_DEFAULT && (at->insecure || registry_is_loopback(at->host)));
}

static struct registry_credential credential_copy(const struct registry_credential *c)
{
    return (struct registry_credential){
        c->user ? xstrdup(c->user) : NULL,
        c->password ? xstrdup(c->password) : NULL,
        c->identity_token ? xstrdup(c->identity_token) : NULL,
        c->token ? xstrdup(c->token) : NULL,
    };
}

static bool is_someone(const struct registry_credential *c)
{
    return c->user || c->identity_token || c->token;
}

static struct registry_credential find_credential(const struct wire_hosts *h,
                                                  const struct wire_access *a,
                                                  const struct registry_endpoint *at)
{
    struct registry_credential c = {0};

    if (at->named && is_someone(&a->credential))
        return credential_copy(&a->credential);
    if (!a->nobody)
        (void)credentials_find(h->env, a->auth_file,
                               h->registries ? registries_helpers(h->registries) : NULL, at->host,
                               at->repository, &c, NULL);
    return c;
}

int wire_hosts_session(struct wire_hosts *h, const struct registry_endpoint *at,
                       const struct registry_credential *credential, struct registry_session **ret,
                       struct error *err)
{
    const struct wire_access *a = at->push ? h->write : h->read;
    const bool insecure = is_insecure(a, at);
    cleanup_free char *name = xasprintf("%s/%s", at->host, at->repository ? at->repository : "");
    struct registry_credential c = {0};

    if (credential) {
        c = credential_copy(credential);
        return session_for(h, at->host, a->cert_dir, insecure, &c, ret, err);
    }
    vec_each (d, &h->doors)
        if (d->access == a && d->insecure == insecure && strcmp(d->name, name) == 0) {
            *ret = d->session;
            return 0;
        }
    c = find_credential(h, a, at);
    const int r = session_for(h, at->host, a->cert_dir, insecure, &c, ret, err);
    if (r == 0)
        vec_push(&h->doors, (struct door){steal(name), a, insecure, *ret});
    return r;
}

/* The session's own before those of another, which may have been told of other certificates. */
const struct http_tls *wire_hosts_tls(const struct wire_hosts *h, const struct registry_session *s,
                                      const char *url)
{
    const struct http_tls *beyond = NULL, *other = NULL;
    const char *host = strstr(url, "://") + 3;
    const size_t n = strcspn(host, "/?#");

    vec_each (have, &h->hosts) {
        const char *name = registry_api_host(registry_session_host(have->session));
        const bool is_its = strlen(name) == n && strncmp(name, host, n) == 0;

        if (have->session == s && is_its)
            return &have->tls;
        if (have->session == s)
            beyond = &have->beyond;
        if (is_its && !other)
            other = &have->tls;
    }
    return other ? other : beyond;
}
