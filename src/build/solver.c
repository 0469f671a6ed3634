#include "build/solver.h"

#include <assert.h>

#include "base/hash.h"

enum state {
    STATE_NEW,
    STATE_WAITING,
    STATE_READY,
    STATE_RUNNING,
    STATE_LAYERED, /* linked: the layer is known, what it lies upon is not */
    STATE_DONE,
};

struct op_state {
    enum state state;
    bool has_keys, has_content;
    bool has_result;           /* layer and chain are known */
    bool has_asked, was_found; /* for the definition key, before anything ran */
    bool is_renewed;           /* runs whatever the cache has, or something that it needs does */
    bool reads_renewed;        /* needs such a thing beside the step that it lies upon */
    struct key definition, content;
    struct result found;       /* under the definition key */
    struct result_layer layer; /* the op's own: from LAYERED on, and of what ran */
    struct digest chain;       /* over it and those below, down to the image */
    const struct op *base;     /* the image source at the bottom of inputs[0] */
};

struct ops {
    const struct op **at;
    size_t size, cap;
};

struct solver {
    const struct graph *graph;
    const struct op_row *rows;
    struct solver_hooks hooks;
    struct op_state *states; /* by op id */
};

static struct op_state *state_of(const struct solver *s, const struct op *op)
{
    return &s->states[op->id];
}

/* --no-cache-filter: what a step reads of a stage that runs again is not known by definition. What it
 * lies upon is held against the result (struct result, below). */
static void note_renewed(struct solver *s, const struct op *op)
{
    struct op_state *st = state_of(s, op);

    st->is_renewed = op->no_cache;
    for (size_t i = 0; i < op->input_count; i++)
        if (op->inputs[i].op && state_of(s, op->inputs[i].op)->is_renewed) {
            st->is_renewed = true;
            st->reads_renewed |= i > 0;
        }
}

struct solver *solver_new(const struct graph *g, const struct op_row rows[OP_KIND_COUNT],
                          const struct solver_hooks *hooks)
{
    struct solver *s = xcalloc(1, sizeof(*s));

    *s = (struct solver){g, rows, *hooks, xcalloc(g->ops.size + 1, sizeof(*s->states))};
    vec_each (op, &g->ops) {
        struct op_state *st = &s->states[(*op)->id];
        if ((*op)->kind == OP_SOURCE_IMAGE)
            st->base = *op;
        else if ((*op)->input_count && (*op)->inputs[0].op)
            st->base = s->states[(*op)->inputs[0].op->id].base;
        note_renewed(s, *op);
    }
    return s;
}

void solver_free(struct solver *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->graph->ops.size; i++) {
        key_done(&s->states[i].definition);
        key_done(&s->states[i].content);
    }
    free(s->states);
    free(s);
}

static const struct op_row *row_of(const struct solver *s, const struct op *op)
{
    return &s->rows[op->kind];
}

const struct op *solver_step(const struct solver *s, struct op_ref root)
{
    return root.op && !row_of(s, root.op)->is_source ? root.op : NULL;
}

/* The step that lies below op. */
static const struct op *step_below(const struct solver *s, const struct op *op)
{
    return op->input_count ? solver_step(s, op->inputs[0]) : NULL;
}

const struct result_layer *solver_layer(const struct solver *s, const struct op *op)
{
    assert(state_of(s, op)->has_result);
    return &state_of(s, op)->layer;
}

size_t solver_layers(const struct solver *s, struct op_ref root, struct result_layer **ret)
{
    size_t count = 0;

    for (const struct op *op = solver_step(s, root); op; op = step_below(s, op))
        count++;
    *ret = xcalloc(count + 1, sizeof(**ret));
    size_t at = count;
    for (const struct op *op = solver_step(s, root); op; op = step_below(s, op))
        (*ret)[--at] = *solver_layer(s, op);
    return count;
}

