#include <errno.h>

#include "distro/apt.h"
#include "distro/control.h"

static void source_done(struct apt_source *s)
{
    free(s->uri);
    free(s->suite);
    free(s->key);
    strings_done(&s->components);
    strings_done(&s->keyrings);
}

void apt_sources_done(struct apt_sources *s)
{
    vec_each (item, s)
        source_done(item);
    vec_done(s);
}

struct apt_source *apt_sources_add(struct apt_sources *s, const char *uri, const char *suite)
{
    size_t n = strlen(uri);

    while (n > 1 && uri[n - 1] == '/')
        n--;
    vec_push(s, (struct apt_source){.uri = xstrndup(uri, n), .suite = xstrdup(suite)});
    return vec_last(s);
}

/* What a line or a paragraph says, before it is multiplied out. */
struct draft {
    struct strings uris, suites, components, keyrings;
    char *key;
    enum apt_answer trusted, check_valid_until, check_date;
    bool enabled, binary, here; /* here: for this architecture */
};

static void draft_done(struct draft *d)
{
    strings_done(&d->uris);
    strings_done(&d->suites);
    strings_done(&d->components);
    strings_done(&d->keyrings);
    free(d->key);
}
#define DRAFT_AUTO(name)                                                                           \
    CLEANUP(draft_done) struct draft name = {.enabled = true, .binary = true, .here = true}

static void add_words(struct strings *list, struct view value, char separator)
{
    struct view word, part;

    while (control_word(&value, &word))
        while (view_cut(&word, separator, &part))
            if (part.size)
                strings_take(list, view_dup(part));
}

static enum apt_answer answer(struct view value)
{
    return view_eq_nocase(value, "no") || view_eq_nocase(value, "false") || view_eq_text(value, "0")
               ? APT_NO
               : APT_YES;
}

static void set_architectures(struct draft *d, struct view value, const char *architecture)
{
    struct strings list = {0};

    add_words(&list, value, ',');
    d->here = false;
    vec_each (a, &list)
        d->here |= strcmp(*a, architecture) == 0;
    strings_done(&list);
}

/* Paths; or a key block; fingerprints restrict what the default keyrings may sign and are left to
 * them. */
static void set_signed_by(struct draft *d, struct view value)
{
    struct strings list = {0};

    if (memmem(value.at, value.size, "-----BEGIN", 10)) {
        free(d->key);
        d->key = view_dup(value);
        return;
    }
    add_words(&list, value, ',');
    vec_each (item, &list)
        if ((*item)[0] == '/')
            strings_add(&d->keyrings, *item);
    strings_done(&list);
}

/* Options have one meaning in both forms, under the names of either. */
static void set_option(struct draft *d, struct view name, struct view value,
                       const char *architecture)
{
    if (view_eq_nocase(name, "signed-by"))
        set_signed_by(d, value);
    else if (view_eq_nocase(name, "trusted"))
        d->trusted = answer(value);
    else if (view_eq_nocase(name, "check-valid-until"))
        d->check_valid_until = answer(value);
    else if (view_eq_nocase(name, "check-date"))
        d->check_date = answer(value);
    else if (view_eq_nocase(name, "arch") || view_eq_nocase(name, "architectures"))
        set_architectures(d, value, architecture);
}

static int multiply(struct apt_sources *s, const struct draft *d, const char *what,
                    struct error *err)
{
    if (!d->enabled || !d->binary || !d->here)
        return 0;
    vec_each (uri, &d->uris)
        vec_each (suite, &d->suites) {
            if (s->size >= APT_SOURCES_MAX)
                return error_set(err, -EDQUOT, "%s: more than %d sources", what, APT_SOURCES_MAX);
            struct apt_source *n = apt_sources_add(s, *uri, *suite);

            vec_each (c, &d->components)
                strings_add(&n->components, *c);
            vec_each (k, &d->keyrings)
                strings_add(&n->keyrings, *k);
            n->key = d->key ? xstrdup(d->key) : NULL;
            n->trusted = d->trusted;
            n->check_valid_until = d->check_valid_until;
            n->check_date = d->check_date;
        }
    return 0;
}

/* "[signed-by=/a arch=amd64,i386]" at the begin of rest. */
static bool line_options(struct draft *d, struct view *rest, const char *architecture)
{
    struct view all, option, name;

    *rest = view_trim(*rest);
    if (!view_starts(*rest, "["))
        return true;
    const char *end = memchr(rest->at, ']', rest->size);
    if (!end)
        return false;
    all = view_make(rest->at + 1, (size_t)(end - rest->at - 1));
    *rest = view_make(end + 1, rest->size - (size_t)(end + 1 - rest->at));
    while (control_word(&all, &option))
        if (view_cut(&option, '=', &name) && option.at)
            set_option(d, name, option, architecture);
    return true;
}

