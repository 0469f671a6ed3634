/* test_oci_schema.c - the JSON schemas of image-spec 1.1 (out of $CONFORMANCE/oci/json-schema) beside our parsers.
 *
 * Each valid document of the schema vectors is changed in one place in every way there is: a key or
 * an item taken out, a value of another type put in its place. Schema and parser must say the same
 * of what results, or a row of "apart" says why they do not. */
#include "conformance.h"
#include "oci_fixture.h"

#include <regex.h>

/* ---- a reader of draft-04 schemas: what those of image-spec use ---- */

struct schemas {
    struct {
        char *name;
        json_t *doc;
    } at[8];
    size_t count;
};

static json_t *schema_file(struct schemas *s, struct view name)
{
    STR_AUTO(text);

    for (size_t i = 0; i < s->count; i++)
        if (view_eq_text(name, s->at[i].name))
            return s->at[i].doc;
    assert_true(s->count < ARRAY_SIZE(s->at));
    cleanup_free char *path = xasprintf("oci/json-schema/%.*s", VIEW_ARG(name));
    conformance_read(path, &text);
    s->at[s->count].name = view_dup(name);
    s->at[s->count].doc = json_loadb(text.at, text.size, JSON_DECODE_INT_AS_REAL, NULL);
    assert_non_null(s->at[s->count].doc);
    return s->at[s->count++].doc;
}

static void schemas_done(struct schemas *s)
{
    for (size_t i = 0; i < s->count; i++) {
        free(s->at[i].name);
        json_decref(s->at[i].doc);
    }
}

static bool is_type(const char *type, const json_t *value)
{
    static const struct {
        const char *name;
        json_type type;
    } types[] = {{"string", JSON_STRING},
                 {"object", JSON_OBJECT},
                 {"array", JSON_ARRAY},
                 {"integer", JSON_INTEGER},
                 {"null", JSON_NULL}};

    if (strcmp(type, "boolean") == 0)
        return json_is_boolean(value);
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (strcmp(type, types[i].name) == 0)
            return json_typeof(value) == types[i].type;
    fail_msg("no such type: %s", type);
    return false;
}

/* POSIX has no groups that are not kept. */
static bool fits(const char *pattern, const char *text)
{
    STR_AUTO(plain);
    regex_t re;

    for (const char *p = pattern; *p; p++) {
        str_add_char(&plain, *p);
        if (strncmp(p, "(?:", 3) == 0)
            p += 2;
    }
    assert_int_equal(regcomp(&re, plain.at, REG_EXTENDED | REG_NOSUB), 0);
    const bool r = regexec(&re, text, 0, NULL, 0) == 0;
    regfree(&re);
    return r;
}

static bool holds_format(const char *format, const char *text)
{
    int64_t seconds;

    if (strcmp(format, "date-time") == 0)
        return config_time_parse(text, &seconds);
    assert_string_equal(format, "uri");
    return fits("^[A-Za-z][A-Za-z0-9+.-]*:[][A-Za-z0-9._~:/?#@!$&'()*+,;=%-]+$", text);
}

static bool holds_text(const json_t *schema, const char *text)
{
    const char *pattern = json_string_value(json_object_get(schema, "pattern"));
    const char *format = json_string_value(json_object_get(schema, "format"));
    const json_t *media = json_object_get(schema, "media");

    return (!pattern || fits(pattern, text)) && (!format || holds_format(format, text)) &&
           (!media || fits("^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$", text));
}

static bool holds(struct schemas *s, struct view file, const json_t *schema, json_t *value);

/* "file.json#/definitions/name", either part alone too */
static bool holds_ref(struct schemas *s, struct view file, const char *ref, json_t *value)
{
    struct view rest = view_of(ref), name, step;
    const json_t *at;

    (void)view_cut(&rest, '#', &name);
    if (name.size == 0)
        name = file;
    at = schema_file(s, name);
    while (view_cut(&rest, '/', &step)) {
        cleanup_free char *key = view_dup(step);

        if (*key)
            at = json_object_get(at, key);
    }
    assert_non_null(at);
    return holds(s, name, at, value);
}

static bool holds_object(struct schemas *s, struct view file, const json_t *schema, json_t *value)
{
    const json_t *any = json_object_get(json_object_get(schema, "patternProperties"), ".{1,}");
    json_t *required = json_object_get(schema, "required"), *item, *child;
    json_t *properties = json_object_get(schema, "properties");
    const char *key;
    size_t i;

    json_array_foreach(required, i, item)
    {
        if (!json_object_get(value, json_string_value(item)))
            return false;
    }
    json_object_foreach(value, key, child)
    {
        const json_t *of = properties ? json_object_get(properties, key) : NULL;

        if ((of && !holds(s, file, of, child)) || (any && *key && !holds(s, file, any, child)))
            return false;
    }
    return true;
}

