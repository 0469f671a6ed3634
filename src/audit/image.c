#include "audit/image.h"

#include <errno.h>
#include <unistd.h>

#include "image/kept.h"
#include "image/origin.h"
#include "image/place.h"

struct audit_image {
    struct image *image;         /* of the store, or NULL */
    struct image_source *source; /* else */
    struct image_source_image of_source;
    struct audit_layers layers;
    struct arena *arena;
    struct image_facts facts;
};

void audit_image_free(struct audit_image *a)
{
    if (!a)
        return;
    audit_layers_done(&a->layers);
    image_source_image_done(&a->of_source);
    image_source_close(a->source);
    image_free(a->image);
    arena_free(a->arena);
    free(a);
}

const struct image_facts *audit_image_facts(const struct audit_image *a)
{
    return &a->facts;
}

int audit_gather(const struct audit_layers *l, const struct image_config *config, struct arena *a,
                 struct image_facts *ret, struct error *err)
{
    struct gathering g = {l, ret, a};

    ret->config = config;
    ret->layer_count = (uint32_t)l->view.count;
    if (config->created)
        (void)!config_time_parse(config->created, &ret->created_s);
    if (l->picks.full)
        ret->incomplete = "more keys and programs than are looked at";
    audit_gather_accounts(&g);
    audit_gather_program(&g);
    return audit_gather_files(&g, err);
}

/* ---- the base ---- */

static const char *step_of(const struct history *h)
{
    return h->created_by ? h->created_by : "";
}

/* FROM hands its history on, so what has another one is no base, though it has the same layers. */
static bool has_history_of(const struct image_config *c, const struct image_config *base)
{
    if (base->history.size >= c->history.size)
        return false;
    for (size_t i = 0; i < base->history.size; i++)
        if (strcmp(step_of(&base->history.at[i]), step_of(&c->history.at[i])) != 0)
            return false;
    return true;
}

static bool begins_with(const struct audit_image *a, const struct store_image *base)
{
    const size_t count = base->layers.size;

    if (count == 0 || count > a->facts.layer_count)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct store_layer *l = &base->layers.at[i];
        if (a->image ? !digest_eq(&l->tree, &a->image->record.layers.at[i].tree)
                     : !digest_eq(&l->diff_id, &a->of_source.parsed.diff_ids.at[i]))
            return false;
    }
    return true;
}

/* The image of the store that this one was most likely started from: of those whose layers and history it begins with
 * the longest. */
static int find_base(struct image_tools *t, struct audit_image *a,
                     const struct image_config *config, struct error *err)
{
    CLEANUP(store_images_done) struct store_images all = {0};
    const int r = store_image_list(t->store, NULL, NULL, &all, err);

    if (r < 0)
        return r;
    vec_each (record, &all) {
        CONFIG_AUTO(base);
        if (!record->name || record->layers.size < a->facts.base_layers ||
            !begins_with(a, record) || config_parse(str_view(&record->config), &base, NULL) < 0 ||
            !has_history_of(config, &base))
            continue;
        cleanup_free char *name = image_name_familiar(record->name);
        a->facts.base = arena_strdup(a->arena, name);
        a->facts.base_layers = (uint32_t)record->layers.size;
    }
    return 0;
}

static bool is_cmd(const struct history *h)
{
    const struct view step = view_of(step_of(h));

    return h->empty_layer &&
           (view_starts(step, "CMD ") || view_starts(step, "/bin/sh -c #(nop)  CMD "));
}

/* A lowest layer that says what distribution it is was not made here. */
static bool is_distribution(const struct index *ix)
{
    return index_find(ix, VIEW("etc/os-release")) || index_find(ix, VIEW("usr/lib/os-release"));
}

/* Bases end with CMD, and this image has steps of its own behind it: the last CMD with a layer of its own behind. */
static void guess_base(struct audit_image *a, const struct image_config *config)
{
    const struct histories *h = &config->history;
    uint32_t layers = 0, guess = 0, after_cmd = 0;

    for (size_t i = 0; i < h->size; i++) {
        layers += !h->at[i].empty_layer;
        if (is_cmd(&h->at[i]))
            after_cmd = layers;
        else if (!h->at[i].empty_layer && after_cmd > 0)
            guess = after_cmd;
    }
    if (guess >= a->facts.layer_count)
        guess = 0;
    if (guess == 0 && a->layers.view.count > 0 &&
        is_distribution(a->layers.view.indexes[a->layers.view.count - 1]))
        guess = 1;
    a->facts.base_layers = guess;
}

/* ---- signatures ---- */

static void read_signed(struct image_tools *t, struct audit_image *a)
{
    CLEANUP(image_origins_done) struct image_origins from = {0};
    CLEANUP(site_closep) struct site *kept = NULL;

    image_origins_read(&a->image->record, &from);
    if (!from.known || from.made || from.size == 0 || digest_is_zero(&from.at[0].digest))
        return;
    const int r = kept_open(t->env, &from.at[0].digest, &kept, NULL);
    a->facts.vouched = r == 0         ? IMAGE_SIGNED_YES
                       : r == -ENOENT ? IMAGE_SIGNED_NO
                                      : IMAGE_SIGNED_UNKNOWN;
}

