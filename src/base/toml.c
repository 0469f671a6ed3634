#include "base/toml.h"

#include <errno.h>
#include <stdio.h>

#include "base/map.h"
#include "base/utf8.h"
#include "base/vec.h"

/* How a table or an array came to be: that decides who may add to it. */
enum kind {
    KIND_VALUE = 1, /* an inline table or array: complete as it stands */
    KIND_IMPLIED,   /* [a.b] made a on its way; [a] may still come */
    KIND_HEADER,    /* by its own header */
    KIND_DOTTED,    /* by a dotted key */
    KIND_TABLES,    /* an array of [[tables]] */
};

struct toml {
    struct view text;
    size_t at;
    const char *what;
    json_t *table;    /* the keys go here */
    struct map kinds; /* address of a container: its kind */
    struct error *err;
};

static int fail(struct toml *t, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

static int fail(struct toml *t, int code, const char *fmt, ...)
{
    size_t line = 1, column = 1;
    STR_AUTO(text);
    va_list ap;

    for (size_t i = 0; i < t->at && i < t->text.size; i++, column++)
        if (t->text.at[i] == '\n') {
            line++;
            column = 0;
        }
    va_start(ap, fmt);
    str_vprintf(&text, fmt, ap);
    va_end(ap);
    (void)error_set(t->err, code, "%s", text.at);
    return error_at(t->err, code, "%s:%zu:%zu", t->what, line, column);
}

static int peek(const struct toml *t, size_t ahead)
{
    return t->at + ahead < t->text.size ? (unsigned char)t->text.at[t->at + ahead] : -1;
}

static bool take(struct toml *t, const char *word)
{
    if (!view_starts(view_make(t->text.at + t->at, t->text.size - t->at), word))
        return false;
    t->at += strlen(word);
    return true;
}

/* ---- blanks and ends of lines ---- */

static void skip_blanks(struct toml *t)
{
    while (peek(t, 0) == ' ' || peek(t, 0) == '\t')
        t->at++;
}

static bool is_control(int c)
{
    return (c >= 0 && c < ' ' && c != '\t') || c == 0x7f;
}

static int skip_comment(struct toml *t)
{
    skip_blanks(t);
    if (peek(t, 0) != '#')
        return 0;
    while (peek(t, 0) >= 0 && peek(t, 0) != '\n' && !(peek(t, 0) == '\r' && peek(t, 1) == '\n')) {
        if (is_control(peek(t, 0)))
            return fail(t, -EINVAL, "a control character in a comment");
        t->at++;
    }
    return 0;
}

static bool take_newline(struct toml *t)
{
    return take(t, "\n") || take(t, "\r\n");
}

static int end_line(struct toml *t)
{
    const int r = skip_comment(t);

    if (r == 0 && peek(t, 0) >= 0 && !take_newline(t))
        return fail(t, -EINVAL, "the line goes on behind its end");
    return r;
}

/* Between the items of an array. */
static int skip_lines(struct toml *t)
{
    int r;

    do
        r = skip_comment(t);
    while (r == 0 && take_newline(t));
    return r;
}

/* ---- strings ---- */

static int add_code_point(struct toml *t, size_t digits, struct str *ret)
{
    uint32_t c = 0;

    for (size_t i = 0; i < digits; i++, t->at++) {
        static const char hex[] = "0123456789abcdef";
        const int byte = peek(t, 0);
        const char *digit =
            byte > 0 ? strchr(hex, byte >= 'A' && byte <= 'F' ? byte | 32 : byte) : NULL;

        if (!digit)
            return fail(t, -EINVAL, "an escape of %zu hex digits is cut", digits);
        c = c << 4 | (uint32_t)(digit - hex);
    }
    if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return fail(t, -EINVAL, "an escape that is no character");
    utf8_add(ret, c);
    return 0;
}

/* Behind a backslash. */
static int read_escape(struct toml *t, bool many, struct str *ret)
{
    static const char names[] = "btnfr\"\\", values[] = "\b\t\n\f\r\"\\";
    const int c = peek(t, 0);
    const char *found = c > 0 ? strchr(names, c) : NULL;

    if (found) {
        str_add_char(ret, values[found - names]);
        t->at++;
        return 0;
    }
    if (c == 'u' || c == 'U') {
        t->at++;
        return add_code_point(t, c == 'u' ? 4 : 8, ret);
    }
    skip_blanks(t);
    if (!many || !take_newline(t))
        return fail(t, -EINVAL, "an escape that TOML does not have");
    do
        skip_blanks(t);
    while (take_newline(t));
    return 0;
}

/* One to five quotes at the end of a long string: the last three end it. */
static bool end_long(struct toml *t, char quote, struct str *ret)
{
    size_t count = 0;

    while (count < 5 && peek(t, count) == quote)
        count++;
    for (size_t i = 0; i + (count >= 3 ? 3 : 0) < count; i++)
        str_add_char(ret, quote);
    t->at += count;
    return count >= 3;
}

static int read_long(struct toml *t, char quote, struct str *ret)
{
    (void)take_newline(t);
    for (;;) {
        const int c = peek(t, 0);
        int r = 0;

        if (c < 0)
            return fail(t, -EINVAL, "a string without end");
        if (c == quote) {
            if (end_long(t, quote, ret))
                return 0;
        } else if (c == '\\' && quote == '"') {
            t->at++;
            r = read_escape(t, true, ret);
        } else if (take_newline(t)) {
            str_add_char(ret, '\n');
        } else if (is_control(c)) {
            return fail(t, -EINVAL, "a control character in a string");
        } else {
            str_add_char(ret, (char)c);
            t->at++;
        }
        if (r < 0)
            return r;
    }
}

static int read_short(struct toml *t, char quote, struct str *ret)
{
    for (;;) {
        const int c = peek(t, 0);
        int r = 0;

        if (c < 0 || c == '\n')
            return fail(t, -EINVAL, "a string without end");
        if (is_control(c))
            return fail(t, -EINVAL, "a control character in a string");
        t->at++;
        if (c == quote)
            return 0;
        if (c == '\\' && quote == '"')
            r = read_escape(t, false, ret);
        else
            str_add_char(ret, (char)c);
        if (r < 0)
            return r;
    }
}

/* ---- keys ---- */

static bool is_bare(int c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '-';
}

static int read_key_part(struct toml *t, struct strings *ret)
{
    STR_AUTO(part);
    int r = 0;

    if (peek(t, 0) == '"' || peek(t, 0) == '\'') {
        const char quote = (char)peek(t, 0);

        t->at++;
        r = read_short(t, quote, &part);
    } else if (!is_bare(peek(t, 0))) {
        return fail(t, -EINVAL, "a key is expected here");
    } else {
        for (; is_bare(peek(t, 0)); t->at++)
            str_add_char(&part, (char)peek(t, 0));
    }
    if (r == 0 && ret->size == TOML_DEPTH_MAX)
        return fail(t, -EDQUOT, "a key of more than %d parts", TOML_DEPTH_MAX);
    if (r == 0)
        strings_take(ret, str_take(&part));
    return r;
}

static int read_key(struct toml *t, struct strings *ret)
{
    int r;

    do {
        skip_blanks(t);
        r = read_key_part(t, ret);
        skip_blanks(t);
    } while (r == 0 && take(t, "."));
    return r;
}

/* ---- where keys lead ---- */

static enum kind kind_of(const struct toml *t, const json_t *at)
{
    return (enum kind)(uintptr_t)map_get(&t->kinds, view_make(&at, sizeof(at)));
}

static void set_kind(struct toml *t, const json_t *at, enum kind kind)
{
    map_set(&t->kinds, view_make(&at, sizeof(at)), (void *)(uintptr_t)kind);
}

static int add(struct toml *t, json_t *table, const char *key, enum kind kind, json_t *take_value)
{
    if (kind)
        set_kind(t, take_value, kind);
    if (json_object_set_new(table, key, take_value) < 0)
        return fail(t, -EINVAL, "a key or text is not UTF-8");
    return 0;
}

/* The table behind one part of a key; kind: what it becomes when it is new. */
static int enter(struct toml *t, json_t *table, const char *key, enum kind kind, json_t **ret)
{
    json_t *found = json_object_get(table, key);
    const enum kind is = found ? kind_of(t, found) : 0;

    if (!found) {
        const int r = add(t, table, key, kind, json_object());

        *ret = json_object_get(table, key);
        return r;
    }
    if (kind == KIND_IMPLIED && is == KIND_TABLES) {
        *ret = json_array_get(found, json_array_size(found) - 1);
        return 0;
    }
    if (!json_is_object(found) || is == KIND_VALUE || (kind == KIND_DOTTED && is != KIND_DOTTED))
        return fail(t, -EINVAL, "'%s' is something else already", key);
    *ret = found;
    return 0;
}

static int enter_all(struct toml *t, json_t *table, const struct strings *key, enum kind kind,
                     json_t **ret)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i + 1 < key->size; i++)
        r = enter(t, table, key->at[i], kind, &table);
    *ret = table;
    return r;
}

