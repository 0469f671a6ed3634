#include "oci/digest.h"

#include <errno.h>
#include <string.h>

#include "base/hash.h"

#define SHORTEN 80 /* of a stranger's text in a message */

static const char prefix[] = "sha256:";
static const char digits[] = "0123456789abcdef";
static const char lower_digits[] = "abcdefghijklmnopqrstuvwxyz0123456789";
static const char encoded[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789=_-";

static const struct {
    const char *name;
    size_t digits;
} registered[] = {{"sha256", 64}, {"sha512", 128}, {"blake3", 64}};

/* algorithm ::= component (separator component)*, separator one of + . _ - */
static bool algorithm_valid(const char *text, size_t size)
{
    bool component = false;

    for (size_t i = 0; i < size; i++) {
        if (memchr(lower_digits, text[i], sizeof(lower_digits) - 1))
            component = true;
        else if (component && memchr("+._-", text[i], 4))
            component = false;
        else
            return false;
    }
    return component;
}

bool digest_valid(const char *text)
{
    const char *colon = strchr(text, ':');

    if (!colon || !algorithm_valid(text, (size_t)(colon - text)))
        return false;
    const char *rest = colon + 1;
    const size_t size = strlen(rest);
    for (size_t i = 0; i < ARRAY_SIZE(registered); i++)
        if (view_eq_text(view_make(text, (size_t)(colon - text)), registered[i].name))
            return size == registered[i].digits && strspn(rest, digits) == size;
    return size > 0 && strspn(rest, encoded) == size;
}

static int parse_hex(const char *hex, struct digest *ret)
{
    struct digest d = {0};

    if (strlen(hex) != 2 * sizeof(d.sha256) || strspn(hex, digits) != 2 * sizeof(d.sha256))
        return -EINVAL;
    for (size_t i = 0; i < 2 * sizeof(d.sha256); i++)
        d.sha256[i / 2] = (uint8_t)(d.sha256[i / 2] << 4 | (strchr(digits, hex[i]) - digits));
    *ret = d;
    return 0;
}

int digest_parse_hex(const char *hex, struct digest *ret, struct error *err)
{
    if (parse_hex(hex, ret) < 0)
        return error_set(err, -EINVAL, "'%.*s' is not 64 lower-case hex digits", SHORTEN, hex);
    return 0;
}

int digest_parse(const char *text, struct digest *ret, struct error *err)
{
    if (strncmp(text, prefix, strlen(prefix)) != 0) {
        if (!digest_valid(text))
            return error_set(err, -EINVAL, "digest '%.*s' does not begin with %s", SHORTEN, text,
                             prefix);
        return error_set(err, -EINVAL, "digest '%.*s' is not sha256, the only algorithm supported",
                         SHORTEN, text);
    }
    if (parse_hex(text + strlen(prefix), ret) < 0)
        return error_set(err, -EINVAL, "digest '%.*s' is not %s and 64 lower-case hex digits",
                         SHORTEN, text, prefix);
    return 0;
}

static char *put_hex(const struct digest *d, char *out)
{
    for (size_t i = 0; i < sizeof(d->sha256); i++) {
        *out++ = digits[d->sha256[i] >> 4];
        *out++ = digits[d->sha256[i] & 15];
    }
    *out = '\0';
    return out;
}

char *digest_format(const struct digest *d, char buf[static DIGEST_TEXT_MAX])
{
    put_hex(d, stpcpy(buf, prefix));
    return buf;
}

char *digest_hex(const struct digest *d, char buf[static DIGEST_HEX_MAX])
{
    put_hex(d, buf);
    return buf;
}

bool digest_eq(const struct digest *a, const struct digest *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

bool digest_is_zero(const struct digest *d)
{
    static const struct digest zero;

    return digest_eq(d, &zero);
}

void digest_of(struct view data, struct digest *ret)
{
    hash_of(data, ret->sha256);
}
