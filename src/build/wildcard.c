#include "build/wildcard.h"

#include <errno.h>

bool wildcard_in(struct view text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] == '\\')
            i++;
        else if (strchr("*?[", text.at[i]))
            return true;
    }
    return false;
}

#define NO_RUNE 0xfffdu

/* Go's: the next character of UTF-8, or a byte that begins none as NO_RUNE. */
static uint32_t take_rune(struct view *v)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *s = (const unsigned char *)v->at;
    const size_t n = *s < 0x80             ? 1
                     : (*s & 0xe0) == 0xc0 ? 2
                     : (*s & 0xf0) == 0xe0 ? 3
                     : (*s & 0xf8) == 0xf0 ? 4
                                           : 0;
    uint32_t c = n > 1 ? *s & (0x7fu >> n) : *s;
    bool good = n > 0 && n <= v->size;

    for (size_t i = 1; good && i < n; i++) {
        good = (s[i] & 0xc0) == 0x80;
        c = c << 6 | (s[i] & 0x3f);
    }
    good = good && c >= least[n] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
    v->at += good ? n : 1;
    v->size -= good ? n : 1;
    return good ? c : NO_RUNE;
}

/* The (possibly escaped) character of a class; false where the class is malformed. */
static bool class_char(struct view *p, uint32_t *ret)
{
    if (p->size == 0 || *p->at == '-' || *p->at == ']')
        return false;
    if (*p->at == '\\') {
        p->at++;
        p->size--;
        if (p->size == 0)
            return false;
    }
    *ret = take_rune(p);
    return p->size > 0;
}

/* p stands behind '['; 1 or 0 as c is in it, p then stands behind ']'. */
static int match_class(struct view *p, uint32_t c)
{
    const bool negated = p->size && *p->at == '^';
    bool found = false;

    p->at += negated;
    p->size -= negated;
    for (bool first = true;; first = false) {
        uint32_t low, high;
        if (p->size && *p->at == ']' && !first)
            break;
        if (!class_char(p, &low))
            return -EINVAL;
        high = low;
        if (*p->at == '-') {
            p->at++;
            p->size--;
            if (!class_char(p, &high))
                return -EINVAL;
        }
        found |= low <= c && c <= high;
    }
    p->at++;
    p->size--;
    return found != negated;
}

/* One element of the pattern other than '*' against the beginning of n; both then stand behind it. At the end of n nothing
 * matches. */
static int match_one(struct view *p, struct view *n)
{
    const bool some = n->size > 0;
    const char element = *p->at++;

    p->size--;
    if (element == '?' || element == '[') {
        const uint32_t c = some ? take_rune(n) : 0;
        const int r = element == '[' ? match_class(p, c) : 1;
        return r < 0 ? r : r && some;
    }
    char want = element;
    if (element == '\\') {
        if (p->size == 0)
            return -EINVAL;
        p->size--;
        want = *p->at++;
    }
    if (!some)
        return 0;
    n->size--;
    return *n->at++ == want;
}

/* The end of the pattern is read even when the name ended before: a malformed pattern is an error
 * always. */
static int check_rest(struct view p)
{
    struct view none = {0};

    while (p.size) {
        const int r = match_one(&p, &none);
        if (r < 0)
            return r;
    }
    return 0;
}

int wildcard_match(struct view pattern, struct view name)
{
    struct view p = pattern, n = name, star_p = {0}, star_n = {0};
    bool starred = false;

    if (check_rest(pattern) < 0)
        return -EINVAL;
    for (;;) {
        if (p.size && *p.at == '*') {
            p.at++;
            p.size--;
            star_p = p;
            star_n = n;
            starred = true;
            continue;
        }
        if (p.size == 0 && n.size == 0)
            return 1;
        if (p.size && n.size && match_one(&p, &n) > 0)
            continue;
        /* the last star takes one more character: earlier ones need not be tried again */
        if (!starred || star_n.size == 0)
            return 0;
        star_n.at++;
        star_n.size--;
        p = star_p;
        n = star_n;
    }
}
