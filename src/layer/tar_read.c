#include "layer/tar_internal.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

struct tar_reader *tar_reader_new(struct codec_reader *in)
{
    struct tar_reader *r = xcalloc(1, sizeof(*r));

    r->in = in;
    r->pax_text = r->long_name = r->long_link = r->path = r->link = STR_INIT;
    return r;
}

void tar_reader_free(struct tar_reader *r)
{
    if (!r)
        return;
    pax_done(&r->pax);
    vec_done(&r->pieces);
    str_done(&r->pax_text);
    str_done(&r->long_name);
    str_done(&r->long_link);
    str_done(&r->path);
    str_done(&r->link);
    free(r);
}

uint64_t tar_entries(const struct tar_reader *r)
{
    return r->entries;
}

uint64_t tar_skipped(const struct tar_reader *r)
{
    return r->skipped;
}

bool tar_has_acl(const struct tar_reader *r)
{
    return r->has_pax && r->pax.has_acl;
}

/* ---- bytes ---- */

int tar_take(struct tar_reader *r, uint64_t size, struct view *ret, struct error *err)
{
    if (r->rest.size == 0) {
        const int e = codec_next(r->in, &r->rest, err);
        if (e <= 0)
            return e;
    }
    const size_t n = (size_t)MIN(size, (uint64_t)r->rest.size);
    *ret = view_make(r->rest.at, n);
    r->rest = view_make(r->rest.at + n, r->rest.size - n);
    return 1;
}

int64_t tar_take_into(struct tar_reader *r, char *buf, size_t size, struct error *err)
{
    size_t have = 0;

    while (have < size) {
        struct view v;
        const int e = tar_take(r, size - have, &v, err);
        if (e < 0)
            return e;
        if (e == 0)
            break;
        memcpy(buf + have, v.at, v.size);
        have += v.size;
    }
    return (int64_t)have;
}

int tar_cut(struct error *err)
{
    return error_set(err, -EPROTO, "tar archive ends in the middle of an entry");
}

/* The rest of the entry's data and its padding; an archive may end before the padding. */
static int skip_rest(struct tar_reader *r, struct error *err)
{
    struct view v;
    int e;

    for (; r->left > 0; r->left -= v.size)
        if ((e = tar_take(r, r->left, &v, err)) <= 0)
            return e < 0 ? e : tar_cut(err);
    for (uint32_t first = r->pad; r->pad > 0; r->pad -= (uint32_t)v.size) {
        if ((e = tar_take(r, r->pad, &v, err)) < 0)
            return e;
        if (e == 0 && r->pad < first)
            return tar_cut(err);
        if (e == 0)
            break;
    }
    r->pad = 0;
    return 0;
}

static void expect_data(struct tar_reader *r, uint64_t size)
{
    r->left = size;
    r->pad = (uint32_t)(-size % TAR_BLOCK);
}

/* ---- headers ---- */

static bool checksum_fits(const struct tar_header *h)
{
    const char *bytes = (const char *)h;
    int64_t want, plain = 0, is_signed = 0;

    if (!tar_number(h->checksum, sizeof(h->checksum), &want))
        return false;
    for (size_t i = 0; i < TAR_BLOCK; i++) {
        const bool own =
            i >= offsetof(struct tar_header, checksum) && i < offsetof(struct tar_header, type);
        plain += own ? ' ' : (uint8_t)bytes[i];
        is_signed += own ? ' ' : (signed char)bytes[i]; /* old Sun tar added signed chars */
    }
    return want == plain || want == is_signed;
}

static bool is_zero(const char *block)
{
    return block[0] == '\0' && memcmp(block, block + 1, TAR_BLOCK - 1) == 0;
}

/* 1 with a header in r->head, 0 at the end. Two zero blocks are the end, and so is the end of the
 * stream where a header would begin (layer-cases a02); one zero block with more behind it is an
 * error, as for Go: tools disagree about what such an archive holds. */
static int read_header(struct tar_reader *r, struct error *err)
{
    bool zero = false;

    for (;;) {
        const int64_t n = tar_take_into(r, r->head.bytes, TAR_BLOCK, err);
        if (n < 0)
            return (int)n;
        if (n == 0)
            return 0;
        if (n < TAR_BLOCK)
            return tar_cut(err);
        if (!is_zero(r->head.bytes))
            break;
        if (zero)
            return 0;
        zero = true;
    }
    if (zero)
        return error_set(err, -EPROTO, "tar archive goes on behind a lone zero block");
    if (!checksum_fits(&r->head.h))
        return error_set(err, -EPROTO,
                         r->entries ? "tar header with a wrong checksum" : "not a tar archive");
    return 1;
}

