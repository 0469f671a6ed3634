/* layer/codec.h - compressed streams: what comes in is recognised by its first bytes, what goes out
 * is compressed in chunks that any number of threads may share.
 *
 * Reading knows gzip (several members), zstd (several and skippable frames), xz, bzip2 and plain
 * bytes, whatever a media type claims. With CODEC_AHEAD a thread of the reader decompresses and
 * hashes while the caller works.
 *
 * Written bytes depend on the codec, the level and the version of the library only: never on the
 * number of threads or on the processor. A chunk of CODEC_CHUNK plain bytes is one gzip member or
 * zstd frame. */
#pragma once

#include "base/str.h"
#include "oci/digest.h"

enum codec_id {
    CODEC_NONE,
    CODEC_GZIP,
    CODEC_ZSTD,
    CODEC_XZ,
    CODEC_BZIP2,
    CODEC_ESTARGZ,      /* written only (layer/write.h): to readers it is gzip */
    CODEC_ZSTD_CHUNKED, /* likewise: it is zstd */
};

#define CODEC_CHUNK (1u << 20)
#define CODEC_GLANCE_SIZE 512 /* a header of tar */
/* Bombs: plain bytes beyond CODEC_GRACE may be at most CODEC_RATIO times the packed ones. Deflate
 * cannot do better than 1032, zstd is unbounded; layers of real images stay below 20. */
#define CODEC_GRACE (1ull << 30)
#define CODEC_RATIO 200
#define CODEC_PLAIN_MAX (1ull << 40) /* no layer is a TiB; a disk is full before */

/* ---- reading ---- */

enum codec_flags {
    CODEC_AHEAD = 1,       /* decompress and hash on a thread of its own */
    CODEC_HASH_PLAIN = 2,  /* diff id */
    CODEC_HASH_PACKED = 4, /* blob digest */
    CODEC_GLANCE =
        8, /* pieces of CODEC_GLANCE_SIZE: the beginning of a stream that is cut later is seen */
    CODEC_TAIL = 16, /* junk behind the last member is passed over, as gzip(1) and docker do */
};
struct codec_limits {
    uint64_t plain_max; /* 0: CODEC_PLAIN_MAX */
    uint64_t grace;     /* 0: CODEC_GRACE */
    uint64_t ratio;     /* 0: CODEC_RATIO */
};

/* Fills buf with up to size bytes: their count, 0 at the end, or a negative errno. With CODEC_AHEAD
 * it is called on the reader's thread. */
typedef int codec_source(void *ctx, void *buf, size_t size, struct error *err);

struct codec_reader;

/* fd is borrowed and read from where it stands. limits may be NULL. Nothing is read before the
 * first call below. */
struct codec_reader *codec_open_fd(int fd, unsigned flags, const struct codec_limits *limits);
struct codec_reader *codec_open_source(codec_source *read, void *ctx, unsigned flags,
                                       const struct codec_limits *limits);
/* Before the first read: the file is still being written, and its end is where f says so. When f says again,
 * reading fails, with f->again set. f is the reader's until it is closed; NULL: all is there. */
struct follow;
void codec_follow(struct codec_reader *r, struct follow *f);
/* data must outlive the reader. */
struct codec_reader *codec_open_bytes(struct view data, unsigned flags,
                                      const struct codec_limits *limits);
void codec_close(struct codec_reader *r); /* NULL is fine; ends the thread, wherever it is */
DEFINE_CLEANUP(struct codec_reader *, codec_close)

/* The next plain bytes, borrowed until the next call: 1, or 0 at the end. Cut or damaged streams
 * and junk behind the last member (but zero bytes, and see CODEC_TAIL) are -EPROTO, bombs -EDQUOT, xz or bzip2
 * without their library -ENOTSUP. */
MUST_CHECK int codec_next(struct codec_reader *r, struct view *ret, struct error *err);
/* The same by copy, as read(2): a count, 0 at the end. */
MUST_CHECK int codec_read(struct codec_reader *r, void *buf, size_t size, struct error *err);

