#include "base/str.h"

#include <stdio.h>
#include <strings.h>

char str_empty[1] = "";

bool view_eq(struct view a, struct view b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.at, b.at, a.size) == 0);
}

bool view_eq_text(struct view a, const char *text)
{
    return view_eq(a, view_of(text));
}

bool view_eq_nocase(struct view a, const char *text)
{
    return a.size == strlen(text) && strncasecmp(a.at, text, a.size) == 0;
}

bool view_starts(struct view v, const char *prefix)
{
    const size_t n = strlen(prefix);

    return v.size >= n && memcmp(v.at, prefix, n) == 0;
}

bool view_ends(struct view v, const char *suffix)
{
    const size_t n = strlen(suffix);

    return v.size >= n && memcmp(v.at + v.size - n, suffix, n) == 0;
}

int view_cmp(struct view a, struct view b)
{
    const size_t n = MIN(a.size, b.size);
    const int r = n ? memcmp(a.at, b.at, n) : 0;

    return r ? r : (a.size > b.size) - (a.size < b.size);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct view view_trim(struct view v)
{
    while (v.size > 0 && is_blank(v.at[0]))
        v.at++, v.size--;
    while (v.size > 0 && is_blank(v.at[v.size - 1]))
        v.size--;
    return v;
}

bool view_cut(struct view *rest, char separator, struct view *ret)
{
    if (!rest->at)
        return false;
    const char *end = rest->size ? memchr(rest->at, separator, rest->size) : NULL;

    if (!end) {
        *ret = *rest;
        *rest = (struct view){NULL, 0};
        return true;
    }
    const size_t head = (size_t)(end - rest->at);
    *ret = (struct view){rest->at, head};
    *rest = (struct view){end + 1, rest->size - head - 1};
    return true;
}

bool view_to_u64(struct view v, uint64_t *ret)
{
    uint64_t n = 0;

    if (v.size == 0)
        return false;
    for (size_t i = 0; i < v.size; i++) {
        if (v.at[i] < '0' || v.at[i] > '9')
            return false;
        if (mul_overflow(n, (uint64_t)10, &n) || add_overflow(n, (uint64_t)(v.at[i] - '0'), &n))
            return false;
    }
    *ret = n;
    return true;
}

char *view_dup(struct view v)
{
    char *text = xmalloc(v.size + 1);

    if (v.size > 0)
        memcpy(text, v.at, v.size);
    text[v.size] = '\0';
    return text;
}

void str_done(struct str *s)
{
    if (s->at != str_empty)
        free(s->at);
    *s = STR_INIT;
}

void str_clear(struct str *s)
{
    str_truncate(s, 0);
}

void str_reserve(struct str *s, size_t more)
{
    const size_t want = s->size + more + 1;

    if (want <= s->cap)
        return;
    s->cap = MAX(want, s->cap + s->cap / 2 + 32);
    s->at = xrealloc(s->at == str_empty ? NULL : s->at, s->cap);
    s->at[s->size] = '\0';
}

void str_add(struct str *s, struct view v)
{
    if (v.size == 0)
        return;
    str_reserve(s, v.size);
    memcpy(s->at + s->size, v.at, v.size);
    s->size += v.size;
    s->at[s->size] = '\0';
}

void str_add_text(struct str *s, const char *text)
{
    str_add(s, view_of(text));
}

void str_add_char(struct str *s, char c)
{
    str_add(s, view_make(&c, 1));
}

void str_vprintf(struct str *s, const char *fmt, va_list ap)
{
    va_list again;

    va_copy(again, ap);
    const int n = vsnprintf(NULL, 0, fmt, ap);
    if (n < 0)
        abort(); /* only a broken format gets here */
    str_reserve(s, (size_t)n);
    vsnprintf(s->at + s->size, (size_t)n + 1, fmt, again);
    va_end(again);
    if (n > 0)
        s->size += (size_t)n;
}

void str_printf(struct str *s, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    str_vprintf(s, fmt, ap);
    va_end(ap);
}

void str_truncate(struct str *s, size_t size)
{
    if (size >= s->size)
        return;
    s->size = size;
    s->at[size] = '\0';
}

char *str_take(struct str *s)
{
    char *text = s->at == str_empty ? xstrdup("") : s->at;

    *s = STR_INIT;
    return text;
}

void str_add_base64(struct str *s, struct view bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < bytes.size; i += 3) {
        const unsigned char *at = (const unsigned char *)bytes.at + i;
        const size_t left = bytes.size - i;
        const uint32_t word =
            (uint32_t)at[0] << 16 | (left > 1 ? (uint32_t)at[1] << 8 : 0) | (left > 2 ? at[2] : 0);

        str_add_char(s, digits[word >> 18]);
        str_add_char(s, digits[word >> 12 & 63]);
        str_add_char(s, left > 1 ? digits[word >> 6 & 63] : '=');
        str_add_char(s, left > 2 ? digits[word & 63] : '=');
    }
}

static int base64_value(char c, bool url)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == (url ? '-' : '+') ? 62 : c == (url ? '_' : '/') ? 63 : -1;
}

static bool unbase64(struct str *s, struct view text, bool url)
{
    const size_t before = s->size;
    uint32_t bits = 0;
    unsigned count = 0;

    str_reserve(s, text.size / 4 * 3 + 3);
    for (size_t i = 0; i < text.size; i++) {
        const int v = base64_value(text.at[i], url);

        if (v < 0) {
            str_truncate(s, before);
            return false;
        }
        bits = (bits << 6 | (uint32_t)v) & 0xffffff;
        count += 6;
        if (count >= 8) {
            count -= 8;
            str_add_char(s, (char)(bits >> count & 0xff));
        }
    }
    /* a lone letter at the end, or bits that no byte holds: two texts would be the same bytes */
    if (count == 6 || (bits & ((1u << count) - 1)) != 0) {
        str_truncate(s, before);
        return false;
    }
    return true;
}

bool str_add_unbase64(struct str *s, struct view text)
{
    if (text.size % 4 != 0)
        return false;
    for (size_t i = 0; i < 2 && text.size > 0 && text.at[text.size - 1] == '='; i++)
        text.size--;
    return unbase64(s, text, false);
}

bool str_add_unbase64url(struct str *s, struct view text)
{
    return unbase64(s, text, true);
}
