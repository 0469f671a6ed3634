#include "cli/keys.h"

#include <errno.h>

#include "base/fd.h"
#include "cli/password.h"

#define ENVIRONMENT "env://"

static int read_text(const char *name, struct str *ret, struct error *err)
{
    if (strncmp(name, ENVIRONMENT, strlen(ENVIRONMENT)) != 0) {
        str_reserve(ret, KEY_FILE_MAX); /* a secret: no copies by growing */
        const int r = fd_read_file(AT_FDCWD, name, KEY_FILE_MAX, ret, err);

        return r < 0 ? error_wrap(err, r, "key '%s'", name) : 0;
    }
    const char *text = getenv(name + strlen(ENVIRONMENT));
    if (!text)
        return error_set(err, -ENOENT, "key '%s': there is no such variable", name);
    str_reserve(ret, strlen(text));
    str_add_text(ret, text);
    return 0;
}

int keys_read(const struct crypto *c, const char *name, struct trust_key **ret, struct error *err)
{
    SECRET_AUTO(pem);
    int r = read_text(name, &pem, err);

    if (r < 0)
        return r;
    const bool public =
        memmem(pem.at, pem.size, "PUBLIC KEY", 10) || trust_key_is_encrypted(str_view(&pem));
    r = public ? trust_key_read(c, str_view(&pem), ret, err)
               : trust_key_open(c, str_view(&pem), VIEW(""), ret, err);
    if (r == -EINVAL && trust_key_is_encrypted(str_view(&pem)))
        (void)error_hint(err, r,
                         "this is the private half; --key wants the public one (cosign.pub)");
    return r < 0 ? error_wrap(err, r, "key '%s'", name) : 0;
}

int keys_open(const struct crypto *c, const char *name, struct trust_key **ret, struct error *err)
{
    SECRET_AUTO(pem);
    SECRET_AUTO(password);
    int r = read_text(name, &pem, err);

    if (r == 0 && trust_key_is_encrypted(str_view(&pem)))
        r = password_get("Enter password for private key: ", false, &password, err);
    if (r < 0)
        return r;
    r = trust_key_open(c, str_view(&pem), str_view(&password), ret, err);
    if (r == -EACCES)
        (void)error_hint(err, r, "$COSIGN_PASSWORD or a terminal gives it");
    return r < 0 ? error_wrap(err, r, "key '%s'", name) : 0;
}
