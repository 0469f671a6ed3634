/* lint/yaml.h - YAML as JSON documents, through libyaml, which is loaded when the first file is read.
 *
 * Every scalar is a text ("true" and "1" too: their reader knows what is meant), but for plain `null`, `~` and nothing.
 *
 * yaml_parse() is for our own configurations: aliases are refused. yaml_read() is for the files of others: aliases and merge keys
 * ("<<") are taken, and count as often as they stand for their values, so that whoever walks a stream meets YAML_NODES_MAX values at
 * most; several documents; and the place of every value. */
#pragma once

#include <jansson.h>

#include "base/error.h"
#include "base/map.h"
#include "base/vec.h"
#include "dockerfile/source.h"

#define YAML_SIZE_MAX (1u << 20) /* bytes: a configuration */
#define YAML_DEPTH_MAX 32        /* each level is a call; aliases included */
#define YAML_NODES_MAX 100000    /* of all documents; aliases included */

/* The first document; an empty file is null. -EINVAL with err->where "name:line:column"; -EDQUOT: a limit; -ENOTSUP: no libyaml. */
MUST_CHECK int yaml_parse(struct view text, const char *name, json_t **ret, struct error *err);

/* key: of what is no value of a mapping it is that of the value. */
struct yaml_place {
    struct span key, value;
    bool overrides; /* "!override": it replaces what it would be joined with */
    bool resets;    /* "!reset": nothing is there, and nothing comes there by joining */
};
struct yaml_stream {
    VEC(json_t *) documents; /* borrowed; values may be shared, so they are only read */
    VEC(json_t *) values;    /* of which a place is known: none is freed before */
    struct map places;
    struct arena *arena;
    uint32_t lines_before; /* are added to every line: files of one stream are told apart by them */
    size_t nodes;          /* of all documents so far */
};
/* Adds all documents; the same failures. `!reset` is an empty list whatever it stands before, `!reset` and `!override` are noted,
 * other tags are passed over. */
MUST_CHECK int yaml_read(struct view text, const char *name, struct yaml_stream *ret,
                         struct error *err);
void yaml_stream_done(struct yaml_stream *s);
#define YAML_STREAM_AUTO(name) CLEANUP(yaml_stream_done) struct yaml_stream name = {0}
/* JSON in the same form: booleans are texts. -EINVAL and -EDQUOT as doc_parse() has them. */
MUST_CHECK int yaml_read_json(struct view text, size_t limit, const char *name,
                              struct yaml_stream *ret, struct error *err);
/* Notes where a value stands that was made of others; the first note counts. place NULL: nobody knows. */
void yaml_note(struct yaml_stream *s, json_t *value, const struct yaml_place *place);
/* Where a value was written first; NULL: null, and what is of no stream. */
const struct yaml_place *yaml_place(const struct yaml_stream *s, const json_t *value);

/* "true", "yes", "on", "1" and their opposites, of a text or a JSON boolean. */
MUST_CHECK bool yaml_bool(const json_t *value, bool *ret);
