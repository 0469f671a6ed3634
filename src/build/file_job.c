#include "build/file_job.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "build/file_plan.h"
#include "dockerfile/ignore.h"
#include "image/image.h"
#include "layer/context_check.h"
#include "layer/copy.h"
#include "layer/tar.h"
#include "layer/unpack.h"

/* What one input is in the job. */
struct input {
    int dir; /* a context: borrowed from the job; else -1 */
    struct ignore *ignore;
    struct context_check *check; /* of a context */
    mode_t gitmode;
    struct image_view image;
};

struct file_work {
    const struct job_context *ctx;
    const json_t *request;
    const int *fds;
    size_t fd_count;
    enum owner_mode owner;
    struct store *store;
    struct store_tree *tree;
    struct image_view below; /* all layers, or one index of what matters of them */
    struct digest *chain;    /* the layers */
    size_t chain_size;
    struct input *inputs;
    size_t input_count;
    struct index *before; /* of the layer that the step made the last time, or NULL */
    int before_fs;
    struct copy *copy;
    struct view data;             /* bytes of WRITE steps, mapped */
    VEC(struct index *) archives; /* that were unpacked; the copy borrows from them until its end */
};

static void work_done(struct file_work *w)
{
    copy_free(w->copy);
    vec_each (ix, &w->archives)
        index_free(*ix);
    vec_done(&w->archives);
    for (size_t i = 0; i < w->input_count; i++) {
        ignore_free(w->inputs[i].ignore);
        context_check_free(w->inputs[i].check);
        image_view_done(&w->inputs[i].image);
    }
    free(w->inputs);
    index_free(w->before);
    fd_closep(&w->before_fs);
    image_view_done(&w->below);
    free(w->chain);
    store_tree_abort(w->tree);
    store_close(w->store);
    if (w->data.size)
        (void)munmap((void *)(uintptr_t)w->data.at, w->data.size);
}

static int take_fd(const struct file_work *w, const json_t *obj, const char *key, int *ret,
                   struct error *err)
{
    int64_t number = -1;
    const int r = doc_int(obj, key, &number, err);

    if (r < 0)
        return r;
    if (number >= (int64_t)w->fd_count)
        return error_set(err, -EINVAL, "there is no descriptor %lld", (long long)number);
    *ret = number < 0 ? -1 : w->fds[number];
    return 0;
}

static int open_view(struct file_work *w, const json_t *obj, struct image_view *ret,
                     struct error *err)
{
    cleanup_free struct digest *layers = NULL;
    size_t count = 0;
    int r = job_layers(obj, &layers, &count, err);

    if (r >= 0)
        r = image_view_open(w->store, layers, count, true, ret, err);
    return r;
}

static int open_input(struct file_work *w, const json_t *obj, struct input *in, struct error *err)
{
    const char *ignore = NULL;
    int64_t gitmode = 0;
    int walked = -1, r;

    in->dir = -1;
    if (!json_is_object(obj))
        return 0;
    if (json_object_get(obj, "layers"))
        return open_view(w, obj, &in->image, err);
    r = take_fd(w, obj, "fd", &in->dir, err);
    if (r >= 0)
        r = take_fd(w, obj, "walked", &walked, err);
    if (r >= 0)
        r = doc_text(obj, "ignore", &ignore, err);
    if (r >= 0)
        r = doc_int(obj, "gitmode", &gitmode, err);
    in->gitmode = (mode_t)gitmode & 01777;
    if (r >= 0 && ignore)
        r = ignore_parse(view_of(ignore), ".dockerignore", &in->ignore, err);
    return r < 0 ? r : context_check_open(walked, &in->check, err);
}

