#include "layer/codec.h"

#include <errno.h>

#include "base/fd.h"

/* gzip 1 is isa-l's, the others libdeflate's (9 is its 12, the smallest). Measured with a 656 MB
 * tar and every feature set of the processor masked in turn (cpuid faulting): isa-l's level 1 gives
 * the same bytes from SSE4.2 to AVX-512 but others in its base variant, its level 3 three different
 * ones. So it is used where there is SSE4.2 (x86-64 since 2008); elsewhere gzip 1 is libdeflate's
 * 1, portable C as all of its compressor. zstd is deterministic for one version. */
const struct codec codecs[] = {
    {"none", CODEC_NONE, "", 0, 0, 0},
    {"gzip", CODEC_GZIP, "+gzip", 0, 1, 9},
    {"zstd", CODEC_ZSTD, "+zstd", 1, 3, 22},
    /* behind gzip and zstd: media types mean the first */
    {"estargz", CODEC_ESTARGZ, "+gzip", 0, 1, 9},
    {"zstd:chunked", CODEC_ZSTD_CHUNKED, "+zstd", 1, 3, 22},
};
const size_t codec_count = ARRAY_SIZE(codecs);

bool codec_is_indexed(const struct codec *c)
{
    return c->id == CODEC_ESTARGZ || c->id == CODEC_ZSTD_CHUNKED;
}

const struct codec *codec_by_name(const char *name)
{
    if (strcmp(name, "uncompressed") == 0)
        name = "none";
    for (size_t i = 0; i < codec_count; i++)
        if (strcmp(codecs[i].name, name) == 0)
            return &codecs[i];
    return NULL;
}

const struct codec *codec_by_media_type(const char *media_type)
{
    const struct view type = view_of(media_type);

    for (size_t i = 1; i < codec_count; i++)
        if (view_ends(type, codecs[i].suffix))
            return &codecs[i];
    if (view_ends(type, ".gzip"))
        return &codecs[1];
    return view_ends(type, ".zstd") ? &codecs[2] : &codecs[0];
}

int codec_sink_fd(void *ctx, struct view packed, struct error *err)
{
    return fd_write_all(*(const int *)ctx, packed, err);
}
