#include "image/squash.h"

#include <errno.h>

#include "base/hash.h"
#include "image/queue.h"

static json_t *hex_array(const struct digest *trees, size_t count)
{
    json_t *array = json_array();
    char hex[DIGEST_HEX_MAX];

    for (size_t i = 0; i < count; i++)
        doc_push(array, doc_new_text(digest_hex(&trees[i], hex)));
    return array;
}

static void key_of(const struct digest *below, size_t below_count, const struct digest *trees,
                   size_t count, struct digest *ret)
{
    struct hash h;

    hash_init(&h);
    hash_add_field(&h, VIEW("squash 1"));
    hash_add_field(&h, view_make(below, below_count * sizeof(*below)));
    hash_add_field(&h, view_make(trees, count * sizeof(*trees)));
    hash_done(&h, ret->sha256);
}

static int run(struct image_tools *t, json_t *request, struct digest *ret, struct error *err)
{
    struct queue_item item = {.job = "tree-join", .title = "squash", .request = request, .fd = -1};
    const char *tree;
    int r = queue_run(t, &item, 1, err);

    if (r == 0)
        r = doc_need_text(item.answer, "tree", &tree, err);
    if (r == 0)
        r = digest_parse_hex(tree, ret, err);
    queue_items_done(&item, 1);
    return r;
}

int image_squash(struct image_tools *t, const struct digest *below, size_t below_count,
                 const struct digest *trees, size_t count, struct digest *ret, struct error *err)
{
    struct digest key;
    STR_AUTO(value);

    key_of(below, below_count, trees, count, &key);
    int r = cache_get(t->cache, &key, &value, err);
    if (r < 0)
        return r;
    if (r > 0 && value.size == sizeof(ret->sha256)) {
        memcpy(ret->sha256, value.at, value.size);
        return 0;
    }
    json_t *request = json_object();
    doc_set(request, "trees", hex_array(trees, count));
    doc_set(request, "below", hex_array(below, below_count));
    r = run(t, request, ret, err);
    if (r < 0)
        return r;
    return cache_put(t->cache, &key, view_make(ret->sha256, sizeof(ret->sha256)), ret, 1, err);
}
