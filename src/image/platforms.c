/* Images of several platforms in the store: one record a platform. The record that has the name lists the others, whose
 * names are "<name> <platform>", which is no reference, so nothing else is ever called so. */
#include <errno.h>

#include "image/internal.h"

#define KEY "platforms"

static char *record_name(const char *canonical, const char *platform)
{
    return xasprintf("%s %s", canonical, platform);
}

const char *image_name_platform(const char *name)
{
    const char *blank = name ? strchr(name, ' ') : NULL;

    return blank ? blank + 1 : NULL;
}

static const json_t *others_of(const struct store_image *record)
{
    return json_object_get(record->extra, KEY);
}

void image_other_names(const struct store_image *record, struct strings *ret)
{
    const json_t *list = others_of(record);

    for (size_t i = 0; record->name && i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (text)
            strings_take(ret, record_name(record->name, text));
    }
}

static bool is_listed(const json_t *list, const json_t *text)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_equal(json_array_get(list, i), text))
            return true;
    return false;
}

int image_forget_others(struct image_tools *t, const char *canonical, const json_t *keep,
                        struct error *err)
{
    struct store_image old = {0};
    int r = store_image_get(t->store, canonical, &old, NULL);
    const json_t *list = others_of(&old);

    r = 0; /* what is not there, or broken, has no others */
    for (size_t i = 0; r == 0 && i < json_array_size(list); i++) {
        const json_t *text = json_array_get(list, i);
        if (!json_is_string(text) || is_listed(keep, text))
            continue;
        cleanup_free char *name = record_name(canonical, json_string_value(text));
        r = store_image_remove(t->store, name, NULL, err);
        r = r == -ENOENT ? 0 : r;
    }
    store_image_done(&old);
    return r;
}

/* Under a name that is no reference. */
static int save_other(struct image_tools *t, struct image *i, const char *canonical,
                      struct error *err)
{
    char text[PLATFORM_TEXT_MAX];

    free(i->record.name);
    i->record.name = record_name(canonical, platform_format(&i->config.platform, text));
    return store_image_put(t->store, &i->record, err);
}

static size_t main_image(struct image *const *images, size_t count)
{
    const struct platform host = platform_host();

    for (size_t i = 0; i < count; i++)
        if (platform_eq(&images[i]->config.platform, &host))
            return i;
    return 0;
}

static void list_others(struct image *const *images, size_t count, size_t first)
{
    struct store_image *record = &images[first]->record;
    json_t *list = json_array();
    char text[PLATFORM_TEXT_MAX];

    for (size_t i = 0; i < count; i++)
        if (i != first)
            doc_push(list, doc_new_text(platform_format(&images[i]->config.platform, text)));
    if (!record->extra)
        record->extra = json_object();
    doc_set(record->extra, KEY, list);
}

int image_save_all(struct image_tools *t, struct image *const *images, size_t count,
                   const char *name, struct error *err)
{
    const size_t first = main_image(images, count);
    cleanup_free char *canonical = NULL;
    int r = name ? image_name_canonical(name, &canonical, err) : 0;

    if (r == 0 && name && count > 1)
        list_others(images, count, first);
    for (size_t i = 0; r == 0 && i < count; i++) {
        if (i == first)
            continue; /* last: whoever finds the name finds the others */
        r = name ? save_other(t, images[i], canonical, err) : image_save(t, images[i], NULL, err);
    }
    return r < 0 ? r : image_save(t, images[first], name, err);
}

/* ---- finding one ---- */

static int no_such_platform(const struct image *i, const char *name, const struct platform *p,
                            struct error *err)
{
    const json_t *list = others_of(&i->record);
    char text[PLATFORM_TEXT_MAX];
    STR_AUTO(have);

    error_set(err, -ENOENT, "image '%.120s' is not there for %s", name, platform_format(p, text));
    str_add_text(&have, platform_format(&i->config.platform, text));
    for (size_t n = 0; n < json_array_size(list); n++)
        str_printf(&have, ", %s", json_string_value(json_array_get(list, n)));
    return error_hint(err, -ENOENT, "it is there for %s", have.at);
}

int image_open_for(struct image_tools *t, const char *name, const struct platform *p,
                   struct image **ret, struct error *err)
{
    CLEANUP(image_freep) struct image *i = NULL;
    CLEANUP(strings_done) struct strings names = {0};
    int r = image_open(t, name, &i, err);

    if (r < 0)
        return r;
    if (!p || platform_rank(p, &i->config.platform) == 0) {
        *ret = steal(i);
        return 0;
    }
    image_other_names(&i->record, &names);
    for (size_t n = 0; n < names.size; n++) {
        struct platform other;
        if (platform_parse(image_name_platform(names.at[n]), &other, NULL) < 0 ||
            platform_rank(p, &other) != 0)
            continue;
        r = image_open_record(t, names.at[n], ret, err);
        return r;
    }
    if (platform_rank(p, &i->config.platform) < 0)
        return no_such_platform(i, name, p, err);
    *ret = steal(i);
    return 0;
}

void images_free(struct image **images, size_t count)
{
    for (size_t i = 0; images && i < count; i++)
        image_free(images[i]);
    free(images);
}

int image_open_all(struct image_tools *t, const char *name, struct image ***ret, size_t *ret_count,
                   struct error *err)
{
    CLEANUP(image_freep) struct image *first = NULL;
    CLEANUP(strings_done) struct strings names = {0};
    int r = image_open(t, name, &first, err);

    if (r < 0)
        return r;
    image_other_names(&first->record, &names);
    struct image **all = xcalloc(names.size + 2, sizeof(struct image *));
    size_t count = 0;
    all[count++] = steal(first);
    for (size_t n = 0; r == 0 && n < names.size; n++) {
        r = image_open_record(t, names.at[n], &all[count], err);
        count += r == 0;
    }
    if (r < 0) {
        images_free(all, count);
        return r;
    }
    *ret = all;
    *ret_count = count;
    return 0;
}
