/* layer/write.h - an index and its fs/ directory as the canonical tar stream: what a diff id is the
 * digest of.
 *
 * Entries come in index order; whiteouts as .wh.<name>, an opaque directory is followed by
 * .wh..wh..opq; hard links name the first path of their group. The bytes depend on the index and
 * the contents only. */
#pragma once

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
    const char *only; /* a subtree (image unpack of a part); NULL: everything */
    bool check;       /* contents are held against the index's digests (-EPROTO) */
};

/* Puts all entries, without the archive's end (tar_finish()). A file that is not as the index says
 * is -EPROTO. */
MUST_CHECK int write_tar(const struct index *ix, int fs, const struct write_options *o,
                         struct tar_writer *w, struct error *err);
