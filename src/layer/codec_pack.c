#include "layer/codec_pack.h"

#include <errno.h>
#include <libdeflate.h>
#include <zstd.h>

#include <isa-l/igzip_lib.h>

#define GZIP_FAST 1 /* the level that is isa-l's */
/* Of the default level of zstd: its own tables of 2^17 and 2^16 entries are made for streams, not for chunks of 1 MiB, and
 * take more of the processor's cache than is there for two threads. Small ones: a quarter less time, 1.5 % more bytes. */
#define ZSTD_QUICK 3
#define ZSTD_QUICK_TABLES 15

struct packer {
    struct isal_zstream *fast;
    uint8_t *fast_buf;
    struct libdeflate_compressor *small;
    ZSTD_CCtx *zstd;
};

static bool fast_is_canonical(void)
{
#ifdef __x86_64__
    return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul");
#else
    return false;
#endif
}

static void fast_open(struct packer *p)
{
    p->fast = xmalloc(sizeof(*p->fast));
    p->fast_buf = xmalloc(ISAL_DEF_LVL1_DEFAULT);
}

static int zstd_open(struct packer *p, int level, struct error *err)
{
    p->zstd = ZSTD_createCCtx();
    if (!p->zstd)
        return error_set(err, -ENOMEM, "zstd: out of memory");
    size_t r = ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_compressionLevel, level);
    if (!ZSTD_isError(r) && level == ZSTD_QUICK)
        r = ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_hashLog, ZSTD_QUICK_TABLES);
    if (!ZSTD_isError(r) && level == ZSTD_QUICK)
        r = ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_chainLog, ZSTD_QUICK_TABLES);
    return ZSTD_isError(r) ? error_set(err, -EINVAL, "zstd: %s", ZSTD_getErrorName(r)) : 0;
}

static int small_open(struct packer *p, int level, struct error *err)
{
    p->small = libdeflate_alloc_compressor(level == 9 ? 12 : level);
    return p->small ? 0 : error_set(err, -ENOMEM, "libdeflate: out of memory");
}

int packer_new(enum codec_id id, int level, struct packer **ret, struct error *err)
{
    struct packer *p = xcalloc(1, sizeof(*p));
    int r = 0;

    if (id == CODEC_ZSTD || id == CODEC_ZSTD_CHUNKED)
        r = zstd_open(p, level, err);
    else if (level == GZIP_FAST && fast_is_canonical())
        fast_open(p);
    else
        r = small_open(p, level, err);
    if (r < 0)
        packer_free(p);
    else
        *ret = p;
    return r;
}

void packer_free(struct packer *p)
{
    if (!p)
        return;
    free(p->fast);
    free(p->fast_buf);
    if (p->small)
        libdeflate_free_compressor(p->small);
    ZSTD_freeCCtx(p->zstd);
    free(p);
}

/* ---- what cannot be packed ---- */

#define NOISE_SAMPLES 16
#define NOISE_SAMPLE_SIZE 4096u
#define NOISE_CHI_SQUARE                                                                           \
    512                   /* 255 +- 23 is pure chance; one sample of text among them is over 1000 */
#define STORED_MAX 65535u /* of a stored block (RFC 1951, 3.2.4) */

/* Bytes as evenly spread as chance has them, wherever we look: what is compressed or encrypted
 * already. The fast level spends more on finding nothing there than on all the rest. */
static bool is_noise(struct view plain)
{
    const size_t step = plain.size / NOISE_SAMPLES;
    const uint32_t expected = NOISE_SAMPLES * NOISE_SAMPLE_SIZE / 256;
    uint32_t counts[256] = {0};
    uint64_t sum = 0;

    if (step < NOISE_SAMPLE_SIZE)
        return false;
    for (size_t i = 0; i < NOISE_SAMPLES; i++) {
        const uint8_t *at = (const uint8_t *)plain.at + i * step;
        for (size_t k = 0; k < NOISE_SAMPLE_SIZE; k++)
            counts[at[k]]++;
    }
    for (size_t i = 0; i < 256; i++) {
        const int64_t off = (int64_t)counts[i] - expected;
        sum += (uint64_t)(off * off);
    }
    return sum / expected < NOISE_CHI_SQUARE;
}

static uint8_t *put_le(uint8_t *to, uint32_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        *to++ = (uint8_t)(value >> (8 * i));
    return to;
}

/* A gzip member of stored blocks. */
static int64_t store(struct view plain, uint8_t *out)
{
    static const uint8_t head[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff};
    uint8_t *to = out;

    memcpy(to, head, sizeof(head));
    to += sizeof(head);
    for (size_t at = 0; at < plain.size;) {
        const uint32_t n = (uint32_t)MIN(plain.size - at, (size_t)STORED_MAX);

        *to++ = at + n == plain.size; /* the last block says so */
        to = put_le(to, n, 2);
        to = put_le(to, ~n, 2);
        memcpy(to, plain.at + at, n);
        to += n;
        at += n;
    }
    to = put_le(to, libdeflate_crc32(0, plain.at, plain.size), 4);
    to = put_le(to, (uint32_t)plain.size, 4);
    return to - out;
}

static int64_t run_fast(struct packer *p, struct view plain, uint8_t *out, struct error *err)
{
    struct isal_zstream *z = p->fast;

    isal_deflate_init(z);
    z->level = GZIP_FAST;
    z->level_buf = p->fast_buf;
    z->level_buf_size = ISAL_DEF_LVL1_DEFAULT;
    z->gzip_flag = IGZIP_GZIP;
    z->end_of_stream = 1;
    z->next_in = (uint8_t *)(uintptr_t)plain.at; /* only read; the field lacks a const */
    z->avail_in = (uint32_t)plain.size;
    z->next_out = out;
    z->avail_out = (uint32_t)CODEC_PACKED_MAX(plain.size);
    const int r = isal_deflate(z);
    if (r != COMP_OK || z->internal_state.state != ZSTATE_END)
        return error_set(err, -EIO, "isa-l: error %d", r);
    return z->total_out;
}

int64_t packer_run(struct packer *p, struct view plain, uint8_t *out, struct error *err)
{
    const size_t room = CODEC_PACKED_MAX(plain.size);

    if (p->fast)
        return is_noise(plain) ? store(plain, out) : run_fast(p, plain, out, err);
    if (p->zstd) {
        const size_t n = ZSTD_compress2(p->zstd, out, room, plain.at, plain.size);
        if (ZSTD_isError(n))
            return error_set(err, -EIO, "zstd: %s", ZSTD_getErrorName(n));
        return (int64_t)n;
    }
    const size_t n = libdeflate_gzip_compress(p->small, plain.at, plain.size, out, room);
    return n > 0 ? (int64_t)n : error_set(err, -EIO, "libdeflate: no room");
}
