#include "build/jobs.h"

#include <errno.h>
#include <unistd.h>

#include "base/fd.h"
#include "build/file_job.h"
#include "build/keep_job.h"
#include "build/mount_job.h"
#include "build/remote_job.h"
#include "image/image.h"
#include "layer/devices.h"
#include "layer/scan.h"
#include "sandbox/spawn.h"

int job_layers(const json_t *request, struct digest **ret, size_t *ret_count, struct error *err)
{
    json_t *list = NULL;
    int r = doc_need_array(request, "layers", &list, err);

    if (r < 0)
        return r;
    struct digest *layers = xcalloc(json_array_size(list) + 1, sizeof(*layers));
    for (size_t i = 0; r >= 0 && i < json_array_size(list); i++) {
        const char *hex = json_string_value(json_array_get(list, i));
        r = hex ? digest_parse_hex(hex, &layers[i], err)
                : error_set(err, -EINVAL, "layer %zu is no text", i);
    }
    if (r < 0) {
        free(layers);
        return r;
    }
    *ret = layers;
    *ret_count = json_array_size(list);
    return 0;
}

static bool is_among(const struct digest *layers, size_t count, const struct digest *id)
{
    for (size_t i = 0; i < count; i++)
        if (digest_eq(&layers[i], id))
            return true;
    return false;
}

static int load_index(struct store *s, const struct digest *tree, struct index **ret,
                      struct error *err)
{
    cleanup_close int dir = store_tree_open(s, tree, err);

    return dir < 0 ? dir : index_load_at(dir, "index", ret, err);
}

/* Trees are told apart by all but times, so that of a layer below would stand for this one, and what only changed times
 * (RUN touch) would change nothing. */
static int choose_turn(struct store *s, struct index *ix, const struct digest *layers, size_t count,
                       struct digest *ret_tree, struct error *err)
{
    index_tree_id(ix, ret_tree);
    for (uint32_t turn = 1; index_count(ix) && is_among(layers, count, ret_tree); turn++) {
        CLEANUP(index_freep) struct index *there = NULL;
        const int r = load_index(s, ret_tree, &there, err);

        if (r < 0)
            return r;
        if (index_same_times(ix, there))
            break;
        index_set_turn(ix, turn);
        index_tree_id(ix, ret_tree);
    }
    return 0;
}

int job_commit(struct store *s, struct store_tree *take_t, struct index *ix,
               const struct digest *layers, size_t layer_count, json_t *answer, struct error *err)
{
    CLEANUP(store_tree_abortp) struct store_tree *t = take_t;
    char hex[DIGEST_HEX_MAX];
    struct digest tree;
    int r = choose_turn(s, ix, layers, layer_count, &tree, err);

    if (r < 0)
        return r;
    r = store_tree_hold(s, &tree, err); /* many steps write nothing: that tree is there */
    if (r < 0 && r != -ENOENT)
        return r;
    if (r == -ENOENT) {
        cleanup_close int fd =
            fd_open(store_tree_dir_fd(t), "index", O_WRONLY | O_CREAT | O_EXCL, 0644, err);
        r = fd < 0 ? fd : index_save(ix, fd, err);
        if (r < 0)
            return error_wrap(err, r, "write the layer's index");
        r = store_tree_commit(s, steal(t), &tree, index_size(ix), err);
    }
    if (r >= 0)
        doc_set_text(answer, "tree", digest_hex(&tree, hex));
    return r;
}

/* ---- RUN ---- */

void lowers_done(struct lowers *l)
{
    for (size_t i = 0; i < l->count; i++)
        fd_closep(&l->fds[i]);
    free(l->fds);
    free(l->layers);
}

/* An overlay refuses one directory twice (two steps that wrote nothing, say). All that the lower one has is in the
 * upper one too, so leaving it out changes nothing. */
static bool comes_again(const struct digest *layers, size_t count, size_t i)
{
    for (size_t j = i + 1; j < count; j++)
        if (digest_eq(&layers[i], &layers[j]))
            return true;
    return false;
}

