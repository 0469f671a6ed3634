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

/* The (possibly escaped) character of a class; false where the class is malformed. */
static bool class_char(struct view *p, unsigned char *ret)
{
    if (p->size == 0 || *p->at == '-' || *p->at == ']')
        return false;
    if (*p->at == '\\') {
        p->at++;
        p->size--;
        if (p->size == 0)
            return false;
    }
    *ret = (unsigned char)*p->at++;
    p->size--;
    return p->size > 0;
}

/* p stands behind '['; 1 or 0 as c is in it, p then stands behind ']'. */
static int match_class(struct view *p, unsigned char c)
{
    const bool negated = p->size && *p->at == '^';
    bool found = false;

    p->at += negated;
    p->size -= negated;
    for (bool first = true;; first = false) {
        unsigned char low, high;
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

/* One element of the pattern other than '*' against the character c; p stands behind it then. */
static int match_one(struct view *p, unsigned char c)
{
    const char element = *p->at++;

    p->size--;
    if (element == '?')
        return 1;
    if (element == '[')
        return match_class(p, c);
    if (element == '\\') {
        if (p->size == 0)
            return -EINVAL;
        p->size--;
        return (unsigned char)*p->at++ == c;
    }
    return (unsigned char)element == c;
}

/* The end of the pattern is read even when the name ended before: a malformed pattern is an error
 * always. */
static int check_rest(struct view p)
{
    while (p.size) {
        const int r = match_one(&p, 0);
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
        if (p.size && n.size && match_one(&p, (unsigned char)*n.at) > 0) {
            n.at++;
            n.size--;
            continue;
        }
        /* the last star takes one more character: earlier ones need not be tried again */
        if (!starred || star_n.size == 0)
            return 0;
        star_n.at++;
        star_n.size--;
        p = star_p;
        n = star_n;
    }
}
