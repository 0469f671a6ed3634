/* --cache-from: steps that others ran, by their keys; their layers are taken when a step is asked for. */
#include "build/internal.h"

#include <errno.h>

#include "base/doc.h"
#include "base/map.h"
#include "build/cache_doc.h"
#include "build/cache_spec.h"
#include "image/guard.h"
#include "image/load.h"

/* An image that has the layers of steps. */
struct import {
    char *name; /* for people */
    struct image_source *source;
    struct image_source_image from;
    struct image *stored; /* of this store; else source */
    struct cache_doc doc;
    struct map keys; /* bytes of a key -> number of its step + 1 */
};

struct cache_imports {
    VEC(struct import *) list;
};

static void import_free(struct import *i)
{
    if (!i)
        return;
    if (i->source)
        image_source_image_done(&i->from);
    image_source_close(i->source);
    image_free(i->stored);
    cache_doc_done(&i->doc);
    map_done(&i->keys);
    free(i->name);
    free(i);
}
DEFINE_CLEANUP(struct import *, import_free)

void cache_imports_free(struct cache_imports *c)
{
    if (!c)
        return;
    vec_each (i, &c->list)
        import_free(*i);
    vec_done(&c->list);
    free(c);
}

/* ---- opening ---- */

static void add_key(struct import *i, const struct digest *key, size_t step)
{
    const struct view name = view_make(key->sha256, sizeof(key->sha256));

    if (!digest_is_zero(key) && !map_has(&i->keys, name))
        map_set(&i->keys, name, (void *)(uintptr_t)(step + 1));
}

static int read_steps(struct import *i, const struct image_config *c, struct error *err)
{
    const json_t *doc = json_object_get(c->doc, CACHE_DOC_KEY);
    int r;

    if (!doc)
        return error_set(err, -ENOENT, "it has no build cache");
    r = cache_doc_parse(doc, c->diff_ids.size, &i->doc, err);
    for (size_t n = 0; r >= 0 && n < i->doc.steps.size; n++) {
        add_key(i, &i->doc.steps.at[n].definition, n);
        add_key(i, &i->doc.steps.at[n].result.content, n);
    }
    return r;
}

static int open_registry(struct build *b, const char *name, const struct platform *platform,
                         struct import *i, struct error *err)
{
    REFERENCE_AUTO(ref);
    const int r = reference_parse(name, &ref, err);

    return r < 0 ? r
                 : image_source_open_registry(image_wire(&b->tools), &ref, platform, false,
                                              &i->source, err);
}

/* Its layers become part of the image, as those of a base do: about a registry the policy was asked when it was opened. */
static int ask_about_layout(struct build *b, const struct cache_spec *spec, const struct import *i,
                            struct error *err)
{
    const struct strings no_names = {0};
    IMAGE_ORIGIN_AUTO(origin);

    if (spec->type != CACHE_LOCAL)
        return 0;
    image_origin_of_file(&origin, "oci", spec->place, spec->tag, &i->from.root);
    image_origin_set_image(&origin, str_view(&i->from.manifest));
    return guard_arriving(b->env, &origin, false, &no_names, err);
}

static int open_source(struct build *b, const struct cache_spec *spec, struct import *i,
                       struct error *err)
{
    const struct image_spool none = {.dir_fd = -1};
    const struct stage *first = &b->graph->stages.at[b->graph->targets.at[0]];
    size_t number = 0;
    int r = spec->type == CACHE_LOCAL
                ? image_source_open(spec->place, &none, &i->source, err)
                : open_registry(b, spec->place, &first->config->platform, i, err);

    if (r >= 0)
        r = image_source_find(i->source, spec->tag, &number, err);
    if (r >= 0)
        r = image_source_read(i->source, number, &first->config->platform, &i->from, err);
    if (r >= 0)
        r = ask_about_layout(b, spec, i, err);
    return r < 0 ? r : read_steps(i, &i->from.parsed, err);
}

static int open_stored(struct build *b, const struct cache_spec *spec, struct import *i,
                       struct error *err)
{
    int r = image_open(&b->tools, spec->place, &i->stored, err);

    if (r == 0)
        r = guard_present(b->env, i->stored, spec->place, err);
    return r < 0 ? r : read_steps(i, &i->stored->config, err);
}

/* --cache-from NAME: buildx means the registry, and what was just built here need not go through it. */
static int open_named(struct build *b, const struct cache_spec *spec, struct import *i,
                      struct error *err)
{
    ERROR_AUTO(here);
    const int r = open_stored(b, spec, i, &here);

