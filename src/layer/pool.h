/* layer/pool.h - a few threads that work items off a short queue: reading, hashing, copying.
 *
 * The thread that pushes works too when the queue is full, so a pool of one is a plain call; and threads begin when
 * more than one item waits, so a single file costs no thread.
 * Threads run with all signals blocked and end with pool_finish(). */
#pragma once

#include "base/mem.h"

struct pool;

struct pool_calls {
    /* worker: 0 (the pushing thread) up to threads - 1, for memory of its own. Not called after a
     * failure. */
    int (*run)(void *ctx, void *item, unsigned worker, struct error *err);
    void (*drop)(void *ctx, void *item); /* frees an item, run or not; NULL: nothing to free */
    void *ctx;
};

/* As many as processors we may use, at most 4: beyond, memory and disk are what is waited for. 0
 * asks for that. */
unsigned pool_threads(unsigned wanted);
struct pool *pool_new(unsigned threads, const struct pool_calls *calls);
void pool_push(struct pool *p, void *item);
/* The same from within run(), with its worker number. */
void pool_push_more(struct pool *p, void *item, unsigned worker);
bool pool_failed(const struct pool *p);
/* Works off what is queued, ends the threads and frees the pool; the first failure. */
MUST_CHECK int pool_finish(struct pool *p, struct error *err);
