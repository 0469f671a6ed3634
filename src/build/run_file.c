/* The requests of FILE steps: what is copied from where, as the plan says, and what the job may read. */
#include "build/internal.h"

#include <errno.h>
#include <unistd.h>

#include "base/doc.h"
#include "base/fd.h"
#include "base/frame.h"

struct file_request {
    json_t *doc;
    struct step_context *contexts; /* taken over by the step */
    int fds[FRAME_FDS_MAX];
    bool owned[FRAME_FDS_MAX];
    size_t fd_count;
    struct str data;
};

static void request_done(struct file_request *q)
{
    for (size_t i = 0; i < q->fd_count; i++)
        if (q->owned[i])
            fd_closep(&q->fds[i]);
    step_contexts_free(q->contexts);
    str_done(&q->data);
    doc_unref(q->doc);
}

static int add_fd(struct file_request *q, int fd, bool owned, struct error *err)
{
    if (q->fd_count == FRAME_FDS_MAX) {
        if (owned)
            fd_closep(&fd);
        return error_set(err, -EDQUOT, "a step reads more than %d directories", FRAME_FDS_MAX / 2);
    }
    q->fds[q->fd_count] = fd;
    q->owned[q->fd_count] = owned;
    return (int)q->fd_count++;
}

/* What the files of a context were when it was walked: the job need not hash again those that are known, holds what it
 * copies against the rest, and says here what it has read. */
static int add_walked(struct file_request *q, struct local_context *c, struct error *err)
{
    cleanup_close int fd = fd_of_bytes("stat cache", (struct view){0}, err);

    if (fd < 0)
        return fd;
    int r = context_save_all(c->walked, fd, err);
    if (r >= 0)
        r = add_fd(q, fd, false, err);
    if (r < 0)
        return r;
    struct step_context *context = xcalloc(1, sizeof(*context));
    *context = (struct step_context){q->contexts, c, steal_fd(fd)};
    q->contexts = context;
    return r;
}

static int pack_local(struct build *b, const struct op *source, struct file_request *q, json_t *obj,
                      struct error *err)
{
    struct local_context *c = sources_local(b->sources, source);
    int r = add_walked(q, c, err);

    if (r >= 0) {
        doc_set_int(obj, "walked", r);
        r = add_fd(q, c->fd, false, err);
    }
    if (r >= 0)
        doc_set_int(obj, "fd", r);
    doc_set_int(obj, "gitmode", c->gitmode);
    if (c->ignore)
        doc_set_text(obj, "ignore", c->ignore_text.at);
    return r;
}

static bool plan_unpacks(const struct file_plan *plan)
{
    vec_each (step, &plan->steps)
        if (step->unpack_dest)
            return true;
    return false;
}

/* Which layers the step stands on. */
static int pack_chain(struct build *b, const struct op *op, struct file_request *q,
                      struct error *err)
{
    cleanup_free struct digest *trees = NULL;
    size_t count = 0;
    int r = build_trees(b, op_file_root(op), &trees, &count, err);

    if (r < 0 || !count)
        return r;
    r = fd_of_bytes("layers below", view_make(trees, count * sizeof(*trees)), err);
    if (r >= 0)
        r = add_fd(q, r, true, err);
    if (r >= 0)
        doc_set_int(q->doc, "chain", r);
    return r;
}

/* What the job has to know of the root below: the entries that the plan met, unless an archive may meet any. */
static int pack_below(struct build *b, const struct op *op, struct file_plan *plan,
                      struct file_request *q, struct error *err)
{
    CLEANUP(index_freep) struct index *below = NULL;

    if (plan_unpacks(plan))
        return build_root_doc(b, op_file_root(op), q->doc, err);
    int r = index_builder_finish(plan->below, &below, err);
    if (r < 0)
        return r;
    cleanup_close int fd = fd_of_bytes("entries below", (struct view){0}, err);
    if (fd < 0)
        return fd;
    r = index_save(below, fd, err);
    if (r >= 0)
        r = add_fd(q, steal_fd(fd), true, err);
    if (r >= 0)
        doc_set_int(q->doc, "below", r);
    return r < 0 ? r : pack_chain(b, op, q, err);
}

static int pack_inputs(struct build *b, const struct op *op, struct file_plan *plan,
                       struct file_request *q, struct error *err)
{
    json_t *inputs = json_array();
    int r = pack_below(b, op, plan, q, err);

