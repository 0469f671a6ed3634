#include "image/keep.h"

#include <errno.h>

#include "base/fd.h"
#include "image/job_layer.h"
#include "layer/check.h"
#include "store/gc.h"

int image_sweep(struct image_tools *t, struct error *err)
{
    struct holder *holder = NULL;
    size_t left = 0;
    int r = store_sweep(t->store, &left, err);

    if (r < 0 || left == 0)
        return r;
    r = image_holder(t, &holder, err);
    return r < 0 ? r : holder_call(holder, "store-sweep", NULL, NULL, 0, NULL, err);
}

void image_end_jobs(struct image_tools *t)
{
    job_cancel(t->sync);
    t->sync = NULL;
    holder_stop(t->holder);
    t->holder = NULL;
    (void)!image_sweep(t, NULL);
}

int job_store_sweep(const struct job_context *ctx, const json_t *request, const int *fds,
                    size_t fd_count, json_t **ret, struct error *err)
{
    CLEANUP(store_closep) struct store *s = NULL;
    const int r = store_attach(ctx->store_fd, &s, err);

    (void)request, (void)fds, (void)fd_count, (void)ret;
    return r < 0 ? r : store_sweep(s, NULL, err);
}

int image_verify_tree(void *ctx, int tree_fd, const struct digest *tree, struct error *err)
{
    struct image_tools *t = ctx;
    struct holder *holder = NULL;
    cleanup_doc json_t *request = json_object();
    char hex[DIGEST_HEX_MAX];
    const int r = image_holder(t, &holder, err);

    doc_set_text(request, "tree", digest_hex(tree, hex));
    return r < 0 ? r : holder_call(holder, "tree-verify", request, &tree_fd, 1, NULL, err);
}

int job_store_sync(const struct job_context *ctx, const json_t *request, const int *fds,
                   size_t fd_count, json_t **ret, struct error *err)
{
    CLEANUP(store_closep) struct store *s = NULL;
    const int r = store_attach(ctx->store_fd, &s, err);

    (void)request, (void)fds, (void)fd_count, (void)ret;
    return r < 0 ? r : store_sync(s, err);
}

void image_sync_beside(struct image_tools *t)
{
    if (!t->sync_considered && store_wants_sync(t->store))
        (void)!holder_submit(t->holder, "store-sync", NULL, NULL, 0, &t->sync, NULL);
    t->sync_considered = true;
}

static void say_proof(void *ctx)
{
    const struct image_tools *t = ctx;

    env_note(t->env, "the machine was restarted; checking what may not have reached the disk");
}

static void say_lost(void *ctx, const char *item, const struct error *why)
{
    const struct image_tools *t = ctx;

    env_warn(t->env, "did not reach the disk before the machine stopped: %s: %s", item,
             why->text ? why->text : "damaged");
}

int image_prove_store(struct image_tools *t, struct error *err)
{
    const struct verify v = {
        .tree = image_verify_tree, .found = say_lost, .begin = say_proof, .ctx = t, .repair = true};
    const int r = store_prove(t->store, &v, err);

    return r < 0 ? r : 0;
}

/* Whatever keeps a tree from being read is damage; that we lack memory or descriptors is not. */
static int damage(int r, struct error *err)
{
    return r == 0 || r == -ENOMEM || r == -EMFILE || r == -ENFILE
               ? r
               : error_wrap(err, -EPROTO, "is damaged");
}

static int verify(int tree_fd, const struct digest *want, enum owner_mode owner, struct error *err)
{
    CLEANUP(index_freep) struct index *index = NULL;
    struct digest is;
    const int r = index_load_at(tree_fd, "index", &index, err);

    if (r < 0)
        return r;
    index_tree_id(index, &is);
    if (!digest_eq(&is, want))
        return error_set(err, -EPROTO, "the index is not the one of this layer");
    cleanup_close int fs = fd_open(tree_fd, "fs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
    return fs < 0 ? fs : check_tree(fs, index, owner, err);
}

int job_tree_verify(const struct job_context *ctx, const json_t *request, const int *fds,
                    size_t fd_count, json_t **ret, struct error *err)
{
    struct digest want;
    int r = job_digest(request, "tree", &want, err);

    (void)ret;
    if (r == 0 && fd_count != 1)
        r = error_set(err, -EINVAL, "one descriptor is wanted");
    return r < 0 ? r : damage(verify(fds[0], &want, job_owner_mode(ctx), err), err);
}
