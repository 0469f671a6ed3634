/* build/solver.h - which steps of a graph have to run, and when: decisions only. It reads no file
 * and starts no process; hooks do.
 *
 *   NEW --solver_want--> def key known in the cache? -----------------------------> DONE (hit)
 *                          | no: want the inputs
 *                        WAITING --all inputs done--> content key known? ----------> DONE (hit)
 *                          | no
 *                        READY --a slot is free, lock taken--> known by now? ------> DONE (hit)
 *                          | no: start()
 *                        RUNNING --solver_finish()--> record ----------------------> DONE (ran)
 *
 * A linked op (COPY --link) reads nothing of inputs[0], so it waits for the others only, and its content key
 * holds above any root. Once its layer is known it is LAYERED until inputs[0] is done, and DONE then.
 *
 * Where nothing wanted may come out of the cache (--no-cache), keys are for recording only: they are
 * made when an op has ended, so that a COPY reads its files once, for the copy and the key.
 *
 * Invariants:
 *  1. An op is started at most once, and only when something wanted needs its result.
 *  2. Inputs of an op whose definition key is known are not touched.
 *  3. Both keys of an op that ran, or hit by content, name its result afterwards.
 *     A definition key is known when those of all steps below are, and what they name is what lay below.
 *  4. After the first failure nothing more is started. */
#pragma once

#include "build/graph.h"
#include "build/key.h"

/* One layer that a step made. */
struct result_layer {
    struct digest tree;
    int64_t created_s; /* when the step ran */
};

/* What the cache keeps of a step: its own layer, so that a long chain of steps costs what it is long.
 * Under a definition key it counts above the very layers that were below it then, told by one digest over them (zero:
 * none, or those of an image alone); under a content key above any that read the same, and below is zero. */
struct result {
    struct result_layer layer;
    struct digest below;
    /* under a definition key: the content key that the step has too; zero: none */
    struct digest content;
};

struct solver;

/* What a kind of op is to the solver. */
struct op_row {
    /* Adds the fields of the op: everything that decides its result but the inputs that are
     * roots. */
    int (*key)(void *ctx, const struct op *op, struct key *k, struct error *err);
    /* Instead of key(), before anything has run, where the key is made when the op has ended: says
     * what is wrong with the fields. May be NULL. */
    int (*check)(void *ctx, const struct op *op, struct error *err);
    /* Adds what the op really reads of its inputs, whose results are known (solver_result()). NULL:
     * not for this kind. 0: no content key can be told, 1: done. */
    int (*content_key)(void *ctx, const struct op *op, struct key *k, struct error *err);
    /* Begins the work; solver_finish() is called when it ended, at once or later. Holds a job slot
     * when it uses one. */
    int (*run)(void *ctx, const struct op *op, struct error *err);
    bool is_source; /* no key of its own is looked up; run() makes its content available */
    bool is_local;  /* a source whose content counts in key() of those that read it: not an input
                    * key */
};

struct solver_hooks {
    void *ctx;
    /* 1: found. */
    int (*lookup)(void *ctx, const struct op *op, const struct digest *key, struct result *ret,
                  struct error *err);
    int (*record)(void *ctx, const struct op *op, const struct digest *key, const struct result *r,
                  struct error *err);
    /* Between processes. 1: ours, 0: another one has it, ask again later. */
    int (*lock)(void *ctx, const struct op *op, const struct digest *key, struct error *err);
    void (*unlock)(void *ctx, const struct op *op);
    /* For progress and --explain. definition: NULL while it is not known, keyed() gets it then. */
    void (*hit)(void *ctx, const struct op *op);
    void (*miss)(void *ctx, const struct op *op, const struct key *definition);
    void (*keyed)(void *ctx, const struct op *op, const struct key *definition);
    /* True while one more job may be started. */
    bool (*has_slot)(void *ctx);
};

struct solver *solver_new(const struct graph *g, const struct op_row rows[OP_KIND_COUNT],
                          const struct solver_hooks *hooks);
void solver_free(struct solver *s);
DEFINE_CLEANUP(struct solver *, solver_free)

/* root's result is wanted; with content also the layers below it (their trees are there when it is
 * done). */
MUST_CHECK int solver_want(struct solver *s, struct op_ref root, bool content, struct error *err);
/* Decides and starts all that can be. 0: everything wanted is done; else the number of ops that are
 * not, -EAGAIN never. *ret_busy: another process holds a key that is waited for: call again
 * soon. */
MUST_CHECK int solver_advance(struct solver *s, bool *ret_busy, struct error *err);
/* The work of op ended: its own layer; NULL for sources. */
MUST_CHECK int solver_finish(struct solver *s, const struct op *op,
                             const struct result_layer *layer, struct error *err);

/* What a step made that is done, or that lies below one. */
const struct result_layer *solver_layer(const struct solver *s, const struct op *op);
/* The layers of a done op since its image, bottom first: how many, and an array of the caller's. Scratch and sources
 * have none. */
size_t solver_layers(const struct solver *s, struct op_ref root, struct result_layer **ret);
/* The step that root lies upon, NULL above an image or nothing. */
const struct op *solver_step(const struct solver *s, struct op_ref root);
/* One digest over the layers of a done op since its image; zero when there are none. */
struct digest solver_chain(const struct solver *s, struct op_ref root);
/* The SOURCE_IMAGE op at the bottom of root, or NULL when it began with scratch. */
const struct op *solver_base(const struct solver *s, struct op_ref root);
/* It is needed, and what it makes is not known yet. */
bool solver_waits_for(const struct solver *s, const struct op *op);
/* 1: the op's layers are known: it is done, or the cache has it and all below. */
MUST_CHECK int solver_recall(struct solver *s, const struct op *op, struct error *err);
/* The content key of a done op; NULL: it has none. */
const struct digest *solver_content_key(const struct solver *s, const struct op *op);
/* The definition key of an op that was wanted. */
const struct digest *solver_key(const struct solver *s, const struct op *op);