static int read_chain(struct file_work *w, struct error *err)
{
    int fd = -1;
    struct stat st;
    const int r = take_fd(w, w->request, "chain", &fd, err);

    if (r < 0 || fd < 0)
        return r;
    if (fstat(fd, &st) < 0)
        return error_sys(err, "read the layers below");
    w->chain = xmalloc((size_t)st.st_size + 1);
    w->chain_size = (size_t)st.st_size / sizeof(*w->chain);
    return fd_pread_all(fd, w->chain, w->chain_size * sizeof(*w->chain), 0, err);
}

static int open_below(struct file_work *w, struct error *err)
{
    int fd = -1;
    int r = take_fd(w, w->request, "below", &fd, err);

    if (r < 0)
        return r;
    if (fd < 0) {
        r = job_layers(w->request, &w->chain, &w->chain_size, err);
        return r < 0 ? r : image_view_open(w->store, w->chain, w->chain_size, true, &w->below, err);
    }
    r = read_chain(w, err);
    if (r < 0)
        return r;
    w->below.indexes = xcalloc(1, sizeof(struct index *));
    r = index_load(fd, &w->below.indexes[0], err);
    if (r < 0)
        return r;
    w->below.count = 1;
    w->below.merge = merge_new((const struct index *const *)w->below.indexes, 1);
    return 0;
}

static int open_inputs(struct file_work *w, struct error *err)
{
    json_t *list = NULL;
    int r = doc_need_array(w->request, "inputs", &list, err);

    if (r < 0)
        return r;
    w->inputs = xcalloc(json_array_size(list) + 1, sizeof(*w->inputs));
    w->input_count = json_array_size(list);
    for (size_t i = 0; r >= 0 && i < w->input_count; i++)
        r = open_input(w, json_array_get(list, i), &w->inputs[i], err);
    return r;
}

/* It only saves work: what is wrong with it is no failure. */
static int open_before(struct file_work *w, struct error *err)
{
    const char *hex = NULL;
    struct digest tree;
    int r = doc_text(w->request, "before", &hex, err);

    if (r < 0 || !hex)
        return r;
    r = digest_parse_hex(hex, &tree, err);
    if (r < 0)
        return r;
    cleanup_close int dir = store_tree_open(w->store, &tree, NULL);
    if (dir < 0)
        return 0;
    w->before_fs = fd_open(dir, "fs", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, NULL);
    if (w->before_fs >= 0)
        (void)!index_load_at(dir, "index", &w->before, NULL);
    return 0;
}

static int map_data(struct file_work *w, struct error *err)
{
    struct stat st;
    int fd = -1;
    const int r = take_fd(w, w->request, "data", &fd, err);

    if (r < 0 || fd < 0)
        return r;
    if (fstat(fd, &st) < 0)
        return error_sys(err, "read file data");
    if (st.st_size == 0)
        return 0;
    void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
        return error_sys(err, "map file data");
    w->data = view_make(map, (size_t)st.st_size);
    return 0;
}

/* ---- sources that are directories of the user ---- */

/* What copies ask while they run, from several threads: reads only. */
struct source_filter {
    const struct input *in;
    const json_t *skips; /* names below the step's source that other steps copy */
    size_t source_size;  /* of the step's source path */
    bool from_path;
    const char *source; /* the step's */
    struct file_filter filter;
    size_t filter_base; /* it is relative to this much of the path */
};

/* rel is below the step's source. *prune: nothing below it is copied either. */
static bool is_excluded(const struct source_filter *f, const char *rel, bool is_dir, bool *prune)
{
    STR_AUTO(path);

    if (file_filter_is_empty(&f->filter))
        return false;
    str_add_text(&path, f->source);
    view_join(&path, view_of(rel));
    if (path.size <= f->filter_base)
        return false;
    const char *below = path.at + f->filter_base + (f->filter_base != 0);
    return file_filter_skips(&f->filter, view_of(below), is_dir, prune);
}

/* What callbacks of a directory call rel, below the step's source; NULL for the source itself. */
static const char *below_source(const struct source_filter *f, const char *rel)
{
    if (f->from_path || !f->source_size)
        return rel;
    return strlen(rel) <= f->source_size ? NULL : rel + f->source_size + 1;
}

