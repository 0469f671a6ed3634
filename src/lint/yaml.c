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
    struct view text;
    size_t line, line_at;       /* from 0; where it begins */
    size_t column, at;          /* characters; bytes of the text */
    size_t nodes;               /* aliases count as what they stand for */
    unsigned deepest;           /* level that was met since it was last set */
    struct yaml_stream *stream; /* NULL: one document without aliases */
    struct map anchors;         /* of the document */
    struct error *err;
};

struct anchor {
    json_t *value; /* borrowed from its document */
    size_t nodes;
    unsigned height;
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

static bool has_tag(const yaml_event_t *e, const char *name)
{
    const yaml_char_t *tag = NULL;

    if (e->type == YAML_SCALAR_EVENT)
        tag = e->data.scalar.tag;
    else if (e->type == YAML_SEQUENCE_START_EVENT)
        tag = e->data.sequence_start.tag;
    else if (e->type == YAML_MAPPING_START_EVENT)
        tag = e->data.mapping_start.tag;
    return tag && strcmp((const char *)tag, name) == 0;
}

/* ---- places ---- */

/* libyaml counts characters, and we bytes. Events come in order: the line is at or behind the last one. */
static uint32_t column_of(struct reading *r, yaml_mark_t mark)
{
    while (r->line < mark.line) {
        const char *end = r->line_at < r->text.size
                              ? memchr(r->text.at + r->line_at, '\n', r->text.size - r->line_at)
                              : NULL;
        if (!end)
            return (uint32_t)mark.column + 1;
        r->line_at = r->at = (size_t)(end - r->text.at) + 1;
        r->column = 0;
        r->line++;
    }
    if (mark.line < r->line || mark.column < r->column)
        return (uint32_t)mark.column + 1; /* it does not happen */
    for (; r->column < mark.column && r->at < r->text.size; r->column++)
        do
            r->at++;
        while (r->at < r->text.size && ((unsigned char)r->text.at[r->at] & 0xc0) == 0x80);
    return (uint32_t)(r->at - r->line_at) + 1;
}

static struct span span_of(struct reading *r, const yaml_event_t *e)
{
    const uint32_t column = column_of(r, e->start_mark);

    const uint32_t before = r->stream->lines_before + 1;

