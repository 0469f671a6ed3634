#include "base/text.h"

#include <ctype.h>
#include <inttypes.h>

#define NEAREST_WORD_MAX 64 /* longer words are not misspelt names */

struct text_nearest text_nearest_to(struct view word)
{
    const unsigned allowed = (unsigned)(word.size / 3);

    return (struct text_nearest){word, NULL, MIN(MAX(allowed, 1u), 3u) + 1};
}

/* Optimal string alignment distance, letters without case. */
static unsigned distance(struct view a, struct view b)
{
    unsigned rows[3][NEAREST_WORD_MAX + 1];

    for (size_t j = 0; j <= b.size; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a.size; i++) {
        unsigned *row = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b.size; j++) {
            const int x = tolower((unsigned char)a.at[i - 1]),
                      y = tolower((unsigned char)b.at[j - 1]);

            row[j] = MIN(MIN(last[j] + 1, row[j - 1] + 1), last[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == tolower((unsigned char)b.at[j - 2]) &&
                y == tolower((unsigned char)a.at[i - 2]))
                row[j] = MIN(row[j], before[j - 2] + 1);
        }
    }
    return rows[a.size % 3][b.size];
}

void text_nearest_try(struct text_nearest *n, const char *candidate)
{
    const struct view c = view_of(candidate);

    if (n->word.size > NEAREST_WORD_MAX || c.size > NEAREST_WORD_MAX)
        return;
    const unsigned d = distance(n->word, c);
    if (d < n->distance) {
        n->distance = d;
        n->best = candidate;
    }
}

void text_size(struct str *to, uint64_t bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    double n = (double)bytes;
    size_t unit = 0;

    while (n >= 999.5 && unit + 1 < ARRAY_SIZE(units)) {
        n /= 1000;
        unit++;
    }
    str_printf(to, "%.3g%s", n, units[unit]);
}

void text_age(struct str *to, int64_t seconds)
{
    static const struct {
        int64_t seconds;
        const char *name;
    } units[] = {{31536000, "year"}, {2592000, "month"}, {604800, "week"}, {86400, "day"},
                 {3600, "hour"},     {60, "minute"},     {1, "second"}};

    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        const int64_t n = seconds / units[i].seconds;

        if (n < 1 || (n < 2 && i + 1 < ARRAY_SIZE(units) && units[i].seconds > 86400))
            continue; /* "6 weeks" says more than "1 month" */
        str_printf(to, "%" PRId64 " %s%s ago", n, units[i].name, n == 1 ? "" : "s");
        return;
    }
    str_add_text(to, "just now");
}
