#include "image/wire_host.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#include "base/fd.h"

int wire_host_credential(const struct env *env, const char *host, struct registry_credential *ret,
                         struct error *err)
{
    (void)env, (void)host, (void)err;
    *ret = (struct registry_credential){0};
    return 0;
}

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

int wire_host_tls(const struct env *env, const char *host, struct http_tls *ret, struct error *err)
{
    cleanup_free char *user =
        xasprintf("%s/.config/containers/certs.d", env->home ? env->home : "");
    const char *const roots[] = {"/etc/docker/certs.d", "/etc/containers/certs.d",
                                 env->home ? user : NULL};
    struct http_tls tls = {0};
    int r = 0;

    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(roots) && roots[i]; i++) {
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