static bool holds_array(struct schemas *s, struct view file, const json_t *schema, json_t *value)
{
    const json_t *least = json_object_get(schema, "minItems");
    const json_t *items = json_object_get(schema, "items");
    json_t *item;
    size_t i;

    if (least && json_array_size(value) < (size_t)json_number_value(least))
        return false;
    json_array_foreach(value, i, item)
    {
        if (items && !holds(s, file, items, item))
            return false;
    }
    return true;
}

static bool holds_number(const json_t *schema, const json_t *value)
{
    const json_t *least = json_object_get(schema, "minimum");
    const json_t *most = json_object_get(schema, "maximum");

    return (!least || json_number_value(value) >= json_number_value(least)) &&
           (!most || json_number_value(value) <= json_number_value(most));
}

/* How many of a list of schemas, or of the values of an enumeration, fit. */
static size_t count_fits(struct schemas *s, struct view file, const json_t *list, bool values,
                         json_t *value)
{
    size_t count = 0;

    for (size_t i = 0; i < json_array_size(list); i++)
        count += values ? json_equal(json_array_get(list, i), value)
                        : holds(s, file, json_array_get(list, i), value);
    return count;
}

static bool holds(struct schemas *s, struct view file, const json_t *schema, json_t *value)
{
    const char *ref = json_string_value(json_object_get(schema, "$ref"));
    const char *type = json_string_value(json_object_get(schema, "type"));
    const json_t *one = json_object_get(schema, "oneOf"), *named = json_object_get(schema, "enum");

    if (ref)
        return holds_ref(s, file, ref, value);
    if ((type && !is_type(type, value)) || (one && count_fits(s, file, one, false, value) != 1) ||
        (named && count_fits(s, file, named, true, value) == 0))
        return false;
    if (json_is_string(value))
        return holds_text(schema, json_string_value(value));
    if (json_is_object(value))
        return holds_object(s, file, schema, value);
    if (json_is_array(value))
        return holds_array(s, file, schema, value);
    return !json_is_integer(value) || holds_number(schema, value);
}

/* ---- our side ---- */

static const struct kind {
    const char *name, *schema;
    int (*parse)(struct view text, struct error *err);
} kinds[] = {
    {"manifest", "image-manifest-schema.json", try_manifest},
    {"index", "image-index-schema.json", try_index},
    {"config", "config-schema.json", try_config},
    {"layout", "image-layout-schema.json", layout_parse},
    {"descriptor", "content-descriptor.json", try_descriptor},
};

static const struct kind *kind_of(struct view name)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (view_eq_text(name, kinds[i].name))
            return &kinds[i];
    fail_msg("no such kind: %.*s", VIEW_ARG(name));
    return NULL;
}

struct trial {
    struct schemas schemas;
    const struct kind *kind;
    json_t *doc;     /* that is changed, in one place at a time */
    struct str path; /* of that place: "layers.0.size" */
    size_t count, apart;
};

/* ---- where the two are apart on purpose ---- */

static const struct {
    const char *kind, *path; /* a pattern of POSIX */
    const char *value;       /* the same, "-" where the key is taken out */
    bool ours;               /* we take it */
    const char *why;
} apart[] = {
    {".", ".", "^null$", true,
     "Go's encoders write null for what is empty, and its readers take it"},
    {"manifest", "^layers$", "^\\[\\]$", true,
     "FROM scratch with metadata alone; registries take it"},
    {"manifest", "^layers.0$", "^-$", true, "the same"},
    {".", "artifactType$", "^\"\"$", true,
     "the same: Go leaves no empty text out of what it reads"},
    {".", "artifactType$", "^\"[a-z]+\"$", true, "one word, as older versions of oras write it"},
    {"index", "^manifests[.][0-9]+[.]size$", "^-1$", false, "as in any other descriptor"},
    {"index", "^manifests[.][0-9]+[.]artifactType$", ".", false, "the schema forgot it there"},
    {"config", "^config[.]Env", "^(\"|\\[\")", false,
     "NAME=value, as its text says: config-010.json"},
    {"config", "^rootfs[.]diff_ids", "^(\"|\\[\")", false, "digests, of SHA-256"},
};

static bool is_on_purpose(const struct trial *t, const char *value, bool ours)
{
    for (size_t i = 0; i < ARRAY_SIZE(apart); i++)
        if (apart[i].ours == ours && fits(apart[i].kind, t->kind->name) &&
            fits(apart[i].path, t->path.at ? t->path.at : "") && fits(apart[i].value, value))
            return true;
    return false;
}

