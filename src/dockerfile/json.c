/* json.c - the JSON form of instructions. Own code, for the words need places in the file, and NUL,
 * lone surrogates and bytes that are not UTF-8 are taken as Go's decoder takes them. */
#include <ctype.h>

#include "base/utf8.h"
#include "dockerfile/internal.h"

#define JSON_DEPTH_MAX 1000 /* of what is no list of strings anyway */

struct json {
    struct view rest;
    int depth;
};

static bool take(struct json *j, char c)
{
    if (j->rest.size == 0 || j->rest.at[0] != c)
        return false;
    j->rest = view_make(j->rest.at + 1, j->rest.size - 1);
    return true;
}

static void skip_blanks(struct json *j)
{
    while (j->rest.size > 0 && strchr(" \t\r\n", j->rest.at[0]) && j->rest.at[0])
        j->rest = view_make(j->rest.at + 1, j->rest.size - 1);
}

static bool take_hex4(struct json *j, uint32_t *ret)
{
    *ret = 0;
    if (j->rest.size < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        const char c = j->rest.at[i];

        if (!isxdigit((unsigned char)c))
            return false;
        *ret = *ret << 4 |
               (uint32_t)(isdigit((unsigned char)c) ? c - '0'
                                                    : (tolower((unsigned char)c) - 'a') + 10);
    }
    j->rest = view_make(j->rest.at + 4, j->rest.size - 4);
    return true;
}

/* Behind "\u". A surrogate without its other half is U+FFFD. */
static bool take_unicode(struct json *j, struct str *s)
{
    const uint32_t replacement = 0xfffd;
    uint32_t high, low;

    if (!take_hex4(j, &high))
        return false;
    if (high < 0xd800 || high > 0xdfff) {
        utf8_add(s, high);
        return true;
    }
    struct json ahead = *j;
    if (high < 0xdc00 && take(&ahead, '\\') && take(&ahead, 'u') && take_hex4(&ahead, &low) &&
        low >= 0xdc00 && low <= 0xdfff) {
        *j = ahead;
        utf8_add(s, 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
        return true;
    }
    utf8_add(s, replacement);
    return true;
}

static bool take_escape(struct json *j, struct str *s)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";

    if (j->rest.size == 0)
        return false;
    const char c = j->rest.at[0], *at = strchr(from, c);
    j->rest = view_make(j->rest.at + 1, j->rest.size - 1);
    if (c == 'u')
        return take_unicode(j, s);
    if (!at || !c)
        return false;
    str_add_char(s, to[at - from]);
    return true;
}

static bool take_string(struct json *j, struct str *s)
{
    if (!take(j, '"'))
        return false;
    while (j->rest.size > 0) {
        const char c = j->rest.at[0];

        if ((unsigned char)c < 0x20)
            return false;
        j->rest = view_make(j->rest.at + 1, j->rest.size - 1);
        if (c == '"')
            return true;
        if (c != '\\')
            str_add_char(s, c);
        else if (!take_escape(j, s))
            return false;
    }
    return false;
}

static bool take_digits(struct json *j)
{
    const size_t before = j->rest.size;

    while (j->rest.size > 0 && isdigit((unsigned char)j->rest.at[0]))
        j->rest = view_make(j->rest.at + 1, j->rest.size - 1);
    return j->rest.size < before;
}

static bool take_number(struct json *j)
{
    (void)take(j, '-');
    if (!take(j, '0') && !take_digits(j))
        return false;
    if (take(j, '.') && !take_digits(j))
        return false;
    if (take(j, 'e') || take(j, 'E')) {
        if (!take(j, '+'))
            (void)take(j, '-');
        return take_digits(j);
    }
    return true;
}

static bool take_text(struct json *j, const char *text)
{
    if (!view_starts(j->rest, text))
        return false;
    j->rest = view_make(j->rest.at + strlen(text), j->rest.size - strlen(text));
    return true;
}

static bool take_value(struct json *j);

static bool take_member(struct json *j, bool object)
{
    STR_AUTO(key);

    skip_blanks(j);
    if (object) {
        if (!take_string(j, &key))
            return false;
        skip_blanks(j);
        if (!take(j, ':'))
            return false;
    }
    return take_value(j);
}

/* Behind '[' or '{'. */
static bool take_members(struct json *j, bool object)
{
    const char end = object ? '}' : ']';

    if (++j->depth > JSON_DEPTH_MAX)
        return false;
    skip_blanks(j);
    for (bool first = true; !take(j, end); first = false) {
        if ((!first && !take(j, ',')) || !take_member(j, object))
            return false;
        skip_blanks(j);
    }
    j->depth--;
    return true;
}

static bool take_value(struct json *j)
{
    STR_AUTO(text);

    skip_blanks(j);
    if (j->rest.size == 0)
        return false;
    if (j->rest.at[0] == '"')
        return take_string(j, &text);
    if (take(j, '['))
        return take_members(j, false);
    if (take(j, '{'))
        return take_members(j, true);
    return take_text(j, "true") || take_text(j, "false") || take_text(j, "null") || take_number(j);
}

static bool take_words(const struct logical *l, struct json *j, struct word_list *words,
                       bool *others)
{
    skip_blanks(j);
    if (!take(j, '['))
        return false;
    skip_blanks(j);
    for (bool first = true; !take(j, ']'); first = false) {
        STR_AUTO(text);

        if (!first && !take(j, ','))
            return false;
        skip_blanks(j);
        const struct view before = j->rest;
        if (before.size > 0 && before.at[0] == '"') {
            if (!take_string(j, &text))
                return false;
            vec_push(words,
                     (struct word){
                         view_make(arena_strndup(l->reader->arena, text.at, text.size), text.size),
                         logical_span(l, view_make(before.at, before.size - j->rest.size))});
        } else {
            *others = true;
            if (!take_value(j))
                return false;
        }
        skip_blanks(j);
    }
    return j->rest.size == 0;
}

enum json_result json_list(const struct logical *l, struct view text, struct word **ret,
                           size_t *ret_count)
{
    struct json j = {.rest = trim_blanks(text)};
    struct word_list words = {0};
    bool others = false;

    const bool valid = take_words(l, &j, &words, &others);
    if (valid && !others) {
        *ret = arena_alloc(l->reader->arena, (words.size + 1) * sizeof(struct word));
        if (words.size > 0)
            memcpy(*ret, words.at, words.size * sizeof(struct word));
        *ret_count = words.size;
    }
    vec_done(&words);
    return !valid ? JSON_NOT_LIST : others ? JSON_OTHER_ELEMENTS : JSON_LIST;
}