/* ---- values ---- */

static int read_value(struct toml *t, unsigned depth, json_t **ret);

static int read_pair(struct toml *t, json_t *table, unsigned depth)
{
    CLEANUP(strings_done) struct strings key = {0};
    json_t *at = NULL;
    int r = read_key(t, &key);

    if (r == 0 && !take(t, "="))
        r = fail(t, -EINVAL, "'=' is expected behind the key");
    if (r == 0)
        r = enter_all(t, table, &key, KIND_DOTTED, &at);
    if (r < 0)
        return r;
    const char *last = key.at[key.size - 1];
    if (json_object_get(at, last))
        return fail(t, -EINVAL, "the key '%s' is there already", last);
    cleanup_doc json_t *value = NULL;
    skip_blanks(t);
    r = read_value(t, depth, &value);
    if (r < 0)
        return r;
    const enum kind kind = json_is_object(value) || json_is_array(value) ? KIND_VALUE : 0;
    return add(t, at, last, kind, steal(value));
}

static int read_inline_table(struct toml *t, unsigned depth, json_t *table)
{
    int r = 0;

    skip_blanks(t);
    if (take(t, "}"))
        return 0;
    while (r == 0) {
        r = read_pair(t, table, depth);
        skip_blanks(t);
        if (r == 0 && take(t, "}"))
            return 0;
        if (r == 0 && !take(t, ","))
            r = fail(t, -EINVAL, "',' or '}' is expected");
    }
    return r;
}

