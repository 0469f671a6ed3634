/* The solver's decisions, with rows that keep a diary instead of doing anything. */
#include "build/solver.h"

#include "base/map.h"
#include "unit.h"

/* One world: what the cache holds, how steps end, what was done. */
struct world {
    struct graph *g;
    struct map cache;  /* key, hexadecimal -> struct result * */
    struct str diary;  /* "run b; hit c; " */
    const char *day;   /* NULL, or what steps make differently today */
    const char *reads; /* of content keys: replaces the tree below when set */
    int slots;
    bool busy;   /* another process has every lock */
    bool silent; /* run() does not finish by itself */
    struct solver *solver;
    VEC(const struct op *) running;
};

static void diary(struct world *w, const char *verb, const struct op *op)
{
    str_printf(&w->diary, "%s %s; ", verb, op->title);
}

static int row_key(void *ctx, const struct op *op, struct key *k, struct error *err)
{
    key_add_text(k, "title", op->line);
    return 0;
}

/* What a step reads: the top layer below it, unless the world says that it reads something else. */
static int row_content_key(void *ctx, const struct op *op, struct key *k, struct error *err)
{
    struct world *w = ctx;

    if (w->reads) {
        key_add_text(k, "reads", w->reads);
        return 1;
    }
    for (size_t i = op->linked; i < op->input_count; i++) {
        cleanup_free struct result_layer *layers = NULL;
        const size_t count = solver_layers(w->solver, op->inputs[i], &layers);
        for (size_t j = 0; j < count; j++)
            key_add_digest(k, "tree", &layers[j].tree);
    }
    key_add_text(k, "title", op->line);
    return 1;
}

static int finish(struct world *w, const struct op *op)
{
    struct result_layer layer = {.created_s = 7};

    /* the tree is decided by what stands behind '=' in the line, so that different steps can agree
     */
    const char *equal = strchr(op->line, '=');
    STR_AUTO(tree);

    str_printf(&tree, "%s%s", equal ? equal : op->line, w->day ? w->day : "");
    digest_of(str_view(&tree), &layer.tree);
    w->slots++;
    return solver_finish(w->solver, op, &layer, NULL);
}

static int row_check(void *ctx, const struct op *op, struct error *err)
{
    return strcmp(op->line, "missing") == 0 ? error_set(err, -ENOENT, "no such source") : 0;
}

static int row_run(void *ctx, const struct op *op, struct error *err)
{
    struct world *w = ctx;

    diary(w, "run", op);
    w->slots--;
    if (strcmp(op->title, "bad") == 0)
        return error_set(err, -ECHILD, "step failed");
    if (!w->silent)
        return finish(w, op);
    vec_push(&w->running, op);
    return 0;
}

static const struct op_row rows[OP_KIND_COUNT] = {
    [OP_SOURCE_IMAGE] = {.key = row_key, .run = row_run, .is_source = true},
    [OP_SOURCE_LOCAL] = {.key = row_key, .run = row_run, .is_source = true, .is_local = true},
    [OP_EXEC] = {.key = row_key, .content_key = row_content_key, .run = row_run},
    [OP_FILE] = {.key = row_key,
                 .check = row_check,
                 .content_key = row_content_key,
                 .run = row_run},
};

static int hook_lookup(void *ctx, const struct op *op, const struct digest *key, struct result *ret,
                       struct error *err)
{
    struct world *w = ctx;
    char hex[DIGEST_HEX_MAX];
    const struct result *found = map_get(&w->cache, view_of(digest_hex(key, hex)));

    if (found)
        *ret = *found;
    return found != NULL;
}

static int hook_record(void *ctx, const struct op *op, const struct digest *key,
                       const struct result *r, struct error *err)
{
    struct world *w = ctx;
    char hex[DIGEST_HEX_MAX];
    const struct view name = view_of(digest_hex(key, hex));
    struct result *copy = map_get(&w->cache, name);

    if (!copy)
        copy = xcalloc(1, sizeof(*copy));
    *copy = *r;
    map_set(&w->cache, name, copy);
    return 0;
}