    if (r == -ENOENT && !i->stored && !reference_is_id(spec->place))
        return open_source(b, spec, i, err);
    return r < 0 ? error_move(err, &here) : r;
}

static int open_import(struct build *b, const char *text, struct error *err)
{
    CLEANUP(cache_spec_done) struct cache_spec spec = {0};
    CLEANUP(import_freep) struct import *i = xcalloc(1, sizeof(*i));
    ERROR_AUTO(why);
    int r = cache_from_parse(text, &spec, err);

    if (r < 0)
        return r;
    i->name = xstrdup(text);
    r = spec.type == CACHE_IMAGE ? open_named(b, &spec, i, &why) : open_source(b, &spec, i, &why);
    if (r < 0)
        env_warn(b->env, "--cache-from '%s' is not used: %s", text, why.text);
    else
        vec_push(&b->imports->list, steal(i));
    return 0;
}

int cache_imports_open(struct build *b, struct error *err)
{
    const struct strings *texts = &b->options->cache_from;
    int r = 0;

    if (texts->size)
        b->imports = xcalloc(1, sizeof(*b->imports));
    for (size_t i = 0; r >= 0 && i < texts->size; i++)
        r = open_import(b, texts->at[i], err);
    return r;
}

/* ---- taking a step ---- */

static int load_layer(struct build *b, const struct import *i, uint32_t layer,
                      const struct digest *want, struct digest *ret, struct error *err)
{
    if (store_tree_hold(b->tools.store, want, NULL) == 0) {
        *ret = *want;
        return 0;
    }
    if (i->stored) {
        *ret = i->stored->record.layers.at[layer].tree;
        return store_tree_hold(b->tools.store, ret, err);
    }
    return image_load_layer(&b->tools, i->source, &i->from.layers[layer],
                            &i->from.parsed.diff_ids.at[layer], ret, err);
}

/* 1: its tree is there. A layer that is not what it is said to be is none of ours: the step runs. */
static int take_layer(struct build *b, const struct import *i, uint32_t layer,
                      const struct digest *want, struct error *err)
{
    struct digest tree;
    ERROR_AUTO(why);
    const int r = load_layer(b, i, layer, want, &tree, &why);

    if (r == -ENOSPC || r == -EDQUOT || r == -EINTR)
        return error_move(err, &why);
    if (r >= 0 && digest_eq(&tree, want))
        return 1;
    env_warn(b->env, "--cache-from '%s': layer %u is not used: %s", i->name, layer,
             r < 0 ? why.text : "its files are not those of the step");
    return 0;
}

static int take_step(struct build *b, const struct import *i, const struct cache_step *step,
                     struct result *ret, struct error *err)
{
    const int r = take_layer(b, i, step->layer, &step->result.layer.tree, err);

    if (r > 0)
        *ret = step->result;
    return r;
}

int cache_imports_find(struct build *b, const struct digest *key, struct result *ret,
                       struct error *err)
{
    const struct view name = view_make(key->sha256, sizeof(key->sha256));
    int r = 0;

    vec_each (at, &b->imports->list) {
        const size_t step = (size_t)(uintptr_t)map_get(&(*at)->keys, name);

        if (step)
            r = take_step(b, *at, &(*at)->doc.steps.at[step - 1], ret, err);
        if (r != 0)
            return r;
    }
    return 0;
}

/* ---- cache mounts ---- */

static int fill_mount(struct build *b, const json_t *mount, const struct digest *tree,
                      struct error *err)
{
    cleanup_doc json_t *request = json_copy((json_t *)(uintptr_t)mount);
    struct holder *h = NULL;
    char hex[DIGEST_HEX_MAX];
    const int r = image_holder(&b->tools, &h, err);

    doc_set_text(request, "tree", digest_hex(tree, hex));
    return r < 0 ? r : holder_call(h, "build-mount-fill", request, NULL, 0, NULL, err);
}

int cache_imports_fill(struct build *b, const struct digest *id, const json_t *mount,
                       struct error *err)
{
    if (!b->imports || mounts_cache_exists(b, id))
        return 0;
    vec_each (at, &b->imports->list) {
        vec_each (found, &(*at)->doc.mounts) {
            ERROR_AUTO(why);
            if (!digest_eq(&found->id, id))
                continue;
            int r = take_layer(b, *at, found->layer, &found->tree, err);
            if (r <= 0)
                return r;
            r = fill_mount(b, mount, &found->tree, &why);
            if (r < 0)
                env_warn(b->env, "a cache mount begins empty: %s", why.text);
            return 0;
        }
    }
    return 0;
}
