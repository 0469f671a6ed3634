/* The merged files of an image. */
#include <errno.h>
#include <unistd.h>

#include "image/image.h"

void image_view_done(struct image_view *v)
{
    merge_free(v->merge);
    for (size_t i = 0; i < v->count; i++) {
        index_free(v->indexes[i]);
        if (v->fs && v->fs[i] >= 0)
            close(v->fs[i]);
    }
    free(v->indexes);
    free(v->fs);
    *v = (struct image_view){0};
}

static int open_layer(struct store *s, const struct digest *tree, struct index **ret_index,
                      int *ret_fs, struct error *err)
{
    char hex[DIGEST_HEX_MAX];
    cleanup_close int dir = store_tree_open(s, tree, err);
    int r = dir < 0 ? dir : index_load_at(dir, "index", ret_index, err);

    if (r == 0 && ret_fs) {
        r = fd_open(dir, "fs", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, err);
        if (r >= 0)
            *ret_fs = r;
    }
    return r < 0 ? error_wrap(err, r, "open layer %.12s", digest_hex(tree, hex)) : 0;
}

int image_view_open(struct store *s, const struct digest *trees, size_t tree_count, bool with_fs,
                    struct image_view *ret, struct error *err)
{
    IMAGE_VIEW_AUTO(v);

    v.indexes = xcalloc(tree_count + 1, sizeof(struct index *));
    v.fs = with_fs ? xcalloc(tree_count + 1, sizeof(int)) : NULL;
    for (; v.count < tree_count; v.count++) {
        if (with_fs)
            v.fs[v.count] = -1;
        const int r = open_layer(s, &trees[tree_count - 1 - v.count], &v.indexes[v.count],
                                 with_fs ? &v.fs[v.count] : NULL, err);
        if (r < 0) {
            v.count++; /* what the failed one has is freed too */
            return r;
        }
    }
    v.merge = merge_new((const struct index *const *)v.indexes, v.count);
    *ret = v;
    v = (struct image_view){0};
    return 0;
}

int image_size(struct image_tools *t, const struct image *i, uint64_t *ret, struct error *err)
{
    uint64_t sum = 0, size;

    vec_each (layer, &i->record.layers) {
        const int r = store_tree_size(t->store, &layer->tree, &size, err);
        if (r < 0)
            return r;
        sum += size;
    }
    *ret = sum;
    return 0;
}
