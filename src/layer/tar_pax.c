#include "layer/tar_pax.h"

#include <errno.h>

#include "layer/meta.h"
#include "layer/tar.h"

void pax_clear(struct pax *p)
{
    struct pax empty = {0};

    empty.xattrs = p->xattrs;
    empty.pieces = p->pieces;
    empty.xattrs.size = empty.pieces.size = 0;
    *p = empty;
}

void pax_done(struct pax *p)
{
    vec_done(&p->xattrs);
    vec_done(&p->pieces);
}

bool tar_number(const char *field, size_t size, int64_t *ret)
{
    const uint8_t first = (uint8_t)field[0];

    if (first & 0x80) { /* base-256, two's complement */
        /* the sign is the bit behind the mark, as GNU and Go read it */
        const bool negative = first & 0x40;
        uint64_t n = negative ? UINT64_MAX : 0;

        for (size_t i = 0; i < size; i++) {
            uint8_t c = (uint8_t)field[i];
            if (i == 0)
                c = negative ? c : (uint8_t)(c & 0x7f);
            if (n >> 56 != (negative ? 0xff : 0))
                return false;
            n = n << 8 | c;
        }
        if ((n >> 63 != 0) != negative)
            return false;
        *ret = (int64_t)n;
        return true;
    }
    size_t i = 0, end = size;
    int64_t n = 0;

    while (i < end && (field[i] == ' ' || field[i] == '\0'))
        i++;
    while (end > i && (field[end - 1] == ' ' || field[end - 1] == '\0'))
        end--;
    for (; i < end && field[i] != '\0'; i++) {
        if (field[i] < '0' || field[i] > '7' || n >> 60 != 0)
            return false;
        n = n << 3 | (field[i] - '0');
    }
    *ret = n;
    return true;
}

int pieces_add(struct tar_pieces *p, uint64_t at, uint64_t size, struct error *err)
{
    uint64_t end;

    if (p->size >= TAR_SPARSE_MAX)
        return error_set(err, -EDQUOT, "sparse file of more than %d pieces", TAR_SPARSE_MAX);
    if (add_overflow(at, size, &end) || end > TAR_SIZE_MAX ||
        (p->size > 0 && at < vec_last(p)->at + vec_last(p)->size))
        return error_set(err, -EINVAL, "sparse file with a map that is out of order");
    vec_push(p, (struct tar_piece){at, size});
    return 0;
}

/* ---- values ---- */

static struct view until_nul(struct view v)
{
    return view_make(v.at, strnlen(v.at, v.size));
}

static int number(struct view value, uint64_t *ret, const char *key, struct error *err)
{
    if (!view_to_u64(value, ret))
        return error_set(err, -EINVAL, "pax record '%s' is not a number: '%.*s'", key,
                         (int)MIN(value.size, 40u), value.at);
    return 0;
}

/* "-1.25" is two seconds before the epoch and three quarters after that. */
static int parse_time(struct view v, struct pax *p, struct error *err)
{
    const struct view whole = v;
    const bool negative = view_starts(v, "-");
    struct view seconds;
    uint64_t s = 0;
    uint32_t ns = 0, unit = 100000000;

    if (negative)
        v = view_make(v.at + 1, v.size - 1);
    view_cut(&v, '.', &seconds);
    if (!view_to_u64(seconds, &s) || s > INT64_MAX / 2)
        return error_set(err, -EINVAL, "pax record 'mtime' is not a time: '%.*s'",
                         (int)MIN(whole.size, 40u), whole.at);
    for (size_t i = 0; v.at && i < v.size; i++, unit /= 10) {
        if (v.at[i] < '0' || v.at[i] > '9')
            return error_set(err, -EINVAL, "pax record 'mtime' is not a time: '%.*s'",
                             (int)MIN(whole.size, 40u), whole.at);
        ns += (uint32_t)(v.at[i] - '0') * unit;
    }
    p->has_mtime = true;
    p->mtime_s = negative ? -(int64_t)s - (ns > 0) : (int64_t)s;
    p->mtime_ns = negative && ns > 0 ? 1000000000 - ns : ns;
    return 0;
}

static int add_xattr(struct pax *p, const char *name, struct view value, struct error *err)
{
    if (name[0] == '\0' || strlen(name) >= META_XATTR_NAME_MAX)
        return error_set(err, -EINVAL, "extended attribute with a name of %zu bytes", strlen(name));
    if (value.size > META_XATTR_VALUE_MAX)
        return error_set(err, -EDQUOT, "extended attribute '%s' of more than %d bytes", name,
                         META_XATTR_VALUE_MAX);
    if (p->xattrs.size >= META_XATTRS_MAX)
        return error_set(err, -EDQUOT, "more than %d extended attributes on one file",
                         META_XATTRS_MAX);
    vec_push(&p->xattrs, (struct xattr){name, value});
    return 0;
}