static int read_array(struct toml *t, unsigned depth, json_t *array)
{
    for (;;) {
        cleanup_doc json_t *item = NULL;
        int r = skip_lines(t);

        if (r == 0 && take(t, "]"))
            return 0;
        if (r == 0)
            r = read_value(t, depth, &item);
        if (r == 0)
            json_array_append_new(array, steal(item));
        if (r == 0)
            r = skip_lines(t);
        if (r < 0)
            return r;
        if (!take(t, ",") && peek(t, 0) != ']')
            return fail(t, -EINVAL, "',' or ']' is expected");
    }
}

static int read_text(struct toml *t, json_t **ret)
{
    const char quote = (char)peek(t, 0);
    const char many[] = {quote, quote, quote, '\0'};
    STR_AUTO(text);
    int r;

    if (take(t, many)) {
        r = read_long(t, quote, &text);
    } else {
        t->at++;
        r = read_short(t, quote, &text);
    }
    if (r < 0)
        return r;
    *ret = json_stringn(text.at, text.size);
    return *ret ? 0 : fail(t, -EINVAL, "a text is not UTF-8");
}

static int read_integer(struct toml *t, json_t **ret)
{
    const size_t from = t->at;

    while (is_bare(peek(t, 0)) || (peek(t, 0) > 0 && strchr("+.:", peek(t, 0))))
        t->at++;
    struct view word = view_make(t->text.at + from, t->at - from), digits = word;
    const bool minus = view_starts(word, "-");
    uint64_t n = 0;

    if (minus || view_starts(word, "+"))
        digits = view_make(word.at + 1, word.size - 1);
    t->at = from;
    if (digits.size == 0)
        return fail(t, -EINVAL, "a value is expected here");
    if (!view_to_u64(digits, &n) || n > INT64_MAX || (digits.size > 1 && digits.at[0] == '0'))
        return fail(t, -EINVAL, "'%.*s' is no value that is read here", (int)MIN(word.size, 40),
                    word.at);
    t->at += word.size;
    *ret = json_integer(minus ? -(int64_t)n : (int64_t)n);
    return 0;
}

