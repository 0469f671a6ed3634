#include "net/url.h"

#include <ctype.h>

#include "base/mem.h"

char *url_public(const char *url)
{
    const char *host = strstr(url, "://");
    const size_t n = host ? strcspn(host + 3, "/?#") : 0;
    const char *at = host ? memrchr(host + 3, '@', n) : NULL;

    return at ? xasprintf("%.*s%s", (int)(host + 3 - url), url, at + 1) : xstrdup(url);
}

char *url_public_text(const char *text)
{
    const char *mark;
    STR_AUTO(ret);

    while ((mark = strstr(text, "://"))) {
        const char *host = mark + strlen("://");
        const char *at = memrchr(host, '@', strcspn(host, "/?# \t\n\"'"));

        str_add(&ret, view_make(text, (size_t)(host - text)));
        text = at ? at + 1 : host;
    }
    str_add_text(&ret, text);
    return str_take(&ret);
}

bool url_is_http(const char *url)
{
    return strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0;
}

static int hex_value(char c)
{
    if (!isxdigit((unsigned char)c))
        return -1;
    return isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

bool url_unescape(struct view text, bool plus, struct str *ret)
{
    for (size_t i = 0; i < text.size; i++) {
        int high, low;

        if (text.at[i] != '%') {
            str_add_char(ret, plus && text.at[i] == '+' ? ' ' : text.at[i]);
            continue;
        }
        if (i + 2 >= text.size || (high = hex_value(text.at[i + 1])) < 0 ||
            (low = hex_value(text.at[i + 2])) < 0)
            return false;
        str_add_char(ret, (char)(high << 4 | low));
        i += 2;
    }
    return true;
}

/* As Go's path.Base(): what stands behind the last '/', those at the end left out. */
char *url_file_name(const char *url)
{
    const char *host = strstr(url, "://");
    const char *path = host ? host + 3 + strcspn(host + 3, "/?#") : url;
    STR_AUTO(text);

    if (!url_unescape(view_make(path, strcspn(path, "?#")), false, &text) ||
        memchr(text.at, 0, text.size))
        return xstrdup("__unnamed__");
    while (text.size > 0 && text.at[text.size - 1] == '/')
        str_truncate(&text, text.size - 1);
    const char *slash = strrchr(text.at, '/');
    const char *name = slash ? slash + 1 : text.at;
    if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strlen(name) > 255)
        return xstrdup("__unnamed__");
    return xstrdup(name);
}