static int hook_lock(void *ctx, const struct op *op, const struct digest *key, struct error *err)
{
    return !((struct world *)ctx)->busy;
}

static void hook_unlock(void *ctx, const struct op *op)
{
}

static void hook_hit(void *ctx, const struct op *op)
{
    diary(ctx, "hit", op);
}

static void hook_miss(void *ctx, const struct op *op, const struct key *definition)
{
}

static void hook_keyed(void *ctx, const struct op *op, const struct key *definition)
{
    diary(ctx, "key", op);
}

static bool hook_has_slot(void *ctx)
{
    return ((struct world *)ctx)->slots > 0;
}

static void world_open(struct world *w)
{
    *w = (struct world){.g = graph_new(), .diary = STR_INIT, .slots = 8};
}

static void world_close(struct world *w)
{
    map_each (item, &w->cache) {
        free(item->value);
    }
    map_done(&w->cache);
    str_done(&w->diary);
    vec_done(&w->running);
    graph_free(w->g);
}

/* title is the op's name in the diary; line its field, "text" or "text=tree". */
static struct op *add(struct world *w, enum op_kind kind, const char *title, const char *line,
                      struct op *below, struct op *other)
{
    struct op *op = graph_add(w->g, kind);

    op->title = title;
    op->line = line;
    if (kind == OP_EXEC || kind == OP_FILE)
        graph_add_input(w->g, op, (struct op_ref){below, 0});
    if (other)
        graph_add_input(w->g, op, (struct op_ref){other, 0});
    return op;
}

static struct solver *begin(struct world *w)
{
    const struct solver_hooks hooks = {w,         hook_lookup, hook_record,
                                       hook_lock, hook_unlock, hook_hit,
                                       hook_miss, hook_keyed,  hook_has_slot};

    str_clear(&w->diary);
    w->solver = solver_new(w->g, rows, &hooks);
    return w->solver;
}

/* Solves for the last op of the graph; returns what is still open, or the error. */
static int solve(struct world *w)
{
    CLEANUP(solver_freep) struct solver *s = begin(w);
    bool busy;
    int r = solver_want(s, (struct op_ref){w->g->ops.at[w->g->ops.size - 1], 0}, false, NULL);

    if (r >= 0)
        r = solver_advance(s, &busy, NULL);
    return r;
}

/* A second build of a changed file on the same cache. */
static void next_build(struct world *w)
{
    graph_free(w->g);
    w->g = graph_new();
}

static void chain(struct world *w, const char *a, const char *b, const char *c)
{
    struct op *image = add(w, OP_SOURCE_IMAGE, "image", "debian", NULL, NULL);
    struct op *first = add(w, OP_EXEC, "a", a, image, NULL);
    struct op *second = add(w, OP_EXEC, "b", b, first, NULL);
    add(w, OP_EXEC, "c", c, second, NULL);
}

static void a_known_definition_touches_no_input(void **state)
{
    struct world w;

    world_open(&w);
    chain(&w, "1", "2", "3");
    assert_int_equal(solve(&w), 0);
    assert_string_equal(w.diary.at, "run image; run a; run b; run c; ");
    assert_int_equal(solve(&w), 0);
    assert_string_equal(w.diary.at, "hit c; ");
    world_close(&w);
}

static void a_changed_step_runs_and_all_above_it(void **state)
{
    struct world w;

    world_open(&w);
    chain(&w, "1", "2", "3");
    assert_int_equal(solve(&w), 0);
    next_build(&w);
    chain(&w, "1", "2 changed", "3");
    assert_int_equal(solve(&w), 0);
    assert_string_equal(w.diary.at, "hit a; run image; run b; run c; ");
    world_close(&w);
}