static int parse_line(struct apt_sources *s, struct view line, const char *what,
                      const char *architecture, struct error *err)
{
    DRAFT_AUTO(d);
    struct view type, uri, suite;

    if (!control_word(&line, &type))
        return 0;
    d.binary = view_eq_text(type, "deb");
    if (!d.binary && !view_eq_text(type, "deb-src"))
        return error_set(err, -EINVAL, "'%.*s' is neither deb nor deb-src", (int)MIN(type.size, 40),
                         type.at);
    if (!line_options(&d, &line, architecture))
        return error_set(err, -EINVAL, "'[' is not closed");
    if (!control_word(&line, &uri) || !control_word(&line, &suite))
        return error_set(err, -EINVAL, "uri or suite is missing");
    strings_take(&d.uris, view_dup(uri));
    strings_take(&d.suites, view_dup(suite));
    add_words(&d.components, line, ' ');
    return multiply(s, &d, what, err);
}

int apt_sources_parse_list(struct apt_sources *s, struct view text, const char *what,
                           const char *architecture, struct error *err)
{
    struct view line;

    for (unsigned number = 1; view_cut(&text, '\n', &line); number++) {
        const char *comment = line.size ? memchr(line.at, '#', line.size) : NULL;

        if (comment)
            line.size = (size_t)(comment - line.at);
        const int r = parse_line(s, line, what, architecture, err);
        if (r < 0)
            return error_at(err, r, "%s:%u", what, number);
    }
    return 0;
}

static int parse_stanza(struct apt_sources *s, struct view stanza, const char *what,
                        const char *architecture, struct error *err)
{
    DRAFT_AUTO(d);
    struct view name, value;
    struct strings types = {0};
    int r;

    while ((r = control_field(&stanza, &name, &value, err)) > 0) {
        if (view_eq_nocase(name, "Types"))
            add_words(&types, value, ' ');
        else if (view_eq_nocase(name, "URIs"))
            add_words(&d.uris, value, ' ');
        else if (view_eq_nocase(name, "Suites"))
            add_words(&d.suites, value, ' ');
        else if (view_eq_nocase(name, "Components"))
            add_words(&d.components, value, ' ');
        else if (view_eq_nocase(name, "Enabled"))
            d.enabled = answer(value) == APT_YES;
        else
            set_option(&d, name, value, architecture);
    }
    const bool any = d.uris.size || d.suites.size || types.size;
    d.binary = false;
    vec_each (t, &types)
        d.binary |= strcmp(*t, "deb") == 0;
    strings_done(&types);
    if (r < 0)
        return error_at(err, r, "%s", what);
    if (!any)
        return 0; /* a paragraph of comments */
    if (!d.uris.size || !d.suites.size)
        return error_set(err, -EINVAL, "%s: a paragraph lacks URIs or Suites", what);
    return multiply(s, &d, what, err);
}

int apt_sources_parse_deb822(struct apt_sources *s, struct view text, const char *what,
                             const char *architecture, struct error *err)
{
    struct view stanza;

    while (control_paragraph(&text, &stanza)) {
        const int r = parse_stanza(s, stanza, what, architecture, err);

        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- the release wanted ---- */

/* What stands behind the release's name: "", "-updates", "/updates", "-security". NULL: no Debian
 * suite that belongs into a base image (backports, proposed updates, other names). */
static const char *suite_tail(const char *suite, size_t *ret_name)
{
    static const char *const tails[] = {"", "-updates", "-security", "/updates"};

    *ret_name = strcspn(suite, "-/");
    for (size_t i = 0; i < ARRAY_SIZE(tails); i++)
        if (strcmp(suite + *ret_name, tails[i]) == 0)
            return tails[i];
    return NULL;
}

static void add_like(struct apt_sources *ret, const struct apt_source *s, const char *suite)
{
    struct apt_source *n = apt_sources_add(ret, s->uri, suite);

    vec_each (c, &s->components)
        strings_add(&n->components, *c);
    vec_each (k, &s->keyrings)
        strings_add(&n->keyrings, *k);
    n->key = s->key ? xstrdup(s->key) : NULL;
    n->trusted = s->trusted;
    n->check_valid_until = s->check_valid_until;
    n->check_date = s->check_date;
}

/* A mirror of Debian says so in its path; other vendors' archives have other names. */
static bool is_debian(const struct apt_source *s)
{
    return strstr(s->uri, "/debian") != NULL;
}

static bool have(const struct apt_sources *s, const char *uri, const char *suite)
{
    vec_each (item, s)
        if (strcmp(item->uri, uri) == 0 && strcmp(item->suite, suite) == 0)
            return true;
    return false;
}

void apt_sources_for(const struct apt_sources *machine_sources, const char *suite,
                     struct apt_sources *ret)
{
    const size_t n = strlen(suite);
    const bool rolling = strcmp(suite, "sid") == 0 || strcmp(suite, "unstable") == 0;
    size_t name;

    vec_each (s, machine_sources)
        if (strncmp(s->suite, suite, n) == 0 && suite_tail(s->suite, &name) && name == n)
            add_like(ret, s, s->suite);
    if (ret->size > 0)
        return;
    vec_each (s, machine_sources) {
        const char *tail = suite_tail(s->suite, &name);

        if (!tail || !is_debian(s) || (rolling && tail[0]))
            continue;
        cleanup_free char *other = xasprintf("%s%s", suite, tail);
        if (!have(ret, s->uri, other))
            add_like(ret, s, other);
        vec_last(ret)->guessed = true;
    }
}
