/* layer/codec_pack.h - one chunk of plain bytes into one gzip member or zstd frame. */
#pragma once

#include "layer/codec.h"

/* Room that a packed chunk of `size` bytes may need in any codec. */
#define CODEC_PACKED_MAX(size) ((size) + (size) / 8 + (64u << 10))

/* State of one thread. */
struct packer;
MUST_CHECK int packer_new(enum codec_id id, int level, struct packer **ret, struct error *err);
void packer_free(struct packer *p);
/* out holds CODEC_PACKED_MAX(plain.size). Returns the number of bytes, or a negative errno. */
MUST_CHECK int64_t packer_run(struct packer *p, struct view plain, uint8_t *out, struct error *err);
