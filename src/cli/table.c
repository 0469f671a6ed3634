#include "cli/table.h"

#include <errno.h>
#include <string.h>

void table_row(struct table *t, const char *const *cells, size_t count)
{
    t->columns = count;
    for (size_t i = 0; i < count; i++)
        strings_add(&t->cells, cells[i] ? cells[i] : "");
}

/* Width on the screen: bytes that continue a UTF-8 sequence take no place. */
static size_t width_of(const char *text)
{
    size_t width = 0;

    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

void table_print(const struct table *t, FILE *out)
{
    cleanup_free size_t *widths = xcalloc(t->columns + 1, sizeof(*widths));

    for (size_t i = 0; i < t->cells.size; i++)
        widths[i % t->columns] = MAX(widths[i % t->columns], width_of(t->cells.at[i]));
    for (size_t i = 0; i < t->cells.size; i++) {
        const size_t column = i % t->columns;
        const bool last = column + 1 == t->columns;

        fputs(t->cells.at[i], out);
        for (size_t n = width_of(t->cells.at[i]); !last && n < widths[column] + 3; n++)
            fputc(' ', out);
        if (last)
            fputc('\n', out);
    }
}

void table_done(struct table *t)
{
    strings_done(&t->cells);
}

int format_is_json(const char *format, bool *ret, struct error *err)
{
    *ret = format && strcmp(format, "json") == 0;
    if (*ret || !format || strcmp(format, "table") == 0)
        return 0;
    return error_set(err, -EINVAL, "--format is table or json, not '%.80s'", format);
}
