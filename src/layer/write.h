/* layer/write.h - an index and its fs/ directory as the canonical tar stream: what a diff id is the
 * digest of.
 *
 * Entries come in index order; whiteouts as .wh.<name>, an opaque directory is followed by
 * .wh..wh..opq; hard links name the first path of their group. The bytes depend on the index and
 * the contents only.
 *
 * Where each entry begins follows from the index alone, so the threads of the writer read, check
 * and pack chunks of their own, each file once. */
#pragma once

#include <time.h>

#include "layer/index.h"
#include "layer/tar.h"

enum write_times {
    WRITE_TIMES_KEEP,
    WRITE_TIMES_CLAMP, /* those after epoch_s become epoch_s (rewrite-timestamp) */
    WRITE_TIMES_SET,   /* all are epoch_s: the bytes depend on the tree id and epoch_s only */
};

struct write_options {
    enum write_times times;
    int64_t epoch_s; /* SOURCE_DATE_EPOCH */
    bool check;      /* contents are held against the index's digests (-EPROTO) */
    /* but for files that have not been touched since (by their ctime): when the tree was complete.
     * Zero: all of them. */
    struct timespec made;
};

/* The table of contents of a form whose files can be fetched one by one. */
struct write_toc {
    /* estargz: of the table; zstd:chunked: of it as it is packed. Zero: there is none */
    struct digest digest;
    /* zstd:chunked: where table and tar-split stand in the blob, as they are packed */
    uint64_t at, size, plain_size;
    uint64_t split_at, split_size, split_plain_size;
};

/* Puts the whole archive into a fresh writer; codec_finish() tells the sums. A file that is not as
 * the index says is -EPROTO. With CODEC_ESTARGZ the archive is that of layer/estargz.h, with CODEC_ZSTD_CHUNKED the plain one
 * in a blob of layer/chunked.h. ret_toc may be NULL. */
MUST_CHECK int write_layer(const struct index *ix, int fs, const struct write_options *o,
                           struct codec_writer *w, struct write_toc *ret_toc, struct error *err);
