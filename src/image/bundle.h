/* image/bundle.h - files that belong together, written as a directory or as one archive. */
#pragma once

#include "layer/tar.h"

struct bundle {
    int dir;         /* -1: an archive */
    int fd;          /* the archive */
    char *temporary; /* its name until bundle_finish(); NULL: written in place (a pipe, a device) */
    char *dest;
    struct tar_writer tar;
    bool has_blobs; /* the directories of an archive were put */
};

/* path "-": standard output. Archives are made beside path and renamed. */
MUST_CHECK int bundle_open_archive(const char *path, struct bundle *ret, struct error *err);
/* Makes the directory when it is absent; what is in it stays. */
MUST_CHECK int bundle_open_directory(const char *path, struct bundle *ret, struct error *err);
/* After a failure: takes the unfinished archive away. */
void bundle_done(struct bundle *b);
MUST_CHECK int bundle_add(struct bundle *b, const char *name, struct view bytes, struct error *err);
/* blobs/sha256/<hex>, unless a directory has it with this size already. fd is read from its beginning. */
MUST_CHECK int bundle_add_blob(struct bundle *b, const struct digest *digest, int fd, uint64_t size,
                               struct error *err);
MUST_CHECK int bundle_add_blob_bytes(struct bundle *b, const struct digest *digest,
                                     struct view bytes, struct error *err);
/* The same for an archive that somebody else wrote to b->fd. */
MUST_CHECK int bundle_close(struct bundle *b, struct error *err);
MUST_CHECK int bundle_finish(struct bundle *b, struct error *err);