struct digest solver_chain(const struct solver *s, struct op_ref root)
{
    const struct op *op = solver_step(s, root);

    assert(!op || state_of(s, op)->has_result);
    return op ? state_of(s, op)->chain : (struct digest){0};
}

static struct digest chain_below(const struct solver *s, const struct op *op)
{
    return solver_chain(s, op->input_count ? op->inputs[0] : (struct op_ref){0});
}

/* What op made lies on what is below it, whose layers are known. */
static void set_layer(struct solver *s, const struct op *op, const struct result_layer *layer)
{
    struct op_state *st = state_of(s, op);
    const struct digest below = chain_below(s, op);
    struct hash h;

    st->layer = *layer;
    hash_init(&h);
    hash_add(&h, below.sha256, sizeof(below.sha256));
    hash_add(&h, layer->tree.sha256, sizeof(layer->tree.sha256));
    hash_done(&h, st->chain.sha256);
    st->has_result = true;
}

const struct op *solver_base(const struct solver *s, struct op_ref root)
{
    return root.op ? state_of(s, root.op)->base : NULL;
}

const struct digest *solver_key(const struct solver *s, const struct op *op)
{
    return &state_of(s, op)->definition.digest;
}

/* The keys of all that op is made of. Ops come in topological order, so one pass over those that it
 * needs makes every input's key before its user's, without recursion. */
static int make_key(struct solver *s, const struct op *op, struct error *err)
{
    struct op_state *st = state_of(s, op);
    STR_AUTO(what);
    int r;

    str_printf(&what, "definition %s", op_kind_name(op->kind));
    key_begin(&st->definition, what.at);
    r = row_of(s, op)->key(s->hooks.ctx, op, &st->definition, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < op->input_count; i++) {
        const struct op *in = op->inputs[i].op;
        if (!in)
            key_add_text(&st->definition, "input", "scratch");
        else if (!row_of(s, in)->is_local)
            key_add_digest(&st->definition, i == 0 ? "the step before" : "the stage that is read",
                           solver_key(s, in));
    }
    key_end(&st->definition);
    st->has_keys = true;
    return 0;
}

static int make_keys(struct solver *s, struct op_ref root, struct error *err)
{
    cleanup_free bool *needed = xcalloc(s->graph->ops.size + 1, sizeof(*needed));
    int r = 0;

    graph_needed(s->graph, root, needed);
    for (size_t i = 0; i < s->graph->ops.size && r >= 0; i++)
        if (needed[i] && !s->states[i].has_keys)
            r = make_key(s, s->graph->ops.at[i], err);
    return r;
}

/* True when no step that root needs may be looked up. */
static bool is_uncached(const struct solver *s, const bool *needed)
{
    for (size_t i = 0; i < s->graph->ops.size; i++) {
        const struct op *op = s->graph->ops.at[i];
        if (needed[i] && !row_of(s, op)->is_source && !op->no_cache)
            return false;
    }
    return true;
}

static int check_ops(struct solver *s, const bool *needed, struct error *err)
{
    int r = 0;

    for (size_t i = 0; i < s->graph->ops.size && r >= 0; i++) {
        const struct op *op = s->graph->ops.at[i];
        if (needed[i] && row_of(s, op)->check)
            r = row_of(s, op)->check(s->hooks.ctx, op, err);
    }
    return r;
}

static int make_first_keys(struct solver *s, struct op_ref root, struct error *err)
{
    cleanup_free bool *needed = xcalloc(s->graph->ops.size + 1, sizeof(*needed));

    graph_needed(s->graph, root, needed);
    return is_uncached(s, needed) ? check_ops(s, needed, err) : make_keys(s, root, err);
}

static int want_op(struct solver *s, const struct op *op, struct error *err);

/* Which layers ref has, but not the image below them. */
static int want_result(struct solver *s, struct op_ref ref, struct error *err)
{
    return ref.op && !row_of(s, ref.op)->is_source ? want_op(s, ref.op, err) : 0;
}

