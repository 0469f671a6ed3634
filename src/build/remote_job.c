#include "build/remote_job.h"

#include <errno.h>

#include "base/fd.h"
#include "build/file_job.h"
#include "image/image.h"
#include "layer/scan.h"
#include "layer/unpack.h"

static enum owner_mode owner_of(const struct job_context *ctx)
{
    return ctx->ids.kind == IDENTITY_SINGLE ? OWNER_RECORDED : OWNER_REAL;
}

static int save_index(int dir, const struct index *ix, struct error *err)
{
    cleanup_close int fd = fd_open(dir, "index", O_WRONLY | O_CREAT | O_EXCL, 0644, err);
    const int r = fd < 0 ? fd : index_save(ix, fd, err);

    return r < 0 ? error_wrap(err, r, "write the index") : 0;
}

int adopt_job(const struct job_context *ctx, const json_t *request, const int *fds, size_t fd_count,
              json_t **ret, struct error *err)
{
    CLEANUP(index_freep) struct index *ix = NULL;
    cleanup_doc json_t *answer = json_object();
    struct scan_options o = SCAN_OPTIONS_INIT;
    char hex[DIGEST_HEX_MAX];
    const char *file = NULL;
    struct digest tree;
    int r = doc_text(request, "file", &file, err);

    if (r >= 0 && fd_count != 2)
        r = error_set(err, -EINVAL, "an adopting job needs two descriptors, not %zu", fd_count);
    o.owner = owner_of(ctx);
    if (r >= 0)
        r = scan_tree(fds[0], &o, &ix, err);
    if (r >= 0)
        r = save_index(fds[1], ix, err);
    if (r < 0)
        return r;
    index_tree_id(ix, &tree);
    doc_set_text(answer, "tree", digest_hex(&tree, hex));
    doc_set_int(answer, "size", (int64_t)index_size(ix));
    const struct entry *e = file ? index_find(ix, view_of(file)) : NULL;
    if (e && e->type == ENTRY_FILE)
        doc_set_text(answer, "body", digest_hex(&e->content, hex));
    *ret = steal(answer);
    return 0;
}

int unpack_job(const struct job_context *ctx, const json_t *request, const int *fds,
               size_t fd_count, json_t **ret, struct error *err)
{
    CLEANUP(store_closep) struct store *s = NULL;
    CLEANUP(store_tree_abortp) struct store_tree *t = NULL;
    cleanup_doc json_t *answer = json_object();
    struct unpack_result result = {0};
    struct codec_sums sums;
    int r = store_attach(ctx->store_fd, &s, err);

    if (r >= 0 && fd_count != 1)
        r = error_set(err, -EINVAL, "an unpacking job needs one descriptor, not %zu", fd_count);
    if (r >= 0)
        r = store_tree_begin(s, &t, err);
    if (r < 0)
        return r;
    const struct unpack_options o = {.root_fd = store_tree_fs_fd(t),
                                     .owner = owner_of(ctx),
                                     .plain = true,
                                     .skip_devices = true,
                                     .below = UNPACK_BELOW_NOTHING};
    r = unpack_layer(fds[0], &o, NULL, NULL, &result, &sums, err);
    if (r >= 0)
        r = job_commit(s, steal(t), result.index, NULL, 0, answer, err);
    index_free(result.index);
    if (r >= 0)
        *ret = steal(answer);
    return r;
}

int read_job(const struct job_context *ctx, const json_t *request, const int *fds, size_t fd_count,
             json_t **ret, struct error *err)
{
    CLEANUP(store_closep) struct store *s = NULL;
    cleanup_free struct digest *layers = NULL;
    IMAGE_VIEW_AUTO(view);
    const char *path = NULL;
    STR_AUTO(text);
    int64_t max = 0;
    size_t count = 0;
    int r = doc_need_text(request, "path", &path, err);

    if (r >= 0)
        r = doc_need_int(request, "max", &max, err);
    if (r >= 0)
        r = job_layers(request, &layers, &count, err);
    if (r >= 0)
        r = store_attach(ctx->store_fd, &s, err);
    if (r >= 0 && fd_count != 1)
        r = error_set(err, -EINVAL, "a reading job needs one descriptor, not %zu", fd_count);
    if (r >= 0)
        r = image_view_open(s, layers, count, true, &view, err);
    if (r >= 0)
        r = merge_read_file(view.merge, view.fs, view_of(path), (size_t)max, &text, err);
    return r < 0 ? r : fd_write_all(fds[0], str_view(&text), err);
}
