/* Steps that run: requests for the holder's jobs, their output, their end. */
#include "build/internal.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/doc.h"
#include "base/fd.h"
#include "base/frame.h"
#include "build/jobs.h"
#include "sandbox/spawn.h"

/* ---- output ---- */

static void keep_tail(struct str *tail, struct view bytes)
{
    str_add(tail, bytes);
    if (tail->size <= 2 * STEP_TAIL_SIZE)
        return;
    struct str cut = STR_INIT;
    str_add(&cut, view_make(tail->at + tail->size - STEP_TAIL_SIZE, STEP_TAIL_SIZE));
    str_done(tail);
    *tail = cut;
}

static void fail(struct build *b, struct error *why)
{
    if (b->failed.code)
        error_done(why);
    else
        (void)error_move(&b->failed, why);
    loop_stop(b->loop);
}

void step_contexts_free(struct step_context *c)
{
    while (c) {
        struct step_context *next = c->next;

        fd_closep(&c->walked);
        free(c);
        c = next;
    }
}

void step_free(struct step *s)
{
    struct build *b = s->build;

    if (s->watch)
        loop_remove(b->loop, s->watch);
    if (s->output_watch)
        loop_remove(b->loop, s->output_watch);
    job_cancel(s->job);
    remote_end(s->remote);
    fd_closep(&s->output);
    step_contexts_free(s->contexts);
    str_done(&s->tail);
    log_done(&s->log);
    for (size_t i = 0; i < b->step_count; i++)
        if (b->steps[i] == s)
            b->steps[i] = b->steps[--b->step_count];
    b->slots++;
    free(s);
}

void steps_cancel(struct build *b)
{
    while (b->step_count) {
        progress_finish(b->steps[0]->shown, PROGRESS_CANCELED, NULL);
        step_free(b->steps[0]);
    }
}

/* False at the end of the output. */
static bool read_output(struct step *s)
{
    char buf[16384];
    const ssize_t n = read(s->output, buf, sizeof(buf));

    if (n < 0)
        return errno == EINTR || errno == EAGAIN;
    if (n == 0)
        return false;
    progress_log(s->shown, view_make(buf, (size_t)n));
    keep_tail(&s->tail, view_make(buf, (size_t)n));
    log_write(&s->log, s->build, s->op, view_make(buf, (size_t)n));
    return true;
}

static void on_output(void *ctx, short revents)
{
    struct step *s = ctx;

    if (read_output(s))
        return;
    loop_remove(s->build->loop, s->output_watch);
    s->output_watch = NULL;
}

/* What is still in the pipe when the job has ended: all writers are gone with it. */
static void drain_output(struct step *s)
{
    struct pollfd p = {s->output, POLLIN, 0};

    while (s->output >= 0 && poll(&p, 1, 0) > 0 && read_output(s))
        ;
}

/* ---- the end of a step ---- */

static void say_note(struct build *b, const char *note)
{
    for (size_t i = 0; i < b->notes.size; i++)
        if (strcmp(b->notes.at[i], note) == 0)
            return;
    strings_add(&b->notes, note);
    env_warn(b->env, "%s", note);
}

/* 0: the program ended well; else its status is an error. */
static int check_result(struct step *s, const json_t *answer, struct error *err)
{
    struct spawn_result result = {0};
    json_t *doc = NULL;
    int r = doc_object(answer, "result", &doc, err);

    if (r < 0 || !doc)
        return r;
    r = spawn_result_parse(doc, &result, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < result.notes.size && result.status == 0; i++)
        say_note(s->build, result.notes.at[i]);
    if (result.status != 0) {
        r = failure_error(s, result.status, err);
        failure_note(s, answer);
    }
    spawn_result_done(&result);
    return r;
}

static int read_answer(struct step *s, const json_t *answer, struct result_layer *ret,
                       struct error *err)
{
    const char *hex = NULL;
    int r = check_result(s, answer, err);

    if (r >= 0)
        r = doc_need_text(answer, "tree", &hex, err);
    if (r >= 0)
        r = digest_parse_hex(hex, &ret->tree, err);
    /* the job put it on no lease: from here on it is on ours */
    if (r >= 0)
        r = store_tree_hold(s->build->tools.store, &ret->tree, err); /* -ENOENT has no text */
    if (r == -ENOENT)
        return error_set(err, r, "the layer of '%s' is gone", s->op->title);
    ret->created_s = s->build->env->now_s;
    return r;
}

