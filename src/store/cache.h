/* store/cache.h - build results and relations between identities: one SQLite file, which may be
 * deleted at will.
 *
 * Invariants
 *   1  What it says is checked against the store before it is believed: an answer that names a tree
 *      or blob which is not there is a miss, and a hit holds what it names (store_tree_hold()).
 *   2  Deleting it loses speed only. A file that SQLite calls damaged is replaced with one warning.
 *   3  One connection a process, never across fork(): calls assert the process id.
 *   4  Every write is one immediate transaction; writers wait for each other up to CACHE_BUSY_MS,
 *      readers wait for nobody (write-ahead log).
 *   5  A hit writes nothing: last use is the time stamp of the tree. No step is synced; the log
 *      keeps the file whole through a kill, and through a power cut as checkpoints sync. It is kept
 *      short, since who opens the file reads it all. */
#pragma once

#include "store/store.h"

#define CACHE_BUSY_MS 10000
#define CACHE_VALUE_MAX (1u << 20) /* a result: tree ids and some metadata */

struct cache;

/* Opens or creates cache.db and begins the process's lease. env, for the warning, is borrowed as s
 * is. */
MUST_CHECK int cache_open(const struct env *env, struct store *s, struct cache **ret,
                          struct error *err);
void cache_close(struct cache *c);
DEFINE_CLEANUP(struct cache *, cache_close)

/* --- results: key -> bytes of the caller, and the trees that they name --- */
/* 1: hit, value set and its trees held; 0: miss. */
MUST_CHECK int cache_get(struct cache *c, const struct digest *key, struct str *ret_value,
                         struct error *err);
/* Adds or replaces. */
MUST_CHECK int cache_put(struct cache *c, const struct digest *key, struct view value,
                         const struct digest *trees, size_t tree_count, struct error *err);

/* --- links from one identity to another --- */
enum cache_link {
    CACHE_DIFF_TREE,  /* diff id -> tree that it unpacks to, whatever lies below */
    CACHE_CHAIN_TREE, /* chain id -> tree of its top layer, where the layers below matter */
    CACHE_TREE_DIFF,  /* tree -> diff id of its canonical archive */
    CACHE_BLOB_DIFF,  /* blob -> diff id (its uncompressed bytes) */
};
/* 1: found (and held, when it is a tree), 0: not known. */
MUST_CHECK int cache_link_get(struct cache *c, enum cache_link kind, const struct digest *from,
                              struct digest *ret, struct error *err);
MUST_CHECK int cache_link_put(struct cache *c, enum cache_link kind, const struct digest *from,
                              const struct digest *to, struct error *err);

/* --- compressed forms: (diff id, form) -> blob ---
 * form says codec and level, such as "gzip:igzip-1" */
/* 1: found and held. */
MUST_CHECK int cache_blob_get(struct cache *c, const struct digest *diff_id, const char *form,
                              struct digest *ret_blob, uint64_t *ret_size, struct error *err);
MUST_CHECK int cache_blob_put(struct cache *c, const struct digest *diff_id, const char *form,
                              const struct digest *blob, uint64_t size, struct error *err);

/* --- why did it miss: the parts of the key that a step had last time ---
 * step identifies the place in the file */
MUST_CHECK int cache_parts_get(struct cache *c, const struct digest *step, struct str *ret_parts,
                               struct error *err);
MUST_CHECK int cache_parts_put(struct cache *c, const struct digest *step, struct view parts,
                               struct error *err);

/* For prune: forgets what names trees and blobs that are gone, or everything, and shrinks the
 * file. */
MUST_CHECK int cache_clean(struct cache *c, bool everything, struct error *err);
