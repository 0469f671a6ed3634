/* tests/fuzz/fuzz_codec.c - any bytes as a compressed stream; the same bytes on a thread and without one. */
#include <assert.h>

#include "layer/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_all(struct view data, unsigned flags, struct codec_sums *ret)
{
    static const struct codec_limits limits = {16 << 20, 1 << 20, 1100};
    CLEANUP(codec_closep) struct codec_reader *r = codec_open_bytes(data, flags, &limits);

    return codec_drain(r, ret, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const unsigned hashes = CODEC_HASH_PLAIN | CODEC_HASH_PACKED;
    struct codec_sums a = {0}, b = {0};
    const int r = read_all(view_make(data, size), hashes, &a);

    assert(read_all(view_make(data, size), hashes | CODEC_AHEAD, &b) == r);
    assert(r < 0 || (digest_eq(&a.plain, &b.plain) && a.plain_size == b.plain_size));
    assert(r < 0 || a.packed_size == size);
    return 0;
}
