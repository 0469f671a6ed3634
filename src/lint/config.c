#include "lint/config.h"

#include <errno.h>
#include <jansson.h>

#include "base/doc.h"
#include "lint/label.h"
#include "lint/yaml.h"

void lint_config_init(struct lint_config *c)
{
    *c = (struct lint_config){.threshold = LINT_INFO};
}

void lint_config_done(struct lint_config *c)
{
    vec_done(&c->overrides);
    strings_done(&c->names);
    strings_done(&c->trusted);
    strings_done(&c->formats);
    map_done(&c->labels);
}

/* ---- single settings ---- */

static void add_override(struct lint_config *c, const char *rule, enum lint_level level, bool on)
{
    strings_add(&c->names, rule);
    vec_push(&c->overrides, (struct lint_override){c->names.at[c->names.size - 1], level, on});
}

void lint_config_set(struct lint_config *c, const char *rule, enum lint_level level)
{
    add_override(c, rule, level, false);
}

void lint_config_enable(struct lint_config *c, const char *rule)
{
    add_override(c, rule, LINT_IGNORE, true);
}

static int set_label(struct lint_config *c, struct view name, struct view type, struct error *err)
{
    enum lint_label label;

    if (!label_type_find(type, &label)) {
        (void)error_set(err, -EINVAL, "'%.*s' is no type of a label", (int)MIN(type.size, 40u),
                        type.at);
        return error_hint(err, -EINVAL, "it is text, url, semver, hash, rfc3339, spdx or email");
    }
    map_set(&c->labels, name, (void *)(uintptr_t)label);
    return 0;
}

int lint_config_label(struct lint_config *c, struct view text, struct error *err)
{
    struct view type = text, name;

    (void)view_cut(&type, ':', &name);
    if (!type.at || name.size == 0)
        return error_set(err, -EINVAL, "a required label is NAME:TYPE, not '%.*s'",
                         (int)MIN(text.size, 80u), text.at);
    return set_label(c, name, type, err);
}

int lint_config_threshold(struct lint_config *c, const char *word, struct error *err)
{
    if (strcmp(word, "none") == 0)
        c->threshold = LINT_IGNORE;
    else if (!lint_level_find(view_of(word), &c->threshold))
        return error_hint(err, error_set(err, -EINVAL, "'%.40s' is no level", word),
                          "it is error, warning, info, style, ignore or none");
    return 0;
}

struct lint_options lint_config_options(const struct lint_config *c)
{
    return (struct lint_options){
        .overrides = c->overrides.at,
        .override_count = c->overrides.size,
        .trusted = &c->trusted,
        .labels = &c->labels,
        .strict_labels = c->strict_labels,
        .ignore_pragmas = c->ignore_pragmas,
    };
}

/* ---- .hadolint.yaml ---- */

/* Calls take() with the text, or with each of a list. */
static int each_text(struct lint_config *c, const json_t *value, const char *key,
                     void (*take)(struct lint_config *, const char *, enum lint_level),
                     enum lint_level level, struct error *err)
{
    const size_t count = json_is_array(value) ? json_array_size(value) : !json_is_null(value);

    for (size_t i = 0; value && i < count; i++) {
        const json_t *item = json_is_array(value) ? json_array_get(value, i) : value;
        if (!json_is_string(item))
            return error_set(err, -EINVAL, "'%s' is a list of texts", key);
        take(c, json_string_value(item), level);
    }
    return 0;
}

static void take_trusted(struct lint_config *c, const char *text, enum lint_level level)
{
    (void)level;
    strings_add(&c->trusted, text);
}

static void take_format(struct lint_config *c, const char *text, enum lint_level level)
{
    (void)level;
    strings_add(&c->formats, text);
}

static int read_overrides(struct lint_config *c, const json_t *doc, struct error *err)
{
    static const char *const levels[] = {"error", "warning", "info", "style"};
    const json_t *override = json_object_get(doc, "override");
    int r = 0;

    if (override && !json_is_object(override) && !json_is_null(override))
        return error_set(err, -EINVAL, "'override' has the keys error, warning, info and style");
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(levels); i++) {
        enum lint_level level = LINT_IGNORE;
        (void)!lint_level_find(view_of(levels[i]), &level);
        r = each_text(c, json_object_get(override, levels[i]), levels[i], lint_config_set, level,
                      err);
    }
    if (r == 0)
        r = each_text(c, json_object_get(doc, "ignored"), "ignored", lint_config_set, LINT_IGNORE,
                      err);
    return r;
}