static int hex(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* %XX in place. */
static void decode_url(char *text)
{
    char *out = text;

    for (; *text; text++) {
        const int high = text[0] == '%' ? hex(text[1]) : -1, low = high >= 0 ? hex(text[2]) : -1;

        if (low >= 0) {
            *out++ = (char)(high << 4 | low);
            text += 2;
        } else {
            *out++ = *text;
        }
    }
    *out = '\0';
}

/* In place; padding may be missing, as libarchive writes it. The new size, or -1. */
static ssize_t decode_base64(char *text, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0, have = 0;
    size_t out = 0;

    while (size > 0 && text[size - 1] == '=')
        size--;
    for (size_t i = 0; i < size; i++) {
        const char *at = text[i] ? strchr(digits, text[i]) : NULL;
        if (!at)
            return -1;
        bits = bits << 6 | (uint32_t)(at - digits);
        have += 6;
        if (have >= 8) {
            have -= 8;
            text[out++] = (char)(bits >> have);
        }
    }
    return (ssize_t)out;
}

static int libarchive_xattr(struct pax *p, char *name, char *value, size_t size, struct error *err)
{
    const ssize_t n = decode_base64(value, size);

    decode_url(name);
    if (n < 0)
        return error_set(err, -EINVAL, "extended attribute '%.100s' is not base64", name);
    for (size_t i = 0; i < p->xattrs.size; i++) /* the same in SCHILY form wins */
        if (strcmp(p->xattrs.at[i].name, name) == 0)
            return 0;
    return add_xattr(p, name, view_make(value, (size_t)n), err);
}

static int parse_map(struct pax *p, struct view map, struct error *err)
{
    struct view at, size;
    uint64_t a, s;

    while (map.at && map.size > 0) {
        view_cut(&map, ',', &at);
        if (!view_cut(&map, ',', &size) || !view_to_u64(at, &a) || !view_to_u64(size, &s))
            return error_set(err, -EINVAL, "sparse file with a bad map");
        const int r = pieces_add(&p->pieces, a, s, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int sparse_record(struct pax *p, const char *key, struct view value, struct error *err)
{
    uint64_t n;
    int r = 0;

    p->sparse = true;
    if (strcmp(key, "name") == 0) {
        p->path = until_nul(value);
    } else if (strcmp(key, "map") == 0) {
        r = parse_map(p, value, err);
    } else if (strcmp(key, "size") == 0 || strcmp(key, "realsize") == 0) {
        r = number(value, &p->real_size, key, err);
        p->has_real_size = true;
    } else if (strcmp(key, "major") == 0) {
        r = number(value, &p->major, key, err);
    } else if (strcmp(key, "offset") == 0) {
        r = number(value, &p->offset, key, err);
        p->has_offset = true;
    } else if (strcmp(key, "numbytes") == 0) {
        r = number(value, &n, key, err);
        if (r == 0 && !p->has_offset)
            return error_set(err, -EINVAL, "sparse file with a bad map");
        if (r == 0)
            r = pieces_add(&p->pieces, p->offset, n, err);
        p->has_offset = false;
    }
    return r;
}

static int record(struct pax *p, char *key, char *value, size_t size, struct error *err)
{
    static const char schily[] = "SCHILY.xattr.", libarchive[] = "LIBARCHIVE.xattr.",
                      sparse[] = "GNU.sparse.";
    const struct view v = view_make(value, size);

    if (strncmp(key, schily, strlen(schily)) == 0)
        return add_xattr(p, key + strlen(schily), v, err);
    if (strncmp(key, libarchive, strlen(libarchive)) == 0)
        return libarchive_xattr(p, key + strlen(libarchive), value, size, err);
    if (strncmp(key, sparse, strlen(sparse)) == 0)
        return sparse_record(p, key + strlen(sparse), v, err);
    if (strncmp(key, "SCHILY.acl.", 11) == 0)
        p->has_acl = true;
    if (size == 0) /* takes back what a global header said; we apply none */
        return 0;
    if (strcmp(key, "path") == 0 && !(p->sparse && p->path.at))
        p->path = until_nul(v);
    else if (strcmp(key, "linkpath") == 0)
        p->link = until_nul(v);
    else if (strcmp(key, "mtime") == 0)
        return parse_time(v, p, err);
    else if (strcmp(key, "size") == 0)
        return p->has_size = true, number(v, &p->size, key, err);
    else if (strcmp(key, "uid") == 0)
        return p->has_uid = true, number(v, &p->uid, key, err);
    else if (strcmp(key, "gid") == 0)
        return p->has_gid = true, number(v, &p->gid, key, err);
    return 0;
}

int pax_parse(struct pax *p, char *text, size_t size, struct error *err)
{
    while (size > 0) {
        /* "<length> <key>=<value>\n", the length of all of it */
        char *blank = memchr(text, ' ', MIN(size, 20u));
        uint64_t length = 0;

        if (!blank || !view_to_u64(view_make(text, (size_t)(blank - text)), &length) ||
            length > size || length < (size_t)(blank - text) + 3 || text[length - 1] != '\n')
            return error_set(err, -EINVAL, "pax header with a bad record");
        char *key = blank + 1, *end = text + length - 1;
        char *equals = memchr(key, '=', (size_t)(end - key));
        if (!equals || equals == key || memchr(key, '\0', (size_t)(equals - key)))
            return error_set(err, -EINVAL, "pax header with a bad record");
        *equals = '\0';
        *end = '\0';
        const int r = record(p, key, equals + 1, (size_t)(end - equals - 1), err);
        if (r < 0)
            return r;
        text += length;
        size -= length;
    }
    return 0;
}

static int by_name(const void *a, const void *b)
{
    const struct xattr *x = a, *y = b;
    const int c = strcmp(x->name, y->name);

    /* of one name the later record, which lies behind in the same text */
    return c != 0 ? c : (x->name > y->name) - (x->name < y->name);
}

void pax_sort_xattrs(struct pax *p)
{
    size_t kept = 0;

    if (p->xattrs.size == 0)
        return;
    qsort(p->xattrs.at, p->xattrs.size, sizeof(*p->xattrs.at), by_name);
    for (size_t i = 0; i < p->xattrs.size; i++) {
        if (i + 1 < p->xattrs.size && strcmp(p->xattrs.at[i].name, p->xattrs.at[i + 1].name) == 0)
            continue;
        p->xattrs.at[kept++] = p->xattrs.at[i];
    }
    p->xattrs.size = kept;
}