int lowers_open(struct store *s, const json_t *request, struct lowers *ret, struct error *err)
{
    struct digest *layers = NULL;
    size_t count = 0;
    int r = job_layers(request, &layers, &count, err);

    if (r < 0)
        return r;
    ret->fds = xcalloc(count + 1, sizeof(*ret->fds));
    ret->layers = layers;
    ret->layer_count = count;
    for (size_t i = count; i-- > 0;) {
        if (comes_again(layers, count, i))
            continue;
        cleanup_close int dir = store_tree_open(s, &layers[i], err);
        if (dir < 0)
            return dir;
        const int fs = fd_open(dir, "fs", O_RDONLY | O_DIRECTORY, 0, err);
        if (fs < 0)
            return fs;
        ret->fds[ret->count++] = fs;
    }
    return 0;
}

static int scan_and_commit(const struct job_context *ctx, struct store *s,
                           struct store_tree *take_t, const struct lowers *lowers, int links,
                           json_t *answer, struct error *err)
{
    CLEANUP(store_tree_abortp) struct store_tree *t = take_t;
    CLEANUP(index_freep) struct index *ix = NULL;
    struct scan_options o = SCAN_OPTIONS_INIT;

    o.owner = ctx->ids.kind == IDENTITY_SINGLE ? OWNER_RECORDED : OWNER_REAL;
    o.link_owners = links;
    int r = scan_tree(store_tree_fs_fd(t), &o, &ix, err);
    if (r >= 0)
        r = devices_settle(store_tree_fs_fd(t), ix, err);
    if (r < 0)
        return error_wrap(err, r, "read what the step wrote");
    return job_commit(s, steal(t), ix, lowers->layers, lowers->layer_count, answer, err);
}

/* Where the owners of symbolic links go that a single id cannot give away. */
static int make_links(const struct job_context *ctx, const struct store_tree *t, int *ret,
                      struct error *err)
{
    if (ctx->ids.kind != IDENTITY_SINGLE)
        return 0;
    const int fd = fd_open_unnamed(store_tree_work_fd(t), ".", O_APPEND, err);
    if (fd < 0)
        return error_wrap(err, fd, "make the table of link owners");
    *ret = fd;
    return 0;
}

/* Records of what layers below have, by the numbers that files have there. */
static int add_link_owners(int fs, int links, struct error *err)
{
    CLEANUP(index_freep) struct index *ix = NULL;
    STR_AUTO(lines);
    struct stat st;
    const int r = index_load_at(fs, "../index", &ix, err);

    if (r < 0)
        return r;
    for (size_t i = 0; i < index_count(ix); i++) {
        const struct entry *e = index_at(ix, i);

        if ((e->type == ENTRY_SYMLINK || e->type == ENTRY_FIFO) && (e->uid || e->gid) &&
            fstatat(fs, e->path, &st, AT_SYMLINK_NOFOLLOW) == 0)
            owned_link_format(&(struct owned_link){e->uid, e->gid, st.st_ino, e->path}, &lines);
    }
    return fd_write_all(links, str_view(&lines), err);
}

/* What a failed program wrote, for those who want to see it. That it cannot be had is not the failure to talk of. */
static void commit_failed(const struct job_context *ctx, struct store *s, struct store_tree *take_t,
                          const struct lowers *lowers, int links, json_t *answer)
{
    ERROR_AUTO(why);

    if (scan_and_commit(ctx, s, take_t, lowers, links, answer, &why) < 0)
        doc_set_text(answer, "not_kept", why.text);
}

static bool speaks_of_devices(const struct spawn_plan *p)
{
    static const char word[] = "mknod";
    bool says = false;

    for (size_t i = 0; i < p->argv.size; i++)
        says |= strstr(p->argv.at[i], word) != NULL;
    for (size_t i = 0; i < p->mount_count; i++)
        says |= p->mounts[i].kind == SPAWN_MOUNT_FILE && p->mounts[i].data.size > 0 &&
                memmem(p->mounts[i].data.at, p->mounts[i].data.size, word, strlen(word)) != NULL;
    return says;
}

static int stands_on_records(const struct lowers *lowers, struct error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < lowers->count; i++)
        r = index_devices_at(lowers->fds[i], "../index", err);
    return r;
}

