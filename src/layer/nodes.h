/* layer/nodes.h - the names of a tree that is being unpacked, in memory, and directory descriptors
 * for them. */
#pragma once

#include "base/vec.h"
#include "layer/entry.h"

struct node;

/* What hard links share. entry.path and .opaque mean nothing here; link and xattrs are its own. */
struct file {
    struct entry entry;
    unsigned links;
    bool absent;              /* not on disk: the unpacker's */
    const struct node *first; /* its first name in the order of the layer, once that is known */
};

struct node {
    struct node *parent, *child, *next, **prev; /* prev: what points here */
    struct node *hash_next;
    struct file *file;
    uint32_t path_size; /* bytes of its path */
    int slot;           /* of the descriptor, -1: none */
    uint32_t layer;     /* the last one that had it: the unpacker's */
    bool implied;       /* a directory that no entry named */
    bool opaque;
    char name[];
};

#define NODES_FDS 64 /* open at once: far below RLIMIT_NOFILE, above what two sorted walks need */

struct nodes {
    struct node *root;
    int root_fd;
    struct node **buckets;
    size_t bucket_count, count;
    uint64_t seed;
    struct {
        struct node *node;
        int fd;
        uint64_t used;
    } fds[NODES_FDS];
    uint64_t tick;
};

void nodes_init(struct nodes *n, int root_fd);
void nodes_done(struct nodes *n);

struct node *node_find(const struct nodes *n, const struct node *dir, struct view name);
/* The file gets another link. -ENAMETOOLONG when nobody could open the path. The name must be
 * free. */
MUST_CHECK int node_add(struct nodes *n, struct node *dir, struct view name, struct file *file,
                        struct node **ret, struct error *err);
/* Forgets the node and all below it. */
void node_remove(struct nodes *n, struct node *node);
void node_path(const struct node *node, struct str *ret); /* replaces ret */
/* A borrowed descriptor of the directory, valid until NODES_FDS - 1 others were asked for. */
MUST_CHECK int node_fd(struct nodes *n, struct node *dir, struct error *err);
/* Children sorted by bytes: an array of *ret_count, yours to free. */
struct node **node_children(const struct node *dir, size_t *ret_count);

/* A copy of e with its link and xattrs; no links yet. */
struct file *file_new(const struct entry *e);
void file_free(struct file *f); /* when node_remove() did not */