static bool is_skipped(const struct source_filter *f, const char *rel)
{
    const char *below = below_source(f, rel);
    size_t i;
    json_t *item;

    if (!below)
        return false;
    json_array_foreach(f->skips, i, item)
    {
        if (strcmp(json_string_value(item), below) == 0)
            return true;
    }
    return false;
}

static bool skip_entry(void *ctx, const char *rel, bool is_dir, bool *prune)
{
    const struct source_filter *f = ctx;

    if (is_skipped(f, rel)) {
        *prune = true;
        return true;
    }
    const char *below = below_source(f, rel);
    if (below && is_excluded(f, below, is_dir, prune))
        return true;
    if (!f->in->ignore || !ignore_match(f->in->ignore, view_of(rel)))
        return false;
    *prune = !is_dir || !ignore_may_reach_below(f->in->ignore, view_of(rel));
    return true;
}

static bool known_file(void *ctx, const char *path, size_t number, const struct stat *st,
                       struct digest *ret, bool *ret_plain)
{
    const struct source_filter *f = ctx;

    return context_check_known(f->in->check, path, number, st, ret, ret_plain);
}

static size_t find_listed(void *ctx, const char *path)
{
    const struct source_filter *f = ctx;

    return context_check_find(f->in->check, path);
}

static bool listed_at(void *ctx, size_t i, struct copy_listed *ret)
{
    const struct source_filter *f = ctx;

    return context_check_at(f->in->check, i, ret);
}

static void listed_taken(void *ctx, size_t i)
{
    const struct source_filter *f = ctx;

    context_check_taken(f->in->check, i);
}

static const struct copy_list context_list = {find_listed, listed_at, listed_taken};

static int check_entry(void *ctx, const struct copy_seen *s, struct error *err)
{
    const struct source_filter *f = ctx;

    return context_check_seen(f->in->check, s, err);
}

static bool is_skipped_below(void *ctx, const char *rel, bool is_dir, bool *prune)
{
    struct source_filter f = *(const struct source_filter *)ctx;

    f.from_path = true;
    *prune = true;
    return is_skipped(&f, rel) || is_excluded(&f, rel, is_dir, prune);
}

/* ---- steps ---- */

struct step_doc {
    const char *source, *dest, *unpack_dest, *mode;
    int64_t kind, input, uid, gid, make_mode, data_at, data_size;
    bool has_owner, keep_owner, parents, whole, lazy;
    int64_t time_s; /* -1: the source's */
    json_t *skips, *excludes;
    const char *include;
    int64_t filter_base;
};

static int read_filter(const struct step_doc *step, struct file_filter *ret, struct error *err)
{
    const size_t count = json_array_size(step->excludes);
    cleanup_free const char **patterns = xcalloc(count + 1, sizeof(*patterns));

    for (size_t i = 0; i < count; i++) {
        patterns[i] = json_string_value(json_array_get(step->excludes, i));
        if (!patterns[i])
            return error_set(err, -EINVAL, "excludes[%zu] is not a text", i);
    }
    return file_filter_init(ret, step->include, patterns, count, err);
}

