/* layer/write_internal.h - the places of a layer's entries in its archive, and where that is cut
 * into chunks. */
#pragma once

#include "base/hash.h"
#include "base/vec.h"
#include "layer/write.h"

struct write_cut {
    uint64_t start; /* in the archive */
    size_t entry;   /* the first one that reaches beyond start */
};

struct write_plan {
    const struct index *index;
    const struct write_options *options;
    int fs;
    struct view prefix; /* bytes before the first entry */
    size_t count;
    /* where each entry begins, and behind the last one its end: an entry without bytes is left
     * out */
    uint64_t *at;
    VEC(struct write_cut) cuts;
    uint64_t end; /* of the archive */
    /* by entry: the file was touched since the tree was complete. Set by whoever reads it */
    bool *touched;
    struct hash whole; /* of the file that is in several chunks, while hashing */
    bool hashing;
    /* estargz, zstd:chunked: by cut, of the content that begins with it; else NULL */
    struct digest *pieces;
    uint64_t *packed_at;     /* likewise */
    struct chunked *chunked; /* chunked.c's, or NULL */
    struct str heads[CODEC_WORKERS_MAX];
};

void chunked_free(struct chunked *c);

/* The entry as it is written. */
struct entry write_entry(const struct write_plan *p, size_t i);
/* Where the content of entry i begins: its end where it has none. */
uint64_t write_body(const struct write_plan *p, size_t i);
/* Adds a cut, and before it others where a chunk would be too long. */
void write_cut_at(struct write_plan *p, uint64_t start, size_t entry);
