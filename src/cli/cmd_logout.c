/* cooper logout - forgets a registry's login. */
#include "cli/commands.h"
#include "cli/images.h"
#include "registry/credentials.h"

struct options {
    const char *auth_file;
};

/* Other programs' files are theirs; but then one is still logged in. */
static void tell_others(const struct env *env, const char *host)
{
    struct registry_credential c = {0};
    cleanup_free char *source = NULL;

    if (credentials_find(env, NULL, NULL, host, NULL, &c, &source))
        env_warn(env, "%s still has a login for %s", source, host);
    registry_credential_done(&c);
}

static int run(const struct env *env, const void *options, char *const *arguments,
               struct error *err)
{
    cleanup_free char *host = NULL;
    const struct options *o = options;
    int r = credentials_host(arguments[0] ? arguments[0] : "", &host, err);

    if (r == 0)
        r = credentials_erase(env, o->auth_file, host, err);
    if (r < 0)
        return image_exit(r);
    if (!env->quiet)
        fprintf(env->out, r ? "Removed the login for %s\n" : "Not logged in to %s\n", host);
    if (!o->auth_file)
        tell_others(env, host);
    return EXIT_DONE;
}

static const struct option_row rows[] = {
    OPT_TEXT(0, "authfile", struct options, auth_file, "FILE",
             "where it is kept (default: $REGISTRY_AUTH_FILE or docker's file)"),
    OPT_END,
};

const struct command_row cmd_logout = {
    .name = "logout",
    .group = "ship and trust them",
    .arguments = "[HOST]",
    .help = "log out of a registry",
    .options = rows,
    .options_size = sizeof(struct options),
    .arguments_max = 1,
    .run = run,
    .example = "cooper logout registry.example.com",
};
