/* cooper keygen - a key pair to sign images with, in cosign's files. */
#include <errno.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/commands.h"
#include "cli/images.h"
#include "cli/password.h"
#include "trust/key.h"

struct options {
    const char *prefix;
};

/* Never replaces a file: a lost key cannot be made again. */
static int write_new(const char *path, struct view text, mode_t mode, struct error *err)
{
    cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    int r = 0;

    if (fd < 0) {
        r = error_sys(err, "make '%s'", path);
        return r == -EEXIST ? error_hint(err, r, "move it away, or choose an --output-key-prefix")
                            : r;
    }
    r = fd_write_all(fd, text, err);
    if (r == 0 && fsync(fd) < 0)
        r = error_sys(err, "write '%s'", path);
    if (r < 0)
        (void)unlink(path);
    return r;
}

static int write_pair(const char *secret_path, const char *public_path, const struct str *secret,
                      const struct str *public, struct error *err)
{
    int r = write_new(secret_path, str_view(secret), 0600, err);

    if (r < 0)
        return r;
    r = write_new(public_path, str_view(public), 0644, err);
    if (r < 0)
        (void)unlink(secret_path);
    return r;
}

static int run(const struct env *env, const void *options, char *const *arguments,
               struct error *err)
{
    const struct options *o = options;
    const char *prefix = o->prefix ? o->prefix : "cosign";
    CLEANUP(crypto_closep) struct crypto *c = NULL;
    CLEANUP(trust_key_freep) struct trust_key *k = NULL;
    SECRET_AUTO(password);
    STR_AUTO(secret);
    STR_AUTO(public);
    cleanup_free char *secret_path = xasprintf("%s.key", prefix);
    cleanup_free char *public_path = xasprintf("%s.pub", prefix);
    int r = crypto_open(&c, err);

    if (r == 0)
        r = password_get("Enter password for private key: ", true, &password, err);
    if (r == 0)
        r = trust_key_new(c, &k, err);
    if (r == 0)
        r = trust_key_print_encrypted(k, str_view(&password), &secret, err);
    if (r < 0)
        return image_exit(r);
    trust_key_print_public(k, &public);
    r = write_pair(secret_path, public_path, &secret, &public, err);
    if (r == 0 && !env->quiet)
        fprintf(env->out, "Private key written to %s\nPublic key written to %s\n", secret_path,
                public_path);
    return r < 0 ? EXIT_FAILED : EXIT_DONE;
}

static const struct option_row rows[] = {
    OPT_TEXT(0, "output-key-prefix", struct options, prefix, "PREFIX",
             "write PREFIX.key and PREFIX.pub (default: cosign)"),
    OPT_END,
};

const struct command_row cmd_keygen = {
    .name = "keygen",
    .group = "ship and trust them",
    .arguments = "",
    .help = "make a key pair to sign images with",
    .options = rows,
    .options_size = sizeof(struct options),
    .run = run,
    .example = "COSIGN_PASSWORD=secret cooper keygen --output-key-prefix release",
};
