#include "layer/context_internal.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "layer/merge.h"
#include "layer/names.h"
#include "layer/pool.h"
#include "layer/tar.h"

/* ---- the walk: one item for each directory, put together in order at the end ---- */

struct dir_item {
    const char *path;
    struct item_entry *entries;
    size_t count;
};

struct item_entry {
    struct context_entry e;
    struct dir_item *inside; /* of directories */
    bool dropped;
};

struct walking {
    struct context *c;
    struct pool *pool;
};

static enum context_verdict verdict(const struct context *c, const char *path, bool is_dir)
{
    return c->o.exclude ? c->o.exclude(c->o.ctx, path, is_dir) : CONTEXT_KEEP;
}

static int read_link(int dirfd, const char *name, struct arena *a, struct context_entry *e,
                     struct error *err)
{
    char text[PATH_MAX];
    const ssize_t n = readlinkat(dirfd, name, text, sizeof(text));

    if (n < 0)
        return error_sys(err, "read link '%.200s'", e->path);
    if ((size_t)n == sizeof(text))
        return error_set(err, -ENAMETOOLONG, "link '%.200s' is too long", e->path);
    e->link = arena_strndup(a, text, (size_t)n);
    return 0;
}

static void fill(struct context_entry *e, const struct stat *st)
{
    e->mode = st->st_mode;
    e->uid = st->st_uid;
    e->gid = st->st_gid;
    e->dev = st->st_dev;
    e->ino = st->st_ino;
    e->rdev = st->st_rdev;
    e->size = (uint64_t)st->st_size;
    e->nlink = st->st_nlink;
    e->mtime = st->st_mtim;
    e->ctime = st->st_ctim;
}

/* 1: part of the context. d_type saves the stat of what is excluded. */
static int look_at(const struct context *c, int dirfd, const struct name *name, struct arena *a,
                   struct item_entry *ret, struct error *err)
{
    struct stat st;
    enum context_verdict v = CONTEXT_KEEP;

