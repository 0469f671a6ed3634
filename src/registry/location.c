/* URLs that servers give: resolved, compared, doubted. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "registry/internal.h"

#define LOCATION_MAX 16384

/* Pieces of an absolute URL. */
struct pieces {
    struct view scheme, host, port, rest; /* rest: from the '/' or '?' on */
};

static bool split(const char *url, struct pieces *ret)
{
    const char *mark = strstr(url, "://");

    if (!mark)
        return false;
    const char *host = mark + 3, *end = host + strcspn(host, "/?#");
    const char *close = *host == '[' ? memchr(host, ']', (size_t)(end - host)) : NULL;
    const char *colon = memchr(close ? close : host, ':', (size_t)(end - (close ? close : host)));
    *ret = (struct pieces){
        .scheme = view_make(url, (size_t)(mark - url)),
        .host = view_make(host, (size_t)((colon ? colon : end) - host)),
        .port = colon ? view_make(colon + 1, (size_t)(end - colon - 1)) : (struct view){"", 0},
        .rest = view_of(end),
    };
    return ret->host.size > 0;
}

static int check_text(struct view text, struct error *err)
{
    if (text.size == 0 || text.size > LOCATION_MAX)
        return error_set(err, -EPROTO, "a URL of %zu bytes", text.size);
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)text.at[i] <= ' ' || text.at[i] == 127)
            return error_set(err, -EPROTO, "a URL with blanks or control characters in it");
    return 0;
}

static int check_absolute(const char *url, struct error *err)
{
    struct pieces p;

    if (!split(url, &p) ||
        (!view_eq_nocase(p.scheme, "http") && !view_eq_nocase(p.scheme, "https")))
        return error_set(err, -EPROTO, "'%.200s' is no URL of HTTP", url);
    if (memchr(p.host.at, '@', p.host.size + (p.port.size ? p.port.size + 1 : 0)))
        return error_set(err, -EPROTO, "a URL with a user's name in it");
    for (size_t i = 0; i < p.port.size; i++)
        if (!isdigit((unsigned char)p.port.at[i]))
            return error_set(err, -EPROTO, "'%.200s' has no number for its port", url);
    return 0;
}

static bool is_absolute(struct view text)
{
    size_t i = 0;

    while (i < text.size && (isalnum((unsigned char)text.at[i]) || strchr("+-.", text.at[i])))
        i++;
    return i > 0 && i < text.size && text.at[i] == ':';
}

/* The text goes behind the last '/' of the base's path. */
static char *beside(const struct pieces *base, const char *url, struct view text)
{
    const size_t front = (size_t)(base->rest.at - url);
    const size_t path = strcspn(base->rest.at, "?#");
    const char *slash = memrchr(base->rest.at, '/', path);

    if (text.at[0] == '?')
        return xasprintf("%.*s%.*s%.*s", (int)front, url, (int)path, base->rest.at, VIEW_ARG(text));
    if (!slash)
        return xasprintf("%.*s/%.*s", (int)front, url, VIEW_ARG(text));
    return xasprintf("%.*s%.*s", (int)(slash + 1 - url), url, VIEW_ARG(text));
}

int location_resolve(const char *base, struct view text, char **ret, struct error *err)
{
    struct pieces b;
    cleanup_free char *url = NULL;
    int r = check_text(text, err);

    if (r < 0)
        return r;
    if (!split(base, &b))
        return error_set(err, -EINVAL, "'%.200s' is no URL", base);
    if (is_absolute(text))
        url = view_dup(text);
    else if (view_starts(text, "//"))
        url = xasprintf("%.*s:%.*s", VIEW_ARG(b.scheme), VIEW_ARG(text));
    else if (text.at[0] == '/')
        url = xasprintf("%.*s%.*s", (int)(b.rest.at - base), base, VIEW_ARG(text));
    else
        url = beside(&b, base, text);
    char *fragment = strchr(url, '#');
    if (fragment)
        *fragment = '\0';
    r = check_absolute(url, err);
    if (r == 0)
        *ret = steal(url);
    return r;
}

bool location_is_tls(const char *url)
{
    return strncasecmp(url, "https://", 8) == 0;
}

char *location_origin(const char *url)
{
    struct pieces p;
    char *text;

    if (!split(url, &p))
        return xstrdup(url);
    if (p.port.size)
        text =
            xasprintf("%.*s://%.*s:%.*s", VIEW_ARG(p.scheme), VIEW_ARG(p.host), VIEW_ARG(p.port));
    else
        text = xasprintf("%.*s://%.*s:%s", VIEW_ARG(p.scheme), VIEW_ARG(p.host),
                         location_is_tls(url) ? "443" : "80");
    for (char *c = text; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return text;
}

bool location_same_origin(const char *a, const char *b)
{
    cleanup_free char *x = location_origin(a), *y = location_origin(b);

    return strcmp(x, y) == 0;
}

static bool is_private4(uint32_t ip)
{
    return ip >> 24 == 10 || ip >> 24 == 127 || ip >> 24 == 0 || ip >> 20 == (172u << 4 | 1) ||
           ip >> 16 == (192u << 8 | 168) || ip >> 16 == (169u << 8 | 254) ||
           ip >> 22 == (100u << 2 | 1);
}

static bool is_private6(const uint8_t ip[16])
{
    static const uint8_t zero[15], mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (memcmp(ip, mapped, sizeof(mapped)) == 0)
        return is_private4((uint32_t)ip[12] << 24 | (uint32_t)ip[13] << 16 | (uint32_t)ip[14] << 8 |
                           ip[15]);
    return (memcmp(ip, zero, sizeof(zero)) == 0 && ip[15] <= 1) || (ip[0] & 0xfe) == 0xfc ||
           (ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80);
}

bool location_is_private(const char *url)
{
    struct pieces p;
    struct in_addr four;
    uint8_t six[16];

    if (!split(url, &p))
        return false;
    const bool bracket = p.host.size > 2 && p.host.at[0] == '[';
    cleanup_free char *host = bracket ? xstrndup(p.host.at + 1, p.host.size - 2) : view_dup(p.host);
    if (strcasecmp(host, "localhost") == 0 || view_ends(view_of(host), ".localhost"))
        return true;
    /* as resolvers read it: 127.1 and 0x7f000001 are addresses too */
    if (!bracket && inet_aton(host, &four))
        return is_private4(ntohl(four.s_addr));
    return bracket && inet_pton(AF_INET6, host, six) == 1 && is_private6(six);
}

void location_escape(struct str *ret, struct view text)
{
    for (size_t i = 0; i < text.size; i++) {
        const unsigned char c = (unsigned char)text.at[i];

        if (isalnum(c) || (c && strchr("-._~:/", c)))
            str_add_char(ret, (char)c);
        else
            str_printf(ret, "%%%02X", c);
    }
}
