#include "build/wildcard.h"

#include <errno.h>

#include "base/utf8.h"

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

/* The next character, off *v; to Go a byte that is none is U+FFFD. */
static uint32_t take_char(struct view *v)
{
    size_t size;
    const uint32_t c = utf8_char(*v, &size);

    *v = view_make(v->at + size, v->size - size);
    return c == UTF8_NONE ? 0xfffd : c;
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
    *ret = take_char(p);
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
        const uint32_t c = some ? take_char(n) : 0;
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
