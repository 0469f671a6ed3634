#include "layer/codec_internal.h"

#include <errno.h>
#include <zstd.h>

#include <isa-l/igzip_lib.h>

int codec_input_fill(struct codec_input *in, struct error *err)
{
    if (in->at < in->end)
        return 1;
    if (in->eof)
        return 0;
    const int got = in->read(in->ctx, in->buf, CODEC_INPUT, err);
    if (got < 0)
        return got;
    in->at = 0;
    in->end = (size_t)got;
    in->eof = got == 0;
    return got > 0;
}

int codec_input_peek(struct codec_input *in, size_t want, struct error *err)
{
    if (in->end - in->at < want && in->at > 0) {
        memmove(in->buf, in->buf + in->at, in->end - in->at);
        in->end -= in->at;
        in->at = 0;
    }
    while (in->end - in->at < want && !in->eof) {
        const int got = in->read(in->ctx, in->buf + in->end, CODEC_INPUT - in->end, err);
        if (got < 0)
            return got;
        in->end += (size_t)got;
        in->eof = got == 0;
    }
    return (int)(in->end - in->at);
}

static int cut(const char *name, struct error *err)
{
    return error_set(err, -EPROTO, "%s data ends in the middle", name);
}

/* ---- gzip ---- */

static bool gzip_probe(const uint8_t *head, size_t size)
{
    return size >= 3 && head[0] == 0x1f && head[1] == 0x8b && head[2] == 8;
}

static int gzip_open(void **ret_state, struct error *err)
{
    struct inflate_state *z = xmalloc(sizeof(*z));

    (void)err;
    isal_inflate_init(z);
    *ret_state = z;
    return 0;
}

static int gzip_begin(void *state, struct error *err)
{
    struct inflate_state *z = state;

    (void)err;
    isal_inflate_reset(z);
    z->crc_flag = ISAL_GZIP; /* header and trailer are its business, checksum included */
    return 0;
}

static const char *gzip_complaint(int code)
{
    switch (code) {
    case ISAL_INCORRECT_CHECKSUM:
        return "wrong checksum";
    case ISAL_INVALID_WRAPPER:
    case ISAL_UNSUPPORTED_METHOD:
        return "bad header";
    case ISAL_INVALID_LOOKBACK:
        return "reference before the beginning";
    default:
        return "bad block";
    }
}

static int gzip_decode(void *state, struct codec_input *in, uint8_t *out, size_t size,
                       size_t *ret_made, struct error *err)
{
    struct inflate_state *z = state;

    z->next_out = out;
    z->avail_out = (uint32_t)size;
    while (z->avail_out > 0 && z->block_state != ISAL_BLOCK_FINISH) {
        const int more = codec_input_fill(in, err);
        if (more < 0)
            return more;
        const uint32_t room = z->avail_out;
        z->next_in = in->buf + in->at;
        z->avail_in = (uint32_t)(in->end - in->at);
        const int r = isal_inflate(z);
        in->at = in->end - z->avail_in;
        if (r != ISAL_DECOMP_OK)
            return error_set(err, -EPROTO, "gzip data is damaged: %s", gzip_complaint(r));
        /* with its input used up it may still hold bytes that it has decoded */
        if (!more && z->avail_out == room && z->block_state != ISAL_BLOCK_FINISH)
            return cut("gzip", err);
    }
    *ret_made = size - z->avail_out;
    return z->block_state != ISAL_BLOCK_FINISH;
}

static const struct decoder decoder_gzip = {
    CODEC_GZIP, "gzip", gzip_probe, gzip_open, gzip_begin, gzip_decode, free,
};

/* ---- zstd ---- */

static bool zstd_probe(const uint8_t *head, size_t size)
{
    static const uint8_t frame[] = {0x28, 0xb5, 0x2f, 0xfd}, skippable[] = {0x2a, 0x4d, 0x18};

    return size >= 4 && (memcmp(head, frame, 4) == 0 ||
                         ((head[0] & 0xf0) == 0x50 && memcmp(head + 1, skippable, 3) == 0));
}

static int zstd_open(void **ret_state, struct error *err)
{
    *ret_state = ZSTD_createDCtx();
    return *ret_state ? 0 : error_set(err, -ENOMEM, "zstd: out of memory");
}

static int zstd_begin(void *state, struct error *err)
{
    const size_t r = ZSTD_DCtx_reset(state, ZSTD_reset_session_only);

    return ZSTD_isError(r) ? error_set(err, -EIO, "zstd: %s", ZSTD_getErrorName(r)) : 0;
}

static int zstd_decode(void *state, struct codec_input *in, uint8_t *out, size_t size,
                       size_t *ret_made, struct error *err)
{
    ZSTD_outBuffer to = {out, size, 0};

    while (to.pos < size) {
        const int more = codec_input_fill(in, err);
        if (more < 0)
            return more;
        const size_t before = to.pos;
        ZSTD_inBuffer from = {in->buf + in->at, in->end - in->at, 0};
        const size_t r = ZSTD_decompressStream(state, &to, &from);
        in->at += from.pos;
        if (ZSTD_isError(r))
            return error_set(err, -EPROTO, "zstd data is damaged: %s", ZSTD_getErrorName(r));
        if (r == 0) {
            *ret_made = to.pos;
            return 0;
        }
        if (!more && to.pos == before)
            return cut("zstd", err);
    }
    *ret_made = to.pos;
    return 1;
}

static void zstd_close(void *state)
{
    ZSTD_freeDCtx(state);
}

static const struct decoder decoder_zstd = {
    CODEC_ZSTD, "zstd", zstd_probe, zstd_open, zstd_begin, zstd_decode, zstd_close,
};

const struct decoder *decoder_find(const uint8_t *head, size_t size)
{
    static const struct decoder *const decoders[] = {&decoder_gzip, &decoder_zstd, &decoder_xz,
                                                     &decoder_bzip2};

    for (size_t i = 0; i < ARRAY_SIZE(decoders); i++)
        if (decoders[i]->probe(head, size))
            return decoders[i];
    return NULL;
}
