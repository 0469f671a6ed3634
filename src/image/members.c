#include "image/members.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/vec.h"

#define BLOCK 512
/* a pax or GNU long name record; Go's reader has the same limit */
#define EXTENDED_MAX (1u << 20)

/* POSIX ustar; GNU and v7 have these fields in the same places. */
struct header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
    char magic[8], user[32], group[32], major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a tar header is one block");

struct scan {
    int fd;
    uint64_t at, end;  /* bytes */
    char *name, *link; /* from records before the header, or NULL */
    bool has_size;
    uint64_t size;
};

static bool octal(const char *field, size_t size, uint64_t *ret)
{
    uint64_t value = 0;
    size_t i = 0;

    if ((unsigned char)field[0] == 0x80) { /* GNU: base 256 */
        for (i = 1; i < size; i++) {
            if (value >> 55)
                return false;
            value = value << 8 | (unsigned char)field[i];
        }
        *ret = value;
        return true;
    }
    while (i < size && field[i] == ' ')
        i++;
    for (; i < size && field[i] >= '0' && field[i] <= '7'; i++)
        value = value << 3 | (uint64_t)(field[i] - '0');
    *ret = value;
    return i == size || field[i] == '\0' || field[i] == ' ';
}

static bool checksum_good(const struct header *h)
{
    const unsigned char *bytes = (const unsigned char *)h;
    const size_t from = offsetof(struct header, checksum), to = from + sizeof(h->checksum);
    uint64_t sum = 0, want;

    for (size_t i = 0; i < BLOCK; i++)
        sum += i >= from && i < to ? ' ' : bytes[i];
    return octal(h->checksum, sizeof(h->checksum), &want) && want == sum;
}

/* "./a//b/" is "a/b"; false for names that could mean something outside, and for none at all. */
static char *clean_name(struct view name)
{
    struct view part;
    STR_AUTO(text);

    while (view_cut(&name, '/', &part)) {
        if (part.size == 0 || view_eq_text(part, "."))
            continue;
        if (view_eq_text(part, ".."))
            return NULL;
        if (text.size)
            str_add_char(&text, '/');
        str_add(&text, part);
    }
    return text.size ? str_take(&text) : NULL;
}

static char *header_name(const struct header *h)
{
    const int n = (int)strnlen(h->name, sizeof(h->name));
    const int p = (int)strnlen(h->prefix, sizeof(h->prefix));

    if (memcmp(h->magic, "ustar\0", 6) == 0 && p > 0)
        return xasprintf("%.*s/%.*s", p, h->prefix, n, h->name);
    return xstrndup(h->name, (size_t)n);
}

/* One "<length> key=value\n". */
static bool cut_record(struct view *rest, struct view *ret_key, struct view *ret_value)
{
    struct view digits, all = *rest;
    uint64_t length;

    if (!view_cut(&all, ' ', &digits) || !all.at || !view_to_u64(digits, &length) ||
        length > rest->size || length < digits.size + 3)
        return false;
    struct view record = view_make(all.at, (size_t)length - digits.size - 1);
    if (record.at[record.size - 1] != '\n')
        return false;
    record.size--;
    if (!view_cut(&record, '=', ret_key) || !record.at)
        return false;
    *ret_value = record;
    *rest = view_make(rest->at + length, rest->size - (size_t)length);
    return true;
}

static int take_pax(struct scan *s, struct view text, struct error *err)
{
    struct view key, value;

    while (text.size > 0) {
        if (!cut_record(&text, &key, &value))
            return error_set(err, -EPROTO, "archive: malformed pax record at byte %" PRIu64, s->at);
        if (view_eq_text(key, "path")) {
            free(s->name);
            s->name = view_dup(value);
        } else if (view_eq_text(key, "linkpath")) {
            free(s->link);
            s->link = view_dup(value);
        } else if (view_eq_text(key, "size")) {
            s->has_size = view_to_u64(value, &s->size);
            if (!s->has_size)
                return error_set(err, -EPROTO, "archive: malformed size at byte %" PRIu64, s->at);
        }
    }
    return 0;
}

/* Records that belong to the next header: 1 when this was one, its data read. */
static int take_extension(struct scan *s, char type, uint64_t size, struct error *err)
{
    cleanup_free char *data = NULL;
    int r;

    if (!strchr("xLK", type) || type == '\0')
        return 0;
    if (size > EXTENDED_MAX)
        return error_set(err, -EDQUOT, "archive: a record of %" PRIu64 " bytes is too long", size);
    data = xcalloc(1, (size_t)size + 1);
    r = fd_pread_all(s->fd, data, (size_t)size, s->at, err);
    if (r < 0)
        return r;
    if (type == 'x')
        r = take_pax(s, view_make(data, (size_t)size), err);
    else if (type == 'L') {
        free(s->name);
        s->name = steal(data);
    } else {
        free(s->link);
        s->link = steal(data);
    }
    return r < 0 ? r : 1;
}

static void clear_extensions(struct scan *s)
{
    free(s->name);
    free(s->link);
    s->name = s->link = NULL;
    s->has_size = false;
}

