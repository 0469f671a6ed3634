/* Contents of a context: reading what is not known, digests over parts, the cache file for next time. */
#include <errno.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "layer/context_internal.h"
#include "layer/gitmode.h"
#include "layer/hashfile.h"
#include "layer/meta.h"
#include "layer/pool.h"

#define RUN_ENTRIES 32 /* entries in one item of the pool */

struct hashing {
    struct context *c;
    char *bufs[8]; /* of the threads */
};

struct run { /* of entries that are to be read */
    size_t count;
    struct context_entry *at[RUN_ENTRIES];
};

void context_xattrs_digest(const struct xattr *xattrs, size_t count, struct digest *ret)
{
    struct hash h;

    *ret = (struct digest){0};
    if (count == 0)
        return;
    hash_init(&h);
    for (size_t i = 0; i < count; i++) {
        hash_add_field(&h, view_of(xattrs[i].name));
        hash_add_field(&h, xattrs[i].value);
    }
    hash_done(&h, ret->sha256);
}

static struct stat stat_of(const struct context_entry *e)
{
    return (struct stat){.st_mode = e->mode,
                         .st_dev = e->dev,
                         .st_ino = e->ino,
                         .st_nlink = (nlink_t)e->nlink,
                         .st_size = (off_t)e->size,
                         .st_mtim = e->mtime,
                         .st_ctim = e->ctime};
}

static int read_entry(const struct context *c, struct context_entry *e, char *buf,
                      struct error *err)
{
    const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | (S_ISDIR(e->mode) ? O_DIRECTORY : 0);
    CLEANUP(arena_freep) struct arena *a = NULL;
    cleanup_close int fd = fd_open_beneath(c->root, e->path, flags, 0, err);
    const struct stat st = stat_of(e);
    char probe[1];
    int r = 0;

    if (fd < 0)
        return fd;
    if (S_ISREG(e->mode))
        r = hash_file(fd, &st, buf, &e->content, err);
    e->xattrs = (struct digest){0};
    if (r == 0 && flistxattr(fd, probe, 0) > 0) { /* rare: no arena for the others */
        struct entry attributes;

        a = arena_new();
        r = meta_get(-1, e->path, fd, NULL, OWNER_REAL, a, &attributes, err);
        if (r == 0)
            context_xattrs_digest(attributes.xattrs, attributes.xattr_count, &e->xattrs);
    }
    if (r < 0)
        return error_wrap(err, r, "read '%.200s'", e->path);
    e->known = true;
    return 0;
}

static int run_entries(void *ctx, void *item, unsigned worker, struct error *err)
{
    const struct hashing *h = ctx;
    const struct run *run = item;
    int r = 0;

    for (size_t i = 0; r == 0 && i < run->count; i++)
        r = read_entry(h->c, run->at[i], h->bufs[worker], err);
    return r;
}

static void drop_run(void *ctx, void *item)
{
    (void)ctx;
    free(item);
}

static bool readable(const struct context_entry *e)
{
    return S_ISREG(e->mode) || S_ISDIR(e->mode);
}

/* What is asked for: entries first to end, but those that are left out (NULL: none). */
struct wanted {
    size_t first, end;
    const bool *left_out; /* by number from first on */
};

static bool is_unknown(const struct context *c, const struct wanted *w, size_t i)
{
    const struct context_entry *e = &c->entries.at[i];

    return !e->known && readable(e) && !(w->left_out && w->left_out[i - w->first]);
}

static void push_unknown(struct context *c, struct pool *pool, const struct wanted *w)
{
    struct run *run = NULL;

    for (size_t i = w->first; i < w->end && !pool_failed(pool); i++) {
        struct context_entry *e = &c->entries.at[i];

        if (!is_unknown(c, w, i))
            continue;
        if (!run)
            run = xcalloc(1, sizeof(*run));
        run->at[run->count++] = e;
        if (run->count == RUN_ENTRIES || e->size > HASH_BUFFER) {
            pool_push(pool, run);
            run = NULL;
        }
    }
    if (run)
        pool_push(pool, run);
}

static bool any_unknown(const struct context *c, const struct wanted *w)
{
    for (size_t i = w->first; i < w->end; i++)
        if (is_unknown(c, w, i))
            return true;
    return false;
}

static int hash_wanted(struct context *c, const struct wanted *w, struct error *err)
{
    struct hashing h = {.c = c};
    const struct pool_calls calls = {run_entries, drop_run, &h};

    if (!any_unknown(c, w))
        return 0;
    const unsigned threads = pool_threads(c->o.threads);
    for (unsigned i = 0; i < threads; i++)
        h.bufs[i] = xmalloc(HASH_BUFFER + 1);
    struct pool *pool = pool_new(threads, &calls);
    push_unknown(c, pool, w);
    const int r = pool_finish(pool, err);
    for (unsigned i = 0; i < threads; i++)
        free(h.bufs[i]);
    c->changed = true;
    return r;
}

bool context_has_unread(const struct context *c)
{
    return any_unknown(c, &(struct wanted){.end = c->entries.size});
}

int context_hash(struct context *c, struct view path, struct error *err)
{
    struct wanted w = {0};

    context_range(c, path, &w.first, &w.end);
    return hash_wanted(c, &w, err);
}

void context_adopt(struct context *c, const struct context_cache *read)
{
    size_t at = 0;

    vec_each (e, &c->entries) {
        int order = -1;

        while (at < read->count && (order = entry_path_cmp(cache_path(read, at), e->path)) < 0)
            at++;
        if (at == read->count)
            break;
        const struct cache_record *r = &read->records[at];
        if (order != 0 || e->known || !readable(e) || r->unread)
            continue;
        memcpy(e->content.sha256, r->content, sizeof(e->content.sha256));
        memcpy(e->xattrs.sha256, r->xattrs, sizeof(e->xattrs.sha256));
        e->known = c->changed = true;
    }
}