struct codec_sums {
    enum codec_id id;            /* what the bytes were */
    struct digest plain, packed; /* zero where not asked for */
    uint64_t plain_size, packed_size;
};
/* Reads to the end and tells the sums; bytes behind the end of a tar belong to its digest. */
MUST_CHECK int codec_drain(struct codec_reader *r, struct codec_sums *ret, struct error *err);

/* ---- writing ---- */

struct codec {
    const char *
        name; /* "none", "gzip", "zstd", "estargz", "zstd:chunked": also the value of compression= */
    enum codec_id id;
    const char *suffix; /* of the media type: "", "+gzip", "+zstd" */
    int level_min, level_default, level_max;
};
extern const struct codec codecs[];
extern const size_t codec_count;
/* Its files can be fetched one by one: it is made of a tree, never of plain bytes. */
bool codec_is_indexed(const struct codec *c);
const struct codec *codec_by_name(const char *name); /* NULL: unknown. "uncompressed" is "none" */
/* By media type suffix, "+gzip", "+zstd", ".gzip" (Docker's .tar.gzip) or none. */
const struct codec *codec_by_media_type(const char *media_type);

#define CODEC_LEVEL_DEFAULT (-1)

/* Called in order, on the thread that calls codec_write() and codec_finish(). */
typedef int codec_sink(void *ctx, struct view packed, struct error *err);

struct codec_writer;
/* level: CODEC_LEVEL_DEFAULT or a level of the row, else -EINVAL. threads: 0 is one per processor
 * (8 at most), 1 works without threads. Memory: about 2.5 MiB for each thread and four more, zstd's
 * own included at the default level. */
MUST_CHECK int codec_writer_new(const struct codec *codec, int level, unsigned threads,
                                codec_sink *sink, void *ctx, struct codec_writer **ret,
                                struct error *err);
void codec_writer_free(struct codec_writer *w);
DEFINE_CLEANUP(struct codec_writer *, codec_writer_free)
MUST_CHECK int codec_write(struct codec_writer *w, struct view plain, struct error *err);
/* Chunks that the writer's threads make themselves: fill() puts chunk `number` into out (CODEC_CHUNK
 * bytes) and returns its size, more than 0, or a negative errno. worker: 0 to CODEC_WORKERS_MAX - 1,
 * for memory of its own. seen() (or NULL) is called in order, as the sink is, before chunk `number`
 * goes to the sink as the packed bytes from packed_at on. */
#define CODEC_WORKERS_MAX 8
struct codec_filler {
    int64_t (*fill)(void *ctx, uint64_t number, unsigned worker, uint8_t *out, struct error *err);
    int (*seen)(void *ctx, uint64_t number, struct view plain, uint64_t packed_at,
                struct error *err);
    void *ctx;
};
/* Chunks 0 to count - 1; when it returns, all of them are out. Not after codec_write(). */
MUST_CHECK int codec_fill(struct codec_writer *w, const struct codec_filler *f, uint64_t count,
                          struct error *err);
/* Behind codec_fill(): plain bytes of any size as one member of their own; and packed bytes that
 * stand for no plain ones. */
MUST_CHECK int codec_put_member(struct codec_writer *w, struct view plain, struct error *err);
/* One member in memory, which goes nowhere: appended. */
MUST_CHECK int codec_pack_aside(struct codec_writer *w, struct view plain, struct str *ret,
                                struct error *err);
MUST_CHECK int codec_put_packed(struct codec_writer *w, struct view packed, struct error *err);
uint64_t codec_packed_size(const struct codec_writer *w); /* so far */
enum codec_id codec_writer_id(const struct codec_writer *w);
/* Flushes; ret->plain is the diff id, ret->packed the blob digest. */
MUST_CHECK int codec_finish(struct codec_writer *w, struct codec_sums *ret, struct error *err);
/* A sink that writes to the descriptor *(int *)ctx. */
int codec_sink_fd(void *ctx, struct view packed, struct error *err);
