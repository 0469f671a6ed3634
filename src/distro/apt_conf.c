#include "distro/apt.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>

#include "base/fd.h"

void apt_conf_done(struct apt_conf *c)
{
    map_each (item, &c->values)
        free(item->value);
    map_done(&c->values);
}

struct lexer {
    struct apt_conf *conf;
    struct view rest;
    const char *what;
    unsigned line, depth;
};

static int complain(const struct lexer *l, struct error *err, const char *text)
{
    error_set(err, -EINVAL, "%s", text);
    return error_at(err, -EINVAL, "%s:%u", l->what, l->line);
}

static void skip(struct lexer *l, size_t n)
{
    for (size_t i = 0; i < n; i++)
        l->line += l->rest.at[i] == '\n';
    l->rest = view_make(l->rest.at + n, l->rest.size - n);
}

static bool begins(const struct lexer *l, const char *text)
{
    return view_starts(l->rest, text);
}

static void skip_line(struct lexer *l)
{
    const char *end = memchr(l->rest.at, '\n', l->rest.size);

    skip(l, end ? (size_t)(end - l->rest.at) : l->rest.size);
}

/* Blanks and comments; '#' begins one too, unless it is a directive. */
static void skip_blank(struct lexer *l)
{
    while (l->rest.size > 0) {
        if (isspace((unsigned char)l->rest.at[0])) {
            skip(l, 1);
        } else if (begins(l, "/*")) {
            const char *end = memmem(l->rest.at, l->rest.size, "*/", 2);

            skip(l, end ? (size_t)(end + 2 - l->rest.at) : l->rest.size);
        } else if (begins(l, "//") ||
                   (begins(l, "#") && !begins(l, "#clear") && !begins(l, "#include"))) {
            skip_line(l);
        } else {
            return;
        }
    }
}

/* A bare word or a quoted one: 1, or 0 when neither stands here. */
static int take_word(struct lexer *l, struct view *ret, struct error *err)
{
    size_t n = 0;

    if (begins(l, "\"")) {
        const char *end = memchr(l->rest.at + 1, '"', l->rest.size - 1);

        if (!end || memchr(l->rest.at, '\n', (size_t)(end - l->rest.at)))
            return complain(l, err, "a quoted text has no end on its line");
        *ret = view_make(l->rest.at + 1, (size_t)(end - l->rest.at - 1));
        skip(l, ret->size + 2);
        return 1;
    }
    while (n < l->rest.size && !isspace((unsigned char)l->rest.at[n]) && l->rest.at[n] &&
           !strchr("{};\"", l->rest.at[n]))
        n++;
    *ret = view_make(l->rest.at, n);
    skip(l, n);
    return n > 0;
}

static void set_value(struct apt_conf *c, const char *name, struct view value)
{
    const struct view key = view_of(name);

    free(map_get(&c->values, key));
    map_set(&c->values, key, view_dup(value));
}

/* Takes a name away with all below it. Removal is setting NULL: the map has no other. */
static void clear_name(struct apt_conf *c, const char *name)
{
    const size_t n = strlen(name);

    map_each (item, &c->values) {
        if (item->key.size < n || memcmp(item->key.at, name, n) != 0 ||
            (item->key.size > n && item->key.at[n] != ':'))
            continue;
        free(item->value);
        item->value = NULL;
    }
}

/* prefix::word in lower case, the "::" of list items cut. */
static char *full_name(const char *prefix, struct view word)
{
    STR_AUTO(name);

    str_add_text(&name, prefix);
    while (word.size >= 2 && memcmp(word.at + word.size - 2, "::", 2) == 0)
        word.size -= 2;
    if (name.size && word.size)
        str_add_text(&name, "::");
    for (size_t i = 0; i < word.size; i++)
        str_add_char(&name, (char)tolower((unsigned char)word.at[i]));
    return str_take(&name);
}

static int parse_block(struct lexer *l, const char *prefix, struct error *err);

static int include_file(struct lexer *l, struct view path, struct error *err)
{
    cleanup_free char *name = view_dup(path);
    STR_AUTO(text);

    if (l->depth >= APT_DEPTH_MAX)
        return complain(l, err, "#include nested too deep");
    if (name[0] != '/')
        return complain(l, err, "#include wants an absolute path");
    int r = fd_read_file(AT_FDCWD, name, APT_FILE_MAX, &text, err);
    if (r < 0)
        return r;
    struct lexer inner = {l->conf, str_view(&text), name, 1, l->depth + 1};
    return parse_block(&inner, "", err);
}

