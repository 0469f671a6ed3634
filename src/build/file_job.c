#include "build/file_job.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "build/file_plan.h"
#include "build/file_work.h"
#include "layer/tar.h"
#include "layer/unpack.h"

/* ---- sources that are directories of the user ---- */

/* What copies ask while they run, from several threads: reads only. */
struct source_filter {
    const struct file_input *in;
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
    const struct file_input *in = &w->inputs[step->input];
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
    const struct file_input *in = &w->inputs[step->input];
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
        struct file_input none = {.dir = -1};
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
static int check_archive(const struct file_input *in, const char *path, int fd,
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
    CLEANUP(file_work_done)
    struct file_work w = {
        .ctx = ctx, .request = request, .fds = fds, .fd_count = fd_count, .before_fs = -1};
    cleanup_doc json_t *answer = json_object();
    int r = file_work_open(&w, err);

    if (r >= 0)
        r = begin_copy(&w, err);
    if (r >= 0)
        r = do_steps(&w, answer, err);
    if (r >= 0)
        *ret = steal(answer);
    return r;
}