/* The result of ref, and the layers of the image below it. */
static int want_content(struct solver *s, struct op_ref ref, struct error *err)
{
    int r = 0;

    if (ref.op)
        r = want_op(s, ref.op, err);
    if (r >= 0 && ref.op && state_of(s, ref.op)->base)
        r = want_op(s, state_of(s, ref.op)->base, err);
    return r;
}

static int try_hit(struct solver *s, const struct op *op, const struct digest *key,
                   struct result *ret, struct error *err)
{
    if (op->no_cache)
        return 0;
    return s->hooks.lookup(s->hooks.ctx, op, key, ret, err);
}

static int try_definition_key(struct solver *s, const struct op *op, struct result *ret,
                              struct error *err)
{
    const struct op_state *st = state_of(s, op);

    return st->reads_renewed ? 0 : try_hit(s, op, &st->definition.digest, ret, err);
}

/* What the cache has under the definition key of op; asked once. */
static int ask(struct solver *s, const struct op *op, bool *ret, struct error *err)
{
    struct op_state *st = state_of(s, op);

    if (!st->has_asked) {
        const int r = try_definition_key(s, op, &st->found, err);
        if (r < 0)
            return r;
        st->was_found = r > 0;
        st->has_asked = true;
    }
    *ret = st->was_found;
    return 0;
}

/* The steps from op down to the first whose layer is known, when the cache has them all. */
static int ask_chain(struct solver *s, const struct op *op, struct ops *ret, bool *ret_found,
                     struct error *err)
{
    *ret_found = true;
    for (; op && !state_of(s, op)->has_result; op = step_below(s, op)) {
        const int r = ask(s, op, ret_found, err);
        if (r < 0 || !*ret_found)
            return r;
        vec_push(ret, op);
    }
    return 0;
}

static void set_known(struct solver *s, const struct op *op, const struct result *known)
{
    struct op_state *st = state_of(s, op);

    set_layer(s, op, &known->layer);
    st->has_content = !digest_is_zero(&known->content);
    st->content.digest = known->content;
}

/* 1: the layers of op are known by its definition. */
static int try_definition(struct solver *s, const struct op *op, struct error *err)
{
    struct ops chain = {0};
    bool found = false;
    int r = ask_chain(s, op, &chain, &found, err);

    for (size_t i = chain.size; r >= 0 && found && i-- > 0;) {
        const struct op *step = chain.at[i];
        const struct result *known = &state_of(s, step)->found;
        const struct digest below = chain_below(s, step);
        found = digest_eq(&known->below, &below);
        if (found)
            set_known(s, step, known);
    }
    vec_done(&chain);
    return r < 0 ? r : found;
}

bool solver_waits_for(const struct solver *s, const struct op *op)
{
    const struct op_state *st = state_of(s, op);

    return st->state != STATE_NEW && !st->has_result;
}

int solver_recall(struct solver *s, const struct op *op, struct error *err)
{
    const struct op_state *st = state_of(s, op);

    if (row_of(s, op)->is_source || !st->has_keys)
        return 0;
    return st->has_result ? 1 : try_definition(s, op, err);
}

const struct digest *solver_content_key(const struct solver *s, const struct op *op)
{
    const struct op_state *st = state_of(s, op);

    return st->has_content ? &st->content.digest : NULL;
}

static int want_op(struct solver *s, const struct op *op, struct error *err)
{
    struct op_state *st = state_of(s, op);
    int r = 0;

    if (st->state != STATE_NEW)
        return 0;
    if (row_of(s, op)->is_source) {
        st->state = STATE_READY;
        return 0;
    }
    r = try_definition(s, op, err);
    if (r < 0)
        return r;
    if (r > 0) {
        st->state = STATE_DONE;
        s->hooks.hit(s->hooks.ctx, op);
        return 0;
    }
    st->state = STATE_WAITING;
    for (size_t i = 0; i < op->input_count && r >= 0; i++)
        r = op->linked && i == 0 ? want_result(s, op->inputs[0], err)
                                 : want_content(s, op->inputs[i], err);
    return r;
}

