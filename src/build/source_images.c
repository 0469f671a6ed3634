#include "build/source_images.h"

#include <assert.h>
#include <errno.h>

#include "base/map.h"
#include "image/guard.h"
#include "image/load.h"
#include "oci/platform.h"
#include "oci/reference.h"

/* An image that was asked for, with all that its answer borrows. */
struct found_image {
    struct source_image answer;
    struct image *image;        /* of the store, or once loaded; NULL while it is elsewhere only */
    char *layout, *tag;         /* where to load it from */
    struct reference reference; /* or the registry's image, by digest; host NULL: none */
    char *name;                 /* of it in the store; NULL: by digest alone it has none */
    struct image_origin from;   /* of an image that is elsewhere */
    struct image_config config; /* of an image that is elsewhere */
    struct digest *trees;
};

struct source_images {
    struct image_tools *tools;
    enum build_pull pull;
    struct map images; /* platform and name -> struct found_image * */
};

static void found_free(struct found_image *f)
{
    if (!f)
        return;
    image_free(f->image);
    config_done(&f->config);
    free(f->layout);
    free(f->tag);
    free(f->name);
    reference_done(&f->reference);
    image_origin_done(&f->from);
    free(f->trees);
    free(f);
}
DEFINE_CLEANUP(struct found_image *, found_free)

struct source_images *source_images_new(struct image_tools *tools, enum build_pull pull)
{
    struct source_images *s = xcalloc(1, sizeof(*s));

    s->tools = tools;
    s->pull = pull;
    return s;
}

void source_images_free(struct source_images *s)
{
    if (!s)
        return;
    map_each (item, &s->images)
        found_free(item->value);
    map_done(&s->images);
    free(s);
}

static void take_trees(struct found_image *f)
{
    const struct store_image *record = &f->image->record;

    f->trees = xcalloc(record->layers.size + 1, sizeof(*f->trees));
    for (size_t i = 0; i < record->layers.size; i++)
        f->trees[i] = record->layers.at[i].tree;
    f->answer.layer_count = record->layers.size;
    f->answer.layers = f->trees;
}

/* ---- in the store ---- */

/* Where there is none for the platform, the one that has the name: the front end warns, as BuildKit does. */
static int open_in_store(struct source_images *s, const char *name, const struct platform *platform,
                         struct image **ret, struct error *err)
{
    if (image_open_for(s->tools, name, platform, ret, NULL) == 0)
        return 0;
    return image_open(s->tools, name, ret, err);
}

static int find_in_store(struct source_images *s, const char *name, const struct platform *platform,
                         struct found_image **ret, struct error *err)
{
    CLEANUP(found_freep) struct found_image *f = xcalloc(1, sizeof(*f));
    int r = open_in_store(s, name, platform, &f->image, err);

    if (r == 0)
        r = guard_present(s->tools->env, f->image, name, err);
    if (r < 0)
        return r;
    f->answer.id = f->image->record.id;
    const char *manifest = json_string_value(json_object_get(f->image->record.extra, "manifest"));
    if (manifest)
        digest_of(view_of(manifest), &f->answer.manifest);
    f->answer.config = &f->image->config;
    /* as it was known while it was in its registry only: what was built on it then stays known */
    f->answer.packed = manifest && f->image->config.diff_ids.size == f->image->record.layers.size;
    take_trees(f);
    *ret = steal(f);
    return 0;
}

/* ---- in a layout or a registry ---- */

/* The key under which the trees of a layout's image are remembered, by its configuration. */
static void layout_key(const struct digest *config, struct digest *ret)
{
    struct hash h;

    hash_init(&h);
    hash_add_field(&h, VIEW("trees of image configuration"));
    hash_add(&h, config->sha256, sizeof(config->sha256));
    hash_done(&h, ret->sha256);
}

static int recall_trees(struct source_images *s, struct found_image *f, struct error *err)
{
    const size_t count = f->config.diff_ids.size;
    struct digest key;
    STR_AUTO(value);

    layout_key(&f->answer.id, &key);
    const int r = cache_get(s->tools->cache, &key, &value, err);
    if (r > 0 && value.size == count * sizeof(struct digest)) {
        f->trees = xmemdup(value.at, value.size + 1);
        f->answer.layers = f->trees;
    }
    f->answer.layer_count = count;
    return r < 0 ? r : 0;
}

/* "/srv/base", "/srv/base:tag", "/srv/base@sha256:...", and both, when the digest decides. */
static void split_layout(const char *text, char **ret_path, char **ret_tag)
{
    const char *at = strstr(text, "@sha256:");
    const char *slash = strrchr(text, '/');
    const char *colon = strchr(slash ? slash : text, ':');
    const char *end = at && (!colon || at < colon) ? at : colon;

    *ret_path = end ? xstrndup(text, (size_t)(end - text)) : xstrdup(text);
    *ret_tag = end ? xstrdup((at ? at : colon) + 1) : NULL;
}

