#include "cli/lint_stored.h"

#include <sys/stat.h>

#include "image/image.h"
#include "image/origin.h"

struct lint_stored {
    const struct env *env;
    struct image_tools tools;
    bool tried;
    struct map images; /* name -> struct image, or NULL: there is none */
};

struct lint_stored *lint_stored_new(const struct env *env)
{
    struct lint_stored *s = xcalloc(1, sizeof(*s));

    s->env = env;
    return s;
}

void lint_stored_free(struct lint_stored *s)
{
    if (!s)
        return;
    map_each (item, &s->images)
        image_free(item->value);
    map_done(&s->images);
    image_tools_done(&s->tools);
    free(s);
}

/* Opening a store makes what is missing of it. */
static bool store_is_there(const struct env *env)
{
    cleanup_free char *images = env->store_root ? xasprintf("%s/images", env->store_root) : NULL;
    struct stat st;

    return images && stat(images, &st) == 0;
}

static const struct image_config *find(void *ctx, struct view name)
{
    struct lint_stored *s = ctx;
    struct image *image = map_get(&s->images, name);

    if (!s->tried && store_is_there(s->env))
        (void)!image_tools_open_store(s->env, &s->tools, NULL);
    s->tried = true;
    if (s->tools.store && !map_has(&s->images, name)) {
        cleanup_free char *text = view_dup(name);
        if (image_open(&s->tools, text, &image, NULL) < 0)
            image = NULL;
        map_set(&s->images, name, image);
    }
    return image ? &image->config : NULL;
}

/* Of a registry, by this name: an index or a manifest. */
static bool fetched(void *ctx, struct view name, struct digest *ret)
{
    const struct lint_stored *s = ctx;
    CLEANUP(image_origins_done) struct image_origins from = {0};
    cleanup_free char *text = view_dup(name), *full = NULL;

    if (!find(ctx, name) || image_name_canonical(text, &full, NULL) < 0)
        return false;
    const struct image *image = map_get(&s->images, name);
    image_origins_read(&image->record, &from);
    if (!from.known || from.made || from.size == 0 || digest_is_zero(&from.at[0].digest) ||
        strcmp(from.at[0].transport, "docker") != 0 || strcmp(from.at[0].name, full) != 0)
        return false;
    *ret = from.at[0].digest;
    return true;
}

void lint_stored_use(struct lint_stored *s, struct lint_options *o)
{
    o->stored = find;
    o->fetched = fetched;
    o->stored_ctx = s;
}
