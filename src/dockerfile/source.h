/* dockerfile/source.h - places in a text, and how they look in a message. */
#pragma once

#include "base/str.h"

/* From the first byte to the one behind the last. Lines and columns begin at 1, columns count
 * bytes; line 0: no place in the file (a trigger that came with the base image, say). A plain
 * value. */
struct span {
    uint32_t line, column, end_line, end_column;
};

/* Appends the line at which span begins, as people see it, with a caret below and the rest of the
 * span underlined:
 *
 *      12 | COPY --form=build /x /y
 *         |      ^~~~~~~~~~~~
 *
 * A span without an end underlines the word at its place. Tabs become blanks, control characters
 * '?', long lines are cut around the caret. Nothing when the line does not exist. */
void source_excerpt(struct view source, struct span span, struct str *ret);

/* Reads "name:12:5" (as error.where has it) back; false when it names another file or no line. */
MUST_CHECK bool source_where(const char *where, const char *name, struct span *ret);

/* Sets err->where to "name:line:column" unless span is nowhere; returns code, like error_at(). */
int source_error_at(struct error *err, int code, const char *name, struct span span);

/* The candidate nearest to word (ASCII case ignored), or NULL when none is near enough to be a
 * slip. */
const char *source_nearest(struct view word, const char *const candidates[], size_t count);
