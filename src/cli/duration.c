#include "cli/duration.h"

#include <errno.h>
#include <string.h>

static int64_t unit_seconds(char unit)
{
    switch (unit) {
    case 's':
        return 1;
    case 'm':
        return 60;
    case 'h':
        return 3600;
    case 'd':
        return 86400;
    case 'w':
        return 604800;
    default:
        return 0;
    }
}

int duration_parse(const char *text, int64_t *ret_s, struct error *err)
{
    int64_t total = 0;
    const char *p = text;

    while (*p) {
        const size_t digits = strspn(p, "0123456789");
        const int64_t unit = unit_seconds(p[digits]);
        uint64_t n = 0;
        int64_t part;

        if (unit == 0 || !view_to_u64(view_make(p, digits), &n) ||
            mul_overflow((int64_t)n, unit, &part) || n > INT64_MAX ||
            add_overflow(total, part, &total)) {
            error_set(err, -EINVAL, "'%.40s' is not a duration", text);
            return error_hint(err, -EINVAL, "write it as 24h, 90m or 1h30m");
        }
        p += digits + 1;
    }
    if (p == text)
        return error_set(err, -EINVAL, "a duration is empty");
    *ret_s = total;
    return 0;
}
