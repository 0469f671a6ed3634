#include "lint/label.h"

#include <ctype.h>

#include "lint/spdx.h"

static const char *const type_names[] = {
    [LABEL_TEXT] = "text",  [LABEL_RFC3339] = "rfc3339", [LABEL_SEMVER] = "semver",
    [LABEL_HASH] = "hash",  [LABEL_URL] = "url",         [LABEL_SPDX] = "spdx",
    [LABEL_EMAIL] = "email"};

bool label_type_find(struct view name, enum lint_label *ret)
{
    for (unsigned i = LABEL_TEXT; i < ARRAY_SIZE(type_names); i++) {
        if (!view_eq_nocase(name, type_names[i]))
            continue;
        *ret = (enum lint_label)i;
        return true;
    }
    return false;
}

/* ---- pieces ---- */

/* count digits at *at; *ret their value. */
static bool cut_digits(struct view *rest, size_t count, unsigned *ret)
{
    *ret = 0;
    for (size_t i = 0; i < count; i++) {
        if (i >= rest->size || !isdigit((unsigned char)rest->at[i]))
            return false;
        *ret = *ret * 10 + (unsigned)(rest->at[i] - '0');
    }
    *rest = view_make(rest->at + count, rest->size - count);
    return true;
}

static bool cut_char(struct view *rest, const char *any)
{
    if (rest->size == 0 || !rest->at[0] || !strchr(any, rest->at[0]))
        return false;
    *rest = view_make(rest->at + 1, rest->size - 1);
    return true;
}

static bool all_of(struct view v, const char *extra)
{
    for (size_t i = 0; i < v.size; i++)
        if (!isalnum((unsigned char)v.at[i]) && !(v.at[i] && strchr(extra, v.at[i])))
            return false;
    return v.size > 0;
}

/* ---- types ---- */

static bool is_date(struct view *v)
{
    static const unsigned char days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned year, month, day;

    return cut_digits(v, 4, &year) && cut_char(v, "-") && cut_digits(v, 2, &month) &&
           cut_char(v, "-") && cut_digits(v, 2, &day) && month >= 1 && month <= 12 && day >= 1 &&
           day <= days[month - 1];
}

/* RFC 3339, section 5.6; a blank in the place of the T, too. */
static bool is_time(struct view v)
{
    unsigned hour, minute, second;

    if (!is_date(&v) || !cut_char(&v, "Tt ") || !cut_digits(&v, 2, &hour) || !cut_char(&v, ":") ||
        !cut_digits(&v, 2, &minute) || !cut_char(&v, ":") || !cut_digits(&v, 2, &second) ||
        hour > 23 || minute > 59 || second > 60)
        return false;
    if (cut_char(&v, ".")) {
        const size_t before = v.size;
        while (v.size > 0 && isdigit((unsigned char)v.at[0]))
            v = view_make(v.at + 1, v.size - 1);
        if (v.size == before)
            return false;
    }
    if (cut_char(&v, "Zz"))
        return v.size == 0;
    return cut_char(&v, "+-") && cut_digits(&v, 2, &hour) && cut_char(&v, ":") &&
           cut_digits(&v, 2, &minute) && v.size == 0 && hour <= 23 && minute <= 59;
}

static bool is_number(struct view v)
{
    uint64_t n;

    return view_to_u64(v, &n) && (v.size == 1 || v.at[0] != '0');
}

/* Dot-separated parts of letters, digits and '-', none empty; numbers without a leading zero where numeric counts. */
static bool is_parts(struct view v, bool numeric)
{
    struct view part;

    while (v.at && view_cut(&v, '.', &part)) {
        bool digits = true;
        for (size_t i = 0; i < part.size; i++)
            digits &= isdigit((unsigned char)part.at[i]) != 0;
        if (!all_of(part, "-") || (numeric && digits && part.size > 1 && part.at[0] == '0'))
            return false;
    }
    return true;
}

/* semver.org, 2.0.0. */
static bool is_semver(struct view v)
{
    struct view core, pre = v, build;

    (void)view_cut(&v, '+', &pre);
    build = v;
    (void)view_cut(&pre, '-', &core);
    for (unsigned i = 0; i < 3; i++) {
        struct view part = VIEW("");
        if (!core.at || !view_cut(&core, '.', &part) || !is_number(part))
            return false;
    }
    return !core.at && (!pre.at || (pre.size > 0 && is_parts(pre, true))) &&
           (!build.at || (build.size > 0 && is_parts(build, false)));
}

static bool is_hash(struct view v)
{
    for (size_t i = 0; i < v.size; i++)
        if (!isxdigit((unsigned char)v.at[i]))
            return false;
    return v.size == 7 || v.size == 40;
}

/* A scheme and something behind it (RFC 3986). */
static bool is_url(struct view v)
{
    const char *colon = v.size ? memchr(v.at, ':', v.size) : NULL;

    if (!colon || !isalpha((unsigned char)v.at[0]) ||
        !all_of(view_make(v.at, (size_t)(colon - v.at)), "+-."))
        return false;
    for (size_t i = 0; i < v.size; i++)
        if ((unsigned char)v.at[i] <= ' ' || strchr("<>\"{}|\\^`", v.at[i]))
            return false;
    return (size_t)(colon + 1 - v.at) < v.size;
}

static bool is_email(struct view v)
{
    struct view host = v, name;

    (void)view_cut(&host, '@', &name);
    if (!host.at || !all_of(name, ".!#$%&'*+/=?^_`{|}~-") || !all_of(host, ".-"))
        return false;
    return name.at[0] != '.' && name.at[name.size - 1] != '.' && host.at[0] != '.' &&
           host.at[host.size - 1] != '.' && !memmem(v.at, v.size, "..", 2);
}

bool label_is(enum lint_label type, struct view value)
{
    switch (type) {
    case LABEL_TEXT:
        return true;
    case LABEL_RFC3339:
        return is_time(value);
    case LABEL_SEMVER:
        return is_semver(value);
    case LABEL_HASH:
        return is_hash(value);
    case LABEL_URL:
        return is_url(value);
    case LABEL_SPDX:
        return spdx_is_expression(value);
    case LABEL_EMAIL:
        return is_email(value);
    }
    return false;
}