static int read_value(struct toml *t, unsigned depth, json_t **ret)
{
    const int c = peek(t, 0);

    if (c == '"' || c == '\'')
        return read_text(t, ret);
    if ((c == '[' || c == '{') && depth == TOML_DEPTH_MAX)
        return fail(t, -EDQUOT, "values lie more than %d deep in each other", TOML_DEPTH_MAX);
    if (take(t, "["))
        return read_array(t, depth + 1, *ret = json_array());
    if (take(t, "{"))
        return read_inline_table(t, depth + 1, *ret = json_object());
    if (take(t, "true"))
        *ret = json_true();
    else if (take(t, "false"))
        *ret = json_false();
    else
        return read_integer(t, ret);
    return is_bare(peek(t, 0)) ? fail(t, -EINVAL, "a word that is no value") : 0;
}

/* ---- lines ---- */

static int add_table(struct toml *t, json_t *at, const char *key)
{
    json_t *found = json_object_get(at, key);

    if (found && kind_of(t, found) != KIND_IMPLIED)
        return fail(t, -EINVAL, "the table '%s' is there already", key);
    const int r = found ? 0 : add(t, at, key, KIND_HEADER, json_object());
    if (r == 0) {
        t->table = json_object_get(at, key);
        set_kind(t, t->table, KIND_HEADER);
    }
    return r;
}

static int add_to_tables(struct toml *t, json_t *at, const char *key)
{
    json_t *found = json_object_get(at, key);

    if (found && kind_of(t, found) != KIND_TABLES)
        return fail(t, -EINVAL, "'%s' is something else already", key);
    const int r = found ? 0 : add(t, at, key, KIND_TABLES, json_array());
    if (r == 0) {
        t->table = json_object();
        set_kind(t, t->table, KIND_HEADER);
        json_array_append_new(json_object_get(at, key), t->table);
    }
    return r;
}

static int read_header(struct toml *t, json_t *root)
{
    CLEANUP(strings_done) struct strings key = {0};
    const bool many = take(t, "[[");
    json_t *at = NULL;

    if (!many)
        t->at++;
    int r = read_key(t, &key);
    if (r == 0 && !take(t, many ? "]]" : "]"))
        r = fail(t, -EINVAL, "'%s' is expected", many ? "]]" : "]");
    if (r == 0)
        r = enter_all(t, root, &key, KIND_IMPLIED, &at);
    if (r < 0)
        return r;
    return (many ? add_to_tables : add_table)(t, at, key.at[key.size - 1]);
}

static int read_line(struct toml *t, json_t *root)
{
    int r = 0;

    skip_blanks(t);
    if (peek(t, 0) == '[')
        r = read_header(t, root);
    else if (peek(t, 0) != '#' && peek(t, 0) != '\n' && peek(t, 0) != '\r' && peek(t, 0) >= 0)
        r = read_pair(t, t->table, 0);
    return r == 0 ? end_line(t) : r;
}

int toml_parse(struct view text, size_t limit, const char *what, json_t **ret, struct error *err)
{
    cleanup_doc json_t *root = json_object();
    ERROR_AUTO(own);
    struct toml t = {.text = text, .what = what, .table = root, .err = err ? err : &own};
    int r = 0;

    if (text.size > limit)
        return error_set(err, -EDQUOT, "%s: %zu bytes are more than the limit of %zu", what,
                         text.size, limit);
    while (r == 0 && t.at < t.text.size)
        r = read_line(&t, root);
    map_done(&t.kinds);
    if (r == 0)
        *ret = steal(root);
    return r;
}
