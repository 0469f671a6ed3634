/* The language of Depends and its kin (Debian policy 7.1). */
#include <errno.h>

#include "distro/packages.h"

bool relation_next(struct view *rest, struct view *ret_group)
{
    while (view_cut(rest, ',', ret_group)) {
        *ret_group = view_trim(*ret_group);
        if (ret_group->size > 0)
            return true;
    }
    return false;
}

static const struct {
    const char *text;
    enum version_relation relation;
} relations[] = {
    {"<<", VERSION_EARLIER},     {"<=", VERSION_EARLIER_EQUAL}, {"=", VERSION_EQUAL},
    {">=", VERSION_LATER_EQUAL}, {">>", VERSION_LATER},         {"<", VERSION_EARLIER_EQUAL},
    {">", VERSION_LATER_EQUAL}, /* the last two: obsolete spellings, with dpkg's meaning */
};

/* ">= 1.2" between the parentheses. */
static int read_bound(struct view text, struct term *ret, struct error *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(relations); i++) {
        if (!view_starts(text, relations[i].text))
            continue;
        const size_t n = strlen(relations[i].text);

        ret->relation = relations[i].relation;
        ret->version = view_trim(view_make(text.at + n, text.size - n));
        if (!version_valid(ret->version))
            break;
        return 0;
    }
    return error_set(err, -EINVAL, "'(%.*s)' is not a version bound", (int)MIN(text.size, 60),
                     text.at);
}

static size_t name_size(struct view v)
{
    size_t n = 0;

    while (n < v.size && v.at[n] && !strchr(" \t\r\n(:|,[<", v.at[n]))
        n++;
    return n;
}

static int read_term(struct view text, struct term *ret, struct error *err)
{
    struct view rest;

    *ret = (struct term){.name = view_make(text.at, name_size(text))};
    rest = view_make(text.at + ret->name.size, text.size - ret->name.size);
    if (rest.size > 0 && rest.at[0] == ':') {
        rest = view_make(rest.at + 1, rest.size - 1);
        ret->qualifier = view_make(rest.at, name_size(rest));
        rest = view_make(rest.at + ret->qualifier.size, rest.size - ret->qualifier.size);
    }
    rest = view_trim(rest);
    if (ret->name.size == 0)
        return error_set(err, -EINVAL, "'%.*s' names no package", (int)MIN(text.size, 60), text.at);
    if (rest.size == 0)
        return 1;
    if (rest.at[0] != '(' || rest.at[rest.size - 1] != ')' || rest.size < 3)
        return error_set(err, -EINVAL, "'%.*s' is not 'package (>= version)'",
                         (int)MIN(text.size, 60), text.at);
    const int r = read_bound(view_trim(view_make(rest.at + 1, rest.size - 2)), ret, err);

    return r < 0 ? r : 1;
}

int relation_term(struct view *group, struct term *ret, struct error *err)
{
    struct view text;

    if (!view_cut(group, '|', &text))
        return 0;
    return read_term(view_trim(text), ret, err);
}
