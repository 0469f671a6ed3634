/* runconfig.c - what all readers of run configurations share. */
#include "audit/runconfig.h"

#include "audit/internal.h"

void run_list_done(struct run_list *l)
{
    vec_each (f, &l->runs)
        run_facts_done(*f);
    vec_done(&l->runs);
    arena_free(l->arena);
    *l = (struct run_list){0};
}

struct run_facts *run_list_new(struct run_list *l)
{
    if (!l->arena)
        l->arena = arena_new();
    struct run_facts *f = arena_new_object(l->arena, struct run_facts);
    vec_push(&l->runs, f);
    return f;
}