/* What the policy is asked about a layout; a registry's image it was asked about before. */
static int ask_policy(struct source_images *s, struct found_image *f,
                      const struct image_source_image *found, struct error *err)
{
    const struct strings no_names = {0};

    if (!f->layout) {
        image_origin_of_reference(&f->from, &f->reference, &found->root);
        image_origin_set_image(&f->from, str_view(&found->manifest));
        return 0;
    }
    image_origin_of_file(&f->from, "oci", f->layout, f->tag, &found->root);
    image_origin_set_image(&f->from, str_view(&found->manifest));
    return guard_arriving(s->tools->env, &f->from, false, &no_names, err);
}

/* What it is, without its layers. */
static int read_source(struct source_images *s, struct found_image *f,
                       const struct platform *platform, struct error *err)
{
    CLEANUP(image_source_closep) struct image_source *source = NULL;
    struct image_source_image found = {.config = STR_INIT, .manifest = STR_INIT};
    const struct image_spool none = {.dir_fd = -1};
    size_t number = 0;
    int r = f->layout ? image_source_open(f->layout, &none, &source, err)
                      : image_source_open_registry(image_wire(s->tools), &f->reference, platform,
                                                   false, &source, err);

    if (r >= 0)
        r = image_source_find(source, f->tag, &number, err);
    if (r >= 0)
        r = image_source_read(source, number, platform, &found, err);
    if (r < 0)
        return r;
    digest_of(str_view(&found.config), &f->answer.id);
    digest_of(str_view(&found.manifest), &f->answer.manifest);
    r = ask_policy(s, f, &found, err);
    if (r >= 0)
        r = config_parse(str_view(&found.config), &f->config, err);
    f->answer.config = &f->config;
    f->answer.packed = true;
    image_source_image_done(&found);
    return r < 0 ? r : recall_trees(s, f, err);
}

static int find_layout(struct source_images *s, const char *text, const struct platform *platform,
                       struct found_image **ret, struct error *err)
{
    CLEANUP(found_freep) struct found_image *f = xcalloc(1, sizeof(*f));

    split_layout(text, &f->layout, &f->tag);
    const int r = read_source(s, f, platform, err);
    if (r < 0)
        return error_wrap(err, r, "read OCI layout '%s'", text);
    *ret = steal(f);
    return 0;
}

/* The image of a name in its registry; its layers are fetched when a step has to run on them. */
static int find_in_registry(struct source_images *s, const char *name,
                            const struct platform *platform, struct found_image **ret,
                            struct error *err)
{
    CLEANUP(found_freep) struct found_image *f = xcalloc(1, sizeof(*f));
    int r = reference_parse(name, &f->reference, err);

    if (r >= 0)
        r = read_source(s, f, platform, err);
    if (r < 0)
        return r;
    /* from now on it is this one, whatever becomes of its tag; one of the store it may be already */
    if (f->reference.tag && !f->reference.has_digest)
        f->name = reference_format(&f->reference);
    f->reference.digest = f->answer.manifest;
    f->reference.has_digest = true;
    *ret = steal(f);
    return 0;
}

static int not_found(const char *name, struct error *why, struct error *err)
{
    const int r = why->code ? why->code : -ENOENT;

    (void)error_set(err, r, "image '%s' is neither in the store nor a named context%s%s", name,
                    why->code ? ": " : "", why->code ? why->text : "");
    if (why->hint)
        (void)error_hint(err, r, "%s", why->hint);
    return error_hint(
        err, r,
        "bring it in with 'cooper pull' or 'cooper load', make one with 'cooper base', or name one "
        "with --build-context %s=oci-layout://DIR:TAG",
        name);
}

/* --pull: the store was not looked into. */
static int not_answered(const char *name, struct error *why, struct error *err)
{
    const int r = error_set(err, why->code, "ask for image '%s': %s", name, why->text);

    return error_hint(err, r, "%s",
                      why->hint ? why->hint : "--pull=missing takes what the store has");
}

static bool is_for(const struct found_image *f, const struct platform *p)
{
    return platform_rank(p, &f->image->config.platform) >= 0;
}

/* The store first, then the registry, as --pull has it. One for another platform is better than none:
 * the front end warns, as BuildKit does. */