/* Early cut-off: b is another step but makes the same tree, so c is known by what it reads. */
static void a_rebuilt_but_equal_parent_rebuilds_nothing(void **state)
{
    struct world w;

    world_open(&w);
    chain(&w, "1", "2=tree", "3");
    assert_int_equal(solve(&w), 0);
    next_build(&w);
    chain(&w, "1", "2 changed=tree", "3");
    assert_int_equal(solve(&w), 0);
    assert_string_equal(w.diary.at, "hit a; run image; run b; hit c; ");
    /* and the definition is known from now on */
    assert_int_equal(solve(&w), 0);
    assert_string_equal(w.diary.at, "hit c; ");
    world_close(&w);
}

static void no_cache_runs_again_and_is_recorded(void **state)
{
    struct world w;

    world_open(&w);
    chain(&w, "1", "2", "3");
    assert_int_equal(solve(&w), 0);
    vec_each (op, &w.g->ops)
        (*op)->no_cache = true;
    assert_int_equal(solve(&w), 0);
    assert_string_equal(w.diary.at, "run image; run a; key a; run b; key b; run c; key c; ");
    vec_each (op, &w.g->ops)
        (*op)->no_cache = false;
    assert_int_equal(solve(&w), 0);
    assert_string_equal(w.diary.at, "hit c; ");
    world_close(&w);
}

/* Its definition is that of yesterday's b, but c was made above what that b was. */
static void a_step_is_not_known_above_other_layers(void **state)
{
    struct world w;

    world_open(&w);
    chain(&w, "1", "2", "3");
    assert_int_equal(solve(&w), 0);
    w.g->ops.at[2]->no_cache = true;
    w.day = "tomorrow";
    assert_int_equal(solve(&w), 0);
    assert_string_equal(w.diary.at, "hit a; run image; run b; run c; ");
    w.g->ops.at[2]->no_cache = false;
    assert_int_equal(solve(&w), 0);
    assert_string_equal(w.diary.at, "hit c; ");
    world_close(&w);
}

/* b's record is newer than what c was made above: two processes, or a record that was replaced. */
static void a_record_counts_above_its_own_layers_only(void **state)
{
    struct world w;
    struct digest key;

    world_open(&w);
    chain(&w, "1", "2", "3");
    assert_int_equal(solve(&w), 0);
    struct solver *s = begin(&w);
    assert_int_equal(solver_want(s, (struct op_ref){w.g->ops.at[3], 0}, false, NULL), 0);
    key = *solver_key(s, w.g->ops.at[2]);
    solver_free(s); /* before the graph that it looks at */
    char hex[DIGEST_HEX_MAX];
    struct result *b = map_get(&w.cache, view_of(digest_hex(&key, hex)));
    digest_of(VIEW("another tree"), &b->layer.tree);
    assert_int_equal(solve(&w), 0);
    assert_string_equal(w.diary.at, "hit b; run image; run c; ");
    world_close(&w);
}

/* Keys that come late must not let a step run before a bad one is seen. */
static void no_cache_checks_before_anything_runs(void **state)
{
    struct world w;

    world_open(&w);
    chain(&w, "1", "2", "3");
    add(&w, OP_FILE, "copy", "missing", w.g->ops.at[w.g->ops.size - 1], NULL);
    vec_each (op, &w.g->ops)
        (*op)->no_cache = true;
    assert_int_equal(solve(&w), -ENOENT);
    assert_string_equal(w.diary.at, "");
    world_close(&w);
}

static void what_nobody_needs_does_not_run(void **state)
{
    struct world w;

    world_open(&w);
    chain(&w, "1", "2", "3");
    add(&w, OP_FILE, "alone", "copy", NULL, NULL);
    assert_int_equal(solve(&w), 0);
    assert_string_equal(w.diary.at, "run alone; ");
    world_close(&w);
}

static void a_chain_that_was_recorded_is_what_comes_back(void **state)
{
    struct world w;
    bool busy;

    world_open(&w);
    chain(&w, "1", "2", "3");
    for (int i = 0; i < 2; i++) {
        CLEANUP(solver_freep) struct solver *s = begin(&w);
        const struct op_ref top = {w.g->ops.at[3], 0};
        assert_int_equal(solver_want(s, top, false, NULL), 0);
        assert_int_equal(solver_advance(s, &busy, NULL), 0);
        cleanup_free struct result_layer *layers = NULL;
        assert_int_equal(solver_layers(s, top, &layers), 3);
        assert_int_equal(layers[2].created_s, 7);
        assert_ptr_equal(solver_base(s, top), w.g->ops.at[0]);
    }
    world_close(&w);
}

