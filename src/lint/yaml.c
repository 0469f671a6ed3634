#include "lint/yaml.h"

#include <errno.h>
#include <yaml.h>

#include "base/doc.h"
#include "base/library.h"

struct library {
    int (*initialize)(yaml_parser_t *);
    void (*done)(yaml_parser_t *);
    void (*set_input)(yaml_parser_t *, const unsigned char *, size_t);
    int (*parse)(yaml_parser_t *, yaml_event_t *);
    void (*event_done)(yaml_event_t *);
};

static int load(struct library *l, struct error *err)
{
    const struct library_call calls[] = {
        {"yaml_parser_initialize", &l->initialize},      {"yaml_parser_delete", &l->done},
        {"yaml_parser_set_input_string", &l->set_input}, {"yaml_parser_parse", &l->parse},
        {"yaml_event_delete", &l->event_done},
    };

    return library_load("libyaml-0.so.2", "libyaml-0-2", calls, ARRAY_SIZE(calls), err);
}

struct reading {
    struct library library;
    yaml_parser_t parser;
    const char *name;
    size_t nodes;
    struct error *err;
};

static int fail(const struct reading *r, yaml_mark_t at, int code, const char *what)
{
    (void)error_set(r->err, code, "%s", what);
    return error_at(r->err, code, "%s:%zu:%zu", r->name, at.line + 1, at.column + 1);
}

static int next(struct reading *r, yaml_event_t *ret)
{
    if (r->library.parse(&r->parser, ret))
        return 0;
    return fail(r, r->parser.problem_mark, -EINVAL,
                r->parser.problem ? r->parser.problem : "this is no YAML");
}

static bool is_null(const yaml_event_t *e)
{
    const char *text = (const char *)e->data.scalar.value;

    return e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (e->data.scalar.length == 0 || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

static json_t *scalar(const yaml_event_t *e)
{
    return is_null(e) ? json_null() : doc_new_text((const char *)e->data.scalar.value);
}

static int read_node(struct reading *r, const yaml_event_t *e, unsigned depth, json_t **ret);

static int read_sequence(struct reading *r, unsigned depth, json_t **ret)
{
    cleanup_doc json_t *list = json_array();
    yaml_event_t e;
    int result;

    while ((result = next(r, &e)) == 0 && e.type != YAML_SEQUENCE_END_EVENT) {
        json_t *item = NULL;

        result = read_node(r, &e, depth + 1, &item);
        r->library.event_done(&e);
        if (result < 0)
            return result;
        doc_push(list, item);
    }
    if (result < 0)
        return result;
    r->library.event_done(&e);
    *ret = steal(list);
    return 0;
}

static int read_pair(struct reading *r, const yaml_event_t *key, unsigned depth, json_t *object)
{
    yaml_event_t e;
    json_t *value = NULL;

    if (key->type != YAML_SCALAR_EVENT)
        return fail(r, key->start_mark, -EINVAL, "a key must be a plain text");
    const char *name = (const char *)key->data.scalar.value;
    if (json_object_get(object, name))
        return fail(r, key->start_mark, -EINVAL, "this key stands twice");
    int result = next(r, &e);
    if (result < 0)
        return result;
    result = read_node(r, &e, depth + 1, &value);
    r->library.event_done(&e);
    if (result < 0)
        return result;
    if (json_object_set_new(object, name, value) < 0)
        return fail(r, key->start_mark, -EINVAL, "a key must be UTF-8");
    return 0;
}

static int read_mapping(struct reading *r, unsigned depth, json_t **ret)
{
    cleanup_doc json_t *object = json_object();
    yaml_event_t e;
    int result;

    while ((result = next(r, &e)) == 0 && e.type != YAML_MAPPING_END_EVENT) {
        result = read_pair(r, &e, depth, object);
        r->library.event_done(&e);
        if (result < 0)
            return result;
    }
    if (result < 0)
        return result;
    r->library.event_done(&e);
    *ret = steal(object);
    return 0;
}

static int read_node(struct reading *r, const yaml_event_t *e, unsigned depth, json_t **ret)
{
    if (++r->nodes > YAML_NODES_MAX)
        return fail(r, e->start_mark, -EDQUOT, "too many values");
    if (depth > YAML_DEPTH_MAX)
        return fail(r, e->start_mark, -EDQUOT, "too many levels");
    switch ((int)e->type) {
    case YAML_SCALAR_EVENT:
        *ret = scalar(e);
        return 0;
    case YAML_SEQUENCE_START_EVENT:
        return read_sequence(r, depth, ret);
    case YAML_MAPPING_START_EVENT:
        return read_mapping(r, depth, ret);
    case YAML_ALIAS_EVENT:
        return fail(r, e->start_mark, -EINVAL, "aliases ('*name') are not taken");
    default:
        return fail(r, e->start_mark, -EINVAL, "a value is missing");
    }
}

/* Stream and document begin before the first node. */
static int read_document(struct reading *r, json_t **ret)
{
    yaml_event_t e;
    int result;

    for (;;) {
        result = next(r, &e);
        if (result < 0)
            return result;
        const int type = (int)e.type;
        if (type == YAML_STREAM_START_EVENT || type == YAML_DOCUMENT_START_EVENT) {
            r->library.event_done(&e);
            continue;
        }
        if (type == YAML_STREAM_END_EVENT || type == YAML_NO_EVENT)
            *ret = json_null();
        else
            result = read_node(r, &e, 0, ret);
        r->library.event_done(&e);
        return result;
    }
}

int yaml_parse(struct view text, const char *name, json_t **ret, struct error *err)
{
    struct reading r = {.name = name, .err = err};

    if (text.size > YAML_SIZE_MAX)
        return error_set(err, -EDQUOT, "%s is larger than %u bytes", name, YAML_SIZE_MAX);
    int result = load(&r.library, err);
    if (result < 0)
        return error_wrap(err, result, "read %s", name);
    if (!r.library.initialize(&r.parser))
        return error_set(err, -ENOMEM, "no memory to read %s", name);
    r.library.set_input(&r.parser, (const unsigned char *)text.at, text.size);
    result = read_document(&r, ret);
    r.library.done(&r.parser);
    return result;
}

bool yaml_bool(const json_t *value, bool *ret)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off",
                                        "on",    "0",    "1",  "n",   "y"};

    if (json_is_boolean(value)) {
        *ret = json_is_true(value);
        return true;
    }
    for (size_t i = 0; json_is_string(value) && i < ARRAY_SIZE(words); i++) {
        if (!view_eq_nocase(view_of(json_string_value(value)), words[i]))
            continue;
        *ret = i % 2;
        return true;
    }
    return false;
}
