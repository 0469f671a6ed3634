/* The stat cache: struct header | struct cache_record[count] | texts, each with its NUL. Byte order of the machine. */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "layer/context_internal.h"

#define MAGIC UINT64_C(0x3174617473706f63) /* "copstat1" */

struct header {
    uint64_t magic, count, texts, unused;
};

struct context_cache *context_cache_new(void)
{
    struct context_cache *c = xcalloc(1, sizeof(*c));

    c->added_texts = STR_INIT;
    return c;
}

void context_cache_free(struct context_cache *c)
{
    if (!c)
        return;
    if (c->map)
        munmap(c->map, c->map_size);
    vec_done(&c->added);
    str_done(&c->added_texts);
    free(c);
}

/* Every path must end within the texts; wrong contents only cost a read, as records must fit the walk. */
static bool split(struct context_cache *c, struct view bytes)
{
    const struct header *h = (const struct header *)(const void *)bytes.at;
    uint64_t records, sum;

    if (bytes.size < sizeof(*h) || h->magic != MAGIC || h->texts == 0 ||
        mul_overflow(h->count, sizeof(struct cache_record), &records) ||
        add_overflow(records, h->texts, &sum) || sum != bytes.size - sizeof(*h) ||
        bytes.at[bytes.size - 1] != '\0')
        return false;
    c->records = (const struct cache_record *)(const void *)(bytes.at + sizeof(*h));
    c->texts = bytes.at + sizeof(*h) + records;
    c->count = h->count;
    for (size_t i = 0; i < c->count; i++)
        if (c->records[i].path >= h->texts)
            return false;
    return true;
}

static struct context_cache *load(int fd, int protection, int flags)
{
    struct context_cache *c = context_cache_new();
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size <= 0)
        return c;
    void *map = mmap(NULL, (size_t)st.st_size, protection, flags | MAP_POPULATE, fd, 0);
    if (map == MAP_FAILED)
        return c;
    c->map = map;
    c->map_size = (size_t)st.st_size;
    c->sorted = true;
    if (!split(c, view_make(map, c->map_size)))
        c->count = 0;
    return c;
}

struct context_cache *context_cache_load(int fd)
{
    return load(fd, PROT_READ, MAP_PRIVATE);
}

struct context_cache *cache_share(int fd)
{
    return load(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
}

static bool older(struct timespec a, const struct timespec *b)
{
    return a.tv_sec < b->tv_sec || (a.tv_sec == b->tv_sec && a.tv_nsec < b->tv_nsec);
}

/* A later change in the same tick of the clock would look the same. */
bool cache_is_racy(const struct stat *st, const struct timespec *started)
{
    return !older(st->st_mtim, started) || !older(st->st_ctim, started);
}

struct cache_record cache_record_of(const struct stat *st, const struct digest *content,
                                    const struct digest *xattrs)
{
    struct cache_record r = {
        .dev = st->st_dev,
        .ino = st->st_ino,
        .size = (uint64_t)st->st_size,
        .mtime_s = st->st_mtim.tv_sec,
        .mtime_ns = (uint32_t)st->st_mtim.tv_nsec,
        .ctime_s = st->st_ctim.tv_sec,
        .ctime_ns = (uint32_t)st->st_ctim.tv_nsec,
        .mode = st->st_mode,
        .linked = !S_ISDIR(st->st_mode) && st->st_nlink > 1,
    };
    memcpy(r.content, content->sha256, sizeof(r.content));
    memcpy(r.xattrs, xattrs->sha256, sizeof(r.xattrs));
    return r;
}

void context_cache_add(struct context_cache *c, const char *path, const struct stat *st,
                       const struct digest *content, const struct digest *xattrs,
                       const struct timespec *started)
{
    struct cache_record r = cache_record_of(st, content, xattrs);

    if (cache_is_racy(st, started))
        return;
    r.path = c->added_texts.size;
    str_add(&c->added_texts, view_make(path, strlen(path) + 1));
    vec_push(&c->added, r);
    c->sorted = false;
}

static int by_path(const void *a, const void *b, void *texts)
{
    const struct cache_record *x = a, *y = b;
    const char *base = texts;

    return entry_path_cmp(base + x->path, base + y->path);
}

void cache_sort(struct context_cache *c)
{
    if (c->map)
        return;
    bool in_order = true;
    for (size_t i = 1; in_order && i < c->added.size; i++)
        in_order = by_path(&c->added.at[i - 1], &c->added.at[i], c->added_texts.at) <= 0;
    if (!in_order)
        qsort_r(c->added.at, c->added.size, sizeof(*c->added.at), by_path, c->added_texts.at);
    c->records = c->added.at;
    c->texts = c->added_texts.at;
    c->count = c->added.size;
    c->sorted = true;
}

const char *cache_path(const struct context_cache *c, size_t i)
{
    return c->texts + c->records[i].path;
}

bool cache_fits(const struct cache_record *r, const struct context_entry *e)
{
    return !r->racy && !r->unread && r->dev == e->dev && r->ino == e->ino && r->size == e->size &&
           r->mode == e->mode && r->mtime_s == e->mtime.tv_sec &&
           r->mtime_ns == (uint32_t)e->mtime.tv_nsec && r->ctime_s == e->ctime.tv_sec &&
           r->ctime_ns == (uint32_t)e->ctime.tv_nsec;
}

bool context_cache_find(const struct context_cache *c, const char *path, const struct stat *st,
                        struct digest *ret)
{
    const struct context_entry e = {.dev = st->st_dev,
                                    .ino = st->st_ino,
                                    .size = (uint64_t)st->st_size,
                                    .mode = st->st_mode,
                                    .mtime = st->st_mtim,
                                    .ctime = st->st_ctim};
    const ssize_t i = cache_search(c, path);

