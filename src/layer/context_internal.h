/* layer/context_internal.h - what the parts of a context share: context.c walks, context_cache.c is the file,
 * context_hash.c reads contents. */
#pragma once

#include "base/vec.h"
#include "layer/context.h"

struct cache_record {
    uint64_t path; /* offset into the texts */
    uint64_t dev, ino, size;
    int64_t mtime_s, ctime_s;
    uint32_t mtime_ns, ctime_ns;
    uint32_t mode;
    uint8_t racy;    /* may have changed within the tick of the clock in which it was looked at */
    uint8_t linked;  /* has several names; no directory */
    uint16_t unread; /* content and xattrs are not known */
    uint8_t content[32], xattrs[32];
};

struct context_cache {
    const struct cache_record *records; /* of a loaded one, in order */
    const char *texts;
    size_t count;
    void *map;
    size_t map_size;
    VEC(struct cache_record) added; /* of a growing one */
    struct str added_texts;
    bool sorted;
};

struct context {
    int root;
    struct context_options o;
    struct arena **arenas; /* one for each thread of the walk */
    unsigned threads;
    VEC(struct context_entry) entries;
    uint32_t *ends;          /* where the subtree of an entry ends */
    struct timespec started; /* before the walk */
    bool changed;
    struct {
        bool valid;
        size_t first, end;
        int parts;
        struct digest digest;
    } last; /* content of everything there: a step is asked for it twice, and what is known stays */
};

void cache_sort(struct context_cache *c);
const char *cache_path(const struct context_cache *c, size_t i);
bool cache_fits(const struct cache_record *r, const struct context_entry *e);
bool cache_is_racy(const struct stat *st, const struct timespec *started);
/* The first record that is not before path; c->count when all are. */
size_t cache_lower_bound(const struct context_cache *c, const char *path);
/* The index of the record of path, or -1. */
ssize_t cache_search(const struct context_cache *c, const char *path);
/* All of a record but its path; neither racy nor unread. */
struct cache_record cache_record_of(const struct stat *st, const struct digest *content,
                                    const struct digest *xattrs);
/* Writes an empty file: of what is in order already, without a copy of it all in memory. entry: path and record (NULL: the
 * path will do) of the i-th of count; NULL: it is left out. */
MUST_CHECK int cache_save_in_order(int fd, size_t count,
                                   const char *(*entry)(void *ctx, size_t i,
                                                        struct cache_record *ret),
                                   void *ctx, struct error *err);
/* As context_cache_load(); what is written to the records of the map is written to the file. */
struct context_cache *cache_share(int fd);
/* Gives every entry what the cache knows of it: one pass over both. */
void cache_join(const struct context_cache *c, struct context *ctx);