int tar_field(const char *at, size_t size, const char *what, int64_t *ret, struct error *err)
{
    if (!tar_number(at, size, ret))
        return error_set(err, -EINVAL, "tar header with a bad %s", what);
    return 0;
}
#define FIELD(h, member, ret, err) tar_field((h)->member, sizeof((h)->member), #member, ret, err)

/* The data of a header of headers ('x', 'g', 'L', 'K'). */
static int read_extension(struct tar_reader *r, struct str *ret, struct error *err)
{
    int64_t size;
    int e = FIELD(&r->head.h, size, &size, err);

    if (e < 0)
        return e;
    if (size < 0)
        return error_set(err, -EINVAL, "tar header with a bad size");
    if (size > TAR_PAX_MAX)
        return error_set(err, -EDQUOT, "tar extended header of more than %u bytes", TAR_PAX_MAX);
    expect_data(r, (uint64_t)size);
    str_clear(ret);
    str_reserve(ret, (size_t)size);
    const int64_t n = tar_take_into(r, ret->at, (size_t)size, err);
    if (n < 0)
        return (int)n;
    if (n < size)
        return tar_cut(err);
    ret->size = (size_t)size;
    ret->at[size] = '\0';
    r->left = 0;
    return skip_rest(r, err);
}

/* Global records are checked and not applied: so do Go and with it docker, podman and
 * containerd. */
static int check_global(struct tar_reader *r, struct error *err)
{
    struct pax p = {0};
    STR_AUTO(text);
    int e = read_extension(r, &text, err);

    if (e == 0)
        e = pax_parse(&p, text.at, text.size, err);
    pax_done(&p);
    return e;
}

/* 1 when the header was one that describes the next. */
static int extension(struct tar_reader *r, struct error *err)
{
    switch (r->head.h.type) {
    case 'x':
    case 'X': { /* Solaris */
        pax_clear(&r->pax);
        r->has_pax = true;
        const int e = read_extension(r, &r->pax_text, err);
        if (e < 0)
            return e;
        const int p = pax_parse(&r->pax, r->pax_text.at, r->pax_text.size, err);
        return p < 0 ? p : 1;
    }
    case 'g': {
        const int e = check_global(r, err);
        return e < 0 ? e : 1;
    }
    case 'L': {
        const int e = read_extension(r, &r->long_name, err);
        r->has_name = true;
        return e < 0 ? e : 1;
    }
    case 'K': {
        const int e = read_extension(r, &r->long_link, err);
        r->has_link = true;
        return e < 0 ? e : 1;
    }
    default:
        return 0;
    }
}

/* ---- names ---- */

static struct view field_text(const char *at, size_t size)
{
    return view_make(at, strnlen(at, size));
}

/* Cleans a name lexically, as docker does: "/a//./b/../c/" is "a/c". */
static int normal_path(struct view name, struct str *ret, const char *what, struct error *err)
{
    struct view part, rest = name;

    str_clear(ret);
    while (view_cut(&rest, '/', &part)) {
        if (part.size == 0 || view_eq_text(part, "."))
            continue;
        if (view_eq_text(part, "..")) {
            if (ret->size == 0)
                return error_set(err, -EINVAL, "%s '%.*s' leaves the root", what,
                                 (int)MIN(name.size, 200u), name.at);
            const char *slash = memrchr(ret->at, '/', ret->size);
            str_truncate(ret, slash ? (size_t)(slash - ret->at) : 0);
            continue;
        }
        if (part.size > TAR_NAME_MAX)
            return error_set(err, -ENAMETOOLONG, "%s '%.*s...' has a part of %zu bytes", what, 60,
                             part.at, part.size);
        if (ret->size > 0)
            str_add_char(ret, '/');
        str_add(ret, part);
    }
    if (ret->size > TAR_PATH_MAX)
        return error_set(err, -ENAMETOOLONG, "%s '%.60s...' has %zu bytes", what, ret->at,
                         ret->size);
    return 0;
}

/* The name without ustar's prefix: a pax record wins over GNU's long name, that over the header. */
static struct view raw_name(const struct tar_reader *r)
{
    const struct tar_header *h = &r->head.h;

    if (r->has_pax && r->pax.path.at)
        return r->pax.path;
    return r->has_name ? view_of(r->long_name.at) : field_text(h->name, sizeof(h->name));
}