int solver_want(struct solver *s, struct op_ref root, bool content, struct error *err)
{
    if (!root.op)
        return 0;
    int r = make_first_keys(s, root, err);
    if (r < 0)
        return r;
    return content ? want_content(s, root, err) : want_op(s, root.op, err);
}

static bool is_done(const struct solver *s, const struct op *op)
{
    return !op || state_of(s, op)->state == STATE_DONE;
}

static bool inputs_done(const struct solver *s, const struct op *op)
{
    for (size_t i = op->linked; i < op->input_count; i++)
        if (!is_done(s, op->inputs[i].op) || !is_done(s, solver_base(s, op->inputs[i])))
            return false;
    return true;
}

/* An image at the bottom adds nothing to a result, so it need not be there. */
static bool below_is_done(const struct solver *s, const struct op *op)
{
    const struct op *below = step_below(s, op);

    return !op->linked || !below || is_done(s, below);
}

static int record_definition(struct solver *s, const struct op *op, struct error *err)
{
    const struct op_state *st = state_of(s, op);
    struct result own = {.layer = st->layer, .below = chain_below(s, op)};

    if (st->has_content)
        own.content = st->content.digest;

    return s->hooks.record(s->hooks.ctx, op, &st->definition.digest, &own, err);
}

static int record_content(struct solver *s, const struct op *op, struct error *err)
{
    const struct op_state *st = state_of(s, op);
    const struct result own = {.layer = st->layer};

    return st->has_content ? s->hooks.record(s->hooks.ctx, op, &st->content.digest, &own, err) : 0;
}

/* Its own layer is known: done as soon as what lies below is. */
static int settle(struct solver *s, const struct op *op, struct error *err)
{
    if (!below_is_done(s, op)) {
        state_of(s, op)->state = STATE_LAYERED;
        return 0;
    }
    set_layer(s, op, &state_of(s, op)->layer);
    state_of(s, op)->state = STATE_DONE;
    return record_definition(s, op, err);
}

static int make_content_key(struct solver *s, const struct op *op, struct error *err)
{
    struct op_state *st = state_of(s, op);
    const struct op_row *row = row_of(s, op);
    STR_AUTO(what);

    if (!row->content_key)
        return 0;
    str_printf(&what, "content %s", op_kind_name(op->kind));
    key_begin(&st->content, what.at);
    const int r = row->content_key(s->hooks.ctx, op, &st->content, err);
    if (r > 0) {
        key_end(&st->content);
        st->has_content = true;
    }
    return r;
}

/* 1: op is done by its content. */
static int try_content(struct solver *s, const struct op *op, struct error *err)
{
    struct op_state *st = state_of(s, op);
    struct result own = {0};
    int r;

    if (!st->has_content)
        return 0;
    r = try_hit(s, op, &st->content.digest, &own, err);
    if (r <= 0)
        return r;
    st->layer = own.layer;
    r = settle(s, op, err);
    if (r < 0)
        return r;
    s->hooks.hit(s->hooks.ctx, op);
    return 1;
}

static const struct digest *lock_key(const struct op_state *st)
{
    return st->has_content ? &st->content.digest : &st->definition.digest;
}

/* The definition once more: 1 when it is known now, above what lies below. */
static int try_definition_again(struct solver *s, const struct op *op, struct error *err)
{
    const struct op *below = step_below(s, op);
    struct result found = {0};

    if (below && !state_of(s, below)->has_result)
        return 0; /* linked */
    const struct digest chain = chain_below(s, op);
    const int r = try_definition_key(s, op, &found, err);
    if (r <= 0 || !digest_eq(&found.below, &chain))
        return r < 0 ? r : 0;
    set_known(s, op, &found);
    state_of(s, op)->state = STATE_DONE;
    s->hooks.hit(s->hooks.ctx, op);
    return 1;
}

