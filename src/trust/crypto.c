#include "trust/libcrypto.h"

#include <errno.h>
#include <sys/random.h>

#include "base/library.h"

int crypto_open(struct crypto **ret, struct error *err)
{
    CLEANUP(crypto_closep) struct crypto *c = xcalloc(1, sizeof(*c));
#define LIBCRYPTO_ROW(name) {#name, &c->name},
    const struct library_call calls[] = {LIBCRYPTO_CALLS(LIBCRYPTO_ROW)};
#undef LIBCRYPTO_ROW
    const int r = library_load("libcrypto.so.3", "libssl3", calls, ARRAY_SIZE(calls), err);

    if (r < 0)
        return r;
    /* engines and providers that a configuration names are no part of a verdict */
    if (c->OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
        return error_set(err, -EIO, "libcrypto does not start");
    *ret = steal(c);
    return 0;
}

void crypto_close(struct crypto *c)
{
    free(c); /* the library stays */
}

int crypto_random(void *to, size_t size, struct error *err)
{
    char *at = to;

    while (size > 0) {
        const ssize_t n = getrandom(at, size, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_sys(err, "read random bytes");
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

void crypto_free_bytes(const struct crypto *c, void *bytes)
{
    c->CRYPTO_free(bytes, __FILE__, __LINE__);
}

void secret_done(struct str *s)
{
    if (s->cap > 0)
        explicit_bzero(s->at, s->cap);
    str_done(s);
}