    return (struct span){(uint32_t)e->start_mark.line + before, column,
                         (uint32_t)e->end_mark.line + before,
                         e->end_mark.line == e->start_mark.line ? column_of(r, e->end_mark)
                                                                : (uint32_t)e->end_mark.column + 1};
}

static struct yaml_place place_of(const yaml_event_t *e, struct span key, struct span value)
{
    return (struct yaml_place){key, value, has_tag(e, "!override"), has_tag(e, "!reset")};
}

/* Null is one value for all, and has no place. */
void yaml_note(struct yaml_stream *s, json_t *value, const struct yaml_place *place)
{
    const struct view name = view_make(&value, sizeof(value));

    if (!place || json_is_null(value) || map_has(&s->places, name))
        return;
    struct yaml_place *p = arena_new_object(s->arena, struct yaml_place);
    *p = *place;
    map_set(&s->places, name, p);
    vec_push(&s->values, json_incref(value));
}

static void note(struct reading *r, json_t *value, const struct yaml_place *place)
{
    if (r->stream)
        yaml_note(r->stream, value, place);
}

/* ---- aliases ---- */

static int take_alias(struct reading *r, const yaml_event_t *e, unsigned depth, json_t **ret)
{
    const struct anchor *a = map_get(&r->anchors, view_of((const char *)e->data.alias.anchor));

    if (!r->stream)
        return fail(r, e->start_mark, -EINVAL, "aliases ('*name') are not taken");
    if (!a)
        return fail(r, e->start_mark, -EINVAL, "there is no such anchor above");
    if (a->nodes > YAML_NODES_MAX - r->nodes)
        return fail(r, e->start_mark, -EDQUOT, "too many values, by aliases");
    if (depth + a->height > YAML_DEPTH_MAX)
        return fail(r, e->start_mark, -EDQUOT, "too many levels, by aliases");
    r->nodes += a->nodes;
    r->deepest = MAX(r->deepest, depth + a->height);
    *ret = json_incref(a->value);
    return 0;
}

static const char *anchor_of(const yaml_event_t *e)
{
    switch ((int)e->type) {
    case YAML_SCALAR_EVENT:
        return (const char *)e->data.scalar.anchor;
    case YAML_SEQUENCE_START_EVENT:
        return (const char *)e->data.sequence_start.anchor;
    case YAML_MAPPING_START_EVENT:
        return (const char *)e->data.mapping_start.anchor;
    default:
        return NULL;
    }
}

static void keep_anchor(struct reading *r, const char *name, json_t *value, size_t nodes,
                        unsigned height)
{
    struct anchor *a = arena_new_object(r->stream->arena, struct anchor);

    *a = (struct anchor){value, nodes, height};
    map_set(&r->anchors, view_of(name), a);
}

/* "<<: *a" and "<<: [*a, *b]": what the mapping has not itself; the first that has it counts. */
static void merge(json_t *object, const json_t *from)
{
    const char *key;
    json_t *value;
    size_t i;

    if (json_is_array(from))
        json_array_foreach(from, i, value) merge(object, value);
    if (json_is_object(from))
        json_object_foreach((json_t *)(uintptr_t)from, key, value)
        {
            if (!json_object_get(object, key))
                (void)json_object_set(object, key, value);
        }
}

/* ---- nodes ---- */

static int read_node(struct reading *r, const yaml_event_t *e, unsigned depth, json_t **ret);

static int read_sequence(struct reading *r, unsigned depth, json_t **ret)
{
    cleanup_doc json_t *list = json_array();
    yaml_event_t e;
    int result;

    while ((result = next(r, &e)) == 0 && e.type != YAML_SEQUENCE_END_EVENT) {
        json_t *item = NULL;

        const struct span at = r->stream ? span_of(r, &e) : (struct span){0};
        const struct yaml_place place = place_of(&e, at, at);
        result = read_node(r, &e, depth + 1, &item);
        r->library.event_done(&e);
        if (result < 0)
            return result;
        note(r, item, &place);
        doc_push(list, item);
    }
    if (result < 0)
        return result;
    r->library.event_done(&e);
    *ret = steal(list);
    return 0;
}

static bool is_merge(const struct reading *r, const yaml_event_t *key)
{
    return r->stream && key->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           strcmp((const char *)key->data.scalar.value, "<<") == 0;
}

static int read_pair(struct reading *r, const yaml_event_t *key, unsigned depth, json_t *object,
                     json_t *merges)
{
    yaml_event_t e;
    json_t *value = NULL;
    const struct span key_at = r->stream ? span_of(r, key) : (struct span){0};

    if (key->type != YAML_SCALAR_EVENT)
        return fail(r, key->start_mark, -EINVAL, "a key must be a plain text");
    const char *name = (const char *)key->data.scalar.value;
    if (json_object_get(object, name) && !is_merge(r, key))
        return fail(r, key->start_mark, -EINVAL, "this key stands twice");
    int result = next(r, &e);
    if (result < 0)
        return result;
    const struct span at = r->stream ? span_of(r, &e) : (struct span){0};
    const struct yaml_place place = place_of(&e, key_at, at);
    result = read_node(r, &e, depth + 1, &value);
    r->library.event_done(&e);
    if (result < 0)
        return result;
    note(r, value, &place);
    if (is_merge(r, key)) {
        doc_push(merges, value);
        return 0;
    }
    if (json_object_set_new(object, name, value) < 0)
        return fail(r, key->start_mark, -EINVAL, "a key must be UTF-8");
    return 0;
}

static int read_mapping(struct reading *r, unsigned depth, json_t **ret)
{
    cleanup_doc json_t *object = json_object(), *merges = json_array();
    yaml_event_t e;
    int result;

    while ((result = next(r, &e)) == 0 && e.type != YAML_MAPPING_END_EVENT) {
        result = read_pair(r, &e, depth, object, merges);
        r->library.event_done(&e);
        if (result < 0)
            return result;
    }
    if (result < 0)
        return result;
    r->library.event_done(&e);
    merge(object, merges);
    *ret = steal(object);
    return 0;
}

static int read_plain(struct reading *r, const yaml_event_t *e, unsigned depth, json_t **ret)
{
    switch ((int)e->type) {
    case YAML_SCALAR_EVENT:
        *ret = scalar(e);
        return 0;
    case YAML_SEQUENCE_START_EVENT:
        return read_sequence(r, depth, ret);
    case YAML_MAPPING_START_EVENT:
        return read_mapping(r, depth, ret);
    case YAML_ALIAS_EVENT:
        return take_alias(r, e, depth, ret);
    default:
        return fail(r, e->start_mark, -EINVAL, "a value is missing");
    }
}

static int read_node(struct reading *r, const yaml_event_t *e, unsigned depth, json_t **ret)
{
    const size_t before = r->nodes;
    const unsigned deepest = r->deepest;

    if (++r->nodes > YAML_NODES_MAX)
        return fail(r, e->start_mark, -EDQUOT, "too many values");
    if (depth > YAML_DEPTH_MAX)
        return fail(r, e->start_mark, -EDQUOT, "too many levels");
    r->deepest = depth;
    const int result = read_plain(r, e, depth, ret);
    if (result == 0 && has_tag(e, "!reset")) {
        doc_unref(*ret);
        *ret = r->stream ? json_array() : json_null();
    }
    if (result == 0 && r->stream && anchor_of(e))
        keep_anchor(r, anchor_of(e), *ret, r->nodes - before, r->deepest - depth);
    r->deepest = MAX(deepest, r->deepest);
    return result;
}

/* Stream and document begin before the first node. 1: the stream has ended. */
static int read_document(struct reading *r, json_t **ret)
{
    yaml_event_t e;
    int result;

    for (;;) {
        result = next(r, &e);
        if (result < 0)
            return result;
        const int type = (int)e.type;
        if (type == YAML_STREAM_START_EVENT || type == YAML_DOCUMENT_START_EVENT ||
            type == YAML_DOCUMENT_END_EVENT) {
            r->library.event_done(&e);
            continue;
        }
        if (type == YAML_STREAM_END_EVENT || type == YAML_NO_EVENT)
            result = 1;
        else
            result = read_node(r, &e, 0, ret);
        r->library.event_done(&e);
        return result;
    }
}

static int begin(struct reading *r, struct view text)
{
    if (text.size > YAML_SIZE_MAX)
        return error_set(r->err, -EDQUOT, "%s is larger than %u bytes", r->name, YAML_SIZE_MAX);
    const int result = load(&r->library, r->err);
    if (result < 0)
        return error_wrap(r->err, result, "read %s", r->name);
    if (!r->library.initialize(&r->parser))
        return error_set(r->err, -ENOMEM, "no memory to read %s", r->name);
    r->text = text;
    r->library.set_input(&r->parser, (const unsigned char *)text.at, text.size);
    return 0;
}

int yaml_parse(struct view text, const char *name, json_t **ret, struct error *err)
{
    struct reading r = {.name = name, .err = err};
    int result = begin(&r, text);

    if (result < 0)
        return result;
    result = read_document(&r, ret);
    r.library.done(&r.parser);
    if (result == 1)
        *ret = json_null();
    return result < 0 ? result : 0;
}

int yaml_read(struct view text, const char *name, struct yaml_stream *ret, struct error *err)
{
    struct reading r = {.name = name, .err = err, .stream = ret, .nodes = ret->nodes};
    int result = begin(&r, text);

    if (result < 0)
        return result;
    if (!ret->arena)
        ret->arena = arena_new();
    for (;;) {
        json_t *document = NULL;

        result = read_document(&r, &document);
        map_done(&r.anchors);
        if (result != 0)
            break;
        vec_push(&ret->documents, document);
    }
    r.library.done(&r.parser);
    ret->nodes = r.nodes;
    return result < 0 ? result : 0;
}

void yaml_stream_done(struct yaml_stream *s)
{
    vec_each (document, &s->documents)
        doc_unref(*document);
    vec_each (value, &s->values)
        doc_unref(*value);
    vec_done(&s->values);
    vec_done(&s->documents);
    map_done(&s->places);
    arena_free(s->arena);
    *s = (struct yaml_stream){0};
}

const struct yaml_place *yaml_place(const struct yaml_stream *s, const json_t *value)
{
    return map_get(&s->places, view_make(&value, sizeof(value)));
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
