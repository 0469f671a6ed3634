/* rules_labels.c - LABEL: keys, and what the label schema asks for. */
#include <ctype.h>

#include "lint/label.h"
#include "lint/rule.h"

static const struct map no_labels;

static const struct map *schema(const struct lint *l)
{
    return l->options->labels ? l->options->labels : &no_labels;
}

/* The type that the schema has for the key; 0: none. */
static unsigned type_of(const struct lint *l, struct view key)
{
    return (unsigned)(uintptr_t)map_get(schema(l), key);
}

/* ---- keys ---- */

/* Small letters, digits, '.' and '-', neither of them twice or at an end (docker's guide on labels). */
static bool is_key(struct view key)
{
    if (key.size == 0 || !islower((unsigned char)key.at[0]) ||
        !(islower((unsigned char)key.at[key.size - 1]) ||
          isdigit((unsigned char)key.at[key.size - 1])))
        return false;
    for (size_t i = 0; i < key.size; i++) {
        const char c = key.at[i];
        if (!islower((unsigned char)c) && !isdigit((unsigned char)c) && c != '.' && c != '-')
            return false;
        if ((c == '.' || c == '-') && key.at[i - 1] == c)
            return false;
    }
    return !view_starts(key, "com.docker.") && !view_starts(key, "io.docker.") &&
           !view_starts(key, "org.dockerproject.");
}

static void check_key(struct lint *l, const struct lint_stage *s, const struct instruction *in)
{
    (void)s;
    for (size_t i = 0; i < in->word_count; i += 3) {
        const struct view key = lint_unquote(in->words[i].text);
        if (!is_key(key))
            lint_add(l, in->words[i].span, "'%.*s' is no key that all tools take", LINT_CUT(key));
    }
}

/* ---- the schema ---- */

static bool has_label(const struct lint_stage *s, const void *ctx)
{
    const struct view *want = ctx;

    for (size_t i = 0; i < s->count; i++)
        for (size_t k = 0; s->at[i].kind == INSTRUCTION_LABEL && k < s->at[i].word_count; k += 3)
            if (view_eq(lint_unquote(s->at[i].words[k].text), *want))
                return true;
    return false;
}

static void check_missing(struct lint *l)
{
    bool *has = xcalloc(l->stage_count + 1, sizeof(*has));

    map_each (label, schema(l)) {
        lint_stages_with(l, has_label, &label->key, has);
        for (size_t i = 0; i < l->stage_count; i++)
            if (!has[i])
                lint_add(l, l->stages[i].from->keyword_span, "label '%.*s' is missing",
                         LINT_CUT(label->key));
    }
    free(has);
}

static void check_superfluous(struct lint *l, const struct lint_stage *s,
                              const struct instruction *in)
{
    (void)s;
    for (size_t i = 0; l->options->strict_labels && i < in->word_count; i += 3)
        if (!type_of(l, lint_unquote(in->words[i].text)))
            lint_add(l, in->words[i].span, "label '%.*s' is not in the schema",
                     LINT_CUT(lint_unquote(in->words[i].text)));
}

static void check_empty(struct lint *l, const struct lint_stage *s, const struct instruction *in)
{
    (void)s;
    for (size_t i = 0; i + 1 < in->word_count; i += 3)
        if (type_of(l, lint_unquote(in->words[i].text)) &&
            lint_unquote(in->words[i + 1].text).size == 0)
            lint_add(l, in->words[i].span, "label '%.*s' is empty",
                     LINT_CUT(lint_unquote(in->words[i].text)));
}

/* Values that hold a variable are known at the build only. */
static void check_type(struct lint *l, const struct instruction *in, enum lint_label type,
                       const char *what)
{
    for (size_t i = 0; i + 1 < in->word_count; i += 3) {
        const struct view key = lint_unquote(in->words[i].text),
                          value = lint_unquote(in->words[i + 1].text);
        if (type_of(l, key) == (unsigned)type && !lint_has_variable(value) &&
            !label_is(type, value))
            lint_add(l, in->words[i + 1].span, "label '%.*s' is no %s: '%.*s'", LINT_CUT(key), what,
                     LINT_CUT(value));
    }
}

#define TYPE_CHECK(name, type, what)                                                               \
    static void check_##name(struct lint *l, const struct lint_stage *s,                           \
                             const struct instruction *in)                                         \
    {                                                                                              \
        (void)s;                                                                                   \
        check_type(l, in, type, what);                                                             \
    }
TYPE_CHECK(url, LABEL_URL, "URL")
TYPE_CHECK(time, LABEL_RFC3339, "time by RFC 3339")
TYPE_CHECK(spdx, LABEL_SPDX, "licence that SPDX lists")
TYPE_CHECK(hash, LABEL_HASH, "git hash of 7 or 40 digits")
TYPE_CHECK(semver, LABEL_SEMVER, "semantic version")
TYPE_CHECK(email, LABEL_EMAIL, "e-mail address")

