/* layer/index_internal.h - what index.c (building, looking up) and index_file.c (the file)
 * share. */
#pragma once

#include "layer/index.h"

struct index {
    struct entry *entries; /* one array, as is the next */
    uint32_t *ends;        /* ends[i]: where the subtree of entry i ends */
    size_t count;
    uint32_t turn;        /* index_set_turn() */
    struct xattr *xattrs; /* of a loaded index, all in one array; NULL when built */
    struct arena *arena;  /* of a built index: texts */
    void *map;            /* of a loaded one */
    size_t map_size;
};

/* Fills ends and checks invariants 1 to 5; -EINVAL says which entry is wrong. */
int index_check(struct index *ix, struct error *err);