static int read_path(struct tar_reader *r, struct error *err)
{
    const struct tar_header *h = &r->head.h;
    const struct view name = raw_name(r);

    if (name.at != h->name || memcmp(h->magic, "ustar\0", 6) != 0 || h->prefix[0] == '\0')
        return normal_path(name, &r->path, "name", err);
    STR_AUTO(joined);
    str_add(&joined, field_text(h->prefix, sizeof(h->prefix)));
    str_add_char(&joined, '/');
    str_add(&joined, name);
    return normal_path(str_view(&joined), &r->path, "name", err);
}

static int read_link(struct tar_reader *r, bool hard, struct error *err)
{
    const struct tar_header *h = &r->head.h;
    struct view link = field_text(h->link, sizeof(h->link));

    if (r->has_pax && r->pax.link.at)
        link = r->pax.link;
    else if (r->has_link)
        link = view_of(r->long_link.at);
    if (hard)
        return normal_path(link, &r->link, "hard link target", err);
    if (link.size == 0)
        return error_set(err, -EINVAL, "symlink '%.200s' with an empty target", r->path.at);
    if (link.size > TAR_PATH_MAX)
        return error_set(err, -ENAMETOOLONG, "symlink '%.200s' with a target of %zu bytes",
                         r->path.at, link.size);
    str_clear(&r->link);
    str_add(&r->link, link);
    return 0;
}

/* ---- entries ---- */

static int read_ids(struct tar_reader *r, struct error *err)
{
    const struct tar_header *h = &r->head.h;
    struct entry *e = &r->entry;
    int64_t mode = 0, uid = 0, gid = 0, mtime = 0;

    int c = FIELD(h, mode, &mode, err);
    if (c == 0 && !r->pax.has_uid)
        c = FIELD(h, uid, &uid, err);
    if (c == 0 && !r->pax.has_gid)
        c = FIELD(h, gid, &gid, err);
    if (c == 0 && !r->pax.has_mtime)
        c = FIELD(h, mtime, &mtime, err);
    if (c < 0)
        return c;
    const uint64_t u = r->pax.has_uid ? r->pax.uid : (uint64_t)uid;
    const uint64_t g = r->pax.has_gid ? r->pax.gid : (uint64_t)gid;
    if (u >= UINT32_MAX || g >= UINT32_MAX)
        return error_set(err, -EINVAL, "owner beyond 32 bits");
    e->mode = (uint32_t)mode & 07777;
    e->uid = (uint32_t)u;
    e->gid = (uint32_t)g;
    e->mtime_s = r->pax.has_mtime ? r->pax.mtime_s : mtime;
    e->mtime_ns = r->pax.mtime_ns;
    return 0;
}

static int read_device(struct tar_reader *r, struct error *err)
{
    const struct tar_header *h = &r->head.h;
    int64_t major, minor;
    int e = FIELD(h, major, &major, err);

    if (e == 0)
        e = FIELD(h, minor, &minor, err);
    if (e < 0)
        return e;
    if (major < 0 || major > 0xfff || minor < 0 || minor > 0xfffff) /* the kernel's dev_t */
        return error_set(err, -EINVAL, "device %lld:%lld is beyond what Linux has",
                         (long long)major, (long long)minor);
    r->entry.major = (uint32_t)major;
    r->entry.minor = (uint32_t)minor;
    return 0;
}

/* The type, or -1 for flags nobody knows. A v7 archive marks directories by a final '/'. */
static int entry_type(const struct tar_reader *r)
{
    switch (r->head.h.type) {
    case '\0':
        return view_ends(raw_name(r), "/") ? ENTRY_DIR : ENTRY_FILE;
    case '0':
    case '7': /* contiguous */
    case 'S':
        return ENTRY_FILE;
    case '1':
        return ENTRY_HARDLINK;
    case '2':
        return ENTRY_SYMLINK;
    case '3':
        return ENTRY_CHAR;
    case '4':
        return ENTRY_BLOCK;
    case '5':
        return ENTRY_DIR;
    case '6':
        return ENTRY_FIFO;
    default:
        return -1;
    }
}

/* Only files and unknown things have data, whatever their headers say (h07): archives in which a
 * hard link has some are told by the next header, which then is none. */