#define WHY_TYPE                                                                                   \
    "The label schema says what the value has to be. Programs that read the label stumble over "   \
    "anything else."
#define TYPE_ROW(number, row_name, alias, row_title, how, key_type, wrong, right, check)           \
    {                                                                                              \
        .id = number, .name = row_name, .aliases = {alias}, .title = row_title,                    \
        .level = LINT_WARNING, .where = LINT_DOCKERFILE | LINT_IMAGE, .why = WHY_TYPE, .fix = how, \
        .bad = "FROM debian:12.5\nLABEL a=\"" wrong "\"\nUSER 1001\n",                             \
        .good = "FROM debian:12.5\nLABEL a=\"" right "\"\nUSER 1001\n",                            \
        .config = "{\"label-schema\": {\"a\": \"" key_type "\"}}", .kinds = LINT_KIND(LABEL),      \
        .instruction = check,                                                                      \
    }

static const struct lint_row rows[] = {
    {
        .id = "CP540",
        .name = "label-key",
        .aliases = {"DL3048"},
        .title = "the key of a label is not one that all tools take",
        .level = LINT_STYLE,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "Keys are small letters, digits, single '.' and '-', begin with a letter, and "
               "com.docker, io.docker and org.dockerproject "
               "are docker's own. Other keys are lost in some tools.",
        .fix = "Write a key like org.opencontainers.image.title.",
        .bad = "FROM debian:12.5\nLABEL Vendor=x\nUSER 1001\n",
        .good = "FROM debian:12.5\nLABEL vendor=x\nUSER 1001\n",
        .kinds = LINT_KIND(LABEL),
        .instruction = check_key,
    },
    {
        .id = "CP541",
        .name = "label-missing",
        .aliases = {"DL3049"},
        .title = "a label of the schema is missing",
        .level = LINT_INFO,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "The label schema (label-schema, --require-label) names what every image of the "
               "house carries. Reports that look for it "
               "do not find this image.",
        .fix = "Add LABEL name=value.",
        .bad = "FROM debian:12.5\nUSER 1001\n",
        .good = "FROM debian:12.5\nLABEL a=b\nUSER 1001\n",
        .config = "{\"label-schema\": {\"a\": \"text\"}}",
        .file = check_missing,
    },
    {
        .id = "CP542",
        .name = "label-superfluous",
        .aliases = {"DL3050"},
        .title = "a label that the schema does not have",
        .level = LINT_INFO,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "With strict-labels the schema is all there may be. A label beside it is a slip of "
               "the pen or an agreement that nobody knows.",
        .fix = "Take it out, or add it to the schema.",
        .bad = "FROM debian:12.5\nLABEL a=b c=d\nUSER 1001\n",
        .good = "FROM debian:12.5\nLABEL a=b\nUSER 1001\n",
        .config = "{\"label-schema\": {\"a\": \"text\"}, \"strict-labels\": true}",
        .kinds = LINT_KIND(LABEL),
        .instruction = check_superfluous,
    },
    {
        .id = "CP543",
        .name = "label-empty",
        .aliases = {"DL3051"},
        .title = "a label of the schema is empty",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "The label is there and says nothing. Whoever looks for it is no wiser.",
        .fix = "Give it a value.",
        .bad = "FROM debian:12.5\nLABEL a=\"\"\nUSER 1001\n",
        .good = "FROM debian:12.5\nLABEL a=b\nUSER 1001\n",
        .config = "{\"label-schema\": {\"a\": \"text\"}}",
        .kinds = LINT_KIND(LABEL),
        .instruction = check_empty,
    },
    TYPE_ROW("CP544", "label-url", "DL3052", "a label is no URL",
             "Write it whole: https://example.org.", "url", "not-url", "https://h.example/",
             check_url),
    TYPE_ROW("CP545", "label-time", "DL3053", "a label is no time",
             "Write it as 2024-05-01T12:00:00Z.", "rfc3339", "yesterday", "2024-05-01T12:00:00Z",
             check_time),
    TYPE_ROW("CP546", "label-licence", "DL3054", "a label is no SPDX licence",
             "Take the identifier of spdx.org/licenses.", "spdx", "not-spdx", "BSD-3-Clause",
             check_spdx),
    TYPE_ROW("CP547", "label-hash", "DL3055", "a label is no git hash", "Write 7 or 40 hex digits.",
             "hash", "main", "2dbfae9", check_hash),
    TYPE_ROW("CP548", "label-semver", "DL3056", "a label is no semantic version",
             "Write it as 1.2.3.", "semver", "v1", "1.2.3", check_semver),
    TYPE_ROW("CP549", "label-email", "DL3058", "a label is no e-mail address", "Write name@host.",
             "email", "nobody", "a@h.example", check_email),
};

const struct lint_table lint_labels = {rows, ARRAY_SIZE(rows)};
