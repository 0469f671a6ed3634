/* store/gc.h - what is in the store, what of it may go, and letting it go.
 *
 *     store_usage_read() --> prune_plan() (pure: marks) --> store_remove() --> store_sweep()
 *
 * store_remove() takes things out of sight under the exclusive lock (rename into tmp/, fast);
 * store_sweep() deletes what nobody holds in tmp/, without a lock. Trees hold files of the
 * identity's other ids, which only root of its namespace may delete: for identity "subids"
 * store_sweep() is to be called in a job of the holder. */
#pragma once

#include "store/images.h"

enum usage_kind {
    USAGE_IMAGE, /* a record; size is what it names, counted once a record */
    USAGE_TREE,
    USAGE_BLOB,
    USAGE_CONTEXT,
    USAGE_MOUNT,
    USAGE_LOG,   /* of one build */
    USAGE_CACHE, /* cache.db */
    USAGE_TMP,   /* left behind by the dead */
};

struct usage_item {
    enum usage_kind kind;
    char *name;        /* image name (NULL: unnamed); hex digest; file name */
    struct digest id;  /* of images (store_image_key()), trees and blobs */
    uint64_t size;     /* bytes; of an image: of its layers, which are items too */
    int64_t used_s;    /* last use */
    bool named;        /* an image with a name, or what such a one needs */
    bool unnamed;      /* an image without a name, or what such a one needs */
    bool held;         /* by a running process */
    bool doomed;       /* set by prune_plan() */
    VEC(size_t) needs; /* of an image: its trees and blobs, as places in the list */
};

struct usage {
    struct usage_item *at;
    size_t size, cap;
};
void usage_done(struct usage *u);
const char *usage_kind_name(enum usage_kind kind); /* "image", "layer", "blob", ... */
/* Nobody needs it: prune may take it. */
bool usage_reclaimable(const struct usage_item *i);

MUST_CHECK int store_usage_read(struct store *s, struct usage *ret, struct error *err);

struct prune_policy {
    uint64_t keep_storage; /* bytes of build cache to keep, most recently used first; 0: none */
    int64_t until_s;       /* only what was last used before this moment; INT64_MAX: all */
    /* cache mounts, and nothing else but what the dead left; then keep_storage is of them */
    bool mounts_only;
};
/* Marks what goes: images without a name; then trees, blobs, stat caches, cache mounts and logs that
 * no remaining image needs, least recently used first; what the dead left in tmp/. Never what is held.
 * Returns the bytes. Pure. */
uint64_t prune_plan(struct usage *u, const struct prune_policy *p);

/* Takes the doomed items out of sight, after asking again under the exclusive lock whether somebody
 * needs them by now: then doomed is cleared. cache_clean() and store_sweep() are to follow. */
MUST_CHECK int store_remove(struct store *s, struct usage *u, struct error *err);
/* Deletes everything in tmp/ and keys/ whose owner is dead; *ret_left (may be NULL) counts what this identity
 * could not delete. */
MUST_CHECK int store_sweep(struct store *s, size_t *ret_left, struct error *err);

/* --- verification: every invariant that can be seen --- */
struct verify {
    /* Compares fs/ with index below a tree's descriptor: -EPROTO when they differ; anything else
     * says that it could not be found out, and ends the verification. NULL: only that both are
     * there. */
    int (*tree)(void *ctx, int tree_fd, const struct digest *tree, struct error *err);
    /* Called for each finding; item is "blob sha256:...", "image 'x'". */
    void (*found)(void *ctx, const char *item, const struct error *what);
    void (*begin)(void *ctx); /* there is something to read; may be NULL */
    void *ctx;
    bool repair; /* take damaged blobs, trees and the records that need them out of the store */
};
/* Returns the number of findings. Reads all blobs. */
MUST_CHECK int store_verify(struct store *s, const struct verify *v, struct error *err);
/* What another boot made and no sync covered is compared before it is believed (store.h, invariant 4): to be called before
 * anything else of the store is used. The first command of a boot does the work, others wait for it, for those after it there is
 * nothing to do. What does not hold is taken out (v->repair is true): an image whose record or layer was lost gives its name
 * back to the one that had it before. Returns the number of findings. */
MUST_CHECK int store_prove(struct store *s, const struct verify *v, struct error *err);
