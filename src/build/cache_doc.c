#include "build/cache_doc.h"

#include <errno.h>

#include "base/doc.h"
#include "oci/config.h"

#define CACHE_DOC_VERSION 1

void cache_steps_done(struct cache_steps *s)
{
    vec_done(s);
}

static void set_digest(json_t *obj, const char *key, const struct digest *d)
{
    char hex[DIGEST_HEX_MAX];

    if (!digest_is_zero(d))
        doc_set_text(obj, key, digest_hex(d, hex));
}

json_t *cache_doc_new(const struct cache_steps *s)
{
    json_t *doc = json_object(), *steps = json_array();

    doc_set_int(doc, "version", CACHE_DOC_VERSION);
    vec_each (step, s) {
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
    return doc;
}

static int get_digest(const json_t *obj, const char *key, struct digest *ret, struct error *err)
{
    const char *hex = NULL;
    const int r = doc_text(obj, key, &hex, err);

    return r < 0 || !hex ? r : digest_parse_hex(hex, ret, err);
}

static int parse_step(const json_t *obj, size_t layer_count, struct cache_step *ret,
                      struct error *err)
{
    int64_t layer = 0;
    int r;

    if (!json_is_object(obj))
        return error_set(err, -EINVAL, "it is no object");
    r = get_digest(obj, "definition", &ret->definition, err);
    if (r >= 0)
        r = get_digest(obj, "content", &ret->result.content, err);
    if (r >= 0)
        r = get_digest(obj, "below", &ret->result.below, err);
    if (r >= 0)
        r = get_digest(obj, "tree", &ret->result.layer.tree, err);
    if (r >= 0)
        r = doc_need_int(obj, "created", &ret->result.layer.created_s, err);
    if (r >= 0)
        r = doc_need_int(obj, "layer", &layer, err);
    if (r < 0)
        return r;
    if (layer < 0 || (uint64_t)layer >= layer_count)
        return error_set(err, -EINVAL, "there is no layer %lld", (long long)layer);
    if (digest_is_zero(&ret->result.layer.tree))
        return error_set(err, -EINVAL, "it has no tree");
    ret->layer = (uint32_t)layer;
    return 0;
}

int cache_doc_parse(const json_t *doc, size_t layer_count, struct cache_steps *ret,
                    struct error *err)
{
    struct cache_steps steps = {0};
    int64_t version = 0;
    json_t *list = NULL, *obj;
    size_t i;
    int r = doc_need_int(doc, "version", &version, err);

    if (r < 0 || version != CACHE_DOC_VERSION)
        return r < 0 ? r : 0;
    r = doc_need_array(doc, "steps", &list, err);
    json_array_foreach(list, i, obj)
    {
        struct cache_step step = {0};
        if (r >= 0)
            r = parse_step(obj, layer_count, &step, err);
        if (r < 0) {
            r = error_wrap(err, r, "%s: step %zu", CACHE_DOC_KEY, i);
            break;
        }
        vec_push(&steps, step);
    }
    if (r < 0) {
        cache_steps_done(&steps);
        return r;
    }
    *ret = steps;
    return 0;
}
