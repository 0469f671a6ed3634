/* Sparse files in their four forms: old GNU, and GNU's pax records 0.0, 0.1 and 1.0 (GNU tar's
 * manual, "Storing Sparse Files"). */
#include <errno.h>

#include "layer/tar_internal.h"

#define OLD_SPARSE_AT 386 /* four pieces, a flag, the real size: old GNU, in place of the prefix */
#define OLD_SPARSE_MORE 482
#define OLD_SPARSE_SIZE 483

static int old_pieces(struct tar_reader *r, const char *at, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++, at += 24) {
        int64_t offset, size;

        if (at[0] == '\0') /* fewer than there is room for */
            break;
        if (!tar_number(at, 12, &offset) || !tar_number(at + 12, 12, &size) || offset < 0 ||
            size < 0)
            return error_set(err, -EINVAL, "sparse file with a bad map");
        const int e = pieces_add(&r->pieces, (uint64_t)offset, (uint64_t)size, err);
        if (e < 0)
            return e;
    }
    return 0;
}

static int old_sparse(struct tar_reader *r, uint64_t *ret_size, struct error *err)
{
    char block[TAR_BLOCK];
    bool more = r->head.bytes[OLD_SPARSE_MORE] != '\0';
    int64_t real;
    int e = tar_field(r->head.bytes + OLD_SPARSE_SIZE, 12, "real size", &real, err);

    if (e == 0)
        e = old_pieces(r, r->head.bytes + OLD_SPARSE_AT, 4, err);
    while (e == 0 && more) {
        const int64_t n = tar_take_into(r, block, sizeof(block), err);
        if (n < 0)
            return (int)n;
        if (n < TAR_BLOCK)
            return tar_cut(err);
        more = block[504] != '\0';
        e = old_pieces(r, block, 21, err);
    }
    *ret_size = (uint64_t)real;
    return e;
}

/* A decimal line of the map that begins the data of form 1.0. */
static int map_line(struct tar_reader *r, uint64_t *ret, struct error *err)
{
    char text[24];
    size_t size = 0;

    for (;;) {
        struct view c;
        const int e = r->left > 0 ? tar_take(r, 1, &c, err) : 0;
        if (e < 0)
            return e;
        if (e == 0)
            return error_set(err, -EPROTO, "sparse file ends within its map");
        r->left--;
        if (*c.at == '\n')
            break;
        if (size == sizeof(text))
            return error_set(err, -EINVAL, "sparse file with a bad map");
        text[size++] = *c.at;
    }
    return view_to_u64(view_make(text, size), ret)
               ? 0
               : error_set(err, -EINVAL, "sparse file with a bad map");
}

static int data_map(struct tar_reader *r, struct error *err)
{
    const uint64_t before = r->left;
    uint64_t count = 0, at = 0, size = 0;
    int e = map_line(r, &count, err);

    if (e == 0 && count > TAR_SPARSE_MAX)
        return error_set(err, -EDQUOT, "sparse file of more than %d pieces", TAR_SPARSE_MAX);
    for (uint64_t i = 0; i < count && e == 0; i++) {
        e = map_line(r, &at, err);
        if (e == 0)
            e = map_line(r, &size, err);
        if (e == 0)
            e = pieces_add(&r->pieces, at, size, err);
    }
    if (e < 0)
        return e;
    uint64_t pad = -(before - r->left) % TAR_BLOCK;
    while (pad > 0) {
        struct view v;
        e = r->left >= pad ? tar_take(r, pad, &v, err) : 0;
        if (e <= 0)
            return e < 0 ? e : error_set(err, -EPROTO, "sparse file ends within its map");
        pad -= v.size;
        r->left -= v.size;
    }
    return 0;
}

static int check_pieces(const struct tar_reader *r, uint64_t real, struct error *err)
{
    uint64_t sum = 0;

    vec_each (p, &r->pieces)
        sum += p->size; /* cannot overflow: pieces are disjoint */
    if (real > TAR_SIZE_MAX ||
        (r->pieces.size > 0 && vec_last(&r->pieces)->at + vec_last(&r->pieces)->size > real))
        return error_set(err, -EINVAL, "sparse file with data beyond its end");
    if (sum != r->left)
        return error_set(err, -EINVAL, "sparse file whose map and size do not agree");
    return 0;
}

int tar_read_sparse(struct tar_reader *r, struct error *err)
{
    uint64_t real = r->pax.real_size;
    int e = 0;

    r->pieces.size = 0;
    r->piece = 0;
    if (r->head.h.type == 'S') {
        e = old_sparse(r, &real, err);
    } else if (!r->pax.has_real_size) {
        return error_set(err, -EINVAL, "sparse file without its size");
    } else if (r->pax.major == 1) {
        e = data_map(r, err);
    } else {
        const struct tar_pieces swap = r->pieces;
        r->pieces = r->pax.pieces;
        r->pax.pieces = swap;
    }
    if (e == 0)
        e = check_pieces(r, real, err);
    r->sparse = true;
    r->entry.size = real;
    return e;
}

static void hole(struct tar_reader *r, uint64_t end, struct view *ret)
{
    /* a view's size is a size_t, which has 64 bits wherever cooper runs */
    *ret = view_make(NULL, (size_t)(end - r->pos));
    r->pos = end;
}

bool tar_sparse_next(struct tar_reader *r, struct view *ret, uint64_t *want)
{
    while (r->piece < r->pieces.size &&
           r->pos >= r->pieces.at[r->piece].at + r->pieces.at[r->piece].size)
        r->piece++;
    const struct tar_piece *p = r->piece < r->pieces.size ? &r->pieces.at[r->piece] : NULL;
    const uint64_t next = p ? p->at : r->entry.size;
    if (r->pos < next) {
        hole(r, next, ret);
        return true;
    }
    *want = p ? p->at + p->size - r->pos : 0;
    return false;
}
