#include "cli/table.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

void table_row(struct table *t, const char *const *cells, size_t count)
{
    t->columns = count;
    for (size_t i = 0; i < count; i++)
        strings_add(&t->cells, cells[i] ? cells[i] : "");
}

void table_print(const struct table *t, FILE *out)
{
    cleanup_free size_t *widths = xcalloc(t->columns + 1, sizeof(*widths));

    for (size_t i = 0; i < t->cells.size; i++)
        widths[i % t->columns] = MAX(widths[i % t->columns], text_columns(view_of(t->cells.at[i])));
    for (size_t i = 0; i < t->cells.size; i++) {
        const size_t column = i % t->columns;
        const bool last = column + 1 == t->columns;

        fputs(t->cells.at[i], out);
        for (size_t n = text_columns(view_of(t->cells.at[i])); !last && n < widths[column] + 3; n++)
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
