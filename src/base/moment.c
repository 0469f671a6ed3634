#include "base/moment.h"

#include <time.h>

bool moment_make(int year, int month, int day, int hour, int minute, int second, int64_t *ret_s)
{
    const struct tm asked = {.tm_year = year - 1900,
                             .tm_mon = month - 1,
                             .tm_mday = day,
                             .tm_hour = hour,
                             .tm_min = minute,
                             .tm_sec = second};
    struct tm tm = asked;
    const int64_t s = timegm(&tm); /* moves what is no moment to one that is */

    if (tm.tm_year != asked.tm_year || tm.tm_mon != asked.tm_mon || tm.tm_mday != asked.tm_mday ||
        tm.tm_hour != asked.tm_hour || tm.tm_min != asked.tm_min || tm.tm_sec != asked.tm_sec)
        return false;
    *ret_s = s;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* count digits, and the byte behind them (0: none is looked at). */
static bool cut_number(struct view *v, size_t count, char behind, int *ret)
{
    const size_t size = count + (behind != 0);

    *ret = 0;
    if (v->size < size || (behind && v->at[count] != behind))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!is_digit(v->at[i]))
            return false;
        *ret = *ret * 10 + (v->at[i] - '0');
    }
    *v = view_make(v->at + size, v->size - size);
    return true;
}

static bool cut_fraction(struct view *v)
{
    size_t n = 1;

    if (v->size == 0 || v->at[0] != '.')
        return true;
    while (n < v->size && is_digit(v->at[n]))
        n++;
    *v = view_make(v->at + n, v->size - n);
    return n > 1;
}

static bool read_zone(struct view v, int64_t *ret_s)
{
    int hours, minutes;

    *ret_s = 0;
    if (v.size == 1 && (v.at[0] == 'Z' || v.at[0] == 'z'))
        return true;
    if (v.size == 0 || (v.at[0] != '+' && v.at[0] != '-'))
        return false;
    const int sign = v.at[0] == '-' ? -60 : 60;
    v = view_make(v.at + 1, v.size - 1);
    if (!cut_number(&v, 2, ':', &hours) || !cut_number(&v, 2, 0, &minutes) || v.size > 0 ||
        hours > 23 || minutes > 59)
        return false;
    *ret_s = (int64_t)sign * (hours * 60 + minutes);
    return true;
}

bool moment_parse(struct view text, int64_t *ret_s)
{
    int year, month, day, hour, minute, second;
    int64_t s = 0, zone = 0;

    if (!cut_number(&text, 4, '-', &year) || !cut_number(&text, 2, '-', &month) ||
        !cut_number(&text, 2, 'T', &day) || !cut_number(&text, 2, ':', &hour) ||
        !cut_number(&text, 2, ':', &minute) || !cut_number(&text, 2, 0, &second) ||
        !cut_fraction(&text) || !read_zone(text, &zone) ||
        !moment_make(year, month, day, hour, minute, second, &s))
        return false;
    *ret_s = s - zone;
    return true;
}
