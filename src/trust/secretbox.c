#include "trust/secretbox.h"

#include <endian.h>
#include <errno.h>

#include "trust/libcrypto.h"

/* What precedes the text in the stream is the key of Poly1305. */
#define BOX_KEY_SIZE 32

static uint32_t load32(const uint8_t *at)
{
    uint32_t word;

    memcpy(&word, at, sizeof(word));
    return le32toh(word);
}

static void store32(uint8_t *at, uint32_t word)
{
    word = htole32(word);
    memcpy(at, &word, sizeof(word));
}

static uint32_t rotate(uint32_t word, unsigned by)
{
    return word << by | word >> (32 - by);
}

static void quarter(uint32_t x[static 16], size_t a, size_t b, size_t c, size_t d)
{
    x[b] ^= rotate(x[a] + x[d], 7);
    x[c] ^= rotate(x[b] + x[a], 9);
    x[d] ^= rotate(x[c] + x[b], 13);
    x[a] ^= rotate(x[d] + x[c], 18);
}

/* Constants on the diagonal, the key around them, nonce and counter in the middle; then 20 rounds,
 * columns and rows by turns. start is the matrix before them. */
static void salsa20_rounds(const uint8_t key[static 32], const uint8_t in[static 16],
                           uint32_t start[static 16], uint32_t x[static 16])
{
    static const uint8_t constants[] = "expand 32-byte k";

    for (size_t i = 0; i < 4; i++) {
        start[5 * i] = load32(constants + 4 * i);
        start[1 + i] = load32(key + 4 * i);
        start[6 + i] = load32(in + 4 * i);
        start[11 + i] = load32(key + 16 + 4 * i);
    }
    memcpy(x, start, 16 * sizeof(*x));
    for (size_t i = 0; i < 20; i += 2) {
        quarter(x, 0, 4, 8, 12);
        quarter(x, 5, 9, 13, 1);
        quarter(x, 10, 14, 2, 6);
        quarter(x, 15, 3, 7, 11);
        quarter(x, 0, 1, 2, 3);
        quarter(x, 5, 6, 7, 4);
        quarter(x, 10, 11, 8, 9);
        quarter(x, 15, 12, 13, 14);
    }
}

void hsalsa20(const uint8_t key[static 32], const uint8_t in[static 16], uint8_t ret[static 32])
{
    static const size_t out[] = {0, 5, 10, 15, 6, 7, 8, 9};
    uint32_t start[16], x[16];

    salsa20_rounds(key, in, start, x);
    for (size_t i = 0; i < ARRAY_SIZE(out); i++)
        store32(ret + 4 * i, x[out[i]]);
    explicit_bzero(x, sizeof(x));
    explicit_bzero(start, sizeof(start));
}

void salsa20_xor(const uint8_t key[static 32], const uint8_t nonce[static 8], uint64_t block,
                 uint8_t *data, size_t size)
{
    uint32_t start[16], x[16];
    uint8_t in[16], stream[64];

    memcpy(in, nonce, 8);
    for (; size > 0; block++) {
        const size_t n = MIN(size, sizeof(stream));
        const uint64_t counter = htole64(block);

        memcpy(in + 8, &counter, sizeof(counter));
        salsa20_rounds(key, in, start, x);
        for (size_t i = 0; i < 16; i++)
            store32(stream + 4 * i, x[i] + start[i]);
        for (size_t i = 0; i < n; i++)
            data[i] ^= stream[i];
        data += n;
        size -= n;
    }
    explicit_bzero(x, sizeof(x));
    explicit_bzero(start, sizeof(start));
    explicit_bzero(stream, sizeof(stream));
}

/* XORs text, which has room for the key of Poly1305 before it, and leaves that key there. */
static void xsalsa20(const uint8_t key[static 32], const uint8_t nonce[static 24], uint8_t *data,
                     size_t size)
{
    uint8_t sub[32];

    hsalsa20(key, nonce, sub);
    salsa20_xor(sub, nonce + 16, 0, data, size);
    explicit_bzero(sub, sizeof(sub));
}

static int poly1305(const struct crypto *c, const uint8_t key[static 32], const uint8_t *data,
                    size_t size, uint8_t ret[static SECRETBOX_TAG_SIZE], struct error *err)
{
    size_t made = 0;

    if (!c->EVP_Q_mac(NULL, "POLY1305", NULL, NULL, NULL, key, BOX_KEY_SIZE, data, size, ret,
                      SECRETBOX_TAG_SIZE, &made) ||
        made != SECRETBOX_TAG_SIZE)
        return error_set(err, -ENOTSUP, "libcrypto has no Poly1305");
    return 0;
}

int secretbox_seal(const struct crypto *c, const uint8_t key[static 32],
                   const uint8_t nonce[static 24], struct view text, struct str *ret,
                   struct error *err)
{
    SECRET_AUTO(work);
    uint8_t tag[SECRETBOX_TAG_SIZE];

    str_reserve(&work, BOX_KEY_SIZE + text.size);
    for (size_t i = 0; i < BOX_KEY_SIZE; i++)
        str_add_char(&work, '\0');
    str_add(&work, text);
    uint8_t *at = (uint8_t *)work.at;
    xsalsa20(key, nonce, at, work.size);
    const int r = poly1305(c, at, at + BOX_KEY_SIZE, text.size, tag, err);
    if (r < 0)
        return r;
    str_add(ret, view_make(tag, sizeof(tag)));
    str_add(ret, view_make(at + BOX_KEY_SIZE, text.size));
    return 0;
}

/* In a time that does not tell where they differ. */
static bool same_tag(const uint8_t a[static SECRETBOX_TAG_SIZE], const char *b)
{
    unsigned differ = 0;

    for (size_t i = 0; i < SECRETBOX_TAG_SIZE; i++)
        differ |= a[i] ^ (uint8_t)b[i];
    return differ == 0;
}

int secretbox_open(const struct crypto *c, const uint8_t key[static 32],
                   const uint8_t nonce[static 24], struct view box, struct str *ret,
                   struct error *err)
{
    SECRET_AUTO(work);
    uint8_t tag[SECRETBOX_TAG_SIZE], mac_key[BOX_KEY_SIZE] = {0};

    if (box.size < SECRETBOX_TAG_SIZE)
        return -EBADMSG;
    const size_t size = box.size - SECRETBOX_TAG_SIZE;
    xsalsa20(key, nonce, mac_key, sizeof(mac_key));
    const int r =
        poly1305(c, mac_key, (const uint8_t *)box.at + SECRETBOX_TAG_SIZE, size, tag, err);
    explicit_bzero(mac_key, sizeof(mac_key));
    if (r < 0)
        return r;
    if (!same_tag(tag, box.at))
        return -EBADMSG;
    str_reserve(&work, BOX_KEY_SIZE + size);
    for (size_t i = 0; i < BOX_KEY_SIZE; i++)
        str_add_char(&work, '\0');
    str_add(&work, view_make(box.at + SECRETBOX_TAG_SIZE, size));
    xsalsa20(key, nonce, (uint8_t *)work.at, work.size);
    str_reserve(ret, size);
    str_add(ret, view_make(work.at + BOX_KEY_SIZE, size));
    return 0;
}
