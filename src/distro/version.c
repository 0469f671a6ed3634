#include "distro/version.h"

struct parts {
    uint64_t epoch;
    struct view upstream, revision;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Weight of one byte outside of numbers: '~' before the end of the text, which is before letters,
 * which are before everything else. */
static int weight(char c)
{
    if (c == '~')
        return -1;
    if (is_alpha(c))
        return c;
    return (unsigned char)c + 256;
}

static int weight_at(struct view v, size_t i)
{
    return i < v.size && !is_digit(v.at[i]) ? weight(v.at[i]) : 0;
}

static struct view cut_digits(struct view *v)
{
    struct view digits = {v->at, 0};

    while (digits.size < v->size && is_digit(v->at[digits.size]))
        digits.size++;
    *v = view_make(v->at + digits.size, v->size - digits.size);
    while (digits.size > 0 && digits.at[0] == '0')
        digits = view_make(digits.at + 1, digits.size - 1);
    return digits;
}

static int cmp_digits(struct view a, struct view b)
{
    if (a.size != b.size)
        return a.size < b.size ? -1 : 1;
    return a.size ? memcmp(a.at, b.at, a.size) : 0;
}

/* Runs of other bytes and runs of digits in turn, until one differs. */
static int cmp_part(struct view a, struct view b)
{
    while (a.size > 0 || b.size > 0) {
        size_t i = 0;

        for (; (i < a.size && !is_digit(a.at[i])) || (i < b.size && !is_digit(b.at[i])); i++) {
            const int x = weight_at(a, i), y = weight_at(b, i);

            if (x != y)
                return x < y ? -1 : 1;
        }
        a = view_make(a.at + i, a.size - i);
        b = view_make(b.at + i, b.size - i);
        const struct view x = cut_digits(&a), y = cut_digits(&b);
        const int r = cmp_digits(x, y);

        if (r != 0)
            return r;
    }
    return 0;
}

static struct parts split(struct view v)
{
    struct parts p = {.revision = VIEW("")};

    if (!v.at)
        v = VIEW(""); /* nothing may be added to a NULL pointer, not even 0 */
    const char *colon = v.size ? memchr(v.at, ':', v.size) : NULL;

    if (colon && view_to_u64(view_make(v.at, (size_t)(colon - v.at)), &p.epoch))
        v = view_make(colon + 1, v.size - (size_t)(colon + 1 - v.at));
    const char *dash = v.size ? memrchr(v.at, '-', v.size) : NULL;

    p.upstream = v;
    if (dash) {
        p.upstream.size = (size_t)(dash - v.at);
        p.revision = view_make(dash + 1, v.size - p.upstream.size - 1);
    }
    return p;
}

int version_cmp(struct view a, struct view b)
{
    const struct parts x = split(a), y = split(b);

    if (x.epoch != y.epoch)
        return x.epoch < y.epoch ? -1 : 1;
    const int r = cmp_part(x.upstream, y.upstream);

    return r != 0 ? r : cmp_part(x.revision, y.revision);
}

static bool only(struct view v, const char *marks)
{
    for (size_t i = 0; i < v.size; i++)
        if (!is_digit(v.at[i]) && !is_alpha(v.at[i]) && (!v.at[i] || !strchr(marks, v.at[i])))
            return false;
    return true;
}

bool version_valid(struct view v)
{
    const char *colon = v.size ? memchr(v.at, ':', v.size) : NULL;
    uint64_t epoch = 0;

    if (colon &&
        (!view_to_u64(view_make(v.at, (size_t)(colon - v.at)), &epoch) || epoch > INT32_MAX))
        return false;
    const struct parts p = split(v);
    const char *dash = v.size ? memrchr(v.at, '-', v.size) : NULL;

    if (p.upstream.size == 0 || !is_digit(p.upstream.at[0]) || (dash && p.revision.size == 0))
        return false;
    return only(p.upstream, ".+-:~") && only(p.revision, ".+~");
}

bool version_satisfies(struct view have, enum version_relation relation, struct view want)
{
    if (relation == VERSION_ANY)
        return true;
    const int r = version_cmp(have, want);

    switch (relation) {
    case VERSION_EARLIER:
        return r < 0;
    case VERSION_EARLIER_EQUAL:
        return r <= 0;
    case VERSION_EQUAL:
        return r == 0;
    case VERSION_LATER_EQUAL:
        return r >= 0;
    case VERSION_LATER:
        return r > 0;
    case VERSION_ANY:
        break;
    }
    return true;
}
