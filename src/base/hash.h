/* base/hash.h - SHA-256. A plain value that needs no freeing; hardware instructions where the CPU
 * has them. */
#pragma once

#include "base/str.h"

#define SHA256_SIZE 32

struct hash {
    uint64_t opaque[16]; /* a SHA256_CTX; hash.c checks the size */
};
void hash_init(struct hash *h);
void hash_add(struct hash *h, const void *data, size_t size);
void hash_done(struct hash *h, uint8_t ret[static SHA256_SIZE]);
void hash_of(struct view data, uint8_t ret[static SHA256_SIZE]);

/* Adds to several hashes, of different streams, what each has next; parts are used up. On processors
 * with AVX-512 HASH_LANES of about the same length take half the time that they take one after the
 * other, down to HASH_LANES_MIN. */
#define HASH_LANES 8
#define HASH_LANES_MIN 5
struct hash_part {
    struct hash *hash;
    struct view data;
};
void hash_add_each(struct hash_part *parts, size_t count);
bool hash_has_lanes(void);

/* For keys: the length (8 bytes, little endian), then the bytes, so that fields cannot run
 * together. */
void hash_add_field(struct hash *h, struct view field);
void hash_add_u64(struct hash *h, uint64_t value);