static int read_size(struct tar_reader *r, int type, struct error *err)
{
    int64_t size = 0;

    if (r->head.h.type >= '1' && r->head.h.type <= '6') {
        expect_data(r, 0);
        return 0;
    }
    if (!r->pax.has_size) {
        const int e = FIELD(&r->head.h, size, &size, err);
        if (e < 0)
            return e;
    }
    const uint64_t n = r->pax.has_size ? r->pax.size : (uint64_t)size;
    if (n > TAR_SIZE_MAX)
        return error_set(err, -EINVAL, "file of %llu bytes", (unsigned long long)n);
    expect_data(r, n);
    r->entry.size = type == ENTRY_FILE ? n : 0;
    return 0;
}

static int read_entry(struct tar_reader *r, int type, struct error *err)
{
    struct entry *e = &r->entry;
    int c = read_path(r, err);

    e->type = (enum entry_type)type;
    if (c == 0)
        c = read_ids(r, err);
    if (c == 0 && (type == ENTRY_CHAR || type == ENTRY_BLOCK))
        c = read_device(r, err);
    if (c == 0 && (type == ENTRY_SYMLINK || type == ENTRY_HARDLINK)) {
        c = read_link(r, type == ENTRY_HARDLINK, err);
        e->link = r->link.at;
    }
    if (c == 0 && type == ENTRY_FILE && (r->pax.sparse || r->head.h.type == 'S'))
        c = tar_read_sparse(r, err);
    if (c < 0)
        return c;
    pax_sort_xattrs(&r->pax);
    e->path = r->path.at;
    e->xattrs = r->pax.xattrs.at;
    e->xattr_count = r->pax.xattrs.size;
    return 0;
}

static void forget_entry(struct tar_reader *r)
{
    r->entry = (struct entry){0};
    if (r->has_pax)
        pax_clear(&r->pax);
    r->has_pax = r->has_name = r->has_link = r->sparse = false;
    r->pos = 0;
    r->held.size = 0;
}

static int next_entry(struct tar_reader *r, struct error *err)
{
    forget_entry(r);
    for (;;) {
        int e = skip_rest(r, err);
        if (e == 0)
            e = read_header(r, err);
        if (e <= 0)
            return e;
        e = extension(r, err);
        if (e < 0)
            return e;
        if (e > 0)
            continue;
        if (++r->entries > TAR_ENTRY_MAX)
            return error_set(err, -EDQUOT, "tar archive of more than %d entries", TAR_ENTRY_MAX);
        const int type = entry_type(r);
        e = read_size(r, type, err);
        if (e < 0)
            return e;
        if (type < 0) {
            r->skipped++;
            forget_entry(r);
            continue;
        }
        e = read_entry(r, type, err);
        return e < 0 ? e : 1;
    }
}

int tar_next(struct tar_reader *r, const struct entry **ret, struct error *err)
{
    if (r->ended)
        return 0;
    const int e = next_entry(r, err);
    if (e <= 0)
        r->ended = true;
    else
        *ret = &r->entry;
    return e < 0 ? error_wrap(err, e, "entry %llu of the archive", (unsigned long long)r->entries)
                 : e;
}

bool tar_is_archive(int fd)
{
    CLEANUP(codec_closep) struct codec_reader *in = codec_open_fd(fd, CODEC_GLANCE, NULL);
    CLEANUP(tar_reader_freep) struct tar_reader *r = tar_reader_new(in);
    struct stat st;
    const bool yes = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && read_header(r, NULL) > 0;

    return lseek(fd, 0, SEEK_SET) == 0 && yes;
}

/* ---- data ---- */

int tar_data(struct tar_reader *r, struct view *ret, struct error *err)
{
    uint64_t want = r->left;

    if (r->sparse && tar_sparse_next(r, ret, &want))
        return 1;
    if (want == 0)
        return 0;
    const int e = tar_take(r, want, ret, err);
    if (e <= 0) {
        r->ended = true;
        return e < 0 ? e : tar_cut(err);
    }
    r->left -= ret->size;
    r->pos += ret->size;
    return 1;
}

int tar_read(struct tar_reader *r, void *buf, size_t size, struct error *err)
{
    if (r->held.size == 0) {
        const int e = tar_data(r, &r->held, err);
        if (e <= 0)
            return e;
    }
    const size_t n = MIN(MIN(size, r->held.size), (size_t)INT32_MAX);
    if (r->held.at)
        memcpy(buf, r->held.at, n);
    else
        memset(buf, 0, n);
    r->held = view_make(r->held.at ? r->held.at + n : NULL, r->held.size - n);
    return (int)n;
}
