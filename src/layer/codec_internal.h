/* layer/codec_internal.h - what the decoders and the reader of codec streams share. */
#pragma once

#include "layer/codec.h"

#define CODEC_INPUT (256u << 10)

/* Packed bytes on their way into a decoder. */
struct codec_input {
    codec_source *read;
    void *ctx;
    uint8_t *buf;
    size_t at, end;
    bool eof;
};
/* Has at least one more byte in the buffer: 1, or 0 at the end of the input. */
int codec_input_fill(struct codec_input *in, struct error *err);
/* Has `want` bytes (a few) in the buffer unless the input ends before: how many there are. */
int codec_input_peek(struct codec_input *in, size_t want, struct error *err);

/* One format. decode() fills out as far as it can: *ret_made bytes; returns 1, or 0 when the member
 * or frame has ended (begin() readies the next one). Cut input is for decode() to report. */
struct decoder {
    enum codec_id id;
    const char *name;
    bool (*probe)(const uint8_t *head, size_t size);
    int (*open)(void **ret_state, struct error *err);
    int (*begin)(void *state, struct error *err);
    int (*decode)(void *state, struct codec_input *in, uint8_t *out, size_t size, size_t *ret_made,
                  struct error *err);
    void (*close)(void *state);
};
#define CODEC_MAGIC_MAX 10
/* The decoder for these first bytes, or NULL: plain. */
const struct decoder *decoder_find(const uint8_t *head, size_t size);

extern const struct decoder decoder_xz, decoder_bzip2; /* codec_dl.c */