/* "#clear A::B;" and "#include "/path";" */
static int directive(struct lexer *l, const char *prefix, struct error *err)
{
    struct view word, value;
    int r = take_word(l, &word, err);

    if (r < 0)
        return r;
    skip_blank(l);
    r = take_word(l, &value, err);
    if (r <= 0)
        return r < 0 ? r : complain(l, err, "the directive lacks its argument");
    skip_blank(l);
    if (begins(l, ";"))
        skip(l, 1);
    if (view_eq_text(word, "#include"))
        return include_file(l, value, err);
    cleanup_free char *name = full_name(prefix, value);
    clear_name(l->conf, name);
    return 0;
}

/* name "value"; | name { ... }; | "item"; | name; */
static int statement(struct lexer *l, const char *prefix, struct error *err)
{
    struct view word, value;
    const bool item = begins(l, "\"");
    int r = take_word(l, &word, err);

    if (r <= 0)
        return r < 0 ? r : complain(l, err, "a setting's name was expected");
    cleanup_free char *name = full_name(prefix, item ? VIEW("") : word);
    if (item)
        set_value(l->conf, name, word);
    skip_blank(l);
    while (!item && begins(l, "\"")) {
        r = take_word(l, &value, err);
        if (r < 0)
            return r;
        set_value(l->conf, name, value);
        skip_blank(l);
    }
    if (begins(l, "{")) {
        if (l->depth >= APT_DEPTH_MAX)
            return complain(l, err, "braces nested too deep");
        skip(l, 1);
        l->depth++;
        r = parse_block(l, name, err);
        l->depth--;
        if (r < 0)
            return r;
        if (!begins(l, "}"))
            return complain(l, err, "a brace is not closed");
        skip(l, 1);
    } else if (!item && !begins(l, ";") && !begins(l, "}") && take_word(l, &value, err) > 0) {
        set_value(l->conf, name, value); /* a value without quotes */
    }
    skip_blank(l);
    if (begins(l, ";"))
        skip(l, 1);
    return 0;
}

/* Up to the end of the text, or to the '}' of this block, which stays. */
static int parse_block(struct lexer *l, const char *prefix, struct error *err)
{
    for (;;) {
        int r;

        skip_blank(l);
        if (l->rest.size == 0 || begins(l, "}"))
            return 0;
        if (begins(l, ";")) {
            skip(l, 1);
            continue;
        }
        r = begins(l, "#") ? directive(l, prefix, err) : statement(l, prefix, err);
        if (r < 0)
            return r;
    }
}

int apt_conf_parse(struct apt_conf *c, struct view text, const char *what, struct error *err)
{
    struct lexer l = {c, text, what, 1, 0};
    const int r = parse_block(&l, "", err);

    if (r == 0 && l.rest.size > 0)
        return complain(&l, err, "a closing brace has no opening one");
    return r;
}

const char *apt_conf_get(const struct apt_conf *c, const char *name)
{
    cleanup_free char *key = full_name("", view_of(name));

    return map_get(&c->values, view_of(key));
}

bool apt_conf_bool(const struct apt_conf *c, const char *name, bool otherwise)
{
    static const char *const yes[] = {"yes", "true", "with", "on", "enable", "1"};
    static const char *const no[] = {"no", "false", "without", "off", "disable", "0"};
    const char *value = apt_conf_get(c, name);

    for (size_t i = 0; value && i < ARRAY_SIZE(yes); i++) {
        if (strcasecmp(value, yes[i]) == 0)
            return true;
        if (strcasecmp(value, no[i]) == 0)
            return false;
    }
    return otherwise;
}

const char *apt_conf_proxy(const struct apt_conf *c, const char *url)
{
    const size_t scheme = strcspn(url, ":");
    const char *host = strncmp(url + scheme, "://", 3) == 0 ? url + scheme + 3 : "";
    const char *at = memchr(host, '@', strcspn(host, "/"));

    if (at)
        host = at + 1;
    cleanup_free char *general = xasprintf("Acquire::%.*s::Proxy", (int)scheme, url);
    cleanup_free char *exact = xasprintf("%s::%.*s", general, (int)strcspn(host, ":/"), host);
    const char *value = apt_conf_get(c, exact);

    if (!value)
        value = apt_conf_get(c, general);
    if (!value && strncmp(url, "https:", 6) == 0)
        value = apt_conf_get(c, "Acquire::http::Proxy"); /* as apt does */
    if (value && (strcasecmp(value, "DIRECT") == 0 || !value[0]))
        return "";
    return value;
}