static int find_image(struct source_images *s, const char *name, const struct platform *platform,
                      struct found_image **ret, struct error *err)
{
    CLEANUP(found_freep) struct found_image *f = NULL;
    ERROR_AUTO(here);
    ERROR_AUTO(there);
    const bool always = s->pull == BUILD_PULL_ALWAYS && !reference_is_id(name);
    int r = always ? -ENOENT : find_in_store(s, name, platform, &f, &here);

    if (r < 0 && r != -ENOENT)
        return error_move(err, &here);
    const bool ask = s->pull != BUILD_PULL_NEVER && !reference_is_id(name);
    if ((r < 0 || !is_for(f, platform)) && ask) {
        struct found_image *remote = NULL;
        const int asked = find_in_registry(s, name, platform, &remote, &there);
        if (asked >= 0) {
            *ret = remote;
            return 0;
        }
    }
    if (!f)
        return always && there.code ? not_answered(name, &there, err)
                                    : not_found(name, &there, err);
    *ret = steal(f);
    return 0;
}

/* docker-image://scratch: an image without layers, as FROM scratch has it. */
static struct found_image *make_scratch(const struct platform *platform)
{
    struct found_image *f = xcalloc(1, sizeof(*f));

    config_init(&f->config, platform);
    config_set_text(&f->config.workdir, "/");
    f->answer.config = &f->config;
    return f;
}

int source_images_find(struct source_images *s, const char *name, const char *layout,
                       const struct platform *platform, struct graph *g,
                       const struct source_image **ret, struct error *err)
{
    char text[PLATFORM_TEXT_MAX];
    cleanup_free char *key = xasprintf("%s %s", platform_format(platform, text), name);
    struct found_image *f = map_get(&s->images, view_of(key));

    if (!f) {
        int r = 0;
        if (layout)
            r = find_layout(s, layout, platform, &f, err);
        else if (strcmp(name, "scratch") == 0)
            f = make_scratch(platform);
        else
            r = find_image(s, name, platform, &f, err);
        if (r < 0)
            return r;
        assert(f);
        map_set(&s->images, view_of(key), f);
        f->answer.name = arena_strdup(g->arena, name);
        f->answer.origin = f;
    }
    *ret = &f->answer;
    return 0;
}

/* ---- what is asked of one that was found ---- */

static int load_elsewhere(struct image_tools *t, struct found_image *f, struct error *err)
{
    const struct load_options o = {.path = f->layout,
                                   .tag = f->tag,
                                   .reference = f->layout ? NULL : &f->reference,
                                   .allowed = !f->layout, /* when it was found */
                                   .origin = f->layout ? NULL : &f->from,
                                   .name = f->name,
                                   .platform = &f->config.platform,
                                   .unnamed = !f->name};
    struct load_result loaded = {0};
    struct digest key;
    int r = image_load(t, &o, &loaded, err);

    if (r < 0)
        return error_wrap(err, r, "load '%s'", f->answer.name);
    f->image = loaded.at[0];
    loaded.at[0] = NULL;
    load_result_done(&loaded);
    if (!digest_eq(&f->image->record.id, &f->answer.id))
        return error_set(err, -ESTALE, "'%s' became another image while it was built upon",
                         f->answer.name);
    take_trees(f);
    layout_key(&f->answer.id, &key);
    return cache_put(t->cache, &key, view_make(f->trees, f->answer.layer_count * sizeof(*f->trees)),
                     f->trees, f->answer.layer_count, err);
}

int source_image_trees(struct image_tools *t, const struct source_image *image,
                       const struct digest **ret, size_t *ret_count, struct error *err)
{
    struct found_image *f = image->origin;
    int r = 0;

    if (!f->trees && f->config.diff_ids.size)
        r = load_elsewhere(t, f, err);
    *ret = f->trees;
    *ret_count = f->answer.layer_count;
    return r;
}

void source_image_origins(const struct source_image *image, struct image_origins *ret)
{
    const struct found_image *f = image->origin;
    CLEANUP(image_origins_done) struct image_origins own = {0};

    if (f->from.name) {
        image_origins_add(ret, &f->from);
        return;
    }
    image_origins_read(&f->image->record, &own);
    vec_each (o, &own)
        image_origins_add(ret, o);
    if (own.known)
        return;
    /* a record of before that was written down: as far as anybody knows it is what its name says */
    const struct image_origin named = {.transport = (char *)(uintptr_t) "docker",
                                       .name = (char *)(uintptr_t)image->name};
    image_origins_add(ret, &named);
}

const struct store_layer *source_image_layer(const struct source_image *image, size_t layer)
{
    const struct found_image *f = image->origin;

    return f->image && layer < f->image->record.layers.size ? &f->image->record.layers.at[layer]
                                                            : NULL;
}
