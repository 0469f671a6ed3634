#include "base/doc.h"

#include <errno.h>

#include "base/utf8.h"

void doc_unref(json_t *doc)
{
    json_decref(doc);
}

int doc_parse(struct view text, size_t limit, const char *what, json_t **ret, struct error *err)
{
    json_error_t e;

    if (text.size > limit)
        return error_set(err, -EDQUOT, "%s: %zu bytes are more than the limit of %zu", what,
                         text.size, limit);
    json_t *doc = json_loadb(text.at ? text.at : "", text.size, JSON_REJECT_DUPLICATES, &e);
    if (!doc)
        return error_set(err, -EINVAL, "%s: not valid JSON at line %d, column %d: %s", what, e.line,
                         e.column, e.text);
    *ret = doc;
    return 0;
}

static int add_to_str(const char *buffer, size_t size, void *data)
{
    str_add(data, view_make(buffer, size));
    return 0;
}

void doc_print(const json_t *doc, bool compact, struct str *ret)
{
    const size_t flags = JSON_ENCODE_ANY | (compact ? JSON_COMPACT : JSON_INDENT(2));

    json_dump_callback(doc, add_to_str, ret, flags);
}

void doc_print_sorted(const json_t *doc, struct str *ret)
{
    json_dump_callback(doc, add_to_str, ret, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
}

/* The value of key: 1 found, 0 absent or null (an error when needed), negative of the wrong
 * type. */
static int get(const json_t *obj, const char *key, json_type type, const char *type_name, bool need,
               json_t **ret, struct error *err)
{
    json_t *value = json_object_get(obj, key);

    if (!value || json_is_null(value))
        return need ? error_set(err, -ENOENT, "'%s' is missing", key) : 0;
    const bool same = json_typeof(value) == type || (type == JSON_TRUE && json_is_boolean(value));
    if (!same)
        return error_set(err, -EINVAL, "'%s' is not %s", key, type_name);
    *ret = value;
    return 1;
}

static int get_text(const json_t *obj, const char *key, bool need, const char **ret,
                    struct error *err)
{
    json_t *v = NULL;
    const int r = get(obj, key, JSON_STRING, "a string", need, &v, err);

    if (r == 1)
        *ret = json_string_value(v);
    return MIN(r, 0);
}

static int get_int(const json_t *obj, const char *key, bool need, int64_t *ret, struct error *err)
{
    json_t *v = NULL;
    const int r = get(obj, key, JSON_INTEGER, "an integer", need, &v, err);

    if (r == 1)
        *ret = json_integer_value(v);
    return MIN(r, 0);
}

static int get_tree(const json_t *obj, const char *key, json_type type, bool need, json_t **ret,
                    struct error *err)
{
    const char *type_name = type == JSON_OBJECT ? "an object" : "an array";
    const int r = get(obj, key, type, type_name, need, ret, err);

    return MIN(r, 0);
}

int doc_need_text(const json_t *obj, const char *key, const char **ret, struct error *err)
{
    return get_text(obj, key, true, ret, err);
}

int doc_text(const json_t *obj, const char *key, const char **ret, struct error *err)
{
    return get_text(obj, key, false, ret, err);
}

int doc_need_int(const json_t *obj, const char *key, int64_t *ret, struct error *err)
{
    return get_int(obj, key, true, ret, err);
}

int doc_int(const json_t *obj, const char *key, int64_t *ret, struct error *err)
{
    return get_int(obj, key, false, ret, err);
}

int doc_int64(const json_t *obj, const char *key, int64_t *ret, struct error *err)
{
    const char *text = json_string_value(json_object_get(obj, key));
    uint64_t n = 0;

    if (!text)
        return doc_int(obj, key, ret, err);
    if (!view_to_u64(view_of(text), &n) || n > INT64_MAX)
        return error_set(err, -EINVAL, "'%s' is no number of 63 bits", key);
    *ret = (int64_t)n;
    return 0;
}

int doc_bool(const json_t *obj, const char *key, bool *ret, struct error *err)
{
    json_t *v = NULL;
    const int r = get(obj, key, JSON_TRUE, "true or false", false, &v, err);

    if (r == 1)
        *ret = json_is_true(v);
    return MIN(r, 0);
}

int doc_object(const json_t *obj, const char *key, json_t **ret, struct error *err)
{
    return get_tree(obj, key, JSON_OBJECT, false, ret, err);
}

int doc_array(const json_t *obj, const char *key, json_t **ret, struct error *err)
{
    return get_tree(obj, key, JSON_ARRAY, false, ret, err);
}

int doc_need_object(const json_t *obj, const char *key, json_t **ret, struct error *err)
{
    return get_tree(obj, key, JSON_OBJECT, true, ret, err);
}

int doc_need_array(const json_t *obj, const char *key, json_t **ret, struct error *err)
{
    return get_tree(obj, key, JSON_ARRAY, true, ret, err);
}

json_t *doc_new_text(const char *text)
{
    json_t *value = json_string(text);

    if (value)
        return value;
    STR_AUTO(clean);
    struct view rest = view_of(text);
    for (size_t n; rest.size > 0; rest = view_make(rest.at + n, rest.size - n))
        str_add(&clean,
                utf8_char(rest, &n) == UTF8_NONE ? VIEW("\xEF\xBF\xBD") : view_make(rest.at, n));
    return json_string(clean.at);
}

void doc_set(json_t *obj, const char *key, json_t *take_value)
{
    if (!take_value || json_object_set_new(obj, key, take_value) < 0)
        abort(); /* out of memory, or a key of ours that is not UTF-8 */
}

void doc_set_text(json_t *obj, const char *key, const char *text)
{
    if (text)
        doc_set(obj, key, doc_new_text(text));
}

void doc_set_int(json_t *obj, const char *key, int64_t value)
{
    doc_set(obj, key, json_integer(value));
}

void doc_set_bool(json_t *obj, const char *key, bool value)
{
    doc_set(obj, key, json_boolean(value));
}

void doc_push(json_t *array, json_t *take_value)
{
    if (!take_value || json_array_append_new(array, take_value) < 0)
        abort();
}