static void independent_steps_run_side_by_side_within_the_slots(void **state)
{
    struct world w;
    bool busy;

    world_open(&w);
    struct op *a = add(&w, OP_EXEC, "a", "1", NULL, NULL);
    struct op *b = add(&w, OP_EXEC, "b", "2", NULL, NULL);
    struct op *c = add(&w, OP_EXEC, "c", "3", NULL, NULL);
    struct op *join = add(&w, OP_FILE, "join", "4", a, b);
    graph_add_input(w.g, join, (struct op_ref){c, 0});
    w.slots = 2;
    w.silent = true;
    struct solver *s = begin(&w);
    assert_int_equal(solver_want(s, (struct op_ref){join, 0}, false, NULL), 0);
    assert_int_equal(solver_advance(s, &busy, NULL), 4);
    assert_string_equal(w.diary.at, "run a; run b; ");
    assert_int_equal(finish(&w, a), 0);
    assert_int_equal(solver_advance(s, &busy, NULL), 3);
    assert_string_equal(w.diary.at, "run a; run b; run c; ");
    assert_int_equal(finish(&w, c), 0);
    assert_int_equal(solver_advance(s, &busy, NULL), 2);
    assert_int_equal(finish(&w, b), 0);
    assert_int_equal(solver_advance(s, &busy, NULL), 1);
    assert_int_equal(finish(&w, join), 0);
    assert_int_equal(solver_advance(s, &busy, NULL), 0);
    solver_free(s);
    world_close(&w);
}

static void another_process_is_waited_for_and_its_result_taken(void **state)
{
    struct world w;
    bool busy;

    world_open(&w);
    struct op *a = add(&w, OP_EXEC, "a", "1", NULL, NULL);
    struct solver *s = begin(&w);
    assert_int_equal(solver_want(s, (struct op_ref){a, 0}, false, NULL), 0);
    w.busy = true;
    assert_int_equal(solver_advance(s, &busy, NULL), 1);
    assert_true(busy);
    assert_string_equal(w.diary.at, "");
    /* it ends there, under the definition key */
    struct result_layer layer = {.created_s = 1};
    const struct result theirs = {.layer = layer};
    assert_int_equal(hook_record(&w, a, solver_key(s, a), &theirs, NULL), 0);
    w.busy = false;
    assert_int_equal(solver_advance(s, &busy, NULL), 0);
    assert_false(busy);
    assert_string_equal(w.diary.at, "hit a; ");
    solver_free(s); /* it looks at the graph once more */
    world_close(&w);
}

static void a_failure_ends_the_pass(void **state)
{
    struct world w;

    world_open(&w);
    struct op *bad = add(&w, OP_EXEC, "bad", "1", NULL, NULL);
    struct op *b = add(&w, OP_EXEC, "b", "2", NULL, NULL);
    add(&w, OP_FILE, "join", "3", b, bad);
    assert_int_equal(solve(&w), -ECHILD);
    assert_string_equal(w.diary.at, "run bad; ");
    world_close(&w);
}

/* A local source is in the keys of its readers by what they read, not by being there. */
static void local_sources_are_no_input_key(void **state)
{
    struct world w;

    world_open(&w);
    struct op *local = add(&w, OP_SOURCE_LOCAL, "context", "/home/a", NULL, NULL);
    add(&w, OP_FILE, "copy", "x", NULL, local);
    assert_int_equal(solve(&w), 0);
    next_build(&w);
    local = add(&w, OP_SOURCE_LOCAL, "context", "/home/b", NULL, NULL);
    add(&w, OP_FILE, "copy", "x", NULL, local);
    assert_int_equal(solve(&w), 0);
    assert_string_equal(w.diary.at, "hit copy; ");
    world_close(&w);
}