static int read_labels(struct lint_config *c, const json_t *doc, struct error *err)
{
    json_t *schema = json_object_get(doc, "label-schema"), *type;
    const char *name;
    int r = 0;

    if (schema && !json_is_object(schema) && !json_is_null(schema))
        return error_set(err, -EINVAL, "'label-schema' is a list of name: type");
    json_object_foreach(schema, name, type)
    {
        if (!json_is_string(type))
            return error_set(err, -EINVAL, "'label-schema' is a list of name: type");
        r = set_label(c, view_of(name), view_of(json_string_value(type)), err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_bools(struct lint_config *c, const json_t *doc, struct error *err)
{
    const struct {
        const char *key;
        bool *at;
    } bools[] = {{"strict-labels", &c->strict_labels},
                 {"no-fail", &c->no_fail},
                 {"no-color", &c->no_color},
                 {"disable-ignore-pragma", &c->ignore_pragmas}};

    for (size_t i = 0; i < ARRAY_SIZE(bools); i++) {
        const json_t *value = json_object_get(doc, bools[i].key);
        if (value && !json_is_null(value) && !yaml_bool(value, bools[i].at))
            return error_set(err, -EINVAL, "'%s' is true or false", bools[i].key);
    }
    return 0;
}

static int read_doc(struct lint_config *c, const json_t *doc, struct error *err)
{
    const json_t *threshold = json_object_get(doc, "failure-threshold");
    int r = read_bools(c, doc, err);

    if (r == 0 && json_is_string(threshold))
        r = lint_config_threshold(c, json_string_value(threshold), err);
    if (r == 0)
        r = each_text(c, json_object_get(doc, "format"), "format", take_format, LINT_IGNORE, err);
    if (r == 0)
        r = each_text(c, json_object_get(doc, "trustedRegistries"), "trustedRegistries",
                      take_trusted, LINT_IGNORE, err);
    if (r == 0)
        r = read_labels(c, doc, err);
    return r == 0 ? read_overrides(c, doc, err) : r;
}

int lint_config_yaml(struct lint_config *c, struct view text, const char *name, struct error *err)
{
    cleanup_doc json_t *doc = NULL;
    int r = yaml_parse(text, name, &doc, err);

    if (r < 0 || json_is_null(doc))
        return r;
    if (!json_is_object(doc))
        r = error_set(err, -EINVAL, "a configuration is a list of key: value");
    else
        r = read_doc(c, doc, err);
    return r < 0 ? error_wrap(err, r, "%s", name) : 0;
}

/* ---- HADOLINT_* ---- */

static bool is_true(const char *text)
{
    static const char *const words[] = {"1", "y", "on", "true", "yes"};

    for (size_t i = 0; text && i < ARRAY_SIZE(words); i++)
        if (view_eq_nocase(view_of(text), words[i]))
            return true;
    return false;
}

/* Texts between commas. */
static void each_word(struct lint_config *c, const char *text,
                      void (*take)(struct lint_config *, const char *, enum lint_level),
                      enum lint_level level)
{
    struct view rest = view_of(text), part;

    while (rest.at && view_cut(&rest, ',', &part)) {
        cleanup_free char *word = view_dup(view_trim(part));
        if (*word)
            take(c, word, level);
    }
}

static void take_label(struct lint_config *c, const char *text, enum lint_level level)
{
    (void)level;
    (void)!lint_config_label(c, view_of(text), NULL);
}

void lint_config_environ(struct lint_config *c, const char *(*get)(const char *name))
{
    const char *threshold = get("HADOLINT_FAILURE_THRESHOLD"), *format = get("HADOLINT_FORMAT");

    c->no_fail |= is_true(get("HADOLINT_NOFAIL"));
    c->no_color |= is_true(get("NO_COLOR"));
    c->verbose |= is_true(get("HADOLINT_VERBOSE"));
    c->strict_labels |= is_true(get("HADOLINT_STRICT_LABELS"));
    c->ignore_pragmas |= is_true(get("HADOLINT_DISABLE_IGNORE_PRAGMA"));
    if (threshold)
        (void)!lint_config_threshold(c, threshold, NULL);
    if (format && *format)
        strings_add(&c->formats, format);
    each_word(c, get("HADOLINT_OVERRIDE_ERROR"), lint_config_set, LINT_ERROR);
    each_word(c, get("HADOLINT_OVERRIDE_WARNING"), lint_config_set, LINT_WARNING);
    each_word(c, get("HADOLINT_OVERRIDE_INFO"), lint_config_set, LINT_INFO);
    each_word(c, get("HADOLINT_OVERRIDE_STYLE"), lint_config_set, LINT_STYLE);
    each_word(c, get("HADOLINT_IGNORE"), lint_config_set, LINT_IGNORE);
    each_word(c, get("HADOLINT_ALLOWED_REGISTRIES"), take_trusted, LINT_IGNORE);
    each_word(c, get("HADOLINT_TRUSTED_REGISTRIES"), take_trusted, LINT_IGNORE);
    each_word(c, get("HADOLINT_REQUIRE_LABELS"), take_label, LINT_IGNORE);
}
