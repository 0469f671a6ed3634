#include "image/annotation.h"

#include <errno.h>

#include "base/text.h"

static const struct {
    const char *name;
    enum annotation_place place;
    bool of_platform;
} places[] = {
    {"manifest", ANNOTATE_MANIFEST, true},
    {"manifest-descriptor", ANNOTATE_MANIFEST_DESCRIPTOR, true},
    {"index", ANNOTATE_INDEX, false},
    {"index-descriptor", ANNOTATE_INDEX_DESCRIPTOR, false},
};

void annotations_done(struct annotations *a)
{
    vec_each (item, a) {
        free(item->key);
        free(item->value);
    }
    vec_done(a);
}

void annotations_add_all(struct annotations *a, const struct annotations *from)
{
    vec_each (item, from) {
        struct annotation copy = *item;

        copy.key = xstrdup(item->key);
        copy.value = xstrdup(item->value);
        vec_push(a, copy);
    }
}

/* "linux/arm64]" behind the bracket. */
static int read_platform(struct view text, struct annotation *ret, struct error *err)
{
    if (text.size < 2 || text.at[text.size - 1] != ']')
        return error_set(err, -EINVAL, "the platform of an annotation stands in [ and ]");
    cleanup_free char *platform = view_dup(view_make(text.at, text.size - 1));
    const int r = platform_parse(platform, &ret->platform, err);

    ret->has_platform = r == 0;
    return r;
}

/* "manifest-descriptor[linux/amd64]"; nothing is the manifest. */
static int read_place(struct view text, struct annotation *ret, struct error *err)
{
    const char *bracket = text.size ? memchr(text.at, '[', text.size) : NULL;
    const struct view name = bracket ? view_make(text.at, (size_t)(bracket - text.at)) : text;
    struct text_nearest near = text_nearest_to(name);

    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        text_nearest_try(&near, places[i].name);
        if (!(name.size == 0 && i == 0) && !view_eq_text(name, places[i].name))
            continue;
        ret->place = places[i].place;
        if (bracket && !places[i].of_platform)
            return error_set(err, -EINVAL, "an annotation of the %s has no platform",
                             places[i].name);
        return bracket ? read_platform(view_make(bracket + 1, text.size - name.size - 1), ret, err)
                       : 0;
    }
    (void)error_set(err, -EINVAL, "there is no place '%.*s' for annotations",
                    (int)MIN(name.size, 40), name.at);
    return near.best ? error_hint(err, -EINVAL, "did you mean '%s'?", near.best)
                     : error_hint(err, -EINVAL,
                                  "places: manifest, manifest-descriptor, index, index-descriptor");
}

static int add(struct annotations *a, struct annotation what, struct view key, struct view value,
               struct error *err)
{
    if (key.size == 0 || key.size > ANNOTATION_KEY_MAX)
        return error_set(err, -EINVAL, "the key of an annotation has 1 to %d bytes",
                         ANNOTATION_KEY_MAX);
    for (size_t i = 0; i < key.size; i++)
        if (key.at[i] <= ' ' || key.at[i] > '~')
            return error_set(err, -EINVAL,
                             "the key of an annotation is plain ASCII without blanks");
    what.key = view_dup(key);
    what.value = view_dup(value);
    vec_push(a, what);
    return 0;
}

int annotations_add_text(struct annotations *a, const char *text, struct error *err)
{
    const char *equals = strchr(text, '=');
    struct view where = view_make("", 0), one;

    if (!equals)
        return error_hint(err, error_set(err, -EINVAL, "annotation '%.80s' has no '='", text),
                          "write it as in --annotation KEY=VALUE");
    struct view key = view_make(text, (size_t)(equals - text));
    const char *colon = memchr(key.at, ':', key.size);
    if (colon) {
        where = view_make(key.at, (size_t)(colon - key.at));
        key = view_make(colon + 1, key.size - where.size - 1);
    }
    while (view_cut(&where, ',', &one)) {
        struct annotation what = {0};
        int r = read_place(one, &what, err);

        if (r == 0)
            r = add(a, what, key, view_of(equals + 1), err);
        if (r < 0)
            return error_wrap(err, r, "annotation '%.120s'", text);
    }
    return 0;
}

int annotations_add_key(struct annotations *a, const char *key, const char *value,
                        struct error *err)
{
    static const char word[] = "annotation";
    const size_t size = strlen(word);
    struct annotation what = {0};

    if (strncmp(key, word, size) != 0 || !key[size] || !strchr("-[.", key[size]))
        return 0;
    const char *at = key + size + (key[size] == '-');
    /* a platform has no dot in it, and keys have brackets nowhere before their first one */
    const char *dot = strchr(at, '.');
    if (!dot)
        return error_set(err, -EINVAL, "'%.80s' has no key behind a dot", key);
    int r = read_place(view_make(at, (size_t)(dot - at)), &what, err);
    if (r == 0)
        r = add(a, what, view_of(dot + 1), view_of(value), err);
    return r < 0 ? r : 1;
}

bool annotations_have(const struct annotations *a, enum annotation_place place)
{
    vec_each (item, a) {
        if (item->place == place)
            return true;
    }
    return false;
}

void annotations_set(const struct annotations *a, enum annotation_place place,
                     const struct platform *platform, json_t **to)
{
    vec_each (item, a) {
        if (item->place != place ||
            (platform && item->has_platform && !platform_eq(platform, &item->platform)))
            continue;
        if (!*to)
            *to = json_object();
        doc_set_text(*to, item->key, item->value);
    }
}
