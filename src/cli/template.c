#include "cli/template.h"

#include <errno.h>
#include <inttypes.h>

/* As Go prints values: texts bare, lists as [a b], maps as map[k:v]. */
static void print_value(const json_t *v, struct str *ret)
{
    const char *key;
    json_t *item;
    size_t i;

    switch (v ? json_typeof(v) : JSON_NULL) {
    case JSON_STRING:
        str_add_text(ret, json_string_value(v));
        return;
    case JSON_INTEGER:
        str_printf(ret, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
        return;
    case JSON_TRUE:
    case JSON_FALSE:
        str_add_text(ret, json_is_true(v) ? "true" : "false");
        return;
    case JSON_ARRAY:
        str_add_char(ret, '[');
        json_array_foreach(v, i, item)
        {
            if (i)
                str_add_char(ret, ' ');
            print_value(item, ret);
        }
        str_add_char(ret, ']');
        return;
    case JSON_OBJECT:
        str_add_text(ret, "map[");
        json_object_foreach((json_t *)(uintptr_t)v, key, item)
        {
            if (ret->at[ret->size - 1] != '[')
                str_add_char(ret, ' ');
            str_printf(ret, "%s:", key);
            print_value(item, ret);
        }
        str_add_char(ret, ']');
        return;
    case JSON_REAL:
    case JSON_NULL:
        break;
    }
    str_add_text(ret, "<no value>");
}

/* ".A.B" below doc; "." is doc itself. */
static const json_t *walk(struct view path, const json_t *doc)
{
    struct view part;

    while (doc && view_cut(&path, '.', &part)) {
        if (part.size == 0)
            continue;
        cleanup_free char *key = view_dup(part);
        doc = json_object_get(doc, key);
    }
    return doc;
}

static int unknown(struct view action, struct error *err)
{
    return error_hint(
        err, error_set(err, -EINVAL, "template action '%.*s' is not known", VIEW_ARG(action)),
        "write {{.Field.Field}}, {{json .Field}} or {{index .Field \"key\"}}");
}

static int print_action(struct view action, const json_t *doc, struct str *ret, struct error *err)
{
    struct view rest = view_trim(action), word;

    if (view_starts(rest, ".")) {
        print_value(walk(rest, doc), ret);
        return 0;
    }
    (void)view_cut(&rest, ' ', &word);
    rest = view_trim(rest);
    if (view_eq_text(word, "json") && view_starts(rest, ".")) {
        const json_t *value = walk(rest, doc);
        if (value)
            doc_print(value, true, ret);
        else
            str_add_text(ret, "null");
        return 0;
    }
    struct view path;
    if (!view_eq_text(word, "index") || !view_cut(&rest, ' ', &path) || !view_starts(path, "."))
        return unknown(action, err);
    rest = view_trim(rest);
    if (rest.size < 2 || rest.at[0] != '"' || rest.at[rest.size - 1] != '"')
        return unknown(action, err);
    cleanup_free char *key = xstrndup(rest.at + 1, rest.size - 2);
    print_value(json_object_get(walk(path, doc), key), ret);
    return 0;
}

int template_print(const char *format, const json_t *doc, struct str *ret, struct error *err)
{
    while (*format) {
        const char *open = strstr(format, "{{");

        if (!open) {
            str_add_text(ret, format);
            return 0;
        }
        str_add(ret, view_make(format, (size_t)(open - format)));
        const char *close = strstr(open, "}}");
        if (!close)
            return error_set(err, -EINVAL, "template '%.80s' has no closing '}}'", open);
        const int r = print_action(view_make(open + 2, (size_t)(close - open) - 2), doc, ret, err);
        if (r < 0)
            return r;
        format = close + 2;
    }
    return 0;
}
