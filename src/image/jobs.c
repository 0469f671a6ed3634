#include "image/jobs.h"

#include <errno.h>
#include <inttypes.h>

#include "base/fd.h"
#include "image/job_layer.h"
#include "layer/codec.h"

int job_digest(const json_t *request, const char *key, struct digest *ret, struct error *err)
{
    const char *text = NULL;
    const int r = doc_text(request, key, &text, err);

    *ret = (struct digest){0};
    if (r < 0 || !text)
        return r;
    return strchr(text, ':') ? digest_parse(text, ret, err) : digest_parse_hex(text, ret, err);
}

int job_trees(const json_t *request, const char *key, struct digests *ret, struct error *err)
{
    json_t *array = NULL, *item;
    struct digest d;
    size_t i;
    int r = doc_array(request, key, &array, err);

    json_array_foreach(array, i, item)
    {
        if (r == 0)
            r = digest_parse_hex(json_is_string(item) ? json_string_value(item) : "", &d, err);
        if (r == 0)
            vec_push(ret, d);
    }
    return r;
}

enum owner_mode job_owner_mode(const struct job_context *ctx)
{
    return ctx->ids.kind == IDENTITY_SINGLE ? OWNER_RECORDED : OWNER_REAL;
}

/* fds[0], a stream in any compression, plain to fds[1]. */
static int spool(const struct job_context *ctx, const json_t *request, const int *fds,
                 size_t fd_count, json_t **ret, struct error *err)
{
    struct view piece;
    int r;

    (void)ctx, (void)request;
    if (fd_count != 2)
        return error_set(err, -EINVAL, "spool wants two descriptors");
    CLEANUP(codec_closep) struct codec_reader *in = codec_open_fd(fds[0], CODEC_AHEAD, NULL);
    while ((r = codec_next(in, &piece, err)) > 0) {
        r = fd_write_all(fds[1], piece, err);
        if (r < 0)
            return r;
    }
    *ret = json_object();
    return r;
}

const struct job_row image_jobs[] = {
    {"layer-load", job_layer_load},
    {"layer-pack", job_layer_pack},
    {"image-tar", job_image_tar},
    {"image-tree", job_image_tree},
    {"image-over", job_image_over},
    {"tree-join", job_tree_join},
    {"spool", spool},
    {"store-sweep", job_store_sweep},
    {"store-sync", job_store_sync},
    {"tree-verify", job_tree_verify},
};
const size_t image_job_count = ARRAY_SIZE(image_jobs);
