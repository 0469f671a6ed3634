#include "build/graph.h"

#include <assert.h>

#include "base/doc.h"
#include "oci/config.h"

static const char *const kind_names[OP_KIND_COUNT] = {
    [OP_SOURCE_IMAGE] = "source-image",
    [OP_SOURCE_LOCAL] = "source-local",
    [OP_SOURCE_REMOTE] = "source-remote",
    [OP_EXEC] = "exec",
    [OP_FILE] = "file",
};

const char *op_kind_name(enum op_kind kind)
{
    return kind_names[kind];
}

struct graph *graph_new(void)
{
    struct graph *g = xcalloc(1, sizeof(*g));

    g->arena = arena_new();
    return g;
}

void graph_free(struct graph *g)
{
    if (!g)
        return;
    vec_each (stage, &g->stages)
        if (stage->config)
            config_done(stage->config);
    vec_done(&g->ops);
    vec_done(&g->stages);
    vec_done(&g->targets);
    findings_done(&g->findings);
    doc_unref(g->outline);
    arena_free(g->arena);
    free(g);
}

struct op *graph_add(struct graph *g, enum op_kind kind)
{
    struct op *op = arena_new_object(g->arena, struct op);

    op->kind = kind;
    op->id = (uint32_t)g->ops.size;
    vec_push(&g->ops, op);
    return op;
}

/* Grows an array of the arena by one: the sizes are the small ones of a Dockerfile's lines, so
 * doubling whenever the count is a power of two needs no capacity beside it. */
static void *grow(struct arena *a, void *at, size_t count, size_t size)
{
    if (count != 0 && (count & (count - 1)) != 0)
        return at;
    void *more = arena_alloc(a, MAX(2 * count, (size_t)1) * size);
    if (count)
        memcpy(more, at, count * size);
    return more;
}

uint32_t graph_add_input(struct graph *g, struct op *op, struct op_ref input)
{
    assert(!input.op || input.op->id < op->id);
    for (size_t i = 1; i < op->input_count; i++)
        if (op->inputs[i].op == input.op && op->inputs[i].output == input.output)
            return (uint32_t)i;
    op->inputs = grow(g->arena, op->inputs, op->input_count, sizeof(*op->inputs));
    op->inputs[op->input_count] = input;
    return (uint32_t)op->input_count++;
}

struct file_action *graph_add_action(struct graph *g, struct op *op, enum file_action_kind kind)
{
    struct op_file *f = &op->u.file;

    assert(op->kind == OP_FILE);
    f->actions = grow(g->arena, f->actions, f->action_count, sizeof(*f->actions));
    struct file_action *a = &f->actions[f->action_count++];
    *a = (struct file_action){
        .kind = kind, .source = "", .dest = "/", .owner = "", .mode = "", .include = ""};
    return a;
}

const char **graph_texts(struct graph *g, const struct strings *texts, size_t *ret_count)
{
    const char **list = arena_alloc(g->arena, (texts->size + 1) * sizeof(*list));

    for (size_t i = 0; i < texts->size; i++)
        list[i] = arena_strdup(g->arena, texts->at[i]);
    *ret_count = texts->size;
    return list;
}

struct op_ref op_file_root(const struct op *op)
{
    return op->linked ? (struct op_ref){0} : op->inputs[0];
}

void graph_needed(const struct graph *g, struct op_ref root, bool *ret)
{
    if (!root.op)
        return;
    ret[root.op->id] = true;
    /* inputs point backwards, so one pass from the end sees every user before what it uses */
    for (size_t i = root.op->id + 1; i-- > 0;) {
        const struct op *op = g->ops.at[i];
        for (size_t j = 0; ret[i] && j < op->input_count; j++)
            if (op->inputs[j].op)
                ret[op->inputs[j].op->id] = true;
    }
}