/* With the lock held: another process may have made it meanwhile. 1: done. */
static int try_again(struct solver *s, const struct op *op, struct error *err)
{
    const int r = try_definition_again(s, op, err);

    return r != 0 ? r : try_content(s, op, err);
}

static int start_step(struct solver *s, const struct op *op, bool *ret_busy, struct error *err)
{
    struct op_state *st = state_of(s, op);
    int r;

    if (!s->hooks.has_slot(s->hooks.ctx))
        return 0;
    if (!st->has_keys) {
        st->state = STATE_RUNNING;
        s->hooks.miss(s->hooks.ctx, op, NULL);
        return row_of(s, op)->run(s->hooks.ctx, op, err);
    }
    r = s->hooks.lock(s->hooks.ctx, op, lock_key(st), err);
    if (r <= 0) {
        *ret_busy |= r == 0;
        return r;
    }
    r = try_again(s, op, err);
    if (r != 0) {
        s->hooks.unlock(s->hooks.ctx, op);
        return r;
    }
    st->state = STATE_RUNNING;
    s->hooks.miss(s->hooks.ctx, op, &st->definition);
    return row_of(s, op)->run(s->hooks.ctx, op, err);
}

static int start_source(struct solver *s, const struct op *op, struct error *err)
{
    if (!s->hooks.has_slot(s->hooks.ctx))
        return 0;
    state_of(s, op)->state = STATE_RUNNING;
    return row_of(s, op)->run(s->hooks.ctx, op, err);
}

static int advance_op(struct solver *s, const struct op *op, bool *ret_busy, struct error *err)
{
    struct op_state *st = state_of(s, op);
    int r = 0;

    if (st->state == STATE_WAITING && inputs_done(s, op)) {
        if (st->has_keys)
            r = make_content_key(s, op, err);
        if (r > 0)
            r = try_content(s, op, err);
        if (r == 0)
            st->state = STATE_READY;
    }
    if (r >= 0 && st->state == STATE_LAYERED && below_is_done(s, op))
        r = settle(s, op, err);
    if (r >= 0 && st->state == STATE_READY)
        r = row_of(s, op)->is_source ? start_source(s, op, err) : start_step(s, op, ret_busy, err);
    return r;
}

int solver_advance(struct solver *s, bool *ret_busy, struct error *err)
{
    int open = 0, r;

    *ret_busy = false;
    /* topological order: what one op's end makes possible is seen in the same pass */
    for (size_t i = 0; i < s->graph->ops.size; i++) {
        r = advance_op(s, s->graph->ops.at[i], ret_busy, err);
        if (r < 0)
            return r;
        open += s->states[i].state != STATE_NEW && s->states[i].state != STATE_DONE;
    }
    return open;
}

/* The keys of an op that ran without. */
static int make_late_keys(struct solver *s, const struct op *op, struct error *err)
{
    int r = make_keys(s, (struct op_ref){s->graph->ops.at[op->id], 0}, err);

    if (r >= 0)
        r = make_content_key(s, op, err);
    if (r >= 0)
        s->hooks.keyed(s->hooks.ctx, op, &state_of(s, op)->definition);
    return r;
}

int solver_finish(struct solver *s, const struct op *op, const struct result_layer *layer,
                  struct error *err)
{
    struct op_state *st = state_of(s, op);
    int r = 0;

    assert(st->state == STATE_RUNNING);
    if (row_of(s, op)->is_source) {
        st->state = STATE_DONE;
        return 0;
    }
    if (!st->has_keys)
        r = make_late_keys(s, op, err);
    st->layer = *layer;
    if (r >= 0)
        r = record_content(s, op, err);
    if (r >= 0)
        r = settle(s, op, err);
    s->hooks.unlock(s->hooks.ctx, op);
    return r;
}