/* image, a, and a linked copy upon it. */
static void linked(struct world *w, const char *image, const char *a)
{
    struct op *base = add(w, OP_SOURCE_IMAGE, "image", image, NULL, NULL);
    struct op *local = add(w, OP_SOURCE_LOCAL, "context", "/home/a", NULL, NULL);

    if (a)
        base = add(w, OP_EXEC, "a", a, base, NULL);
    add(w, OP_FILE, "copy", "x", base, local)->linked = true;
}

static void a_linked_layer_does_not_wait_for_what_it_lies_upon(void **state)
{
    struct world w;
    bool busy;

    world_open(&w);
    linked(&w, "debian", "1");
    {
        CLEANUP(solver_freep) struct solver *s = begin(&w);
        const struct op *a = w.g->ops.at[2], *copy = w.g->ops.at[3];
        assert_int_equal(solver_want(s, (struct op_ref){w.g->ops.at[3], 0}, false, NULL), 0);
        w.silent = true;
        assert_true(solver_advance(s, &busy, NULL) > 0);
        assert_int_equal(w.running.size, 2); /* image and context */
        assert_int_equal(solver_finish(s, w.running.at[0], NULL, NULL), 0);
        assert_int_equal(solver_finish(s, w.running.at[1], NULL, NULL), 0);
        assert_int_equal(solver_advance(s, &busy, NULL), 2); /* a and the copy, side by side */
        assert_int_equal(w.running.size, 4);
        assert_int_equal(finish(&w, copy), 0);
        assert_int_equal(solver_advance(s, &busy, NULL), 2); /* its layer is known, a's is not */
        assert_int_equal(finish(&w, a), 0);
        assert_int_equal(solver_advance(s, &busy, NULL), 0);
        cleanup_free struct result_layer *layers = NULL;
        assert_int_equal(solver_layers(s, (struct op_ref){w.g->ops.at[3], 0}, &layers), 2);
    }
    w.silent = false;
    assert_int_equal(solve(&w), 0);
    assert_string_equal(w.diary.at, "hit copy; ");
    world_close(&w);
}

static void a_linked_layer_is_put_upon_another_base(void **state)
{
    struct world w;

    world_open(&w);
    linked(&w, "debian", "1");
    assert_int_equal(solve(&w), 0);
    next_build(&w);
    linked(&w, "debian", "2");
    assert_int_equal(solve(&w), 0);
    assert_string_equal(w.diary.at, "run image; run context; run a; hit copy; ");
    next_build(&w);
    linked(&w, "debian:new", NULL); /* which nobody has to fetch for this */
    assert_int_equal(solve(&w), 0);
    assert_string_equal(w.diary.at, "run context; hit copy; ");
    assert_int_equal(solve(&w), 0);
    assert_string_equal(w.diary.at, "hit copy; ");
    world_close(&w);
}

UNIT_MAIN(cmocka_unit_test(a_known_definition_touches_no_input),
          cmocka_unit_test(a_changed_step_runs_and_all_above_it),
          cmocka_unit_test(a_rebuilt_but_equal_parent_rebuilds_nothing),
          cmocka_unit_test(no_cache_runs_again_and_is_recorded),
          cmocka_unit_test(a_step_is_not_known_above_other_layers),
          cmocka_unit_test(a_record_counts_above_its_own_layers_only),
          cmocka_unit_test(no_cache_checks_before_anything_runs),
          cmocka_unit_test(what_nobody_needs_does_not_run),
          cmocka_unit_test(a_chain_that_was_recorded_is_what_comes_back),
          cmocka_unit_test(independent_steps_run_side_by_side_within_the_slots),
          cmocka_unit_test(another_process_is_waited_for_and_its_result_taken),
          cmocka_unit_test(a_failure_ends_the_pass),
          cmocka_unit_test(local_sources_are_no_input_key),
          cmocka_unit_test(a_linked_layer_does_not_wait_for_what_it_lies_upon),
          cmocka_unit_test(a_linked_layer_is_put_upon_another_base))
