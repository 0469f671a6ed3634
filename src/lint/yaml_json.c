/* yaml_json.c - JSON in the form of YAML: the same texts, with their places. */
#include "base/doc.h"
#include "lint/yaml.h"

#define JSON_PLACES_MAX 500000     /* values of which a place is kept; behind them nobody knows */
#define JSON_PLACED_MAX (4u << 20) /* bytes of a text that has places: lines of it are looked for */

/* Walks the text of a document that was read already, value by value beside it. */
struct json_walk {
    struct view text;
    size_t at;
    uint32_t line;
    size_t line_at;
    struct yaml_stream *stream;
};

static void skip_blanks(struct json_walk *w)
{
    for (; w->at < w->text.size && strchr(" \t\r\n,:", w->text.at[w->at]); w->at++)
        if (w->text.at[w->at] == '\n') {
            w->line++;
            w->line_at = w->at + 1;
        }
}

/* A text, a number or a word. */
static struct span skip_scalar(struct json_walk *w)
{
    const uint32_t column = (uint32_t)(w->at - w->line_at) + 1;
    const bool quoted = w->at < w->text.size && w->text.at[w->at] == '"';

    w->at += quoted;
    while (w->at < w->text.size &&
           (quoted ? w->text.at[w->at] != '"' : !strchr(" \t\r\n,:]}", w->text.at[w->at])))
        w->at += quoted && w->text.at[w->at] == '\\' ? 2 : 1;
    w->at += quoted;
    return (struct span){w->line, column, w->line, (uint32_t)(w->at - w->line_at) + 1};
}

static json_t *place_json(struct json_walk *w, json_t *value, const struct span *key);

static void place_items(struct json_walk *w, json_t *list)
{
    json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        json_t *own = place_json(w, item, NULL);
        if (own != item)
            (void)json_array_set_new(list, i, own);
    }
}

/* Keys are in the order of the text, and none stands twice. */
static void place_pairs(struct json_walk *w, json_t *object)
{
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value)
    {
        skip_blanks(w);
        const struct span at = skip_scalar(w);
        json_t *own = place_json(w, value, &at);
        if (own != value)
            (void)json_object_set_new(object, key, own);
    }
}

/* The value, or the text in the place of a boolean. doc_parse() has a limit for levels. */
static json_t *place_json(struct json_walk *w, json_t *value, const struct span *key)
{
    json_t *own =
        json_is_boolean(value) ? doc_new_text(json_is_true(value) ? "true" : "false") : value;
    struct span at;

    skip_blanks(w);
    if (json_is_object(value) || json_is_array(value)) {
        const uint32_t column = (uint32_t)(w->at++ - w->line_at) + 1;
        at = (struct span){w->line, column, w->line, column + 1};
        if (json_is_object(value))
            place_pairs(w, value);
        else
            place_items(w, value);
        skip_blanks(w);
        w->at++;
    } else {
        at = skip_scalar(w);
    }
    if (w->stream->values.size < JSON_PLACES_MAX && w->text.size <= JSON_PLACED_MAX)
        yaml_note(w->stream, own, &(struct yaml_place){.key = key ? *key : at, .value = at});
    return own;
}

int yaml_read_json(struct view text, size_t limit, const char *name, struct yaml_stream *ret,
                   struct error *err)
{
    struct json_walk w = {.text = text, .line = ret->lines_before + 1, .stream = ret};
    json_t *document = NULL;
    const int r = doc_parse(text, limit, name, &document, err);

    if (r < 0)
        return r;
    if (!ret->arena)
        ret->arena = arena_new();
    vec_push(&ret->documents, place_json(&w, document, NULL));
    return 0;
}
