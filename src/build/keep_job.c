#include "build/keep_job.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/doc.h"
#include "base/fd.h"
#include "build/mount_job.h"
#include "image/image.h"
#include "layer/copy.h"

static enum owner_mode owner_of(const struct job_context *ctx)
{
    return ctx->ids.kind == IDENTITY_SINGLE ? OWNER_RECORDED : OWNER_REAL;
}

static int need_digest(const json_t *request, const char *key, struct digest *ret,
                       struct error *err)
{
    const char *hex = NULL;
    const int r = doc_need_text(request, key, &hex, err);

    return r < 0 ? r : digest_parse_hex(hex, ret, err);
}

/* The cache mount that the request names; the store, too, is the caller's. */
static int open_mount(const struct job_context *ctx, const json_t *request,
                      enum store_mount_use how, struct store **ret_store, struct error *err)
{
    struct digest id;
    int r = need_digest(request, "cache", &id, err);

    if (r >= 0)
        r = store_attach(ctx->store_fd, ret_store, err);
    return r < 0 ? r : store_mount_open(*ret_store, &id, how, err);
}

/* One source into the empty directory fs. */
static int copy_all(int fs, enum owner_mode owner, const struct copy_source *s, struct index **ret,
                    struct error *err)
{
    CLEANUP(copy_freep) struct copy *c = NULL;
    const struct copy_options o = {.fs = fs, .owner = owner, .before_fs = -1};
    int r = copy_begin(&o, &c, err);

    if (r >= 0)
        r = copy_add(c, s, err);
    return r < 0 ? r : copy_finish(c, ret, NULL, err);
}

/* ---- out of a mount ---- */

static int keep(const struct job_context *ctx, struct store *store, int fs, json_t *answer,
                struct error *err)
{
    CLEANUP(store_tree_abortp) struct store_tree *t = NULL;
    CLEANUP(index_freep) struct index *ix = NULL;
    const struct copy_source s = {
        .dir = fs, .keep_owner = true, .owner = owner_of(ctx), .path = "", .dest = ""};
    int r = store_tree_begin(store, &t, err);

    if (r >= 0)
        r = copy_all(store_tree_fs_fd(t), owner_of(ctx), &s, &ix, err);
    if (r < 0 || index_count(ix) == 0)
        return r;
    return job_commit(store, steal(t), ix, NULL, 0, answer, err);
}

int mount_keep_job(const struct job_context *ctx, const json_t *request, const int *fds,
                   size_t fd_count, json_t **ret, struct error *err)
{
    CLEANUP(store_closep) struct store *store = NULL;
    cleanup_doc json_t *answer = json_object();
    cleanup_close int dir = open_mount(ctx, request, STORE_MOUNT_IDLE, &store, err);

    if (dir == -EAGAIN)
        return error_set(err, dir, "another build has it mounted");
    if (dir < 0)
        return dir;
    cleanup_close int fs = fd_open(dir, "fs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, NULL);
    const int r = fs < 0 ? 0 : keep(ctx, store, fs, answer, err);
    if (r >= 0)
        *ret = steal(answer);
    return r;
}

/* ---- into a mount ---- */

#define FILLING "filling" /* beside fs/, which it becomes: half a cache is never seen */

static int copy_tree(const struct job_context *ctx, struct store *store, const struct digest *tree,
                     int to, struct error *err)
{
    IMAGE_VIEW_AUTO(view);
    CLEANUP(index_freep) struct index *ix = NULL;
    const int r = image_view_open(store, tree, 1, true, &view, err);
    const struct copy_source s = {.dir = -1,
                                  .trees = view.merge,
                                  .fs = view.fs,
                                  .owner = owner_of(ctx),
                                  .path = "",
                                  .dest = ""};

    return r < 0 ? r : copy_all(to, owner_of(ctx), &s, &ix, err);
}

static int fill(const struct job_context *ctx, struct store *store, const json_t *request, int dir,
                struct error *err)
{
    struct digest tree;
    int r = need_digest(request, "tree", &tree, err);

    if (r < 0 || faccessat(dir, "fs", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return r; /* somebody was faster */
    r = fd_remove_tree(dir, FILLING, err);
    if (r >= 0)
        r = fd_make_dirs(dir, FILLING, 0755, err);
    if (r < 0)
        return r;
    cleanup_close int to = fd_open(dir, FILLING, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
    r = to < 0 ? to : copy_tree(ctx, store, &tree, to, err);
    if (r >= 0)
        r = mount_set_owner(ctx, request, dir, FILLING, err);
    if (r >= 0 && renameat(dir, FILLING, dir, "fs") < 0)
        r = error_sys(err, "name a cache mount");
    return r;
}

int mount_fill_job(const struct job_context *ctx, const json_t *request, const int *fds,
                   size_t fd_count, json_t **ret, struct error *err)
{
    CLEANUP(store_closep) struct store *store = NULL;
    cleanup_close int dir = open_mount(ctx, request, STORE_MOUNT_ALONE, &store, err);
    const int r = dir < 0 ? dir : fill(ctx, store, request, dir, err);
    if (r >= 0)
        *ret = json_object();
    return r;
}