/* stat() is to stay fast where there is no device to be seen: a step that makes one and looks at it speaks of mknod. */
static int choose_devices(const struct lowers *lowers, struct spawn_plan *p, struct error *err)
{
    if (!p->seccomp) /* a container engine in it wants a supervisor of its own */
        return 0;
    const int r = speaks_of_devices(p) ? 1 : stands_on_records(lowers, err);
    if (r >= 0)
        p->devices = r ? SPAWN_DEVICES_SHOWN : SPAWN_DEVICES_RECORDED;
    return r;
}

static int run_over(const struct job_context *ctx, struct store *s, const struct lowers *lowers,
                    struct spawn_plan *plan, const char *commit, json_t *answer, struct error *err)
{
    CLEANUP(store_tree_abortp) struct store_tree *t = NULL;
    struct spawn_result result = {0};
    cleanup_close int links = -1;
    int r = store_tree_begin(s, &t, err);

    if (r >= 0)
        r = make_links(ctx, t, &links, err);
    for (size_t i = 0; r >= 0 && links >= 0 && i < lowers->count; i++)
        r = add_link_owners(lowers->fds[i], links, err);
    if (r >= 0)
        r = choose_devices(lowers, plan, err);
    if (r < 0)
        return r;
    plan->links_fd = links;
    plan->lower_fds = lowers->fds;
    plan->lower_count = lowers->count;
    plan->is_volatile = true;
    if (lowers->count) {
        plan->upper_fd = store_tree_fs_fd(t);
        plan->work_fd = store_tree_work_fd(t);
    } else {
        plan->rootfs_fd = store_tree_fs_fd(t); /* scratch: there is nothing to lie over */
    }
    r = spawn_run(ctx, plan, &result, err);
    plan->lower_fds = NULL;
    plan->lower_count = 0;
    if (r < 0)
        return r;
    doc_set(answer, "result", spawn_result_print(&result));
    const bool good = result.status == 0;
    spawn_result_done(&result);
    if (good && strcmp(commit, "never") != 0)
        return scan_and_commit(ctx, s, steal(t), lowers, links, answer, err);
    if (!good && strcmp(commit, "always") == 0)
        commit_failed(ctx, s, steal(t), lowers, links, answer);
    return 0;
}

static int exec_job(const struct job_context *ctx, const json_t *request, const int *fds,
                    size_t fd_count, json_t **ret, struct error *err)
{
    CLEANUP(store_closep) struct store *s = NULL;
    CLEANUP(lowers_done) struct lowers lowers = {0};
    CLEANUP(step_mounts_done) struct step_mounts mounts = {.ctx = ctx, .tmp_fd = -1};
    cleanup_doc json_t *answer = json_object();
    struct spawn_plan plan;
    const char *commit = NULL;
    json_t *doc = NULL;
    int r = doc_need_object(request, "plan", &doc, err);

    if (r >= 0)
        r = doc_need_text(request, "commit", &commit, err);
    if (r >= 0)
        r = store_attach(ctx->store_fd, &s, err);
    if (r >= 0)
        r = lowers_open(s, request, &lowers, err);
    if (r < 0)
        return r;
    r = spawn_plan_parse(doc, fds, fd_count, &plan, err);
    if (r < 0)
        return r;
    mounts.store = s;
    r = step_mounts_open(&mounts, request, fds, fd_count, &plan, err);
    if (r >= 0)
        r = run_over(ctx, s, &lowers, &plan, commit, answer, err);
    spawn_plan_done(&plan);
    if (r >= 0)
        *ret = steal(answer);
    return r;
}

const struct job_row build_jobs[] = {
    {"build-exec", exec_job, .stays = true},
    {"build-exec-alone", exec_job},
    {"build-file", file_job},
    {"build-adopt", adopt_job},
    {"build-unpack", unpack_job},
    {"build-read", read_job},
    {"build-mount-keep", mount_keep_job},
    {"build-mount-fill", mount_fill_job},
};
const size_t build_job_count = ARRAY_SIZE(build_jobs);
