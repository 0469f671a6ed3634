#include "dockerfile/words.h"

#include <ctype.h>
#include <errno.h>

#include "dockerfile/glob.h"

struct scan {
    const struct words *w;
    struct view in;
    size_t at;
    int depth;
    size_t steps; /* left for matching patterns */
};

/* What a run produces: the text as one word, and, when list is set, the same cut at blanks. */
struct sink {
    struct str text, word;
    bool in_word;
    struct strings *list;
};
#define SINK_AUTO(name) CLEANUP(sink_done) struct sink name = {STR_INIT, STR_INIT, false, NULL}

static void sink_done(struct sink *k)
{
    str_done(&k->text);
    str_done(&k->word);
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void sink_end_word(struct sink *k)
{
    if (!k->list || k->word.size == 0)
        return;
    strings_add(k->list, k->word.at);
    str_clear(&k->word);
    k->in_word = false;
}

/* What was quoted or escaped never ends a word. */
static void sink_add_quoted(struct sink *k, struct view v)
{
    str_add(&k->text, v);
    if (k->list)
        str_add(&k->word, v);
    k->in_word = true;
}

static void sink_add(struct sink *k, struct view v)
{
    str_add(&k->text, v);
    for (size_t i = 0; k->list && i < v.size; i++) {
        if (!is_blank(v.at[i])) {
            str_add_char(&k->word, v.at[i]);
            k->in_word = true;
        } else if (k->in_word) {
            sink_end_word(k);
        }
    }
}

static bool at_end(const struct scan *s)
{
    return s->at >= s->in.size;
}

static char peek(const struct scan *s)
{
    return at_end(s) ? '\0' : s->in.at[s->at];
}

/* Takes one character, several bytes in UTF-8. */
static struct view next(struct scan *s)
{
    const struct view rest = view_make(s->in.at + s->at, s->in.size - s->at);
    const size_t size = glob_char_size(rest);

    s->at += size;
    return view_make(rest.at, size);
}

static int too_long(struct error *err)
{
    return error_set(err, -EDQUOT, "the text grows beyond %u bytes", WORDS_RESULT_MAX);
}

static int expand_dollar(struct scan *s, struct str *ret, struct error *err);

static int single_quoted(struct scan *s, struct str *ret, struct error *err)
{
    const char *begin = s->in.at + ++s->at;
    const char *end = memchr(begin, '\'', s->in.size - s->at);

    if (!end)
        return error_set(err, -EINVAL, "unclosed single quote");
    str_add(ret, view_make(begin, (size_t)(end - begin)));
    s->at += (size_t)(end - begin) + 1;
    return 0;
}

/* Inside double quotes the escape character works before '"', '$' and itself, and is ordinary
 * elsewhere. */
static void escape_in_quotes(struct scan *s, bool raw, struct str *ret)
{
    const char escape = s->w->escape;

    s->at++;
    if (raw)
        str_add_char(ret, escape);
    if (at_end(s))
        return; /* the quote is unclosed, which the caller sees */
    const char c = peek(s);
    if (c == '"' || c == '$' || c == escape) {
        s->at++;
        str_add_char(ret, c);
    } else {
        str_add_char(ret, escape);
    }
}

static int double_quoted(struct scan *s, bool raw, struct str *ret, struct error *err)
{
    for (s->at++; !at_end(s);) {
        const char c = peek(s);

        if (c == '"') {
            s->at++;
            return 0;
        }
        if (c == '$') {
            const int r = expand_dollar(s, ret, err);
            if (r < 0)
                return r;
        } else if (c == s->w->escape) {
            escape_in_quotes(s, raw, ret);
        } else {
            str_add(ret, next(s));
        }
    }
    return error_set(err, -EINVAL, "unclosed double quote");
}

/* One piece: a quoted part, a variable, an escaped or an ordinary character. raw: escapes stay in
 * the text, for patterns read them again. */
static int expand_piece(struct scan *s, bool raw, struct sink *k, struct error *err)
{
    STR_AUTO(part);
    const char c = peek(s);
    int r = 0;

    if (c == '$') {
        r = expand_dollar(s, &part, err);
        if (r == 0)
            sink_add(k, str_view(&part));
    } else if ((c == '\'' || c == '"') && !s->w->keep_quotes) {
        r = c == '"' ? double_quoted(s, raw, &part, err) : single_quoted(s, &part, err);
        if (r == 0)
            sink_add_quoted(k, str_view(&part));
    } else if (c == s->w->escape) {
        const struct view escape = next(s);
        if (raw)
            sink_add_quoted(k, escape);
        if (!at_end(s)) /* at the very end it is dropped */
            sink_add_quoted(k, next(s));
    } else {
        sink_add(k, next(s));
    }
    return r;
}

/* Up to the stop character, which is taken too; '\0': to the end. */
static int expand_until(struct scan *s, char stop, bool raw, struct sink *k, struct error *err)
{
    while (!at_end(s)) {
        if (stop && peek(s) == stop) {
            s->at++;
            return 0;
        }
        const int r = expand_piece(s, raw, k, err);
        if (r < 0)
            return r;
        if (k->text.size > WORDS_RESULT_MAX)
            return too_long(err);
    }
    if (stop)
        return error_set(err, -EINVAL, "missing '%c' in a ${} expression", stop);
    sink_end_word(k);
    return 0;
}

/* Letters of any script count: bytes from 0x80 on. */
static bool is_name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static struct view take_name(struct scan *s)
{
    const size_t begin = s->at;

    if (!at_end(s) && isdigit((unsigned char)peek(s)))
        while (!at_end(s) && isdigit((unsigned char)peek(s)))
            s->at++;
    else if (!at_end(s) && strchr("@*#?-$!", peek(s)) && peek(s))
        s->at++;
    else
        while (!at_end(s) && is_name_char(peek(s)))
            s->at++;
    return view_make(s->in.at + begin, s->at - begin);
}

static const char *lookup(struct scan *s, struct view name)
{
    const char *value = s->w->get ? s->w->get(s->w->ctx, name) : NULL;
    struct strings *unset = s->w->unset;

    if (value || !unset)
        return value;
    for (size_t i = 0; i < unset->size; i++)
        if (view_eq_text(name, unset->at[i]))
            return NULL;
    strings_take(unset, view_dup(name));
    return NULL;
}

static int bad_modifier(struct view name, char a, char b, struct error *err)
{
    const char shown[] = {a, b, '\0'};

    error_set(err, -EINVAL, "${%.*s%s...}: unsupported modifier", (int)MIN(name.size, 80u), name.at,
              shown);
    return error_hint(err, -EINVAL, "there are :- - :+ + :? ? # ## %% %%%% / and //");
}

/* ${name:?message} */
static int must_be_set(struct view name, const char *value, bool empty_is_unset,
                       const struct str *message, struct error *err)
{
    const char *why = value ? "is not allowed to be empty" : "is not allowed to be unset";

    if (value && !(empty_is_unset && !*value))
        return 0;
    return error_set(err, -EINVAL, "%.*s: %.200s", (int)MIN(name.size, 80u), name.at,
                     message->size > 0 ? message->at : why);
}

/* ${name#p} and its kin; pattern still has a doubled '#' or '%' at its beginning. */
static int cut_pattern(struct scan *s, const char *value, char modifier, struct view pattern,
                       struct str *ret, struct error *err)
{
    const bool longest = pattern.size > 0 && pattern.at[0] == modifier;
    CLEANUP(glob_freep) struct glob *g = NULL;
    struct view left = {0};

    if (longest)
        pattern = view_make(pattern.at + 1, pattern.size - 1);
    int r = glob_new(pattern, modifier == '%', &g, err);
    if (r == 0)
        r = glob_cut(g, view_of(value), longest, &s->steps, &left, err);
    if (r == 0)
        str_add(ret, left);
    return r;
}

/* ${name-w} and the others that take a word up to '}'. */
static int expand_modifier(struct scan *s, struct view name, char modifier, bool colon,
                           struct str *ret, struct error *err)
{
    const bool pattern = modifier == '#' || modifier == '%';
    SINK_AUTO(word);

    int r = expand_until(s, '}', pattern, &word, err);
    if (r < 0)
        return r;
    const char *value = lookup(s, name);
    const bool given = value && !(colon && !*value);

    switch (modifier) {
    case '-':
        str_add_text(ret, given ? value : word.text.at);
        return 0;
    case '+':
        str_add_text(ret, given ? word.text.at : "");
        return 0;
    case '?':
        r = must_be_set(name, value, colon, &word.text, err);
        if (r == 0)
            str_add_text(ret, value);
        return r;
    default:
        return cut_pattern(s, value ? value : "", modifier, str_view(&word.text), ret, err);
    }
}

static int replace(struct scan *s, struct view value, const struct glob *g, struct view by,
                   bool all, struct str *ret, struct error *err)
{
    size_t from = 0, copied = 0;
    struct view found = {0};
    int r;

    while ((r = glob_find(g, value, from, &s->steps, &found, err)) > 0) {
        const size_t begin = (size_t)(found.at - value.at), end = begin + found.size;

        str_add(ret, view_make(value.at + copied, begin - copied));
        if (end > copied || begin == 0) /* not the empty match behind the last one */
            str_add(ret, by);
        copied = end;
        if (ret->size > WORDS_RESULT_MAX)
            return too_long(err);
        from = end > from
                   ? end
                   : from + (from < value.size
                                 ? glob_char_size(view_make(value.at + from, value.size - from))
                                 : 1);
        if (!all || from > value.size)
            break;
    }
    str_add(ret, view_make(value.at + copied, value.size - copied));
    return MIN(r, 0);
}

/* ${name/pattern/by} and ${name//pattern/by}, behind the first '/'. */
static int expand_replace(struct scan *s, struct view name, struct str *ret, struct error *err)
{
    SINK_AUTO(pattern);
    SINK_AUTO(by);
    CLEANUP(glob_freep) struct glob *g = NULL;
    const bool all = peek(s) == '/' && !at_end(s);

    s->at += all;
    int r = expand_until(s, '/', true, &pattern, err);
    if (r == 0)
        r = expand_until(s, '}', true, &by, err);
    if (r == 0)
        r = glob_new(str_view(&pattern.text), false, &g, err);
    if (r < 0)
        return r;
    const char *value = lookup(s, name);
    return replace(s, view_of(value ? value : ""), g, str_view(&by.text), all, ret, err);
}

/* Behind "${". */
static int expand_braces(struct scan *s, struct str *ret, struct error *err)
{
    if (at_end(s))
        return error_set(err, -EINVAL, "missing '}' in a ${} expression");
    if (peek(s) && strchr("{}:", peek(s)))
        return error_set(err, -EINVAL, "bad substitution: a name must follow '${'");
    const struct view name = take_name(s);
    if (at_end(s))
        return error_set(err, -EINVAL, "missing '}' in a ${} expression");
    char c = s->in.at[s->at++];
    if (c == '}') {
        const char *value = lookup(s, name);
        str_add_text(ret, value ? value : "");
        return 0;
    }
    if (c == '/' && name.size > 0)
        return expand_replace(s, name, ret, err);
    const bool colon = c == ':';
    if (colon)
        c = at_end(s) ? '\0' : s->in.at[s->at++];
    if (!c || !strchr(colon ? "-+?" : "-+?#%", c) || name.size == 0)
        return colon ? bad_modifier(name, ':', c, err) : bad_modifier(name, c, '\0', err);
    return expand_modifier(s, name, c, colon, ret, err);
}

static int expand_dollar(struct scan *s, struct str *ret, struct error *err)
{
    s->at++;
    if (peek(s) == '{' && !at_end(s)) {
        s->at++;
        if (++s->depth > WORDS_DEPTH_MAX)
            return error_set(err, -EDQUOT, "${} expressions are nested more than %d deep",
                             WORDS_DEPTH_MAX);
        const int r = expand_braces(s, ret, err);
        s->depth--;
        return r;
    }
    const struct view name = take_name(s);
    if (name.size == 0) {
        str_add_char(ret, '$');
        return 0;
    }
    const char *value = lookup(s, name);
    str_add_text(ret, value ? value : "");
    return 0;
}

static int expand_all(const struct words *w, struct view text, struct sink *k, struct error *err)
{
    struct scan s = {.w = w, .in = text, .steps = WORDS_STEPS_MAX};
    const int r = expand_until(&s, '\0', false, k, err);

    return r < 0 ? error_wrap(err, r, "expand '%.*s'", (int)MIN(text.size, 80u), text.at) : 0;
}

int words_expand(const struct words *w, struct view text, struct str *ret, struct error *err)
{
    SINK_AUTO(k);
    const int r = expand_all(w, text, &k, err);

    if (r == 0)
        str_add(ret, str_view(&k.text));
    return r;
}

int words_split(const struct words *w, struct view text, struct strings *ret, struct error *err)
{
    CLEANUP(strings_done) struct strings list = {0};
    SINK_AUTO(k);

    k.list = &list;
    const int r = expand_all(w, text, &k, err);
    for (size_t i = 0; r == 0 && i < list.size; i++)
        strings_take(ret, list.at[i]);
    if (r == 0)
        list.size = 0;
    return r;
}
