/* runconfig_part.c - values of a document with their places. */
#include <ctype.h>

#include "audit/internal.h"
#include "base/doc.h"

/* A scalar is underlined itself; of more the key is, which says what it is. A shared value stands where it was first written. */
static struct span span_of(const struct reader *r, json_t *value, struct span parent)
{
    const struct yaml_place *p = yaml_place(r->yaml, value);

    if (!p)
        return parent;
    return json_is_object(value) || json_is_array(value) ? p->key : p->value;
}

#define PATH_SHOWN_MAX 1024 /* bytes of a path; what is longer is cut */
#define COUNTED_BYTES 128   /* of a copied text that count as a value */

/* Aliases and paths copy a long text often: without this a small file could ask for all memory. */
static void count_text(struct reader *r, size_t size)
{
    r->list->values += size / COUNTED_BYTES;
}

/* "parent.key". A key that is too long ends with "..."; what stands below a path that is full has that path. */
static const char *path_below(struct reader *r, const char *parent, const char *key)
{
    const size_t above = strlen(parent), own = strlen(key);
    size_t room = above < PATH_SHOWN_MAX ? PATH_SHOWN_MAX - above : 0;

    if (room == 0)
        return parent;
    count_text(r, above + MIN(own, room));
    if (own <= room)
        return arena_printf(r->list->arena, "%s%s%s", parent, *parent ? "." : "", key);
    while (room > 0 && ((unsigned char)key[room] & 0xc0) == 0x80)
        room--; /* no half character */
    return arena_printf(r->list->arena, "%s%s%.*s...", parent, *parent ? "." : "", (int)room, key);
}

struct run_place part_place(const struct reader *r, json_t *value, struct run_place parent)
{
    return (struct run_place){parent.path, span_of(r, value, parent.span)};
}

static bool is_nothing(const struct reader *r, const json_t *value)
{
    const struct yaml_place *p =
        json_is_array(value) && json_array_size(value) == 0 ? yaml_place(r->yaml, value) : NULL;

    return !value || json_is_null(value) || (p && p->resets);
}

static struct part child(struct reader *r, struct part n, json_t *value, const char *path)
{
    if (is_nothing(r, value))
        return (struct part){0};
    return (struct part){value, {path, span_of(r, value, n.at.span)}};
}

struct part part_get(struct reader *r, struct part n, const char *key)
{
    json_t *value = json_object_get(n.value, key);

    if (is_nothing(r, value))
        return (struct part){0};
    return child(r, n, value, path_below(r, n.at.path, key));
}

struct part part_path(struct reader *r, struct part n, const char *const *keys)
{
    for (; n.value && *keys; keys++)
        n = part_get(r, n, *keys);
    return n;
}

bool part_next(struct reader *r, struct part n, struct part_each *each, struct part *ret)
{
    json_t *value;
    const char *path;

    if (!run_list_count(r->list))
        return false;
    if (json_is_array(n.value)) {
        if (each->next >= json_array_size(n.value))
            return false;
        count_text(r, strlen(n.at.path));
        path = arena_printf(r->list->arena, "%s[%zu]", n.at.path, each->next);
        value = json_array_get(n.value, each->next++);
    } else {
        each->at =
            each->next++ ? json_object_iter_next(n.value, each->at) : json_object_iter(n.value);
        if (!each->at)
            return false;
        each->key = json_object_iter_key(each->at);
        value = json_object_iter_value(each->at);
        count_text(r, strlen(each->key));
        path = path_below(r, n.at.path, each->key);
    }
    *ret = child(r, n, value, path);
    if (!ret->value)
        ret->at = (struct run_place){path, n.at.span};
    return true;
}

/* ---- scalars ---- */

#define REPLACED_MAX 65536 /* bytes of a text, from which on variables in it stay */
#define VARIABLE_MAX 4096  /* bytes in braces */
#define DEFAULTS_MAX 8     /* "${A:-${B:-...}}" */

/* "$NAME", "${NAME}", "${NAME:-word}": size 0 of name: it is none. */
struct variable {
    struct view name, word;
    char how;   /* one of -?+, or NUL */
    bool colon; /* an empty value is none */
    const char *end;
};

/* The brace that closes the one before text; NULL: none does. */
static const char *find_brace(const char *text)
{
    for (size_t depth = 1, left = VARIABLE_MAX; *text && left > 0; text++, left--) {
        depth += *text == '{';
        depth -= *text == '}';
        if (depth == 0)
            return text;
    }
    return NULL;
}

static struct variable read_variable(const char *text)
{
    const bool braces = text[1] == '{';
    const char *name = text + 1 + braces, *at = name;
    struct variable v = {0};

