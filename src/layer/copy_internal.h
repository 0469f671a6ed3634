/* layer/copy_internal.h - what the parts of a copy share.
 *
 * copy.c        the session: nodes of the layer, directories on the way, the end
 * copy_walk.c   sources: walks directories and layers in order and makes everything but files
 * copy_list.c   a directory that was walked before: its names, and what did not change since the layer of the last time
 * copy_level.c  the directories that a walk is in, and what becomes of what it meets there
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
    bool removed;    /* something below was whited out */
    unsigned action; /* the number of the last one */
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
    size_t number;            /* of that in copy_source.list, plus one; 0: there is none */
};

#define OPEN_DEPTH 100 /* deeper directories are closed while what is below them is walked */

/* A directory that is being copied. It is made when the first thing in it is, or at once when it is itself wanted. */
struct level {
    struct level *parent;
    struct dir_ref *dir;
    struct batch *batch;
    struct node *node; /* NULL: not made yet */
    struct entry e;    /* attributes of the source */
    struct stat st;    /* of the source, in a directory */
    bool below;        /* the layers below have this directory: children may collide */
    bool as_listed;    /* st and e are as listed: nobody need be told of it */
    size_t src, dst;   /* lengths of its paths in copying.src and .dst */
    unsigned depth;
    size_t number; /* as in struct copying */
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
/* What a new directory at path takes from the one that it is in: that bit of a set-group-id one, as mkdir() does, and the
 * group where e->gid is COPY_GID_MADE. */
void copy_inherit(struct copy *c, const char *path, struct entry *e);
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
MUST_CHECK int copy_tell(const struct copying *cp, const char *path, size_t number, mode_t mode,
                         const struct entry *e, const struct digest *content, struct error *err);

/* ---- copy_list.c ---- */
/* True when the source is listed and worth reading off the list; then copy_walk_list() copies it. */
bool copy_is_listed(const struct copying *cp);
MUST_CHECK int copy_walk_list(struct copying *cp, struct error *err);

/* ---- copy_level.c ---- */
void path_enter(struct str *path, size_t prefix, const char *name);
/* What copy_source.skip is asked about: the entry that the walk is at. */
const char *level_skip_name(const struct copying *cp);
int level_check_length(const struct copying *cp, struct error *err);
/* The innermost level that path is in; NULL: none. */
struct level *level_of(struct level *l, const char *path);
/* One for the directory that the walk is at. e: of the source. */
struct level *level_enter(struct copying *cp, struct level *parent, const struct entry *e);
/* Ends the directories that path is not in. */
struct level *level_leave(struct copying *cp, struct level *l, const struct level *until);
/* A level for the directory that gets the one file of the source: its parents are made, its own attributes stay. */
MUST_CHECK int level_of_file(struct copying *cp, int take_source, struct level *ret,
                             struct error *err);
/* Makes it and those above, unless that is done. */
MUST_CHECK int level_make(struct copying *cp, struct level *l, struct error *err);
/* Makes room for what the walk is at. */
MUST_CHECK int level_clear_place(struct copying *cp, const struct level *l, struct error *err);
struct node *level_new_node(struct copying *cp, const struct stat *st);
void level_link(struct copying *cp, struct node *n, struct node *file);
/* True when the node is another name of a file that this action has copied: then it is that. */
bool level_link_by_inode(struct copying *cp, struct node *n);
/* A file for the threads. */
void level_queue(struct copying *cp, struct level *l, struct node *n);
void level_flush(struct copying *cp, struct level *l);
/* Links, devices, fifos: nothing to read. */
MUST_CHECK int level_make_special(struct copying *cp, const struct level *l, struct node *n,
                                  struct error *err);
/* What is no directory, in the open directory l->dir->source. */
MUST_CHECK int level_visit_file(struct copying *cp, struct level *l, const struct stat *st,
                                struct error *err);

/* ---- copy_file.c ---- */
void copy_push(struct copying *cp, struct batch *b);
MUST_CHECK int copy_store(struct copy *c, int target, const char *name, struct entry *e,
                          struct view data, struct error *err);