static void add_member(struct scan *s, const struct header *h, uint64_t size, struct members *m)
{
    cleanup_free char *raw = s->name ? steal(s->name) : header_name(h);
    char *name = clean_name(view_of(raw));
    struct member add = {.name = name, .offset = s->at, .size = size};

    if (!name)
        return;
    if (h->type == '1' || h->type == '2') {
        add.link = s->link ? steal(s->link) : xstrndup(h->link, strnlen(h->link, sizeof(h->link)));
        add.symbolic = h->type == '2';
        add.size = 0;
    }
    vec_push(m, add);
}

/* 1 with a header taken, 0 at the end of the archive. */
static int scan_one(struct scan *s, struct members *m, struct error *err)
{
    static const struct header zeros;
    struct header h;
    uint64_t size;
    int r;

    if (s->end - s->at < BLOCK)
        return 0;
    r = fd_pread_all(s->fd, &h, BLOCK, s->at, err);
    if (r < 0)
        return r;
    if (memcmp(&h, &zeros, BLOCK) == 0)
        return 0;
    if (!checksum_good(&h) || !octal(h.size, sizeof(h.size), &size))
        return error_set(err, -EPROTO, "archive: damaged header at byte %" PRIu64, s->at);
    s->at += BLOCK;
    if (s->has_size && strchr("xLKg", h.type) == NULL)
        size = s->size;
    if (strchr("123456", h.type) && h.type != '\0')
        size = 0; /* links, devices, directories have no data whatever they claim */
    if (size > s->end - s->at)
        return error_set(err, -EPROTO,
                         "archive is cut short: '%.100s' needs %" PRIu64 " bytes, %" PRIu64
                         " are left",
                         h.name, size, s->end - s->at);
    r = take_extension(s, h.type, size, err);
    if (r < 0)
        return r;
    if (r == 0 && (h.type == '0' || h.type == '\0' || h.type == '1' || h.type == '2'))
        add_member(s, &h, size, m);
    if (r == 0 && h.type != 'g')
        clear_extensions(s);
    s->at = MIN(s->end, s->at + (size + BLOCK - 1) / BLOCK * BLOCK);
    return 1;
}

static int compare(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    const int c = strcmp(x->name, y->name);

    return c ? c : (x->offset > y->offset) - (x->offset < y->offset);
}

static void sort_members(struct members *m)
{
    size_t kept = 0;

    if (m->size)
        qsort(m->at, m->size, sizeof(*m->at), compare);
    for (size_t i = 0; i < m->size; i++) {
        if (i + 1 < m->size && strcmp(m->at[i].name, m->at[i + 1].name) == 0) {
            free(m->at[i].name);
            free(m->at[i].link);
        } else {
            m->at[kept++] = m->at[i];
        }
    }
    m->size = kept;
}

int members_read(int fd, size_t max, struct members *ret, struct error *err)
{
    struct scan s = {.fd = fd};
    struct members m = {0};
    struct stat st;
    int r;

    if (fstat(fd, &st) < 0)
        return error_sys(err, "read archive");
    s.end = (uint64_t)st.st_size;
    while ((r = scan_one(&s, &m, err)) > 0)
        if (m.size > max) {
            r = error_set(err, -EDQUOT, "archive has more than %zu members", max);
            break;
        }
    clear_extensions(&s);
    if (r < 0) {
        members_done(&m);
        return r;
    }
    sort_members(&m);
    *ret = m;
    return 0;
}

void members_done(struct members *m)
{
    vec_each (item, m) {
        free(item->name);
        free(item->link);
    }
    vec_done(m);
}

static const struct member *find(const struct members *m, const char *name)
{
    size_t low = 0, high = m->size;

    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        const int c = strcmp(m->at[mid].name, name);

        if (c == 0)
            return &m->at[mid];
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

/* "../x/layer.tar" from "y/layer.tar" is "x/layer.tar"; NULL when it leaves the archive. */
static char *resolve(const struct member *from)
{
    STR_AUTO(text);
    struct view rest = view_of(from->link), part;
    const char *slash = strrchr(from->name, '/');

    if (from->symbolic && slash && *from->link != '/')
        str_add(&text, view_make(from->name, (size_t)(slash - from->name)));
    while (view_cut(&rest, '/', &part)) {
        if (part.size == 0 || view_eq_text(part, "."))
            continue;
        if (view_eq_text(part, "..")) {
            if (text.size == 0)
                return NULL;
            const char *last = strrchr(text.at, '/');
            str_truncate(&text, last ? (size_t)(last - text.at) : 0);
            continue;
        }
        if (text.size)
            str_add_char(&text, '/');
        str_add(&text, part);
    }
    return str_take(&text);
}

const struct member *members_find(const struct members *m, const char *name)
{
    cleanup_free char *clean = clean_name(view_of(name));
    const struct member *at = clean ? find(m, clean) : NULL;

    for (size_t hops = 0; at && at->link; hops++) {
        cleanup_free char *next = resolve(at);

        at = next && hops < MEMBER_LINKS_MAX ? find(m, next) : NULL;
    }
    return at;
}
