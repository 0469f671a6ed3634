/* layer/tar.h - tar archives entry by entry.
 *
 * Read: v7, ustar, pax (records; global ones are checked and, as Go does, not applied), GNU (long
 * names, base-256 numbers), sparse files in all four forms (old GNU, 0.0, 0.1, 1.0), xattrs as
 * SCHILY.xattr or LIBARCHIVE.xattr. Written: one form only, the one of BuildKit and Docker (Go's
 * archive/tar in PAX mode with times cut to seconds): ustar headers, pax records for what does not
 * fit them and for xattrs. Whiteouts are ordinary names here; layer/unpack.h gives them their
 * meaning. */
#pragma once

#include "layer/codec.h"
#include "layer/entry.h"

#define TAR_BLOCK 512
/* Limits, each -EDQUOT or, for names, -ENAMETOOLONG. Those of xattrs are in layer/meta.h. */
#define TAR_PATH_MAX 4095         /* PATH_MAX without its NUL: nobody could open a longer one */
#define TAR_NAME_MAX 255          /* NAME_MAX of every file system we know */
#define TAR_PAX_MAX (4u << 20)    /* one extended header: 64 xattrs of the kernel's largest size */
#define TAR_ENTRY_MAX 10000000    /* ten times the largest image met */
#define TAR_SPARSE_MAX 1000000    /* pieces of a sparse file (CVE-2025-58183): 16 bytes each */
#define TAR_SIZE_MAX (1ull << 50) /* of a file as declared; more is a lie */

/* ---- reading ---- */

struct tar_reader;
struct tar_reader *tar_reader_new(struct codec_reader *in); /* in is borrowed */
void tar_reader_free(struct tar_reader *r);
DEFINE_CLEANUP(struct tar_reader *, tar_reader_free)

/* Whether the regular file begins with a tar header, compressed or not; rewinds it. So docker tells
 * what ADD unpacks: what the entries say, down to an evil name in the first, is another matter. One
 * that is cut behind its first header is one: to unpack it is an error. */
bool tar_is_archive(int fd);

/* 1 with an entry, 0 at the end of the archive. The entry and all it points to live until the next
 * call; unread data is skipped. Paths are normal as entry.h wants them: "/x", "./x" and "x/" are
 * "x"; ".." that would leave the root is -EINVAL (p01), other ".." too. Hard link targets likewise.
 * Unknown type flags are passed over and counted (tar_skipped()). content is not set;
 * ENTRY_WHITEOUT and opaque do not occur. An archive without its end marker is accepted, one that
 * is cut within an entry is -EPROTO. */
MUST_CHECK int tar_next(struct tar_reader *r, const struct entry **ret, struct error *err);

/* The next piece of the file's data, borrowed until the next call on r: 1, or 0 at its end. Holes
 * of sparse files come as ret->at == NULL with their size. */
MUST_CHECK int tar_data(struct tar_reader *r, struct view *ret, struct error *err);
/* The same by copy, holes as zeros: a count, 0 at the end. */
MUST_CHECK int tar_read(struct tar_reader *r, void *buf, size_t size, struct error *err);

/* The entry has POSIX ACLs (SCHILY.acl.*), which layers do not carry. */
bool tar_has_acl(const struct tar_reader *r);
uint64_t tar_entries(const struct tar_reader *r); /* seen so far */
uint64_t tar_skipped(const struct tar_reader *r); /* entries of unknown type among them */

/* ---- writing ---- */

/* Where the archive's bytes go. */
typedef int tar_sink(void *ctx, struct view data, struct error *err);

struct tar_writer {
    tar_sink *sink;
    void *ctx;
    uint64_t left; /* bytes of the current file still to come */
    uint32_t pad;
    struct str head; /* header and pax records being built */
};
#define TAR_WRITER_INIT(sink_, ctx_) ((struct tar_writer){sink_, ctx_, 0, 0, STR_INIT})
void tar_writer_done(struct tar_writer *w);

/* Header of e. ENTRY_WHITEOUT becomes an empty file ".wh.<name>"; a directory with e->opaque is
 * followed by "<path>/.wh..wh..opq" (both root:root 0644, mtime of e). The root is "./". Numbers
 * beyond octal, long or non-ASCII names and xattrs go to sorted pax records; non-UTF-8 names as they
 * are, as Go does it. A file announces e->size bytes, which must follow with tar_put_data(). */
MUST_CHECK int tar_put(struct tar_writer *w, const struct entry *e, struct error *err);
MUST_CHECK int tar_put_data(struct tar_writer *w, struct view data, struct error *err);
/* The next size bytes of data have reached the archive without the sink. */
MUST_CHECK int tar_put_copied(struct tar_writer *w, uint64_t size, struct error *err);
/* Only its header, with pax records and the marker of an opaque directory, appended to *ret; and the
 * bytes of that (or a negative errno), for most entries without making it. */
MUST_CHECK int tar_head(const struct entry *e, struct str *ret, struct error *err);
MUST_CHECK int64_t tar_head_size(const struct entry *e, struct error *err);
/* The two zero blocks. */
MUST_CHECK int tar_finish(struct tar_writer *w, struct error *err);
