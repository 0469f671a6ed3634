/* base/map.h - string keys to pointers, in insertion order, hash seeded per process: keys come from
 * archives and registries, so nobody may choose collisions. Keys are copied; values are the
 * caller's. */
#pragma once

#include "base/str.h"

struct map_item {
    struct view key; /* NUL-terminated too */
    void *value;
};
struct map {
    struct map_item *items;
    size_t size, cap;
    uint32_t *slots;
    size_t slot_count;
};

void map_done(struct map *m);
void *map_get(const struct map *m, struct view key); /* NULL when absent */
bool map_has(const struct map *m, struct view key);
void map_set(struct map *m, struct view key, void *value); /* adds, or replaces in place */
#define map_each(item, m)                                                                          \
    for (struct map_item *item = (m)->items; item && item < (m)->items + (m)->size; item++)
