#include "distro/control.h"

#include <errno.h>

/* Nothing may be added to a NULL pointer, not even 0. */
static struct view after(struct view v, size_t n)
{
    if (n == 0)
        return v;
    return view_make(v.at + n, v.size - n);
}

/* One line with its newline cut off, the newline gone from both. */
static struct view cut_line(struct view *rest)
{
    const char *end = rest->size ? memchr(rest->at, '\n', rest->size) : NULL;
    const size_t size = end ? (size_t)(end - rest->at) : rest->size;
    const struct view line = view_make(rest->at, size);

    *rest = after(*rest, end ? size + 1 : size);
    return line;
}

static bool is_blank(struct view line)
{
    return view_trim(line).size == 0;
}

bool control_paragraph(struct view *rest, struct view *ret)
{
    struct view line, start;

    do {
        start = *rest;
        if (rest->size == 0)
            return false;
        line = cut_line(rest);
    } while (is_blank(line));
    while (rest->size > 0) {
        const struct view before = *rest;

        line = cut_line(rest);
        /* only a line that is quite empty ends a paragraph in an index; one of blanks is taken
         * alike */
        if (line.size == 0 || is_blank(line)) {
            *ret = view_make(start.at, (size_t)(before.at - start.at));
            return true;
        }
    }
    *ret = view_make(start.at, (size_t)(rest->at - start.at));
    return true;
}

int control_field(struct view *paragraph, struct view *ret_name, struct view *ret_value,
                  struct error *err)
{
    struct view line;

    do {
        if (paragraph->size == 0)
            return 0;
        line = cut_line(paragraph);
    } while (line.size > 0 && line.at[0] == '#');
    const char *colon = line.size ? memchr(line.at, ':', line.size) : NULL;

    if (!colon || colon == line.at || line.at[0] == ' ' || line.at[0] == '\t')
        return error_set(err, -EINVAL, "line '%.*s' is not 'Name: value'", (int)MIN(line.size, 60),
                         line.at);
    *ret_name = view_make(line.at, (size_t)(colon - line.at));
    struct view value = after(line, ret_name->size + 1);
    while (paragraph->size > 0 && (paragraph->at[0] == ' ' || paragraph->at[0] == '\t' ||
                                   (paragraph->at[0] == '#' && value.size > 0))) {
        const bool comment = paragraph->at[0] == '#';
        const struct view more = cut_line(paragraph);

        /* a comment inside a value can only be left out at its end: a view has no holes */
        if (!comment)
            value.size = (size_t)(more.at + more.size - value.at);
    }
    *ret_value = view_trim(value);
    return 1;
}

struct view control_get(struct view paragraph, const char *name)
{
    struct view key, value;

    while (control_field(&paragraph, &key, &value, NULL) > 0)
        if (view_eq_nocase(key, name))
            return value;
    return (struct view){NULL, 0};
}

bool control_word(struct view *rest, struct view *ret)
{
    size_t i = 0;

    while (i < rest->size && strchr(" \t\r\n", rest->at[i]) && rest->at[i])
        i++;
    *rest = after(*rest, i);
    for (i = 0; i < rest->size && !(rest->at[i] && strchr(" \t\r\n", rest->at[i]));)
        i++;
    *ret = view_make(rest->at, i);
    *rest = after(*rest, i);
    return ret->size > 0;
}
