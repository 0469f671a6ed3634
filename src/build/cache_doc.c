#include "build/cache_doc.h"

#include <errno.h>

#include "base/doc.h"
#include "oci/config.h"

#define CACHE_DOC_VERSION 1

void cache_doc_done(struct cache_doc *d)
{
    vec_done(&d->steps);
    vec_done(&d->mounts);
}

static void set_digest(json_t *obj, const char *key, const struct digest *d)
{
    char hex[DIGEST_HEX_MAX];

    if (!digest_is_zero(d))
        doc_set_text(obj, key, digest_hex(d, hex));
}

json_t *cache_doc_new(const struct cache_doc *d)
{
    json_t *doc = json_object(), *steps = json_array(), *mounts = json_array();

    doc_set_int(doc, "version", CACHE_DOC_VERSION);
    vec_each (step, &d->steps) {
        json_t *obj = json_object();
        set_digest(obj, "definition", &step->definition);
        set_digest(obj, "content", &step->result.content);
        set_digest(obj, "below", &step->result.below);
        doc_set_int(obj, "layer", step->layer);
        set_digest(obj, "tree", &step->result.layer.tree);
        doc_set_int(obj, "created", step->result.layer.created_s);
        doc_push(steps, obj);
    }
    doc_set(doc, "steps", steps);
    vec_each (mount, &d->mounts) {
        json_t *obj = json_object();
        set_digest(obj, "id", &mount->id);
        doc_set_int(obj, "layer", mount->layer);
        set_digest(obj, "tree", &mount->tree);
        doc_push(mounts, obj);
    }
    if (d->mounts.size)
        doc_set(doc, "mounts", mounts);
    else
        doc_unref(mounts);
    return doc;
}

static int get_digest(const json_t *obj, const char *key, struct digest *ret, struct error *err)
{
    const char *hex = NULL;
    const int r = doc_text(obj, key, &hex, err);

    return r < 0 || !hex ? r : digest_parse_hex(hex, ret, err);
}

/* The layer and what its tree must be. */
static int get_layer(const json_t *obj, size_t layer_count, uint32_t *ret, struct digest *ret_tree,
                     struct error *err)
{
    int64_t layer = 0;
    int r = doc_need_int(obj, "layer", &layer, err);

    if (r >= 0)
        r = get_digest(obj, "tree", ret_tree, err);
    if (r < 0)
        return r;
    if (layer < 0 || (uint64_t)layer >= layer_count)
        return error_set(err, -EINVAL, "there is no layer %lld", (long long)layer);
    *ret = (uint32_t)layer;
    return digest_is_zero(ret_tree) ? error_set(err, -EINVAL, "it has no tree") : 0;
}

static int parse_step(const json_t *obj, size_t layer_count, struct cache_doc *ret,
                      struct error *err)
{
    struct cache_step step = {0};
    struct result *result = &step.result;
    int r = get_digest(obj, "definition", &step.definition, err);

    if (r >= 0)
        r = get_digest(obj, "content", &result->content, err);
    if (r >= 0)
        r = get_digest(obj, "below", &result->below, err);
    if (r >= 0)
        r = doc_need_int(obj, "created", &result->layer.created_s, err);
    if (r >= 0)
        r = get_layer(obj, layer_count, &step.layer, &result->layer.tree, err);
    if (r >= 0)
        vec_push(&ret->steps, step);
    return r;
}

static int parse_mount(const json_t *obj, size_t layer_count, struct cache_doc *ret,
                       struct error *err)
{
    struct cache_mount mount = {0};
    int r = get_digest(obj, "id", &mount.id, err);

    if (r >= 0)
        r = get_layer(obj, layer_count, &mount.layer, &mount.tree, err);
    if (r >= 0)
        vec_push(&ret->mounts, mount);
    return r;
}

static int parse_list(const json_t *list, size_t layer_count, struct cache_doc *ret,
                      int (*parse)(const json_t *obj, size_t layer_count, struct cache_doc *ret,
                                   struct error *err),
                      struct error *err)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *obj = json_array_get(list, i);
        const int r = json_is_object(obj) ? parse(obj, layer_count, ret, err)
                                          : error_set(err, -EINVAL, "it is no object");
        if (r < 0)
            return error_wrap(err, r, "%s: entry %zu", CACHE_DOC_KEY, i);
    }
    return 0;
}

int cache_doc_parse(const json_t *doc, size_t layer_count, struct cache_doc *ret, struct error *err)
{
    CLEANUP(cache_doc_done) struct cache_doc made = {0};
    json_t *steps = NULL, *mounts = NULL;
    int64_t version = 0;
    int r = doc_need_int(doc, "version", &version, err);

    if (r < 0 || version != CACHE_DOC_VERSION)
        return r < 0 ? r : 0;
    r = doc_need_array(doc, "steps", &steps, err);
    if (r >= 0)
        r = doc_array(doc, "mounts", &mounts, err);
    if (r >= 0)
        r = parse_list(steps, layer_count, &made, parse_step, err);
    if (r >= 0)
        r = parse_list(mounts, layer_count, &made, parse_mount, err);
    if (r < 0)
        return r;
    *ret = made;
    made = (struct cache_doc){0};
    return 0;
}