static int read_step(const json_t *obj, struct step_doc *ret, struct error *err)
{
    int r = doc_need_int(obj, "kind", &ret->kind, err);

    if (r >= 0)
        r = doc_need_text(obj, "dest", &ret->dest, err);
    if (r >= 0)
        r = doc_text(obj, "source", &ret->source, err);
    if (r >= 0)
        r = doc_text(obj, "unpack_dest", &ret->unpack_dest, err);
    if (r >= 0)
        r = doc_text(obj, "mode", &ret->mode, err);
    if (r >= 0)
        r = doc_int(obj, "input", &ret->input, err);
    if (r >= 0)
        r = doc_int(obj, "uid", &ret->uid, err);
    if (r >= 0)
        r = doc_int(obj, "gid", &ret->gid, err);
    if (r >= 0)
        r = doc_int(obj, "make_mode", &ret->make_mode, err);
    if (r >= 0)
        r = doc_int(obj, "data_at", &ret->data_at, err);
    if (r >= 0)
        r = doc_int(obj, "data_size", &ret->data_size, err);
    if (r >= 0)
        r = doc_bool(obj, "has_owner", &ret->has_owner, err);
    if (r >= 0)
        r = doc_bool(obj, "keep_owner", &ret->keep_owner, err);
    if (r >= 0)
        r = doc_array(obj, "skips", &ret->skips, err);
    if (r >= 0)
        r = doc_array(obj, "excludes", &ret->excludes, err);
    if (r >= 0)
        r = doc_bool(obj, "parents", &ret->parents, err);
    if (r >= 0)
        r = doc_bool(obj, "whole", &ret->whole, err);
    if (r >= 0)
        r = doc_int(obj, "time", &ret->time_s, err);
    if (r >= 0)
        r = doc_bool(obj, "lazy", &ret->lazy, err);
    if (r >= 0)
        r = doc_text(obj, "include", &ret->include, err);
    if (r >= 0)
        r = doc_int(obj, "filter_base", &ret->filter_base, err);
    return r;
}

/* Of directories that are made on the way. */
static uint32_t made_gid(const struct step_doc *step)
{
    return step->has_owner ? (uint32_t)step->gid : COPY_GID_MADE;
}

static int copy_step(struct file_work *w, const struct step_doc *step, const struct chmod *mode,
                     struct error *err)
{
    const struct input *in = &w->inputs[step->input];
    FILE_FILTER_AUTO(patterns);
    int r = read_filter(step, &patterns, err);
    if (r < 0)
        return r;
    struct source_filter filter = {.in = in,
                                   .skips = step->skips,
                                   .source_size = strlen(step->source),
                                   .from_path = in->dir < 0,
                                   .source = step->source,
                                   .filter = patterns,
                                   .filter_base = (size_t)step->filter_base};
    const bool leaves_out = !file_filter_is_empty(&patterns) || json_array_size(step->skips);
    const struct copy_source s = {
        .dir = in->dir,
        .list = in->dir < 0 ? NULL : &context_list,
        .keep_owner = step->keep_owner,
        .gitmode = in->gitmode,
        .trees = in->dir < 0 ? in->image.merge : NULL,
        .fs = in->image.fs,
        .owner = in->dir < 0 ? w->owner : OWNER_REAL,
        .path = step->source,
        .dest = step->dest,
        .lazy = step->lazy,
        .keep_dirs = step->parents,
        .whole = step->whole,
        .has_time = step->time_s >= 0,
        .time_s = step->time_s,
        .parent_uid = (uint32_t)step->uid,
        .parent_gid = made_gid(step),
        .chown = step->has_owner,
        .uid = (uint32_t)step->uid,
        .gid = (uint32_t)step->gid,
        .chmod = mode,
        .skip = in->ignore || leaves_out ? skip_entry : NULL,
        .skip_from_path = filter.from_path,
        .known = in->dir < 0 ? NULL : known_file,
        .seen = in->dir < 0 ? NULL : check_entry,
        .ctx = &filter,
    };

    r = copy_add(w->copy, &s, err);
    return r < 0 || in->dir < 0
               ? r
               : context_check_end(in->check, step->source, leaves_out ? is_skipped_below : NULL,
                                   &filter, err);
}

/* ---- archives of ADD ---- */

static int open_source_file(struct file_work *w, const struct step_doc *step, struct error *err)
{
    const struct input *in = &w->inputs[step->input];
    struct merge_file file;

    if (in->dir >= 0)
        return fd_open_beneath(in->dir, step->source, O_RDONLY | O_NONBLOCK, 0, err);
    if (merge_lookup(in->image.merge, view_of(step->source), &file) < 0)
        return error_set(err, -ENOENT, "'%s' is gone", step->source);
    return fd_open_beneath(in->image.fs[file.layer], step->source, O_RDONLY | O_NONBLOCK, 0, err);
}

