/* image/bundle.h - files that belong together, written as a directory or as one archive. */
#pragma once

#include "base/hash.h"
#include "base/map.h"
#include "layer/tar.h"

struct bundle {
    int dir;         /* -1: an archive */
    int fd;          /* the archive */
    char *temporary; /* its name until bundle_finish(); NULL: written in place (a pipe, a device) */
    char *dest;
    struct tar_writer tar;
    bool has_blobs;   /* the directories of an archive were put */
    struct map blobs; /* by digest: those that were begun */
};

/* path "-": standard output. Archives are made beside path and renamed. */
MUST_CHECK int bundle_open_archive(const char *path, struct bundle *ret, struct error *err);
/* Makes the directory when it is absent; what is in it stays. */
MUST_CHECK int bundle_open_directory(const char *path, struct bundle *ret, struct error *err);
/* blobs/sha256 in it. A link there would lead our blobs, and who removes what is unused, to a directory of somebody
 * else. */
MUST_CHECK int bundle_make_blob_directory(int dir, struct error *err);
/* After a failure: takes the unfinished archive away. */
void bundle_done(struct bundle *b);
MUST_CHECK int bundle_add(struct bundle *b, const char *name, struct view bytes, struct error *err);
/* True when it was begun before: images of one bundle share layers and documents. */
bool bundle_has_blob(const struct bundle *b, const struct digest *digest);
/* blobs/sha256/<hex> on its way in, a piece at a time. */
struct bundle_blob {
    struct bundle *bundle;
    int from, to; /* to -1: the archive */
    uint64_t size, done;
    bool check;    /* what rotted in the store is not passed on under its old name: -EPROTO */
    bool no_range; /* the kernel does not copy between these files */
    bool growing;  /* somebody writes from, and neither digest nor size are known */
    off_t head;    /* place in the archive for the header of a growing one */
    struct digest digest;
    struct hash hash;
    char *name, *temporary; /* in a directory */
};
/* take_from is read from its beginning. Nothing is to be done where a directory has the blob with
 * this size already. */
MUST_CHECK int bundle_blob_begin(struct bundle *b, const struct digest *digest, int take_from,
                                 uint64_t size, bool check, struct bundle_blob *ret,
                                 struct error *err);
/* The same for a file that is being written: what is there is copied by bundle_blob_follow() (1: there
 * may be more at once, 0: not now), and when it is complete bundle_blob_settle() says what it is,
 * before the steps to the end. Not for pipes: -ESPIPE without an
 * error text. */
MUST_CHECK int bundle_blob_begin_growing(struct bundle *b, int take_from, struct bundle_blob *ret,
                                         struct error *err);
MUST_CHECK int bundle_blob_follow(struct bundle_blob *c, struct error *err);
MUST_CHECK int bundle_blob_settle(struct bundle_blob *c, const struct digest *digest, uint64_t size,
                                  struct error *err);
/* 1: there is more; 0: it is in. */
MUST_CHECK int bundle_blob_step(struct bundle_blob *c, struct error *err);
void bundle_blob_done(struct bundle_blob *c); /* whether it is in or not */
/* Nothing where it has it already. */
MUST_CHECK int bundle_add_blob_bytes(struct bundle *b, const struct digest *digest,
                                     struct view bytes, struct error *err);
/* The same for an archive that somebody else wrote to b->fd. */
MUST_CHECK int bundle_close(struct bundle *b, struct error *err);
MUST_CHECK int bundle_finish(struct bundle *b, struct error *err);
