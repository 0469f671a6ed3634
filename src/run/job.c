/* In the holder: the layers of an image, an upper directory that is thrown away, and the container. */
#include "base/fd.h"
#include "run/run.h"
#include "store/store.h"

static int open_tree_fs(struct store *s, const json_t *hex, struct error *err)
{
    struct digest tree;
    int r = digest_parse_hex(json_is_string(hex) ? json_string_value(hex) : "", &tree, err);

    if (r < 0)
        return r;
    cleanup_close int dir = store_tree_open(s, &tree, err);
    return dir < 0 ? dir : fd_open_beneath(dir, "fs", O_RDONLY | O_DIRECTORY, 0, err);
}

static int open_layers(struct store *s, const json_t *trees, struct spawn_plan *p,
                       struct error *err)
{
    const json_t *hex;
    size_t i;

    p->lower_fds = xcalloc(json_array_size(trees) + 1, sizeof(int));
    json_array_foreach(trees, i, hex)
    {
        p->lower_fds[i] = open_tree_fs(s, hex, err);
        if (p->lower_fds[i] < 0)
            return p->lower_fds[i];
        p->lower_count++;
    }
    return 0;
}

static int run_image(const struct job_context *ctx, const json_t *trees, struct spawn_plan *p,
                     struct spawn_result *ret, struct error *err)
{
    CLEANUP(store_closep) struct store *s = NULL;
    CLEANUP(store_tree_abortp) struct store_tree *upper = NULL;
    int r;

    if ((r = store_attach(ctx->store_fd, &s, err)) < 0 || (r = open_layers(s, trees, p, err)) < 0 ||
        (r = store_tree_begin(s, &upper, err)) < 0)
        return r;
    p->upper_fd = store_tree_fs_fd(upper);
    p->work_fd = store_tree_work_fd(upper);
    p->is_volatile = true;
    return spawn_run(ctx, p, ret, err);
}

static int job_run(const struct job_context *ctx, const json_t *request, const int *fds,
                   size_t fd_count, json_t **ret, struct error *err)
{
    struct spawn_plan p;
    struct spawn_result result = {0};
    json_t *plan = NULL, *trees = NULL;
    int64_t rootfs = -1;
    int r;

    if ((r = doc_need_object(request, "plan", &plan, err)) < 0 ||
        (r = doc_array(request, "trees", &trees, err)) < 0 ||
        (r = doc_int(request, "rootfs", &rootfs, err)) < 0 ||
        (r = spawn_plan_parse(plan, fds, fd_count, &p, err)) < 0)
        return r;
    if (rootfs >= 0 && (size_t)rootfs < fd_count) {
        p.rootfs_fd = fds[rootfs];
        r = spawn_run(ctx, &p, &result, err);
    } else {
        r = run_image(ctx, trees, &p, &result, err);
    }
    if (r < 0)
        return r;
    *ret = spawn_result_print(&result);
    spawn_result_done(&result);
    return 0;
}

const struct job_row run_jobs[] = {{"run", job_run}};
const size_t run_job_count = ARRAY_SIZE(run_jobs);
