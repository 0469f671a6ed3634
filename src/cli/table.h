/* cli/table.h - columns as docker prints them: as wide as their widest cell, three blanks between. */
#pragma once

#include <stdio.h>

#include "base/vec.h"

struct table {
    size_t columns;
    struct strings cells; /* row by row; the first row is the heading */
};
/* Cells are copied; NULL is "". */
void table_row(struct table *t, const char *const *cells, size_t count);
void table_print(const struct table *t, FILE *out);
void table_done(struct table *t);

/* "table" (NULL too) or "json": -EINVAL for others. */
MUST_CHECK int format_is_json(const char *format, bool *ret, struct error *err);
