/* Steps that a plan of several platforms has more than once. */
#include "base/doc.h"
#include "base/map.h"
#include "build/graph.h"

/* All that it is, but for its number and title. */
static void describe(const struct op *op, struct str *ret)
{
    cleanup_doc json_t *doc = graph_print_op(op);

    (void)json_object_del(doc, "op");
    (void)json_object_del(doc, "title");
    doc_print(doc, true, ret);
}

static void redirect(struct op **first, struct op_ref *ref)
{
    if (ref->op)
        ref->op = first[ref->op->id];
}

/* A mount of the first has the input of the same number: what two equal steps read is equal too, in the same order. */
void graph_merge(struct graph *g)
{
    cleanup_free struct op **first = xcalloc(g->ops.size + 1, sizeof(struct op *));
    struct map seen = {0};

    for (size_t i = 0; i < g->ops.size; i++) {
        struct op *op = g->ops.at[i];
        STR_AUTO(text);

        for (size_t n = 0; n < op->input_count; n++)
            redirect(first, &op->inputs[n]);
        describe(op, &text);
        first[i] = map_get(&seen, str_view(&text));
        if (first[i])
            continue;
        first[i] = op;
        map_set(&seen, str_view(&text), op);
    }
    vec_each (stage, &g->stages)
        redirect(first, &stage->root);
    map_done(&seen);
}