/* ---- opening ---- */

/* Asked for by that tag, said or not; an id is a better name. */
static bool is_latest(const struct image *i, const char *name)
{
    cleanup_free char *full = NULL;

    return i->record.name && image_name_canonical(name, &full, NULL) == 0 &&
           strcmp(full, i->record.name) == 0 && view_ends(view_of(full), ":latest");
}

static int open_stored(struct image_tools *t, const char *name, const struct platform *platform,
                       struct audit_image *a, struct error *err)
{
    int r = platform ? image_open_for(t, name, platform, &a->image, err)
                     : image_open(t, name, &a->image, err);

    if (r < 0)
        return r;
    a->facts.latest = is_latest(a->image, name);
    read_signed(t, a);
    return audit_layers_of_image(t, a->image, &a->layers, err);
}

static int open_place(struct image_tools *t, const struct place *place,
                      const struct platform *platform, struct audit_image *a, struct error *err)
{
    const struct image_spool spool = {.dir_fd = store_fd(t->store)};
    const struct platform host = platform_host();
    size_t number;

    int r = image_source_open(place->path, &spool, &a->source, err);
    if (r == 0)
        r = image_source_find(a->source, place->tag, &number, err);
    if (r == 0)
        r = image_source_read(a->source, number, platform ? platform : &host, &a->of_source, err);
    return r < 0 ? r : audit_layers_of_source(t, a->source, &a->of_source, &a->layers, err);
}

/* Layer by layer; nothing of it is kept. The policy of this machine is asked as for a pull. */
static int open_registry(struct image_tools *t, const struct reference *ref,
                         const struct platform *platform, struct audit_image *a, struct error *err)
{
    const struct platform host = platform_host();
    const struct platform *p = platform ? platform : &host;
    int r = image_source_open_registry(image_wire(t), ref, p, false, &a->source, err);

    if (r == 0)
        r = image_source_read(a->source, 0, p, &a->of_source, err);
    a->facts.latest = !ref->has_digest && ref->tag && strcmp(ref->tag, "latest") == 0;
    return r < 0 ? r : audit_layers_of_source(t, a->source, &a->of_source, &a->layers, err);
}

/* A name with its registry before it, which the store does not have, is one of that registry. A short one may be a slip: nobody is
 * asked for it. */
static int open_named(struct image_tools *t, const char *name, const struct platform *platform,
                      struct audit_image *a, struct error *err)
{
    ERROR_AUTO(e);
    REFERENCE_AUTO(ref);
    const int r = open_stored(t, name, platform, a, &e);
    const char *slash = strchr(name, '/');

    if (r != -ENOENT || reference_parse(name, &ref, NULL) < 0)
        return r < 0 ? error_move(err, &e) : r;
    if (slash && strncmp(name, ref.host, (size_t)(slash - name)) == 0 && !ref.host[slash - name])
        return open_registry(t, &ref, platform, a, err);
    return error_move(err, &e);
}

/* What is a file by its first word is one; everything else is a name of the store. */
static int open_any(struct image_tools *t, const char *name, const struct platform *platform,
                    struct audit_image *a, struct error *err)
{
    PLACE_AUTO(place);

    if (place_is_explicit(name) && strncmp(name, "docker://", 9) == 0) {
        const int r = place_parse(name, &place, err);
        return r < 0 ? r : open_registry(t, &place.reference, platform, a, err);
    }
    if (!strchr(name, ':') || place_parse(name, &place, NULL) < 0)
        return open_named(t, name, platform, a, err);
    switch (place.kind) {
    case PLACE_OCI:
    case PLACE_OCI_ARCHIVE:
    case PLACE_DOCKER_ARCHIVE:
        return open_place(t, &place, platform, a, err);
    case PLACE_STORE:
        return open_stored(t, place.path, platform, a, err);
    case PLACE_REGISTRY:
    case PLACE_DIR:
        break;
    }
    return open_named(t, name, platform, a, err);
}

int audit_image_open(struct image_tools *t, const char *name, const struct platform *platform,
                     struct audit_image **ret, struct error *err)
{
    CLEANUP(audit_image_freep) struct audit_image *a = xcalloc(1, sizeof(*a));

    a->arena = arena_new();
    a->facts.name = arena_strdup(a->arena, name);
    a->facts.now_s = t->env->now_s;
    int r = open_any(t, name, platform, a, err);
    if (r < 0)
        return error_wrap(err, r, "audit '%s'", name);
    const struct image_config *config = a->image ? &a->image->config : &a->of_source.parsed;
    a->facts.layer_count = (uint32_t)a->layers.view.count;
    r = find_base(t, a, config, err);
    if (r == 0 && a->facts.base_layers == 0)
        guess_base(a, config);
    if (r == 0)
        r = audit_gather(&a->layers, config, a->arena, &a->facts, err);
    if (r < 0)
        return error_wrap(err, r, "audit '%s'", name);
    *ret = steal(a);
    return 0;
}