    if (name->type != DT_UNKNOWN) {
        v = verdict(c, ret->e.path, name->type == DT_DIR);
        if (v == CONTEXT_PRUNE || (v == CONTEXT_DROP && name->type != DT_DIR))
            return 0;
    }
    if (fstatat(dirfd, name->text, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return error_sys(err, "stat '%.200s'", ret->e.path);
    const bool is_dir = S_ISDIR(st.st_mode);
    if (name->type == DT_UNKNOWN)
        v = verdict(c, ret->e.path, is_dir);
    if (v == CONTEXT_PRUNE || (v == CONTEXT_DROP && !is_dir) || S_ISSOCK(st.st_mode))
        return 0;
    fill(&ret->e, &st);
    ret->dropped = v == CONTEXT_DROP;
    const int r = S_ISLNK(st.st_mode) ? read_link(dirfd, name->text, a, &ret->e, err) : 0;
    return r < 0 ? r : 1;
}

static char *child_path(struct arena *a, const char *dir, const char *name)
{
    const size_t size = strlen(dir), more = strlen(name);
    char *path = arena_alloc(a, size + more + 2);

    memcpy(path, dir, size);
    if (size > 0)
        path[size] = '/';
    memcpy(path + size + (size > 0), name, more + 1);
    return path;
}

static int read_names(const struct context *c, struct dir_item *d, int fd,
                      const struct names *names, struct arena *a, struct error *err)
{
    d->entries = arena_alloc(a, names->size * sizeof(*d->entries));
    for (size_t i = 0; i < names->size; i++) {
        struct item_entry *e = &d->entries[d->count];

        *e = (struct item_entry){.e.path = child_path(a, d->path, names->at[i].text)};
        const int r = look_at(c, fd, &names->at[i], a, e, err);
        if (r < 0)
            return r;
        d->count += (size_t)r;
    }
    return 0;
}

static int read_dir(const struct context *c, struct dir_item *d, struct arena *a, struct error *err)
{
    cleanup_close int fd =
        fd_open_beneath(c->root, d->path[0] ? d->path : ".", O_RDONLY | O_DIRECTORY, 0, err);
    struct names names = {0};

    if (fd < 0)
        return fd;
    if (strlen(d->path) > TAR_PATH_MAX - TAR_NAME_MAX - 1)
        return error_set(err, -ENAMETOOLONG, "directories are nested too deep at '%.80s...'",
                         d->path);
    int r = names_read(fd, &names, err);
    if (r == 0)
        r = read_names(c, d, fd, &names, a, err);
    names_done(&names);
    return r;
}

static int run_dir(void *ctx, void *item, unsigned worker, struct error *err)
{
    const struct walking *w = ctx;
    struct dir_item *d = item;
    struct arena *a = w->c->arenas[worker];
    const int r = read_dir(w->c, d, a, err);

    for (size_t i = 0; r == 0 && i < d->count; i++) {
        struct item_entry *e = &d->entries[i];

        if (S_ISDIR(e->e.mode)) {
            e->inside = arena_new_object(a, struct dir_item);
            e->inside->path = e->e.path;
            pool_push_more(w->pool, e->inside, worker);
        }
    }
    return r;
}

static void gather(struct context *c, const struct dir_item *d)
{
    for (size_t i = 0; i < d->count; i++) {
        const struct item_entry *e = &d->entries[i];
        const size_t at = c->entries.size;

        vec_push(&c->entries, e->e);
        if (e->inside)
            gather(c, e->inside);
        if (e->dropped && c->entries.size == at + 1)
            c->entries.size = at;
    }
}

/* ends[] by a second look: an entry ends where the first one that is not below it begins. */
static void find_ends(struct context *c)
{
    VEC(size_t) dirs = {0};

    c->ends = xcalloc(c->entries.size + 1, sizeof(*c->ends));
    for (size_t i = 0; i <= c->entries.size; i++) {
        while (dirs.size > 0) {
            const char *dir = c->entries.at[*vec_last(&dirs)].path;
            const size_t size = strlen(dir);

            if (i < c->entries.size && strncmp(c->entries.at[i].path, dir, size) == 0 &&
                c->entries.at[i].path[size] == '/')
                break;
            c->ends[*vec_last(&dirs)] = (uint32_t)i;
            dirs.size--;
        }
        c->ends[i] = (uint32_t)i + 1;
        if (i < c->entries.size && S_ISDIR(c->entries.at[i].mode))
            vec_push(&dirs, i);
    }
    vec_done(&dirs);
}

static int walk(struct context *c, struct error *err)
{
    struct walking w = {.c = c};
    const struct pool_calls calls = {run_dir, NULL, &w};
    struct dir_item top = {.path = ""};

    c->threads = pool_threads(c->o.threads);
    c->arenas = xcalloc(c->threads, sizeof(struct arena *));
    for (unsigned i = 0; i < c->threads; i++)
        c->arenas[i] = arena_new();
    w.pool = pool_new(c->threads, &calls);
    pool_push(w.pool, &top);
    const int r = pool_finish(w.pool, err);
    if (r < 0)
        return r;
    gather(c, &top);
    if (c->entries.size > CONTEXT_ENTRIES_MAX)
        return error_hint(
            err, error_set(err, -EDQUOT, "the context has more than %d files", CONTEXT_ENTRIES_MAX),
            "exclude what the build does not need in .dockerignore");
    find_ends(c);
    return 0;
}

int context_open(int dirfd, const struct context_options *o, struct context **ret,
                 struct error *err)
{
    CLEANUP(context_freep) struct context *c = xcalloc(1, sizeof(*c));

    c->root = dirfd;
    c->o = *o;
    clock_gettime(CLOCK_REALTIME_COARSE, &c->started); /* the clock of file times */
    const int r = walk(c, err);
    if (r < 0)
        return r;
    if (o->cache)
        cache_join(o->cache, c);
    *ret = steal(c);
    return 0;
}

void context_free(struct context *c)
{
    if (!c)
        return;
    for (unsigned i = 0; c->arenas && i < c->threads; i++)
        arena_free(c->arenas[i]);
    free(c->arenas);
    free(c->ends);
    vec_done(&c->entries);
    free(c);
}

/* ---- looking ---- */

size_t context_count(const struct context *c)
{
    return c->entries.size;
}

const struct context_entry *context_at(const struct context *c, size_t i)
{
    return &c->entries.at[i];
}

const struct context_entry *context_find(const struct context *c, struct view path)
{
    cleanup_free char *text = xstrndup(path.size ? path.at : "", path.size);
    size_t low = 0, high = c->entries.size;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int r = entry_path_cmp(text, c->entries.at[middle].path);

        if (r == 0)
            return &c->entries.at[middle];
        if (r < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

void context_range(const struct context *c, struct view path, size_t *ret_first, size_t *ret_end)
{
    const struct context_entry *e = path.size ? context_find(c, path) : NULL;

    *ret_first = e ? (size_t)(e - c->entries.at) : 0;
    *ret_end = e ? c->ends[*ret_first] : path.size ? 0 : c->entries.size;
}

/* ---- resolving ---- */

/* A name that is not part of the context: excluded, or not there at all. */
static int absent(const struct context *c, const char *path, struct error *err)
{
    struct stat st;
    cleanup_close int fd = fd_open_beneath(c->root, path, O_PATH | O_NOFOLLOW, 0, NULL);

    if (fd >= 0 && fstat(fd, &st) == 0)
        return error_set(err, -EACCES, "'%.200s' is excluded from the context", path);
    return error_set(err, -ENOENT, "'%.200s' does not exist", path);
}

struct resolving {
    const struct context *c;
    struct str *path, rest;
    unsigned links;
};

static void go_up(struct str *path)
{
    const char *slash = strrchr(path->at, '/');

    str_truncate(path, slash ? (size_t)(slash - path->at) : 0);
}

static int follow(struct resolving *rs, const char *link, struct error *err)
{
    cleanup_free char *rest = str_take(&rs->rest);

    if (++rs->links > MERGE_LINKS_MAX)
        return error_set(err, -ELOOP, "too many symbolic links at '%.200s'", rs->path->at);
    str_printf(&rs->rest, "%s/%s", link, rest);
    if (link[0] == '/')
        str_clear(rs->path);
    else
        go_up(rs->path);
    return 0;
}

static int step(struct resolving *rs, const char *name, struct error *err)
{
    if (strcmp(name, ".") == 0)
        return 0;
    if (strcmp(name, "..") == 0) {
        go_up(rs->path);
        return 0;
    }
    if (rs->path->size > 0)
        str_add_char(rs->path, '/');
    str_add_text(rs->path, name);
    if (rs->path->size > TAR_PATH_MAX)
        return error_set(err, -ENAMETOOLONG, "path '%.80s...' is too long", rs->path->at);
    const struct context_entry *e = context_find(rs->c, str_view(rs->path));
    if (!e)
        return absent(rs->c, rs->path->at, err);
    if (e->link)
        return follow(rs, e->link, err);
    if (!S_ISDIR(e->mode) && rs->rest.at[strspn(rs->rest.at, "/")] != '\0')
        return error_set(err, -ENOTDIR, "'%.200s' is not a directory", rs->path->at);
    return 0;
}

int context_resolve(const struct context *c, struct view path, struct str *ret_path,
                    struct error *err)
{
    STR_AUTO(found);
    struct resolving rs = {.c = c, .path = &found, .rest = STR_INIT};
    int r = 0;

    str_add(&rs.rest, path);
    while (r == 0) {
        const char *at = rs.rest.at + strspn(rs.rest.at, "/");
        const size_t size = strcspn(at, "/");
        cleanup_free char *name = xstrndup(at, size), *rest = xstrdup(at + size);

        if (size == 0)
            break;
        str_clear(&rs.rest);
        str_add_text(&rs.rest, rest);
        r = step(&rs, name, err);
    }
    str_done(&rs.rest);
    if (r < 0)
        return r;
    str_clear(ret_path);
    str_add(ret_path, str_view(&found));
    return 0;
}