    if (i < 0 || !cache_fits(&c->records[i], &e))
        return false;
    memcpy(ret->sha256, c->records[i].content, sizeof(ret->sha256));
    return true;
}

/* The first record that is not before path. */
size_t cache_lower_bound(const struct context_cache *c, const char *path)
{
    size_t low = 0, high = c->sorted ? c->count : 0;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (entry_path_cmp(cache_path(c, middle), path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

ssize_t cache_search(const struct context_cache *c, const char *path)
{
    const size_t i = cache_lower_bound(c, path);

    return i < c->count && strcmp(cache_path(c, i), path) == 0 ? (ssize_t)i : -1;
}

void cache_join(const struct context_cache *c, struct context *ctx)
{
    size_t at = 0;

    vec_each (e, &ctx->entries) {
        int r = -1;

        while (at < c->count && (r = entry_path_cmp(cache_path(c, at), e->path)) < 0)
            at++;
        if (at == c->count)
            break;
        if (r != 0 || e->known || !cache_fits(&c->records[at], e))
            continue;
        memcpy(e->content.sha256, c->records[at].content, sizeof(e->content.sha256));
        memcpy(e->xattrs.sha256, c->records[at].xattrs, sizeof(e->xattrs.sha256));
        e->known = true;
    }
}

int context_cache_save(struct context_cache *c, int fd, struct error *err)
{
    cache_sort(c);
    const struct header h = {
        .magic = MAGIC, .count = c->added.size, .texts = c->added_texts.size + 1};
    int r;

    if ((r = fd_write_all(fd, view_make(&h, sizeof(h)), err)) < 0 ||
        (r = fd_write_all(fd, view_make(c->added.at, c->added.size * sizeof(*c->added.at)), err)) <
            0)
        return r;
    /* the final NUL of the string as well: texts are never empty */
    return fd_write_all(fd, view_make(c->added_texts.at, c->added_texts.size + 1), err);
}

/* ---- writing without a copy in memory ---- */

#define OUT_SIZE 65536u

struct out {
    int fd;
    struct str waiting;
};

static int out_add(struct out *o, struct view bytes, struct error *err)
{
    str_add(&o->waiting, bytes);
    if (o->waiting.size < OUT_SIZE)
        return 0;
    const int r = fd_write_all(o->fd, str_view(&o->waiting), err);
    str_clear(&o->waiting);
    return r;
}

int cache_save_in_order(int fd, size_t count,
                        const char *(*entry)(void *ctx, size_t i, struct cache_record *ret),
                        void *ctx, struct error *err)
{
    struct header h = {.magic = MAGIC};
    struct out o = {.fd = fd, .waiting = STR_INIT};
    struct cache_record record;
    const char *path;
    int r = out_add(&o, view_make(&h, sizeof(h)), err);

    for (size_t i = 0; r == 0 && i < count; i++)
        if ((path = entry(ctx, i, &record))) {
            record.path = h.texts;
            h.texts += strlen(path) + 1;
            h.count++;
            r = out_add(&o, view_make(&record, sizeof(record)), err);
        }
    for (size_t i = 0; r == 0 && i < count; i++)
        if ((path = entry(ctx, i, NULL)))
            r = out_add(&o, view_make(path, strlen(path) + 1), err);
    str_add_char(&o.waiting, '\0'); /* texts are never empty */
    h.texts++;
    if (r == 0)
        r = fd_write_all(fd, str_view(&o.waiting), err);
    str_done(&o.waiting);
    if (r == 0 && pwrite(fd, &h, sizeof(h), 0) != sizeof(h)) /* now that it is known */
        r = error_sys(err, "write");
    return r;
}
