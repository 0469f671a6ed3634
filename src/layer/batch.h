/* layer/batch.h - files of one directory on their way to the threads of a pool. */
#pragma once

#include <stdatomic.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "layer/entry.h"

/* One file of the tree that is being made. */
struct node {
    struct entry e;
    struct stat st;     /* as the walk saw it */
    const char *source; /* a copy of e.path that does not change while a thread fills in e */
    struct node *file;  /* hard links: the node they stand for */
    /* copies only: where it comes from */
    const char *origin; /* path there */
    const void *from;   /* its entry in a source tree, or in the layer of the last time */
    int fs;             /* descriptor of the layer that has it */
    uint32_t number;    /* in the list that st is from, plus one; 0: st was looked up */
    bool dead;          /* replaced or removed by a later action */
    unsigned timed; /* the action that gave a directory its time, behind all that it made there */
};

/* An open directory that the walk and batches share. */
struct dir_ref {
    int source, target; /* -1: none */
    atomic_uint users;
    /* NULL: none. Else of the target; whoever uses it last gives it its time, and notes the action */
    struct node *node;
    unsigned action;
};
struct dir_ref *dir_ref_new(int take_source);
struct dir_ref *dir_ref_use(struct dir_ref *d);
void dir_ref_drop(struct dir_ref *d); /* NULL is fine */

#define BATCH_NODES 32 /* a queue of 32 batches is 1,024 files */
/* big files go alone, so that no thread waits for the other at the end */
#define BATCH_BYTES (1u << 20)

struct batch {
    struct dir_ref *dir;
    size_t size;
    uint64_t bytes;
    struct node *nodes[BATCH_NODES];
};
struct batch *batch_new(struct dir_ref *dir);
void batch_free(struct batch *b);
/* True when it should be handed on. */
bool batch_add(struct batch *b, struct node *n);

/* The part of a path behind its last '/'. */
const char *path_name(const char *path);