static int copy_unpacked(struct file_work *w, const struct step_doc *step, const struct index *ix,
                         int fs, struct error *err)
{
    CLEANUP(merge_freep) struct merge *merge = merge_new(&ix, 1);
    const struct tree_view view = {.merge = merge};
    const struct file_step like = {.kind = FILE_COPY, .mode = "", .replace = true};
    FILE_PLAN_AUTO(plan);
    int r = file_plan_directory(&view, w->below.merge, &like, NULL, "", step->unpack_dest, &plan,
                                NULL, err);

    for (size_t i = 0; r >= 0 && i < plan.steps.size; i++) {
        const struct file_step *part = &plan.steps.at[i];
        cleanup_doc json_t *skips = json_array();
        struct input none = {.dir = -1};
        struct source_filter filter = {
            .in = &none, .skips = skips, .from_path = true, .source = ""};
        for (size_t j = 0; j < part->skips.size; j++)
            doc_push(skips, doc_new_text(part->skips.at[j]));
        const struct copy_source s = {.dir = -1,
                                      .trees = merge,
                                      .fs = &fs,
                                      .owner = w->owner,
                                      .replace = true,
                                      .path = part->source,
                                      .dest = part->dest,
                                      .parent_uid = (uint32_t)step->uid,
                                      .parent_gid = made_gid(step),
                                      .skip = part->skips.size ? skip_entry : NULL,
                                      .skip_from_path = true,
                                      .ctx = &filter};
        r = copy_add(w->copy, &s, err);
    }
    return r;
}

/* What was unpacked is what the key says. */
static int check_archive(const struct input *in, const char *path, int fd,
                         const struct digest *packed, struct error *err)
{
    struct copy_seen seen = {.path = path, .content = packed, .again = true};
    struct stat st;

    if (in->dir < 0)
        return 0;
    if (fstat(fd, &st) < 0)
        return error_sys(err, "stat '%s'", path);
    seen.mode = st.st_mode;
    return context_check_seen(in->check, &seen, err);
}

/* Unpacked beside the layer and copied into it: the copy knows what is below. */
static int add_archive(struct file_work *w, const struct step_doc *step, int fd, struct error *err)
{
    const int work = store_tree_work_fd(w->tree);
    struct unpack_result result = {0};
    struct codec_sums sums;
    char name[32];

    snprintf(name, sizeof(name), "archive%zu", w->archives.size);
    int r = fd_make_dirs(work, name, 0700, err);
    if (r < 0)
        return r;
    cleanup_close int dir = fd_open(work, name, O_RDONLY | O_DIRECTORY, 0, err);
    if (dir < 0)
        return dir;
    const struct unpack_options o = {.root_fd = dir,
                                     .owner = w->owner,
                                     .plain = true,
                                     .like_docker = true,
                                     .below = UNPACK_BELOW_NOTHING};
    r = unpack_layer(fd, &o, NULL, NULL, &result, &sums, err);
    if (r < 0)
        return error_wrap(err, r, "unpack '%s'", step->source);
    vec_push(&w->archives, result.index);
    r = check_archive(&w->inputs[step->input], step->source, fd, &sums.packed, err);
    if (r >= 0)
        r = copy_unpacked(w, step, result.index, dir, err);
    return r;
}

static int add_step(struct file_work *w, const struct step_doc *step, const struct chmod *mode,
                    struct error *err)
{
    cleanup_close int fd = open_source_file(w, step, err);

    if (fd < 0)
        return fd;
    return tar_is_archive(fd) ? add_archive(w, step, fd, err) : copy_step(w, step, mode, err);
}

/* ---- all steps ---- */

