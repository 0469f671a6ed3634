#include "base/text.h"

#include <ctype.h>
#include <inttypes.h>

#include "base/utf8.h"

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

static bool is_in(uint32_t c, const uint32_t ranges[][2], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (c >= ranges[i][0] && c <= ranges[i][1])
            return true;
    return false;
}

/* Not wcwidth(): that needs a locale, which the program never sets. The blocks are those that
 * terminals agree on (Unicode's EastAsianWidth W and F; combining marks and selectors). */
static size_t char_columns(uint32_t c)
{
    static const uint32_t none[][2] = {
        {0x0300, 0x036F}, {0x200B, 0x200F}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}};
    static const uint32_t wide[][2] = {{0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0xA4CF},
                                       {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},
                                       {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},   {0x1F300, 0x1F64F},
                                       {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};

    if (is_in(c, none, ARRAY_SIZE(none)))
        return 0;
    return is_in(c, wide, ARRAY_SIZE(wide)) ? 2 : 1;
}

size_t text_columns(struct view text)
{
    size_t columns = 0, size;

    for (size_t at = 0; at < text.size; at += size)
        columns += char_columns(utf8_char(view_make(text.at + at, text.size - at), &size));
    return columns;
}

size_t text_control(struct view text)
{
    static const uint32_t marks[][2] = {
        {0x80, 0x9f}, {0x061c, 0x061c}, {0x200e, 0x200f}, {0x202a, 0x202e}, {0x2066, 0x2069}};
    size_t size = 0;
    const uint32_t c = text.size > 0 ? utf8_char(text, &size) : ' ';

    if ((c < ' ' && c != '\t' && c != '\n') || c == 0x7f || is_in(c, marks, ARRAY_SIZE(marks)))
        return size;
    return 0;
}

void text_add_visible(struct str *to, struct view text)
{
    for (size_t i = 0, size; i < text.size; i += MAX(size, (size_t)1)) {
        size = text_control(view_make(text.at + i, text.size - i));
        str_add_char(to, size > 0 ? '?' : text.at[i]);
    }
}

struct view text_cut(struct view text, size_t columns)
{
    size_t at = 0, size;

    while (at < text.size) {
        const uint32_t c = utf8_char(view_make(text.at + at, text.size - at), &size);
        const size_t width = char_columns(c);

        if (width > columns)
            break;
        columns -= width;
        at += size;
    }
    return view_make(text.at, at);
}
