/* The job that makes one layer of several. */
#include <errno.h>

#include "image/job_layer.h"
#include "layer/join.h"

static int commit(const struct job_context *ctx, struct store *store, const struct image_view *view,
                  const struct joined *j, struct digest *ret, struct error *err)
{
    CLEANUP(store_tree_abortp) struct store_tree *tree = NULL;
    int r = store_tree_begin(store, &tree, err);

    if (r == 0)
        r = join_files(j, view->fs, store_tree_fs_fd(tree), job_owner_mode(ctx), err);
    if (r == 0)
        r = job_save_index(tree, j->index, err);
    if (r < 0)
        return r;
    index_tree_id(j->index, ret);
    return store_tree_commit(store, steal(tree), ret, index_size(j->index), err);
}

static int join(const struct job_context *ctx, struct store *store, const struct digests *trees,
                const struct digests *below, struct digest *ret, struct error *err)
{
    IMAGE_VIEW_AUTO(view);
    IMAGE_VIEW_AUTO(under);
    struct joined j = {0};
    int r = image_view_open(store, trees->at, trees->size, true, &view, err);

    if (r == 0)
        r = image_view_open(store, below->at, below->size, false, &under, err);
    if (r == 0)
        r = join_layers((const struct index *const *)view.indexes, view.count,
                        below->size ? under.merge : NULL, &j, err);
    if (r == 0)
        r = commit(ctx, store, &view, &j, ret, err);
    joined_done(&j);
    return r;
}

int job_tree_join(const struct job_context *ctx, const json_t *request, const int *fds,
                  size_t fd_count, json_t **ret, struct error *err)
{
    CLEANUP(store_closep) struct store *store = NULL;
    struct digests trees = {0}, below = {0};
    struct digest id;
    char hex[DIGEST_HEX_MAX];
    int r = job_trees(request, "trees", &trees, err);

    (void)fds, (void)fd_count;
    if (r == 0)
        r = job_trees(request, "below", &below, err);
    if (r == 0)
        r = store_attach(ctx->store_fd, &store, err);
    if (r == 0)
        r = join(ctx, store, &trees, &below, &id, err);
    vec_done(&trees);
    vec_done(&below);
    if (r < 0)
        return error_wrap(err, r, "join layers");
    *ret = json_object();
    doc_set_text(*ret, "tree", digest_hex(&id, hex));
    return 0;
}