static int simple_step(struct file_work *w, const struct step_doc *step, const struct chmod *mode,
                       struct error *err)
{
    uint32_t make_mode = (uint32_t)step->make_mode;

    if (mode)
        make_mode = chmod_apply(mode, make_mode, step->kind == FILE_MKDIR);
    if (step->kind == FILE_REMOVE)
        return copy_remove(w->copy, step->dest, err);
    if (step->kind == FILE_MKDIR)
        return copy_mkdir(w->copy, step->dest, make_mode, (uint32_t)step->uid, made_gid(step), err);
    if (step->data_at < 0 || step->data_size < 0 ||
        (uint64_t)(step->data_at + step->data_size) > w->data.size)
        return error_set(err, -EINVAL, "data of '%s' is not there", step->dest);
    return copy_write(w->copy, step->dest,
                      view_make(w->data.at + step->data_at, (size_t)step->data_size), make_mode,
                      (uint32_t)step->uid, (uint32_t)step->gid, err);
}

static int do_step(struct file_work *w, const json_t *obj, struct error *err)
{
    struct step_doc step = {.source = "", .mode = "", .time_s = -1};
    struct chmod mode;
    int r = read_step(obj, &step, err);

    if (r >= 0 && *step.mode)
        r = chmod_parse(step.mode, &mode, err);
    if (r < 0)
        return r;
    const struct chmod *given = *step.mode ? &mode : NULL;
    if (step.kind != FILE_COPY)
        return simple_step(w, &step, given, err);
    if (step.input <= 0 || (size_t)step.input >= w->input_count)
        return error_set(err, -EINVAL, "there is no input %lld", (long long)step.input);
    return step.unpack_dest ? add_step(w, &step, given, err) : copy_step(w, &step, given, err);
}

static int do_steps(struct file_work *w, json_t *answer, struct error *err)
{
    CLEANUP(index_freep) struct index *ix = NULL;
    json_t *steps = NULL;
    int r = doc_need_array(w->request, "steps", &steps, err);

    for (size_t i = 0; r >= 0 && i < json_array_size(steps); i++)
        r = do_step(w, json_array_get(steps, i), err);
    if (r >= 0)
        r = copy_finish(w->copy, &ix, NULL, err);
    if (r < 0)
        return r;
    return job_commit(w->store, steal(w->tree), ix, w->chain, w->chain_size, answer, err);
}

static int begin_copy(struct file_work *w, struct error *err)
{
    int64_t now = 0;
    int r = doc_int(w->request, "now", &now, err);

    if (r >= 0)
        r = store_tree_begin(w->store, &w->tree, err);
    if (r < 0)
        return r;
    const struct copy_options o = {.fs = store_tree_fs_fd(w->tree),
                                   .owner = w->owner,
                                   .below = w->below.merge,
                                   .now_s = now,
                                   .before = w->before,
                                   .before_fs = w->before_fs};
    return copy_begin(&o, &w->copy, err);
}

int file_job(const struct job_context *ctx, const json_t *request, const int *fds, size_t fd_count,
             json_t **ret, struct error *err)
{
    CLEANUP(work_done)
    struct file_work w = {
        .ctx = ctx, .request = request, .fds = fds, .fd_count = fd_count, .before_fs = -1};
    cleanup_doc json_t *answer = json_object();
    int r = store_attach(ctx->store_fd, &w.store, err);

    w.owner = ctx->ids.kind == IDENTITY_SINGLE ? OWNER_RECORDED : OWNER_REAL;
    if (r >= 0)
        r = open_below(&w, err);
    if (r >= 0)
        r = open_inputs(&w, err);
    if (r >= 0)
        r = open_before(&w, err);
    if (r >= 0)
        r = map_data(&w, err);
    if (r >= 0)
        r = begin_copy(&w, err);
    if (r >= 0)
        r = do_steps(&w, answer, err);
    if (r >= 0)
        *ret = steal(answer);
    return r;
}