    while (isalnum((unsigned char)*at) || *at == '_')
        at++;
    const char *end = braces ? find_brace(name) : at;
    if (!end || end < at || isdigit((unsigned char)*name))
        return v;
    v = (struct variable){.name = view_make(name, (size_t)(at - name)), .end = end + braces};
    v.colon = at < end && *at == ':';
    at += v.colon;
    if (at < end && strchr("-?+", *at))
        v.how = *at++;
    else if (at < end)
        v.name.size = 0; /* a form of some later release */
    v.word = view_make(at, (size_t)(end - at));
    return v;
}

/* What it stands for; false: nobody knows. */
static bool value_of(const struct reader *r, const struct variable *v, struct view *ret)
{
    const char *value = map_get(&r->env, v->name);
    const bool set = value && (*value || !v->colon);

    *ret = v->how == '+' ? (set ? v->word : VIEW("")) : set ? view_of(value) : v->word;
    if (v->how == '-')
        return true;
    return v->how == '+' ? value != NULL : set;
}

/* .env may say it, or a default; what nobody knows stays. "$$" is a dollar. */
static void replace_variables(struct reader *r, const char *text, unsigned depth, struct str *ret)
{
    for (; *text; text++) {
        struct variable v = {0};
        struct view value;

        if (text[0] == '$' && text[1] == '$')
            text++;
        else if (text[0] == '$' && ret->size < REPLACED_MAX)
            v = read_variable(text);
        if (text[0] == '$' && text[1] == '{' && v.name.size == 0)
            count_text(r, VARIABLE_MAX); /* all that was looked through for its end */
        if (v.name.size == 0 || !value_of(r, &v, &value)) {
            str_add_char(ret, *text);
            continue;
        }
        if (value.at == v.word.at && depth < DEFAULTS_MAX) {
            cleanup_free char *word = view_dup(value);
            replace_variables(r, word, depth + 1, ret);
        } else {
            str_add(ret, value);
        }
        text = v.end - 1;
    }
}

const char *part_text(struct reader *r, struct part n)
{
    if (json_is_boolean(n.value))
        return json_is_true(n.value) ? "true" : "false";
    if (json_is_integer(n.value))
        return arena_printf(r->list->arena, "%lld", (long long)json_integer_value(n.value));
    if (json_is_real(n.value))
        return arena_printf(r->list->arena, "%g", json_real_value(n.value));
    if (!json_is_string(n.value))
        return NULL;
    const char *text = json_string_value(n.value);
    count_text(r, 2 * json_string_length(n.value)); /* its reader may copy it once more */
    if (!r->variables || !strchr(text, '$'))
        return arena_strdup(r->list->arena, text);
    STR_AUTO(s);
    replace_variables(r, text, 0, &s);
    count_text(r, s.size);
    return arena_strndup(r->list->arena, s.at, s.size);
}

bool part_is(struct reader *r, struct part n, const char *text)
{
    const char *own = part_text(r, n);

    return own && strcasecmp(own, text) == 0;
}

/* A variable that nobody knows may be either: no rule speaks of it. */
struct run_flag part_flag(struct reader *r, struct part n)
{
    const char *text = part_text(r, n);
    bool value = false;

    if (!text)
        return (struct run_flag){0};
    cleanup_doc json_t *word = doc_new_text(text);
    if (!yaml_bool(word, &value))
        return (struct run_flag){RUN_ELSEWHERE, n.at};
    return (struct run_flag){value ? RUN_YES : RUN_NO, n.at};
}

struct run_text run_word(const char *text, struct run_place at)
{
    if (!text)
        return (struct run_text){0};
    return (struct run_text){strchr(text, '$') ? RUN_ELSEWHERE : RUN_YES, text, at};
}

struct run_text run_user(struct run_text user)
{
    return user.text && !*user.text ? (struct run_text){0} : user;
}

struct run_text part_word(struct reader *r, struct part n)
{
    return run_word(part_text(r, n), n.at);
}

void part_texts(struct reader *r, struct part list, struct run_texts *ret)
{
    struct part item;
    PART_EACH(each);

    while (part_next(r, list, &each, &item)) {
        const struct run_text word = part_word(r, item);
        if (word.text && run_list_count(r->list))
            vec_push(ret, word);
    }
}

void part_caps(struct reader *r, struct part list, struct run_texts *ret)
{
    struct part item;
    PART_EACH(each);

    while (part_next(r, list, &each, &item)) {
        const char *text = part_text(r, item);
        if (text)
            run_add_caps(r->list, ret, text, item.at);
    }
}

struct run_flag part_limit(struct reader *r, struct part n)
{
    const char *text = part_text(r, n);

    if (!text || !*text)
        return (struct run_flag){0};
    if (strchr(text, '$'))
        return (struct run_flag){RUN_ELSEWHERE, n.at};
    return (struct run_flag){strtod(text, NULL) > 0 ? RUN_YES : RUN_NO, n.at};
}