static bool schema_says(struct trial *t)
{
    const struct view file = view_of(t->kind->schema);

    return holds(&t->schemas, file, schema_file(&t->schemas, file), t->doc);
}

static void compare(struct trial *t, const char *value)
{
    const bool theirs = schema_says(t);
    STR_AUTO(text);
    ERROR_AUTO(err);

    doc_print(t->doc, true, &text);
    const bool ours = t->kind->parse(str_view(&text), &err) == 0;
    t->count++;
    if (theirs == ours || is_on_purpose(t, value, ours))
        return;
    t->apart++;
    print_message("# %s %s := %s: the schema says %s, we %s%s%s\n", t->kind->name,
                  t->path.at ? t->path.at : "", value, theirs ? "valid" : "invalid",
                  ours ? "take it" : "do not: ", err.text ? err.text : "", ours ? "" : "");
}

static const char *const values[] = {
    "null", "true",    "7",      "-1", "1.5",       "\"\"",          "\"x\"",     "[]",
    "[7]",  "[\"a\"]", "[null]", "{}", "{\"k\":7}", "{\"k\":\"v\"}", "{\"k\":{}}"};

static void set_child(json_t *parent, const char *key, size_t i, json_t *take_value)
{
    if (json_is_object(parent))
        (void)json_object_set_new(parent, key, take_value);
    else
        (void)json_array_set_new(parent, i, take_value);
}

static void change(struct trial *t, json_t *at);

/* One child of at: all other values, then none, then what is in it. */
static void change_child(struct trial *t, json_t *at, const char *key, size_t i)
{
    json_t *old =
        json_incref(json_is_object(at) ? json_object_get(at, key) : json_array_get(at, i));
    const size_t length = t->path.size;

    if (json_is_object(at))
        str_printf(&t->path, "%s%s", length ? "." : "", key);
    else
        str_printf(&t->path, "%s%zu", length ? "." : "", i);
    for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
        set_child(at, key, i, json_loads(values[v], JSON_DECODE_ANY, NULL));
        compare(t, values[v]);
    }
    if (json_is_object(at))
        (void)json_object_del(at, key);
    else
        (void)json_array_remove(at, i);
    compare(t, "-");
    if (json_is_object(at))
        (void)json_object_set(at, key, old);
    else
        (void)json_array_insert(at, i, old);
    change(t, old);
    json_decref(old);
    str_truncate(&t->path, length);
}

static void change(struct trial *t, json_t *at)
{
    cleanup_doc json_t *keys = json_object();
    json_t *child;
    const char *key;

    for (size_t i = 0; i < json_array_size(at); i++)
        change_child(t, at, NULL, i);
    /* what is taken out and put back stands at the end: not while the loop goes over it */
    json_object_foreach(at, key, child)(void) json_object_set_new(keys, key, json_null());
    json_object_foreach(keys, key, child) change_child(t, at, key, 0);
}

/* Refused by the text of the specification: Env is NAME=value, SHA-256 is written without capitals. */
static bool is_beyond_schema(struct view name)
{
    return view_eq_text(name, "config-010.json") || view_eq_text(name, "descriptor-016.json");
}

static void parsers_say_what_the_schemas_say(void **state)
{
    struct trial t = {.path = STR_INIT};
    STR_AUTO(table);
    STR_AUTO(text);
    struct view rest, row[3];

    (void)state;
    conformance_read("oci/schema/verdicts.tsv", &table);
    rest = str_view(&table);
    assert_true(conformance_row(&rest, row, 3));
    while (conformance_row(&rest, row, 3)) {
        cleanup_free char *name = xasprintf("oci/schema/%.*s", VIEW_ARG(row[0]));
        const bool want = view_eq_text(row[2], "valid");

        conformance_read(name, &text);
        t.kind = kind_of(row[1]);
        t.doc = json_loadb(text.at, text.size, JSON_DECODE_ANY, NULL);
        if ((t.doc && schema_says(&t)) != want && !is_beyond_schema(row[0]))
            fail_msg("%s is %.*s by the table, but not by the schema", name, VIEW_ARG(row[2]));
        if (want)
            change(&t, t.doc);
        json_decref(t.doc);
    }
    schemas_done(&t.schemas);
    str_done(&t.path);
    assert_true(t.count > 4000);
    assert_int_equal(t.apart, 0);
}

UNIT_MAIN(cmocka_unit_test(parsers_say_what_the_schemas_say))
