/* layer/tar_pax.h - the records of pax extended headers, and numbers as tar headers spell them. */
#pragma once

#include "base/vec.h"
#include "layer/entry.h"

struct tar_piece { /* of a sparse file: where `size` bytes of data belong */
    uint64_t at, size;
};
struct tar_pieces {
    struct tar_piece *at;
    size_t size, cap;
};

/* What the records say. Views and names point into the text that was parsed. */
struct pax {
    struct view path, link; /* at == NULL: not said */
    bool has_size, has_uid, has_gid, has_mtime, has_acl;
    uint64_t size, uid, gid;
    int64_t mtime_s;
    uint32_t mtime_ns;
    struct {
        struct xattr *at;
        size_t size, cap;
    } xattrs;    /* as they came */
    bool sparse; /* any GNU.sparse record */
    bool has_real_size, has_offset;
    uint64_t major, real_size, offset; /* offset: of 0.0, waiting for its numbytes */
    struct tar_pieces pieces;
};
void pax_clear(struct pax *p);
void pax_done(struct pax *p);
/* Parses the records in text, which is changed: names are terminated, LIBARCHIVE values decoded in
 * place. */
MUST_CHECK int pax_parse(struct pax *p, char *text, size_t size, struct error *err);
/* Sorts; of two of one name the last one stays. */
void pax_sort_xattrs(struct pax *p);

MUST_CHECK int pieces_add(struct tar_pieces *p, uint64_t at, uint64_t size, struct error *err);

/* Octal or base-256; blanks and NULs around. False: not a number, or beyond 63 bits. */
MUST_CHECK bool tar_number(const char *field, size_t size, int64_t *ret);
