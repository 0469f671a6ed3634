/* image/queue.h - several jobs of the holder at a time, as many as there are processors. */
#pragma once

#include "image/tools.h"

struct queue_item {
    const char *job;
    const char *title; /* for progress; or NULL */
    json_t *request;   /* owned by the caller */
    int fd;            /* given to the job, borrowed; -1: none */
    const int *also;   /* further ones behind it */
    size_t also_count;
    const bool *ready; /* begun when this is true; NULL: at once */
    bool early;        /* or when nothing else can be begun: it waits for itself */
    json_t *answer;    /* set by queue_run(), the caller's */
    bool started;      /* the queue's */
    bool failed;       /* what it did is the error */
};

/* Runs them all; the first failure cancels the rest and is the error. */
MUST_CHECK int queue_run(struct image_tools *t, struct queue_item *items, size_t count,
                         struct error *err);
/* The same; step() works meanwhile, in small pieces: 1, there is more; 0, nothing to do now. fd (or
 * NULL): a descriptor that is readable when there is; -1 none. idle may be NULL. */
struct queue_idle {
    int (*step)(void *ctx, struct error *err);
    void *ctx;
    int (*fd)(void *ctx);
};
MUST_CHECK int queue_run_beside(struct image_tools *t, struct queue_item *items, size_t count,
                                const struct queue_idle *idle, struct error *err);
/* The calls of a wire, meanwhile. */
struct queue_idle queue_idle_wire(struct wire *w);
void queue_items_done(struct queue_item *items, size_t count);
