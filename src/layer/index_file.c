/* The file of an index: a header, fixed records in order, attributes, texts. Numbers are in the
 * byte order of the machine: a store stays where it is, and a header that reads wrong is refused.
 *
 *     struct header | struct record[entries] | struct attribute[attributes] | texts
 *
 * Each text has its NUL. Texts are named by their offset in the last part; offset 0 is "". */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/vec.h"
#include "layer/index_internal.h"

#define MAGIC UINT64_C(0x31786469706f6f63) /* "coopidx1" */
/* "coopidx2": the same, and index_devices_at() is 0. Every step of a build asks that of all layers below it. */
#define MAGIC_NO_DEVICES UINT64_C(0x32786469706f6f63)

struct header {
    uint64_t magic;
    uint32_t entries, turn;
    uint64_t attributes, texts;
};

struct record {
    uint32_t path, link;
    uint32_t attribute, attribute_count;
    uint32_t mode; /* and type << 16, opaque << 24 */
    uint32_t uid, gid;
    uint32_t mtime_ns;
    int64_t mtime_s;
    uint64_t size;
    uint32_t major, minor;
    uint8_t content[sizeof(struct digest)];
};
_Static_assert(sizeof(struct record) == 88, "records have no holes");

struct attribute {
    uint32_t name, value, value_size;
};

/* ---- writing ---- */

struct writing {
    struct str texts;
    struct record *records;
    VEC(struct attribute) attributes;
};

static uint32_t add_text(struct writing *w, const char *text)
{
    if (!text || text[0] == '\0')
        return 0;
    const size_t at = w->texts.size;

    str_add(&w->texts, view_make(text, strlen(text) + 1));
    return (uint32_t)at;
}

static void add_attribute(struct writing *w, const struct xattr *x)
{
    struct attribute a = {.name = add_text(w, x->name), .value_size = (uint32_t)x->value.size};

    a.value = (uint32_t)w->texts.size;
    str_add(&w->texts, x->value);
    str_add_char(&w->texts, '\0');
    vec_push(&w->attributes, a);
}

static void add_record(struct writing *w, struct record *r, const struct entry *e)
{
    *r = (struct record){
        .path = add_text(w, e->path),
        .link = add_text(w, e->link),
        .attribute = (uint32_t)w->attributes.size,
        .attribute_count = (uint32_t)e->xattr_count,
        .mode = e->mode | (uint32_t)e->type << 16 | (uint32_t)e->opaque << 24,
        .uid = e->uid,
        .gid = e->gid,
        .mtime_ns = e->mtime_ns,
        .mtime_s = e->mtime_s,
        .size = e->size,
        .major = e->major,
        .minor = e->minor,
    };
    memcpy(r->content, e->content.sha256, sizeof(r->content));
    for (size_t i = 0; i < e->xattr_count; i++)
        add_attribute(w, &e->xattrs[i]);
}

static bool is_shown_device(enum entry_type type, const char *path)
{
    return (type == ENTRY_CHAR || type == ENTRY_BLOCK) && !view_starts(view_of(path), "dev/");
}

static uint64_t magic_of(const struct index *ix)
{
    for (size_t i = 0; i < ix->count; i++)
        if (is_shown_device(ix->entries[i].type, ix->entries[i].path))
            return MAGIC;
    return MAGIC_NO_DEVICES;
}

static int save(const struct writing *w, const struct index *ix, int fd, struct error *err)
{
    const size_t count = ix->count;
    const struct header h = {.magic = magic_of(ix),
                             .entries = (uint32_t)count,
                             .turn = ix->turn,
                             .attributes = w->attributes.size,
                             .texts = w->texts.size};
    const size_t attributes = w->attributes.size * sizeof(*w->attributes.at);
    int r;

    if (w->texts.size > UINT32_MAX || count > UINT32_MAX)
        return error_set(err, -EDQUOT, "index: more than 4 GiB of names");
    if ((r = fd_write_all(fd, view_make(&h, sizeof(h)), err)) < 0 ||
        (r = fd_write_all(fd, view_make(w->records, count * sizeof(*w->records)), err)) < 0 ||
        (r = fd_write_all(fd, view_make(w->attributes.at, attributes), err)) < 0)
        return r;
    return fd_write_all(fd, str_view(&w->texts), err);
}

int index_save(const struct index *ix, int fd, struct error *err)
{
    struct writing w = {.texts = STR_INIT};

    w.records = xcalloc(ix->count + 1, sizeof(*w.records));
    str_add_char(&w.texts, '\0');
    for (size_t i = 0; i < ix->count; i++)
        add_record(&w, &w.records[i], &ix->entries[i]);
    const int r = save(&w, ix, fd, err);
    free(w.records);
    vec_done(&w.attributes);
    str_done(&w.texts);
    return r < 0 ? error_wrap(err, r, "write index") : 0;
}

/* ---- reading ---- */

struct parts {
    struct header h;
    const struct record *records;
    const struct attribute *attributes;
    const char *texts;
};

static int damaged(const char *what, struct error *err)
{
    return error_set(err, -EINVAL, "index: damaged %s", what);
}