/* ---- digests ---- */

/* As an entry of a layer that belongs to 0:0. Attributes count through their digest. */
static void add_content(struct hash *h, const struct context *c, const struct context_entry *e,
                        struct view name, int parts)
{
    struct entry out = {.path = e->path,
                        .type = entry_type_of_mode(e->mode),
                        .mode = gitmode_apply(c->o.gitmode, e->mode) & 07777,
                        .link = e->link};
    struct xattr attributes = {"", view_make(e->xattrs.sha256, sizeof(e->xattrs.sha256))};

    if (out.type == ENTRY_FILE)
        out.content = e->content;
    if (out.type == ENTRY_CHAR || out.type == ENTRY_BLOCK) {
        out.major = major(e->rdev);
        out.minor = minor(e->rdev);
    }
    if (!digest_is_zero(&e->xattrs)) {
        out.xattrs = &attributes;
        out.xattr_count = 1;
    }
    if (name.size == 0)
        content_add_top(h, &out, parts);
    else
        content_add(h, &out, name, parts);
}

/* Marks what skip says, with all that is below a directory, or leaves the list away. */
static bool *find_left_out(const struct context *c, const struct wanted *w, size_t prefix,
                           bool (*skip)(void *ctx, const char *rel, bool is_dir), void *ctx)
{
    if (!skip || w->first == w->end)
        return NULL;
    bool *list = xcalloc(w->end - w->first, sizeof(*list));
    for (size_t i = w->first; i < w->end; i++) {
        const struct context_entry *e = &c->entries.at[i];
        const bool is_dir = S_ISDIR(e->mode);

        if (strlen(e->path) <= prefix || !skip(ctx, e->path + prefix, is_dir))
            continue;
        const size_t end = is_dir ? c->ends[i] : i + 1;
        memset(&list[i - w->first], true, end - i);
        i = end - 1;
    }
    return list;
}

static void hash_content(const struct context *c, const struct wanted *w, struct view path,
                         int parts, struct digest *ret)
{
    static const struct context_entry root = {.path = "", .mode = S_IFDIR};
    const size_t prefix = path.size ? path.size + 1 : 0;
    struct hash h;

    hash_init(&h);
    if (path.size == 0)
        add_content(&h, c, &root, VIEW(""), parts);
    for (size_t i = w->first; i < w->end; i++) {
        const struct context_entry *e = &c->entries.at[i];

        if (!w->left_out || !w->left_out[i - w->first])
            add_content(&h, c, e, view_of(strlen(e->path) < prefix ? "" : e->path + prefix), parts);
    }
    hash_done(&h, ret->sha256);
}

int context_content(struct context *c, struct view path, int parts,
                    bool (*skip)(void *ctx, const char *rel, bool is_dir), void *ctx,
                    struct digest *ret, struct error *err)
{
    struct wanted w = {0};

    context_range(c, path, &w.first, &w.end);
    if (path.size > 0 && w.first == w.end)
        return error_set(err, -ENOENT, "'%.*s' does not exist", VIEW_ARG(path));
    if (!skip && c->last.valid && c->last.first == w.first && c->last.end == w.end &&
        c->last.parts == parts) {
        *ret = c->last.digest;
        return 0;
    }
    cleanup_free bool *left_out = find_left_out(c, &w, path.size ? path.size + 1 : 0, skip, ctx);
    w.left_out = left_out;
    const int r = hash_wanted(c, &w, err);
    if (r < 0)
        return r;
    hash_content(c, &w, path, parts, ret);
    c->last.valid = !skip;
    c->last.first = w.first;
    c->last.end = w.end;
    c->last.parts = parts;
    c->last.digest = *ret;
    return 0;
}

/* ---- next time ---- */

bool context_changed(const struct context *c)
{
    return c->changed;
}

/* What a copy compares besides files and directories: the text of links. */
static bool content_for_check(const struct context_entry *e, struct digest *ret)
{
    *ret = e->content;
    if (e->link)
        digest_of(view_of(e->link), ret);
    return e->known || !readable(e);
}

static const char *saved_entry(void *ctx, size_t i, struct cache_record *ret)
{
    const struct context *c = ctx;
    const struct context_entry *e = &c->entries.at[i];
    const struct stat st = stat_of(e);

    if (!e->known || cache_is_racy(&st, &c->started))
        return NULL;
    if (ret)
        *ret = cache_record_of(&st, &e->content, &e->xattrs);
    return e->path;
}

int context_save(const struct context *c, int fd, struct error *err)
{
    return cache_save_in_order(fd, c->entries.size, saved_entry, (void *)(uintptr_t)c, err);
}

static const char *any_entry(void *ctx, size_t i, struct cache_record *ret)
{
    const struct context *c = ctx;
    const struct context_entry *e = &c->entries.at[i];

    if (ret) {
        const struct stat st = stat_of(e);
        struct digest content;
        const bool unread = !content_for_check(e, &content);

        *ret = cache_record_of(&st, &content, &e->xattrs);
        ret->racy = cache_is_racy(&st, &c->started);
        ret->unread = unread;
    }
    return e->path;
}

int context_save_all(const struct context *c, int fd, struct error *err)
{
    return cache_save_in_order(fd, c->entries.size, any_entry, (void *)(uintptr_t)c, err);
}
