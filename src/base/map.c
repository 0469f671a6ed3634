#include "base/map.h"

#include <assert.h>
#include <sys/random.h>

/* Open addressing over item numbers (+1; 0 is free), at most half full. Items are never removed. */

static uint64_t seed(void)
{
    static uint64_t value; /* chosen once, the same for every map of the process */

    while (value == 0)
        if (getrandom(&value, sizeof(value), GRND_NONBLOCK) != sizeof(value))
            value = (uint64_t)(uintptr_t)&value * 0x9E3779B97F4A7C15u;
    return value;
}

static uint64_t key_hash(struct view key)
{
    uint64_t h = seed() ^ key.size * 0x9E3779B97F4A7C15u;

    /* multiply and fold, eight bytes a round (wyhash's idea) */
    for (size_t i = 0; i < key.size; i += 8) {
        uint64_t word = 0;

        memcpy(&word, key.at + i, MIN(key.size - i, sizeof(word)));
        const __uint128_t m = (__uint128_t)(h ^ word) * 0xD6E8FEB86659FD93u;
        h = (uint64_t)m ^ (uint64_t)(m >> 64) ^ seed();
    }
    return h ^ h >> 29;
}

static uint32_t *slot_of(const struct map *m, struct view key)
{
    size_t i = key_hash(key) & (m->slot_count - 1);

    while (m->slots[i] != 0 && !view_eq(m->items[m->slots[i] - 1].key, key))
        i = (i + 1) & (m->slot_count - 1);
    return &m->slots[i];
}

static void grow(struct map *m)
{
    m->slot_count = m->slot_count ? m->slot_count * 2 : 16;
    free(m->slots);
    m->slots = xcalloc(m->slot_count, sizeof(*m->slots));
    assert(m->slots && (m->items || m->size == 0));
    for (size_t i = 0; i < m->size; i++)
        *slot_of(m, m->items[i].key) = (uint32_t)i + 1;
}

void map_done(struct map *m)
{
    for (size_t i = 0; i < m->size; i++)
        free((void *)(uintptr_t)m->items[i].key.at);
    free(m->items);
    free(m->slots);
    *m = (struct map){0};
}

static struct map_item *find(const struct map *m, struct view key)
{
    if (m->slot_count == 0)
        return NULL;
    const uint32_t at = *slot_of(m, key);
    return at ? &m->items[at - 1] : NULL;
}

void *map_get(const struct map *m, struct view key)
{
    const struct map_item *item = find(m, key);

    return item ? item->value : NULL;
}

bool map_has(const struct map *m, struct view key)
{
    return find(m, key) != NULL;
}

void map_set(struct map *m, struct view key, void *value)
{
    struct map_item *item = find(m, key);

    if (item) {
        item->value = value;
        return;
    }
    if (m->size * 2 >= m->slot_count)
        grow(m);
    if (m->size == m->cap) {
        m->cap = m->cap ? m->cap * 2 : 8;
        m->items = xrealloc(m->items, m->cap * sizeof(*m->items));
    }
    assert(m->items);
    m->items[m->size] = (struct map_item){{view_dup(key), key.size}, value};
    *slot_of(m, m->items[m->size].key) = (uint32_t)m->size + 1;
    m->size++;
}
