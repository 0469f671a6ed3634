#include "dockerfile/interval.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>

static const struct {
    const char *name;
    int64_t ns;
} units[] = {
    {"ns", 1},       {"us", 1000},      {"\xc2\xb5s", 1000},      {"\xce\xbcs", 1000},
    {"ms", 1000000}, {"s", 1000000000}, {"m", 60 * 1000000000LL}, {"h", 3600 * 1000000000LL},
};

static int malformed(struct view text, struct error *err)
{
    error_set(err, -EINVAL, "invalid duration '%.*s'", (int)MIN(text.size, 80u), text.at);
    return error_hint(err, -EINVAL, "write it as 30s, 1m30s or 1.5h");
}

static struct view skip(struct view v, size_t n)
{
    return view_make(v.at + n, v.size - n);
}

static size_t digits(struct view v)
{
    size_t n = 0;

    while (n < v.size && isdigit((unsigned char)v.at[n]))
        n++;
    return n;
}

static int64_t take_unit(struct view *rest)
{
    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        const size_t size = strlen(units[i].name);
        const char behind = rest->size > size ? rest->at[size] : '0';

        if (view_starts(*rest, units[i].name) &&
            (isdigit((unsigned char)behind) || behind == '.')) {
            *rest = skip(*rest, size);
            return units[i].ns;
        }
    }
    return 0;
}

/* One "1.5h"; false when it is malformed or too much. */
static bool take_part(struct view *rest, int64_t *ret_ns, bool *ret_too_much)
{
    const size_t whole = digits(*rest);
    uint64_t value = 0;
    struct view fraction = VIEW("");
    int64_t part = 0;

    if (whole > 0 && !view_to_u64(view_make(rest->at, whole), &value))
        *ret_too_much = true;
    *rest = skip(*rest, whole);
    if (rest->size > 0 && rest->at[0] == '.') {
        *rest = skip(*rest, 1);
        fraction = view_make(rest->at, digits(*rest));
        *rest = skip(*rest, fraction.size);
    }
    const int64_t unit = take_unit(rest);
    if (unit == 0 || whole + fraction.size == 0)
        return false;
    if (value > INT64_MAX || mul_overflow((int64_t)value, unit, &part))
        *ret_too_much = true;
    int64_t scale = unit;
    for (size_t i = 0; i < fraction.size && scale >= 10; i++) {
        scale /= 10;
        if (add_overflow(part, (fraction.at[i] - '0') * scale, &part))
            *ret_too_much = true;
    }
    if (add_overflow(*ret_ns, part, ret_ns))
        *ret_too_much = true;
    return true;
}

int interval_parse(struct view text, int64_t *ret_ns, struct error *err)
{
    struct view rest = text;
    bool too_much = false;
    int64_t ns = 0;

    if (rest.size > 0 && rest.at[0] == '+')
        rest = skip(rest, 1);
    if (view_eq_text(rest, "0")) {
        *ret_ns = 0;
        return 0;
    }
    if (rest.size == 0)
        return malformed(text, err);
    while (rest.size > 0)
        if (!take_part(&rest, &ns, &too_much))
            return malformed(text, err);
    if (too_much)
        return error_set(err, -ERANGE, "duration '%.*s' is too long", (int)MIN(text.size, 80u),
                         text.at);
    *ret_ns = ns;
    return 0;
}

/* value in units of 10^-digits, trailing zeros cut. */
static void add_decimal(struct str *ret, int64_t whole, int64_t fraction, int width)
{
    str_printf(ret, "%" PRId64, whole);
    if (fraction == 0)
        return;
    str_printf(ret, ".%0*" PRId64, width, fraction);
    while (ret->at[ret->size - 1] == '0')
        str_truncate(ret, ret->size - 1);
}

void interval_format(int64_t ns, struct str *ret)
{
    const int64_t second = 1000000000;

    if (ns < second) {
        const char *unit = ns == 0 ? "s" : ns < 1000 ? "ns" : ns < 1000000 ? "\xc2\xb5s" : "ms";
        const int64_t scale = ns < 1000 ? 1 : ns < 1000000 ? 1000 : 1000000;

        add_decimal(ret, ns / scale, ns % scale, scale == 1000 ? 3 : 6);
        str_add_text(ret, unit);
        return;
    }
    const int64_t minutes = ns / second / 60;
    if (minutes >= 60)
        str_printf(ret, "%" PRId64 "h", minutes / 60);
    if (minutes > 0)
        str_printf(ret, "%" PRId64 "m", minutes % 60);
    add_decimal(ret, ns / second % 60, ns % second, 9);
    str_add_char(ret, 's');
}