/* What the job has read need not be read again for the key, or next time. */
static void adopt_contexts(const struct step *s)
{
    for (const struct step_context *c = s->contexts; c; c = c->next) {
        CLEANUP(context_cache_freep) struct context_cache *walked = context_cache_load(c->walked);

        context_adopt(c->context->walked, walked);
    }
}

void step_finish(struct step *s, int code, const struct result_layer *layer, struct error *why)
{
    struct build *b = s->build;
    const struct op *op = s->op;

    progress_finish(s->shown, code < 0 ? PROGRESS_FAILED : PROGRESS_DONE, NULL);
    step_free(s);
    if (code >= 0)
        code = solver_finish(b->solver, op, layer, why);
    if (code < 0)
        fail(b, why);
    else
        loop_stop(b->loop); /* the driver sees what can be done now */
}

static void end_step(struct step *s)
{
    cleanup_doc json_t *answer = NULL;
    struct result_layer layer = {0};
    ERROR_AUTO(why);

    drain_output(s);
    int r = job_finish(s->job, &answer, &why);
    s->job = NULL;
    if (r < 0)
        (void)build_error_at(s->build, &why, r, s->op);
    else
        r = read_answer(s, answer, &layer, &why);
    if (r >= 0)
        adopt_contexts(s);
    step_finish(s, r, &layer, &why);
}

static void on_progress(void *ctx, const json_t *message)
{
    struct step *s = ctx;
    int64_t done = 0, total = 0;

    if (doc_int(message, "done", &done, NULL) >= 0 &&
        doc_int(message, "total", &total, NULL) >= 0 && done > 0)
        progress_update(s->shown, (uint64_t)done, (uint64_t)MAX(total, 0), "MB");
}

static void on_job(void *ctx, short revents)
{
    struct step *s = ctx;
    ERROR_AUTO(why);
    const int r = job_step(s->job, on_progress, s, &why);

    if (r == 0)
        return;
    loop_remove(s->build->loop, s->watch);
    s->watch = NULL;
    if (r > 0)
        end_step(s);
    else
        fail(s->build, &why);
}

/* ---- the beginning of a step ---- */

struct step *step_new(struct build *b, const struct op *op)
{
    struct step *s = xcalloc(1, sizeof(*s));

    *s = (struct step){.build = b, .op = op, .output = -1, .tail = STR_INIT};
    b->slots--;
    b->steps = xrealloc(b->steps, (b->step_count + 1) * sizeof(struct step *));
    b->steps[b->step_count++] = s;
    s->shown = progress_begin(b->env->progress, op->title);
    return s;
}

int step_start(struct build *b, const struct op *op, const char *job, const json_t *request,
               const int *fds, size_t fd_count, int take_output, struct step_context *take_contexts,
               struct error *err)
{
    struct step *s = step_new(b, op);
    struct holder *holder = NULL;

    s->output = take_output;
    s->contexts = take_contexts;
    int r = image_holder(&b->tools, &holder, err);
    if (r >= 0)
        r = holder_submit(holder, job, request, fds, fd_count, &s->job, err);
    if (r < 0) {
        progress_finish(s->shown, PROGRESS_FAILED, NULL);
        step_free(s);
        return build_error_at(b, err, r, op);
    }
    s->watch = loop_add_fd(b->loop, job_fd(s->job), POLLIN, on_job, s);
    if (s->output >= 0)
        s->output_watch = loop_add_fd(b->loop, s->output, POLLIN, on_output, s);
    return 0;
}

json_t *build_layers_doc(const struct digest *trees, size_t count)
{
    json_t *list = json_array();
    char hex[DIGEST_HEX_MAX];

    for (size_t i = 0; i < count; i++)
        doc_push(list, doc_new_text(digest_hex(&trees[i], hex)));
    return list;
}

int build_root_doc(struct build *b, struct op_ref root, json_t *obj, struct error *err)
{
    cleanup_free struct digest *trees = NULL;
    size_t count = 0;
    const int r = build_trees(b, root, &trees, &count, err);

    if (r >= 0)
        doc_set(obj, "layers", build_layers_doc(trees, count));
    return r;
}

/* ---- RUN ---- */

static enum spawn_network network_of(const struct build *b, const struct op_exec *e)
{
    switch (e->network) {
    case EXEC_NETWORK_NONE:
        return SPAWN_NETWORK_NONE;
    case EXEC_NETWORK_HOST:
        return SPAWN_NETWORK_HOST;
    case EXEC_NETWORK_DEFAULT:
        break;
    }
    return SPAWN_NETWORK_PRIVATE;
}

