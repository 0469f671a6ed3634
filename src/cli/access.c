#include "cli/access.h"

#include <errno.h>
#include <unistd.h>

#include "cli/password.h"
#include "image/place.h"

static int check(const struct access_words *w, struct error *err)
{
    const int said = (w->creds != NULL) + (w->user || w->password) + (w->token != NULL) + w->nobody;

    if (said > 1)
        return error_set(
            err, -EINVAL,
            "a login, a token and no login at all exclude each other: say one of them");
    if (!w->user != !w->password)
        return error_set(err, -EINVAL, "a name and its password belong together");
    if (w->token && !*w->token)
        return error_set(err, -EINVAL, "the token is empty");
    if (w->auth_file && access(w->auth_file, R_OK) < 0)
        return error_sys(err, "read the logins of '%s'", w->auth_file);
    if (w->cert_dir && access(w->cert_dir, R_OK | X_OK) < 0)
        return error_sys(err, "read the certificates of '%s'", w->cert_dir);
    return 0;
}

static int ask(const char *user, struct registry_credential *ret, struct error *err)
{
    cleanup_free char *question = xasprintf("Password of %s: ", user);
    SECRET_AUTO(text);

    if (!isatty(0))
        return error_hint(err, error_set(err, -EINVAL, "the login has no password"),
                          "NAME:PASSWORD, or a file of logins ('cooper login')");
    const int r = password_ask(question, &text, err);
    if (r == 0)
        ret->password = xstrdup(text.at);
    return r;
}

/* What is wrong with it is said without it. */
static int take_login(struct view name, const char *password, struct registry_credential *ret,
                      struct error *err)
{
    if (name.size == 0 || memchr(name.at, ':', name.size))
        return error_set(err, -EINVAL, "the name of a login has a letter at least and no ':'");
    ret->user = view_dup(name);
    if (!password)
        return ask(ret->user, ret, err);
    ret->password = xstrdup(password);
    return 0;
}

int access_read(const struct access_words *w, struct wire_access *ret, struct error *err)
{
    struct registry_credential *c = &ret->credential;
    int r = place_tls(w->tls_verify, &ret->tls, err);

    if (r == 0)
        r = check(w, err);
    if (r < 0)
        return r;
    ret->auth_file = w->auth_file;
    ret->cert_dir = w->cert_dir;
    ret->nobody = w->nobody;
    if (w->token)
        c->token = xstrdup(w->token);
    if (w->user)
        return take_login(view_of(w->user), w->password, c, err);
    if (!w->creds)
        return 0;
    const char *colon = strchr(w->creds, ':');
    return take_login(view_make(w->creds, colon ? (size_t)(colon - w->creds) : strlen(w->creds)),
                      colon ? colon + 1 : NULL, c, err);
}
