#include "base/hash.h"

#include <openssl/sha.h>

/* The plain functions, not EVP: they need no provider to be loaded (0.4 ms of every start) and no
 * heap, and run the same assembly. OpenSSL calls them deprecated since 3.0, they are part of its
 * ABI until 4. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct hash), "struct hash holds a SHA256_CTX");

static SHA256_CTX *ctx(struct hash *h)
{
    return (SHA256_CTX *)h->opaque;
}

void hash_init(struct hash *h)
{
    SHA256_Init(ctx(h));
}

void hash_add(struct hash *h, const void *data, size_t size)
{
    SHA256_Update(ctx(h), data, size);
}

void hash_done(struct hash *h, uint8_t ret[static SHA256_SIZE])
{
    SHA256_Final(ret, ctx(h));
}

void hash_of(struct view data, uint8_t ret[static SHA256_SIZE])
{
    struct hash h;

    hash_init(&h);
    hash_add(&h, data.at, data.size);
    hash_done(&h, ret);
}

void hash_add_u64(struct hash *h, uint64_t value)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
    hash_add(h, bytes, sizeof(bytes));
}

void hash_add_field(struct hash *h, struct view field)
{
    hash_add_u64(h, field.size);
    hash_add(h, field.at, field.size);
}
