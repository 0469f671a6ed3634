/* Ops that are remote: what they are is found out before the solver begins, all at once; what they
 * hold is brought when a step needs it, beside other steps. */
#include <poll.h>

#include "build/internal.h"

/* The step that asks for it, for the place in the Dockerfile; NULL: a named context. */
static const struct op *op_of(const struct graph *g, const struct remote *remote)
{
    vec_each (op, &g->ops)
        if (remote && (*op)->kind == OP_SOURCE_REMOTE && (*op)->u.remote.remote == remote)
            return *op;
    return NULL;
}

int build_resolve_remotes(struct build *b, struct error *err)
{
    const struct graph *g = b->graph;
    cleanup_free bool *needed = xcalloc(g->ops.size + 1, sizeof(*needed));
    const struct remote *failed = NULL;
    VEC(struct remote *) list = {0};

    vec_each (target, &g->targets)
        graph_needed(g, g->stages.at[*target].root, needed);
    vec_each (op, &g->ops)
        if (needed[(*op)->id] && (*op)->kind == OP_SOURCE_REMOTE && (*op)->u.remote.remote &&
            !remote_is_known((*op)->u.remote.remote))
            vec_push(&list, (*op)->u.remote.remote);
    const int r = remote_resolve(&b->tools, b->secrets, list.at, list.size, false, &failed, err);
    vec_done(&list);
    const struct op *op = r < 0 ? op_of(g, failed) : NULL;
    return op ? build_error_at(b, err, r, op) : r;
}

static void watch(struct step *s);

static void end(struct step *s, int code, struct error *why)
{
    const struct result_layer layer = {s->op->u.remote.remote->tree, s->build->env->now_s};

    if (code < 0)
        (void)build_error_at(s->build, why, code, s->op);
    step_finish(s, code, &layer, why);
}

static void on_remote(void *ctx, short revents)
{
    struct step *s = ctx;
    ERROR_AUTO(why);
    const int r = remote_step(s->remote, &why);

    loop_remove(s->build->loop, s->watch);
    s->watch = NULL;
    if (r == 0)
        watch(s);
    else
        end(s, r, &why);
}

/* Another descriptor after every step. */
static void watch(struct step *s)
{
    s->watch = loop_add_fd(s->build->loop, remote_fd(s->remote), POLLIN, on_remote, s);
}

static int have(struct build *b, const struct op *op, const struct digest *tree, struct error *err)
{
    const struct result_layer layer = {*tree, b->env->now_s};
    const int r = store_tree_hold(b->tools.store, tree, err);

    return r < 0 ? r : solver_finish(b->solver, op, &layer, err);
}

int run_remote(struct build *b, const struct op *op, struct error *err)
{
    const struct op_source_remote *source = &op->u.remote;

    if (source->tree || source->remote->has_tree)
        return have(b, op, source->tree ? source->tree : &source->remote->tree, err);
    struct step *s = step_new(b, op);
    const int r =
        remote_begin(&b->tools, b->secrets, source->remote, true, s->shown, &s->remote, err);
    if (r == 0) {
        watch(s);
        return 0;
    }
    progress_finish(s->shown, r > 0 ? PROGRESS_CACHED : PROGRESS_FAILED, NULL);
    step_free(s);
    return r < 0 ? build_error_at(b, err, r, op) : have(b, op, &source->remote->tree, err);
}