static int split(struct view bytes, struct parts *ret, struct error *err)
{
    struct parts p = {0};
    uint64_t records, attributes, sum;

    if (bytes.size < sizeof(p.h) || (uintptr_t)bytes.at % _Alignof(struct header) != 0)
        return damaged("header", err);
    memcpy(&p.h, bytes.at, sizeof(p.h));
    if (p.h.magic != MAGIC && p.h.magic != MAGIC_NO_DEVICES)
        return damaged("header", err);
    if (p.h.entries > INDEX_ENTRIES_MAX || p.h.texts == 0 || p.h.texts > UINT32_MAX ||
        mul_overflow(p.h.entries, sizeof(struct record), &records) ||
        mul_overflow(p.h.attributes, sizeof(struct attribute), &attributes) ||
        add_overflow(records, attributes, &sum) || add_overflow(sum, p.h.texts, &sum) ||
        sum != bytes.size - sizeof(p.h))
        return damaged("sizes", err);
    p.records = (const struct record *)(const void *)(bytes.at + sizeof(p.h));
    p.attributes = (const struct attribute *)(const void *)(bytes.at + sizeof(p.h) + records);
    p.texts = bytes.at + sizeof(p.h) + records + attributes;
    if (p.texts[0] != '\0' || p.texts[p.h.texts - 1] != '\0')
        return damaged("texts", err);
    *ret = p;
    return 0;
}

static int load_attributes(const struct parts *p, struct index *ix, struct error *err)
{
    if (p->h.attributes == 0)
        return 0;
    ix->xattrs = xcalloc(p->h.attributes, sizeof(*ix->xattrs));
    for (size_t i = 0; i < p->h.attributes; i++) {
        const struct attribute *a = &p->attributes[i];

        if (a->name >= p->h.texts || (uint64_t)a->value + a->value_size > p->h.texts)
            return damaged("attribute", err);
        ix->xattrs[i] =
            (struct xattr){p->texts + a->name, view_make(p->texts + a->value, a->value_size)};
    }
    return 0;
}

static int load_record(const struct parts *p, const struct record *r, struct index *ix,
                       struct entry *e, struct error *err)
{
    const uint32_t type = r->mode >> 16 & 0xff, opaque = r->mode >> 24;

    if (r->path >= p->h.texts || r->link >= p->h.texts || type > ENTRY_WHITEOUT || opaque > 1 ||
        (uint64_t)r->attribute + r->attribute_count > p->h.attributes)
        return damaged("record", err);
    *e = (struct entry){.path = p->texts + r->path,
                        .link = r->link ? p->texts + r->link : NULL,
                        .type = (enum entry_type)type,
                        .opaque = opaque,
                        .mode = r->mode & 0xffff,
                        .uid = r->uid,
                        .gid = r->gid,
                        .size = r->size,
                        .mtime_s = r->mtime_s,
                        .mtime_ns = r->mtime_ns,
                        .major = r->major,
                        .minor = r->minor,
                        .xattrs = r->attribute_count ? ix->xattrs + r->attribute : NULL,
                        .xattr_count = r->attribute_count};
    memcpy(e->content.sha256, r->content, sizeof(r->content));
    return 0;
}

int index_parse(struct view bytes, struct index **ret, struct error *err)
{
    struct parts p = {0};
    int r = split(bytes, &p, err);

    if (r < 0)
        return r;
    CLEANUP(index_freep) struct index *ix = xcalloc(1, sizeof(*ix));
    ix->entries = xmalloc((p.h.entries + (size_t)1) * sizeof(*ix->entries));
    ix->count = p.h.entries;
    ix->turn = p.h.turn;
    r = load_attributes(&p, ix, err);
    for (size_t i = 0; r == 0 && i < ix->count; i++)
        r = load_record(&p, &p.records[i], ix, &ix->entries[i], err);
    if (r == 0)
        r = index_check(ix, err);
    if (r < 0)
        return r;
    *ret = steal(ix);
    return 0;
}

static int map_file(int fd, struct view *ret, struct error *err)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return error_sys(err, "stat index");
    if (!S_ISREG(st.st_mode) || st.st_size <= 0 || (uint64_t)st.st_size > INDEX_FILE_MAX)
        return damaged("file", err);
    void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (map == MAP_FAILED)
        return error_sys(err, "map index");
    *ret = view_make(map, (size_t)st.st_size);
    return 0;
}

static void unmap_file(struct view map)
{
    (void)munmap((void *)(uintptr_t)map.at, map.size);
}

int index_load(int fd, struct index **ret, struct error *err)
{
    struct index *ix = NULL;
    struct view map = {0};
    int r = map_file(fd, &map, err);

    if (r < 0)
        return r;
    r = index_parse(map, &ix, err);
    if (r < 0) {
        unmap_file(map);
        return r;
    }
    ix->map = (void *)(uintptr_t)map.at;
    ix->map_size = map.size;
    *ret = ix;
    return 0;
}

static bool shows_device(const struct parts *p, const struct record *r)
{
    const uint32_t type = r->mode >> 16 & 0xff;

    return r->path < p->h.texts && is_shown_device((enum entry_type)type, p->texts + r->path);
}

static int look_for_devices(int fd, struct error *err)
{
    struct view map = {0};
    struct parts p = {0};
    int r = map_file(fd, &map, err);

    if (r < 0)
        return r;
    r = split(map, &p, err);
    for (size_t i = 0; r == 0 && i < p.h.entries; i++)
        r = shows_device(&p, &p.records[i]);
    unmap_file(map);
    return r;
}

int index_devices_at(int dirfd, const char *path, struct error *err)
{
    cleanup_close int fd = fd_open(dirfd, path, O_RDONLY | O_NOFOLLOW, 0, err);
    struct header h;

    if (fd < 0)
        return fd;
    if (pread(fd, &h, sizeof(h), 0) == sizeof(h) && h.magic == MAGIC_NO_DEVICES)
        return 0;
    const int r = look_for_devices(fd, err);
    return r < 0 ? error_wrap(err, r, "read '%s'", path) : r;
}

int index_load_at(int dirfd, const char *path, struct index **ret, struct error *err)
{
    cleanup_close int fd = fd_open(dirfd, path, O_RDONLY | O_NOFOLLOW, 0, err);

    if (fd < 0)
        return fd;
    const int r = index_load(fd, ret, err);
    return r < 0 ? error_wrap(err, r, "load '%s'", path) : 0;
}
