/* cooper login - to a registry: proves the credential, then keeps it. */
#include <errno.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/access.h"
#include "cli/commands.h"
#include "cli/images.h"
#include "cli/password.h"
#include "image/place.h"
#include "registry/credentials.h"
#include "registry/registries.h"

struct options {
    const char *user, *password;
    struct access_words access;
    bool password_stdin;
};

struct login {
    const struct env *env;
    const struct options *o;
    char *host;
    struct wire_access access;
    struct registry_credential credential;
};

/* Without echo; the name of the user may be seen. */
static int ask_user(struct login *l, const char *before, struct error *err)
{
    STR_AUTO(line);
    char c;

    fprintf(stderr, before ? "Username (%s): " : "Username: ", before);
    (void)fflush(stderr);
    while (read(0, &c, 1) == 1 && c != '\n' && line.size < CREDENTIALS_SECRET_MAX)
        str_add_char(&line, c);
    const struct view name = view_trim(str_view(&line));
    if (name.size == 0 && !before)
        return error_set(err, -EINVAL, "the user name is empty");
    if (memchr(line.at, ':', line.size) || memchr(line.at, '\0', line.size))
        return error_set(err, -EINVAL, "a user name has no ':'");
    l->credential.user = name.size ? view_dup(name) : xstrdup(before);
    return 0;
}

static int ask_password(struct login *l, struct error *err)
{
    SECRET_AUTO(text);
    const int r = password_ask("Password: ", &text, err);

    if (r == 0)
        l->credential.password = xstrdup(text.at);
    return r;
}

/* One line end behind it is the shell's, not the password's. */
static int read_password(struct login *l, struct error *err)
{
    SECRET_AUTO(text);

    str_reserve(&text, CREDENTIALS_SECRET_MAX);
    const int r = fd_read_all(0, CREDENTIALS_SECRET_MAX, &text, err);
    if (r < 0)
        return error_wrap(err, r, "password on standard input");
    if (text.size && text.at[text.size - 1] == '\n')
        str_truncate(&text, text.size - 1);
    if (text.size && text.at[text.size - 1] == '\r')
        str_truncate(&text, text.size - 1);
    if (strlen(text.at) != text.size)
        return error_set(err, -EINVAL, "the password holds a NUL");
    l->credential.password = xstrdup(text.at);
    return 0;
}

/* Asks the registry; nothing is kept before it agrees. */
static int check(const struct login *l, struct error *err)
{
    CLEANUP(wire_freep) struct wire *w = wire_new(l->env, &l->access, &l->access);
    const struct registry_endpoint at = {.host = l->host};
    struct registry_session *s = NULL;
    const int r = wire_session_as(w, &at, &l->credential, &s, err);

    if (r < 0)
        return r;
    CLEANUP(registry_call_freep) struct registry_call *c = registry_door(s);
    return wire_call(w, c, err);
}

static int keep(const struct login *l, struct error *err)
{
    cleanup_free char *where = NULL;
    bool plain = false;
    const int r = credentials_store(l->env, l->o->access.auth_file, l->host, &l->credential, &where,
                                    &plain, err);

    if (r < 0)
        return error_wrap(err, -EIO, "keep the login");
    if (plain)
        env_warn(l->env,
                 "the password is not encrypted in %s; a helper named there as "
                 "\"credsStore\" would keep it better",
                 where);
    return 0;
}

/* What was kept before is tried first when nothing else is said, as docker does. 1: it is good. */
static int try_kept(struct login *l, char **ret_user, struct error *err)
{
    CLEANUP(registries_freep) struct registries *conf = NULL;
    ERROR_AUTO(own);
    const int r = registries_load(l->env, &conf, err);

    if (r < 0)
        return r;
    if (!credentials_find(l->env, l->o->access.auth_file, registries_helpers(conf), l->host, NULL,
                          &l->credential, NULL))
        return 0;
    env_note(l->env, "trying the login that is kept");
    if (check(l, &own) == 0)
        return 1;
    if (own.code != -EACCES || !isatty(0))
        return error_move(err, &own);
    env_warn(l->env, "%s", own.text);
    *ret_user = steal(l->credential.user);
    registry_credential_done(&l->credential);
    l->credential = (struct registry_credential){0};
    return 0;
}

