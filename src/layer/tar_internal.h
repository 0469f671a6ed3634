/* layer/tar_internal.h - the reader of archives, for the files of the module that read. */
#pragma once

#include "layer/tar.h"
#include "layer/tar_pax.h"

/* The fields of a header, POSIX.1-1988 and GNU tar's manual, "Basic Tar Format". */
struct tar_header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
    char magic[6], version[2], uname[32], gname[32], major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct tar_header) == TAR_BLOCK, "a header is a block");

struct tar_reader {
    struct codec_reader *in;
    struct view rest; /* of the codec's block */
    uint64_t left;    /* data bytes of the entry still in the stream */
    uint32_t pad;
    uint64_t entries, skipped;
    bool ended;

    union {
        struct tar_header h;
        char bytes[TAR_BLOCK];
    } head;
    struct str pax_text, long_name, long_link; /* of the entry to come */
    bool has_pax, has_name, has_link;
    struct pax pax;
    struct str path, link;
    struct entry entry;

    struct tar_pieces pieces; /* of the current sparse file */
    bool sparse;
    size_t piece;
    uint64_t pos;     /* in the file as it will be */
    struct view held; /* what tar_read() has of it */
};

/* The next piece of at most `size` bytes: 1, or 0 at the end of the stream. */
MUST_CHECK int tar_take(struct tar_reader *r, uint64_t size, struct view *ret, struct error *err);
/* How many bytes of `size` there were. */
MUST_CHECK int64_t tar_take_into(struct tar_reader *r, char *buf, size_t size, struct error *err);
/* -EPROTO: the archive ends in the middle of an entry. */
int tar_cut(struct error *err);
/* A number of a header; what: what it is called in the error. */
MUST_CHECK int tar_field(const char *at, size_t size, const char *what, int64_t *ret,
                         struct error *err);
/* The map of a sparse file, of whichever of the four forms, out of its headers and the beginning of
 * its data. */
MUST_CHECK int tar_read_sparse(struct tar_reader *r, struct error *err);
/* Whether the current sparse file goes on with a hole, put in ret; else *want is how much data comes
 * next, 0 at the end. */
bool tar_sparse_next(struct tar_reader *r, struct view *ret, uint64_t *want);
