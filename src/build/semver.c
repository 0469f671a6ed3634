#include "build/semver.h"

#include <ctype.h>

static bool read_number(struct view text, uint64_t *ret)
{
    return view_to_u64(text, ret) && (text.size == 1 || text.at[0] != '0');
}

static bool is_number(struct view v)
{
    for (size_t i = 0; i < v.size; i++)
        if (!isdigit((unsigned char)v.at[i]))
            return false;
    return v.size > 0;
}

/* Identifiers between dots; numbers among them have no zero before them, where that counts. */
static bool identifiers_valid(struct view text, bool strict)
{
    struct view one;

    while (view_cut(&text, '.', &one)) {
        for (size_t i = 0; i < one.size; i++)
            if (!isalnum((unsigned char)one.at[i]) && one.at[i] != '-')
                return false;
        if (one.size == 0 || (strict && one.size > 1 && one.at[0] == '0' && is_number(one)))
            return false;
    }
    return true;
}

bool semver_parse(struct view text, struct semver *ret)
{
    struct semver v = {0};
    struct view rest = text, core, major, minor;

    (void)view_cut(&rest, '+', &core);
    if (rest.at) {
        v.build = rest;
        if (!identifiers_valid(rest, false))
            return false;
    }
    rest = core;
    (void)view_cut(&rest, '-', &core);
    if (rest.at) {
        v.pre = rest;
        if (!identifiers_valid(rest, true))
            return false;
    }
    rest = core;
    if (!view_cut(&rest, '.', &major) || !view_cut(&rest, '.', &minor) || !rest.at ||
        !read_number(major, &v.major) || !read_number(minor, &v.minor) ||
        !read_number(rest, &v.patch))
        return false;
    *ret = v;
    return true;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int compare_identifiers(struct view a, struct view b)
{
    const bool a_number = is_number(a), b_number = is_number(b);

    if (a_number != b_number)
        return a_number ? -1 : 1;
    if (a_number && a.size != b.size) /* no zeros before them: the longer is the larger */
        return compare_numbers(a.size, b.size);
    return view_cmp(a, b);
}

static int compare_pre(struct view a, struct view b)
{
    struct view x, y;

    if (!a.size || !b.size)
        return !!b.size - !!a.size; /* a release comes behind what led to it */
    for (;;) {
        const bool more_a = view_cut(&a, '.', &x), more_b = view_cut(&b, '.', &y);

        if (!more_a || !more_b)
            return more_a - more_b;
        const int r = compare_identifiers(x, y);
        if (r)
            return r;
    }
}

int semver_compare(const struct semver *a, const struct semver *b)
{
    int r = compare_numbers(a->major, b->major);

    if (r == 0)
        r = compare_numbers(a->minor, b->minor);
    if (r == 0)
        r = compare_numbers(a->patch, b->patch);
    return r ? r : compare_pre(a->pre, b->pre);
}
