/* xz and bzip2 are rare in images and usual in .debs of other people: their libraries are loaded
 * when such bytes are met, so that nobody else pays for them. */
#include "layer/codec_internal.h"

#include <bzlib.h>
#include <errno.h>
#include <lzma.h>

#include "base/library.h"

/* xz -9 needs 65 MiB to unpack; more is asked for by bombs only. */
#define XZ_MEMORY_MAX (UINT64_C(128) << 20)

/* ---- xz ---- */

struct xz {
    lzma_stream z;
    lzma_ret (*decoder)(lzma_stream *, uint64_t, uint32_t);
    lzma_ret (*code)(lzma_stream *, lzma_action);
    void (*end)(lzma_stream *);
};

static bool xz_probe(const uint8_t *head, size_t size)
{
    return size >= 6 && memcmp(head, "\xfd\x37zXZ", 6) == 0;
}

static void xz_close(void *state)
{
    struct xz *x = state;

    if (x->end)
        x->end(&x->z);
    free(x);
}

static int xz_open(void **ret_state, struct error *err)
{
    struct xz *x = xcalloc(1, sizeof(*x));
    const struct library_call calls[] = {
        {"lzma_stream_decoder", &x->decoder}, {"lzma_code", &x->code}, {"lzma_end", &x->end}};

    *ret_state = x;
    return library_load("liblzma.so.5", "liblzma5", calls, ARRAY_SIZE(calls), err);
}

static int xz_begin(void *state, struct error *err)
{
    struct xz *x = state;
    const lzma_ret r = x->decoder(&x->z, XZ_MEMORY_MAX, 0);

    return r == LZMA_OK ? 0 : error_set(err, -ENOMEM, "xz decoder: error %d", (int)r);
}

static int xz_decode(void *state, struct codec_input *in, uint8_t *out, size_t size,
                     size_t *ret_made, struct error *err)
{
    struct xz *x = state;

    x->z.next_out = out;
    x->z.avail_out = size;
    while (x->z.avail_out > 0) {
        const int more = codec_input_fill(in, err);
        if (more < 0)
            return more;
        x->z.next_in = in->buf + in->at;
        x->z.avail_in = in->end - in->at;
        const lzma_ret r = x->code(&x->z, more ? LZMA_RUN : LZMA_FINISH);
        in->at = in->end - x->z.avail_in;
        *ret_made = size - x->z.avail_out;
        if (r == LZMA_STREAM_END)
            return 0;
        if (r == LZMA_MEMLIMIT_ERROR)
            return error_set(err, -EDQUOT, "xz data asks for more than %d MiB of memory",
                             (int)(XZ_MEMORY_MAX >> 20));
        if (r == LZMA_BUF_ERROR && !more)
            return error_set(err, -EPROTO, "xz data ends in the middle");
        if (r != LZMA_OK && r != LZMA_BUF_ERROR)
            return error_set(err, -EPROTO, "xz data is damaged (error %d)", (int)r);
    }
    return 1;
}

const struct decoder decoder_xz = {
    CODEC_XZ, "xz", xz_probe, xz_open, xz_begin, xz_decode, xz_close,
};

/* ---- bzip2 ---- */

struct bz {
    bz_stream z;
    bool begun;
    int (*init)(bz_stream *, int, int);
    int (*code)(bz_stream *);
    int (*end)(bz_stream *);
};

static bool bz_probe(const uint8_t *head, size_t size)
{
    return size >= 10 && memcmp(head, "BZh", 3) == 0 && head[3] >= '1' && head[3] <= '9' &&
           (memcmp(head + 4, "\x31\x41\x59\x26\x53\x59", 6) == 0 ||
            memcmp(head + 4, "\x17\x72\x45\x38\x50\x90", 6) == 0);
}

static void bz_close(void *state)
{
    struct bz *b = state;

    if (b->begun)
        (void)b->end(&b->z);
    free(b);
}

static int bz_open(void **ret_state, struct error *err)
{
    struct bz *b = xcalloc(1, sizeof(*b));
    const struct library_call calls[] = {{"BZ2_bzDecompressInit", &b->init},
                                         {"BZ2_bzDecompress", &b->code},
                                         {"BZ2_bzDecompressEnd", &b->end}};

    *ret_state = b;
    return library_load("libbz2.so.1.0", "libbz2-1.0", calls, ARRAY_SIZE(calls), err);
}

static int bz_begin(void *state, struct error *err)
{
    struct bz *b = state;

    if (b->begun)
        (void)b->end(&b->z);
    b->begun = b->init(&b->z, 0, 0) == BZ_OK;
    return b->begun ? 0 : error_set(err, -ENOMEM, "bzip2 decoder: out of memory");
}

static int bz_decode(void *state, struct codec_input *in, uint8_t *out, size_t size,
                     size_t *ret_made, struct error *err)
{
    struct bz *b = state;

    b->z.next_out = (char *)out;
    b->z.avail_out = (unsigned)size;
    while (b->z.avail_out > 0) {
        const int more = codec_input_fill(in, err);
        if (more < 0)
            return more;
        const unsigned room = b->z.avail_out;
        b->z.next_in = (char *)in->buf + in->at;
        b->z.avail_in = (unsigned)(in->end - in->at);
        const int r = b->code(&b->z);
        in->at = in->end - b->z.avail_in;
        *ret_made = size - b->z.avail_out;
        if (r == BZ_STREAM_END)
            return 0;
        if (r != BZ_OK)
            return error_set(err, -EPROTO, "bzip2 data is damaged (error %d)", r);
        if (!more && b->z.avail_out == room)
            return error_set(err, -EPROTO, "bzip2 data ends in the middle");
    }
    return 1;
}

const struct decoder decoder_bzip2 = {
    CODEC_BZIP2, "bzip2", bz_probe, bz_open, bz_begin, bz_decode, bz_close,
};
