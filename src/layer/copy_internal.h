/* layer/copy_internal.h - what the parts of a copy share.
 *
 * copy.c        the session: nodes of the layer, directories on the way, the end
 * copy_walk.c   sources: walks them in order and makes everything but files
 * copy_file.c   files, in the threads of a pool
 *
 * The walk makes directories, checks for conflicts and queues files; threads only touch the nodes they were given.
 * Nodes are in walking order, so an index needs no sorting after a single source. */
#pragma once

#include "base/map.h"
#include "base/vec.h"
#include "layer/batch.h"
#include "layer/copy.h"
#include "layer/pool.h"

struct copy_helper { /* of one thread */
    struct arena *arena;
    char *buf;
    uint64_t bytes, hashed, lost;
};

struct copy {
    struct copy_options o;
    struct arena *arena;
    VEC(struct node *) nodes;
    struct map by_path; /* node of each path; filled up to `mapped` when somebody asks */
    size_t mapped;
    bool removed; /* something below was whited out */
    mode_t umask_;
    uid_t uid; /* whom new files belong to */
    gid_t gid;
    bool plain_root; /* files made here get that owner */
    unsigned threads;
    struct copy_helper *helpers;
    struct pool *pool; /* of the current action; NULL until a file is met */
};

/* The action that is going on. */
struct copying {
    struct copy *c;
    const struct copy_source *s;
    size_t first;             /* nodes before it were made by earlier actions */
    struct map inodes;        /* files with several names, and files of trees: the first node */
    VEC(struct node *) links; /* made when all files are there */
    struct str src, dst;      /* where the walk is */
};

/* ---- copy.c ---- */
struct node *copy_node(struct copy *c, const char *path); /* live one, or NULL */
struct node *copy_new_node(struct copy *c, const char *path);
/* What the layer and those below have at path: NULL for nothing. */
const struct entry *copy_below(struct copy *c, const char *path);
/* Makes room for a file or link at path: -EISDIR when a directory is there. */
MUST_CHECK int copy_clear(struct copy *c, const char *path, struct error *err);
/* The same for archives: a directory goes too. */
MUST_CHECK int copy_make_way(struct copy *c, const char *path, struct error *err);
/* A directory of the layer: the node that is there, the one below copied up, or a new one of mode 0755. */
MUST_CHECK int copy_dir(struct copy *c, const char *path, uint32_t uid, uint32_t gid,
                        struct node **ret, struct error *err);
/* All directories above path. */
MUST_CHECK int copy_parents(struct copy *c, const char *path, uint32_t uid, uint32_t gid,
                            struct error *err);
/* mkdir and a node, attributes to be filled in; what lies below is opaque where it must not show. */
MUST_CHECK int copy_make_dir(struct copy *c, const char *path, struct node **ret,
                             struct error *err);
/* True when a new file or directory with these attributes needs no further call. */
bool copy_is_plain(const struct copy *c, const struct entry *e);

/* ---- copy_walk.c ---- */
MUST_CHECK int copy_walk(struct copying *cp, struct error *err);
void copy_apply(const struct copy_source *s,
                struct entry *e); /* --chown, --chmod, context owners */
/* Tells copy_source.seen of an entry of a directory. content: as there. */
MUST_CHECK int copy_tell(const struct copying *cp, const char *path, mode_t mode,
                         const struct entry *e, const struct digest *content, struct error *err);

/* ---- copy_file.c ---- */
void copy_push(struct copying *cp, struct batch *b);
MUST_CHECK int copy_store(struct copy *c, int target, const char *name, struct entry *e,
                          struct view data, struct error *err);