/* What --add-host and --ulimit say was checked with the options. */
static void add_words(const struct build *b, const struct op_exec *e, struct spawn_plan *plan)
{
    for (size_t i = 0; i < e->add_host_count; i++) {
        char *line = NULL;

        if (spawn_host_parse(e->add_hosts[i], &line, NULL) == 0)
            strings_take(&plan->hosts, line);
    }
    vec_each (limit, &b->options->ulimits)
        strings_add(&plan->ulimits, *limit);
    plan->shm_size = b->options->shm_size;
}

/* Of its own user namespace: it is root of nothing else. */
static void lift_limits(struct spawn_plan *plan)
{
    (void)!spawn_capability_parse("ALL", &plan->capabilities, NULL);
    plan->seccomp = false;
    plan->unmasked = true;
}

void exec_plan_fill(struct build *b, const struct op_exec *e, struct spawn_plan *plan)
{
    for (size_t i = 0; i < e->argc; i++)
        strings_add(&plan->argv, e->argv[i]);
    for (size_t i = 0; i < e->env_count; i++)
        strings_add(&plan->env, e->env[i]);
    for (size_t i = 0; i < e->secret_env_count; i++)
        strings_add(&plan->env, e->secret_env[i]);
    add_words(b, e, plan);
    if (e->insecure)
        lift_limits(plan);
    plan->cwd = e->cwd;
    plan->make_cwd = true;
    plan->user = e->user;
    plan->hostname = e->hostname;
    plan->keep_hostname = true; /* what a step writes there is in the layer, as in BuildKit */
    plan->network = network_of(b, e);
    plan->mounts = xcalloc(e->file_count + e->mount_count + 1, sizeof(*plan->mounts));
    for (size_t i = 0; i < e->file_count; i++)
        plan->mounts[i] = (struct spawn_mount){.kind = SPAWN_MOUNT_FILE,
                                               .source_fd = -1,
                                               .target = e->files[i].path,
                                               .data = e->files[i].data,
                                               .mode = e->files[i].mode,
                                               .read_only = true};
    plan->mount_count = e->file_count;
}

void exec_request_done(struct exec_request *q)
{
    while (q->fd_count > q->borrowed)
        (void)close(q->fds[--q->fd_count]);
    doc_unref(q->doc);
}

int exec_request_make(struct build *b, const struct op *op, const struct spawn_plan *plan,
                      const char *commit, struct exec_request *ret, struct error *err)
{
    json_t *doc = NULL;

    ret->doc = json_object();
    doc_set_text(ret->doc, "commit", commit);
    int r = build_root_doc(b, op->inputs[0], ret->doc, err);
    if (r >= 0)
        r = spawn_plan_pack(plan, &doc, ret->fds, &ret->fd_count, err);
    if (r < 0)
        return r;
    doc_set(ret->doc, "plan", doc);
    ret->borrowed = ret->fd_count;
    return mounts_pack(b, op, ret->doc, ret->fds, &ret->fd_count, err);
}

/* Bytes of a secret must not be in the memory that the first process of another step begins with. */
static const char *job_of(const struct op_exec *e)
{
    for (size_t i = 0; i < e->mount_count; i++)
        if (e->mounts[i].spec.type == MOUNT_SECRET && e->mounts[i].given)
            return "build-exec-alone";
    return "build-exec";
}

static int submit_exec(struct build *b, const struct op *op, struct spawn_plan *plan,
                       struct error *err)
{
    const char *commit = b->options->on_error == BUILD_ON_ERROR_STOP ? "good" : "always";
    EXEC_REQUEST_AUTO(q);
    int pipe_fds[2], r = fd_pipe(pipe_fds, err);

    if (r < 0)
        return r;
    cleanup_close int from = pipe_fds[0], to = pipe_fds[1];
    plan->stdio_fds[1] = plan->stdio_fds[2] = to;
    r = exec_request_make(b, op, plan, commit, &q, err);
    return r < 0 ? build_error_at(b, err, r, op)
                 : step_start(b, op, job_of(&op->u.exec), q.doc, q.fds, q.fd_count, steal_fd(from),
                              NULL, err);
}

int run_exec(struct build *b, const struct op *op, struct error *err)
{
    struct spawn_plan plan;

    spawn_plan_init(&plan);
    exec_plan_fill(b, &op->u.exec, &plan);
    int r = mounts_plan_add(b, &op->u.exec, &plan, err);
    r = r < 0 ? build_error_at(b, err, r, op) : submit_exec(b, op, &plan, err);
    spawn_plan_done(&plan);
    return r;
}
