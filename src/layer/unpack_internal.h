/* layer/unpack_internal.h - shared by unpack.c (entries), unpack_path.c (names), unpack_finish.c
 * (the end). */
#pragma once

#include "base/hash.h"
#include "layer/nodes.h"
#include "layer/tar.h"
#include "layer/unpack.h"

#define WHITEOUT ".wh."
#define WHITEOUT_META ".wh..wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"

struct unpack {
    struct unpack_options o;
    struct nodes nodes;
    struct node *base;        /* where o.prefix leads */
    struct strings whiteouts; /* paths of what is to be hidden */
    uint64_t entries, holes, left_out, lost;
    uint64_t names; /* bytes of all paths that were made */
    uint32_t layer; /* flat: the one that comes in */
    unsigned warnings;
    bool used_below, finished;
    bool has_opaque; /* flat: a directory of this layer is */
};

enum walk_flags {
    WALK_CREATE = 1,   /* make the directories that are missing */
    WALK_NOFOLLOW = 2, /* the last part is given as it is */
};
struct walk {
    struct node *dir;  /* where the last part is looked for */
    struct node *node; /* what is there; NULL: nothing */
    struct str last;   /* its name; empty: dir itself was meant */
    /* without WALK_CREATE: what follows a missing part, beginning with it; else empty */
    struct str rest;
};
#define WALK_INIT ((struct walk){NULL, NULL, STR_INIT, STR_INIT})
void walk_done(struct walk *w);
/* Resolves path from `from` as the kernel would inside the root: symlinks of the tree, and with
 * UNPACK_BELOW_VIEW of the layers below where the tree has nothing. -ELOOP, -ENOTDIR. */
MUST_CHECK int unpack_walk(struct unpack *u, struct node *from, const char *path, int flags,
                           struct walk *ret, struct error *err);
#define cleanup_walk CLEANUP(walk_done)

/* Makes name in dir; for files the bytes come from r (NULL: an empty one). What had the name is
 * removed. */
MUST_CHECK int unpack_make(struct unpack *u, struct node *dir, struct view name,
                           const struct entry *e, struct tar_reader *r, struct node **ret,
                           struct error *err);
/* Takes what is called node away, from the disk too. */
MUST_CHECK int unpack_remove(struct unpack *u, struct node *node, struct error *err);
/* Hides path in the layers below: at the end, when the tree is complete. */
MUST_CHECK int unpack_whiteout(struct unpack *u, const char *path, struct error *err);
void unpack_warn(struct unpack *u, const char *fmt, ...) PRINTF_LIKE(2, 3);