    doc_set(q->doc, "inputs", inputs);
    doc_push(inputs, json_null());
    for (size_t i = 1; r >= 0 && i < op->input_count; i++) {
        json_t *obj = json_object();
        const struct op *source = op->inputs[i].op;
        r = source && source->kind == OP_SOURCE_LOCAL ? pack_local(b, source, q, obj, err)
                                                      : build_root_doc(b, op->inputs[i], obj, err);
        doc_push(inputs, obj);
    }
    return r;
}

static void set_filter(json_t *obj, const struct file_action *a, size_t base)
{
    json_t *patterns = json_array();

    for (size_t i = 0; i < a->exclude_count; i++)
        doc_push(patterns, doc_new_text(a->excludes[i]));
    doc_set(obj, "excludes", patterns);
    doc_set_bool(obj, "parents", a->parents);
    doc_set_text(obj, "include", a->include);
    doc_set_int(obj, "filter_base", (int64_t)base);
}

static json_t *step_doc(const struct file_step *step, struct str *data)
{
    json_t *obj = json_object();

    doc_set_int(obj, "kind", step->kind);
    doc_set_int(obj, "input", step->input);
    doc_set_text(obj, "source", step->source);
    doc_set_text(obj, "dest", step->dest);
    doc_set_text(obj, "unpack_dest", step->unpack_dest);
    doc_set_text(obj, "mode", step->mode);
    doc_set_int(obj, "uid", step->uid);
    doc_set_int(obj, "gid", step->gid);
    doc_set_bool(obj, "has_owner", step->has_owner);
    doc_set_bool(obj, "keep_owner", step->keep_owner);
    doc_set_int(obj, "make_mode", step->make_mode);
    if (step->kind == FILE_WRITE) {
        doc_set_int(obj, "data_at", (int64_t)data->size);
        doc_set_int(obj, "data_size", (int64_t)step->data.size);
        str_add(data, step->data);
    }
    if (step->whole)
        doc_set_bool(obj, "whole", true);
    if (step->lazy)
        doc_set_bool(obj, "lazy", true);
    if (step->filtering)
        set_filter(obj, step->filtering, step->filter_base);
    if (step->skips.size) {
        json_t *skips = json_array();
        for (size_t i = 0; i < step->skips.size; i++)
            doc_push(skips, doc_new_text(step->skips.at[i]));
        doc_set(obj, "skips", skips);
    }
    return obj;
}

/* The tree of a URL is known by its bytes, so the time of its file is told apart. */
static int set_time(struct build *b, const struct op *op, const struct file_step *step, json_t *obj,
                    struct error *err)
{
    const struct op *source = step->kind == FILE_COPY ? op->inputs[step->input].op : NULL;
    struct remote *remote =
        source && source->kind == OP_SOURCE_REMOTE ? source->u.remote.remote : NULL;
    int64_t time_s = 0;

    if (!remote || remote->kind != REMOTE_URL)
        return 0;
    const int r = remote_time(&b->tools, remote, &time_s, err);
    doc_set_int(obj, "time", time_s);
    return r;
}

static int pack_steps(struct build *b, const struct op *op, const struct file_plan *plan,
                      struct file_request *q, struct error *err)
{
    json_t *steps = json_array();
    char hex[DIGEST_HEX_MAX];
    struct digest before;
    int r = 0;

    doc_set(q->doc, "steps", steps);
    if (explain_last_tree(b, op, &before))
        doc_set_text(q->doc, "before", digest_hex(&before, hex));
    doc_set_int(q->doc, "now", b->graph->has_epoch ? b->graph->epoch_s : b->env->now_s);
    vec_each (step, &plan->steps) {
        json_t *obj = step_doc(step, &q->data);
        if (r >= 0)
            r = set_time(b, op, step, obj, err);
        doc_push(steps, obj);
    }
    if (r < 0 || !q->data.size)
        return r;
    r = fd_of_bytes("file data", str_view(&q->data), err);
    if (r >= 0)
        r = add_fd(q, r, true, err);
    if (r >= 0)
        doc_set_int(q->doc, "data", r);
    return r;
}

int run_file(struct build *b, const struct op *op, struct error *err)
{
    CLEANUP(request_done) struct file_request q = {.doc = json_object(), .data = STR_INIT};
    FILE_PLAN_AUTO(plan);
    plan.below = index_builder_new();
    int r = build_file_plan(b, op, &plan, NULL, err);

    if (r >= 0)
        r = pack_inputs(b, op, &plan, &q, err);
    if (r >= 0)
        r = pack_steps(b, op, &plan, &q, err);
    if (r < 0)
        return build_error_at(b, err, r, op);
    return step_start(b, op, "build-file", q.doc, q.fds, q.fd_count, -1, steal(q.contexts), err);
}