static int check_options(const struct options *o, struct error *err)
{
    if (o->password && o->password_stdin)
        return error_set(err, -EINVAL, "--password and --password-stdin exclude each other");
    if (o->password_stdin && !o->user)
        return error_set(err, -EINVAL, "--password-stdin needs --username");
    if (o->user && (!*o->user || strchr(o->user, ':')))
        return error_set(err, -EINVAL, "a user name has a letter at least and no ':'");
    return 0;
}

/* 1: there is nothing more to prove or to keep. */
static int gather(struct login *l, struct error *err)
{
    const struct options *o = l->o;
    cleanup_free char *before = NULL;
    int r = 0;

    if (!o->user && !o->password)
        r = try_kept(l, &before, err);
    if (r != 0)
        return r;
    if ((!o->user || !(o->password || o->password_stdin)) && !isatty(0)) {
        (void)error_set(err, -EINVAL, "there is no terminal to ask for the login on");
        return error_hint(err, -EINVAL, "use --username NAME --password-stdin");
    }
    if (o->user)
        l->credential.user = xstrdup(o->user);
    else
        r = ask_user(l, before, err);
    if (r == 0 && o->password)
        l->credential.password = xstrdup(o->password);
    else if (r == 0)
        r = o->password_stdin ? read_password(l, err) : ask_password(l, err);
    if (r == 0 && !*l->credential.password)
        r = error_set(err, -EINVAL, "the password is empty");
    return r;
}

static int log_in(struct login *l, struct error *err)
{
    struct access_words words = l->o->access;
    int r = check_options(l->o, err);

    words.auth_file = NULL; /* it need not be there yet */
    if (r == 0)
        r = access_read(&words, &l->access, err);
    if (r == 0)
        r = gather(l, err);
    if (r != 0)
        return MIN(r, 0);
    if (l->o->password)
        env_warn(l->env,
                 "--password is seen by every process of this machine; use --password-stdin");
    r = check(l, err);
    return r < 0 ? r : keep(l, err);
}

static int run(const struct env *env, const void *options, char *const *arguments,
               struct error *err)
{
    cleanup_free char *host = NULL;
    struct login l = {.env = env, .o = options};
    int r = credentials_host(arguments[0] ? arguments[0] : "", &host, err);

    l.host = host;
    if (r == 0)
        r = log_in(&l, err);
    registry_credential_done(&l.credential);
    if (r == 0 && !env->quiet)
        fprintf(env->out, "Login Succeeded\n");
    return image_exit(r);
}

static const struct option_row rows[] = {
    OPT_TEXT('u', "username", struct options, user, "NAME", "who logs in"),
    OPT_TEXT('p', "password", struct options, password, "TEXT",
             "the password or token; other users of the machine can see it"),
    OPT_FLAG(0, "password-stdin", struct options, password_stdin,
             "read the password from standard input"),
    OPT_TEXT(0, "authfile", struct options, access.auth_file, "FILE",
             "where the login is kept (default: $REGISTRY_AUTH_FILE or docker's file)"),
    OPT_TEXT(0, "cert-dir", struct options, access.cert_dir, "DIR",
             "*.crt, *.cert, *.key of the registry (default: certs.d)"),
    OPT_TLS_VERIFY(struct options, access),
    OPT_END,
};

const struct command_row cmd_login = {
    .name = "login",
    .group = "ship and trust them",
    .arguments = "[HOST]",
    .help = "log in to a registry",
    .options = rows,
    .options_size = sizeof(struct options),
    .arguments_max = 1,
    .run = run,
    .example = "cooper login -u robot --password-stdin registry.example.com",
};
