#include "layer/merge.h"

#include <assert.h>
#include <errno.h>

#include "base/fd.h"
#include "base/vec.h"
#include "layer/tar.h"

struct merge {
    size_t count;
    const struct index *layers[];
};

static const struct entry empty_root = {
    .path = "", .type = ENTRY_DIR, .mode = 0755, .implied = true};

struct merge *merge_new(const struct index *const *layers, size_t count)
{
    struct merge *m = xmalloc(sizeof(*m) + count * sizeof(m->layers[0]));

    m->count = count;
    for (size_t i = 0; i < count; i++)
        m->layers[i] = layers[i];
    return m;
}

void merge_free(struct merge *m)
{
    free(m);
}

/* The layers that a directory is made of, top first, with its place in each. */
struct part {
    size_t layer;
    size_t first, end; /* its children */
};
struct parts {
    struct part *at;
    size_t size, cap;
};

static void add_part(struct parts *p, size_t layer, size_t first, size_t end)
{
    vec_push(p, (struct part){layer, first, end});
}

/* The root of every layer, down to the first opaque one. */
static struct merge_file root_parts(const struct merge *m, struct parts *ret)
{
    struct merge_file file = {.entry = NULL};

    for (size_t i = 0; i < m->count; i++) {
        const struct index *ix = m->layers[i];
        const struct entry *e = index_count(ix) > 0 ? index_at(ix, 0) : NULL;
        const bool has_root = e && e->path[0] == '\0';

        add_part(ret, i, has_root ? 1 : 0, index_count(ix));
        if (has_root && !file.entry)
            file = (struct merge_file){.entry = e, .layer = i};
        if (has_root && e->opaque)
            break;
    }
    if (!file.entry)
        file.entry = &empty_root;
    return file;
}

/* Folds the next lower entry of a name into *file; for directories collects the parts. False: what
 * is further down does not show. */
static bool fold(const struct merge *m, size_t layer, const struct entry *e,
                 struct merge_file *file, struct parts *parts)
{
    const struct index *ix = m->layers[layer];

    if (e->type == ENTRY_WHITEOUT)
        return false;
    if (e->type != ENTRY_DIR) {
        if (!file->entry)
            *file = (struct merge_file){index_file(ix, e), layer, e->type == ENTRY_HARDLINK};
        return false;
    }
    if (!file->entry)
        *file = (struct merge_file){.entry = e, .layer = layer};
    const size_t at = index_position(ix, e);
    add_part(parts, layer, at + 1, index_end(ix, at));
    return !e->opaque;
}

/* One step down: the child with this full path. parts are those of the parent on entry, of the
 * child on return. */
static struct merge_file step(const struct merge *m, struct view path, struct parts *parts)
{
    struct merge_file file = {.entry = NULL};
    struct parts below = {0};

    for (size_t i = 0; i < parts->size; i++) {
        const size_t layer = parts->at[i].layer;
        const struct entry *e = index_find(m->layers[layer], path);

        if (e && !fold(m, layer, e, &file, &below))
            break;
    }
    free(parts->at);
    *parts = below;
    return file;
}

static int look_up(const struct merge *m, struct view path, struct parts *parts,
                   struct merge_file *ret)
{
    struct merge_file file = root_parts(m, parts);

    for (size_t end = 0; end < path.size; end++) {
        const char *slash = memchr(path.at + end, '/', path.size - end);

        end = slash ? (size_t)(slash - path.at) : path.size;
        if (file.entry->type != ENTRY_DIR)
            return -ENOTDIR;
        file = step(m, view_make(path.at, end), parts);
        if (!file.entry)
            return -ENOENT;
    }
    *ret = file;
    return 0;
}

int merge_lookup(const struct merge *m, struct view path, struct merge_file *ret)
{
    struct parts parts = {0};
    const int r = look_up(m, path, &parts, ret);

    free(parts.at);
    return r;
}

/* ---- resolving ---- */

struct resolving {
    const struct merge *m;
    int flags;
    struct str path;    /* resolved so far */
    struct str pending; /* what is still to come */
    struct merge_file file;
    unsigned links;
    bool missing;
};

static void go_up(struct str *path)
{
    const char *slash = strrchr(path->at, '/');

    str_truncate(path, slash ? (size_t)(slash - path->at) : 0);
}

/* Takes the first name off pending; false when there is none. */
static bool next_name(struct resolving *rs, struct str *ret)
{
    const char *text = rs->pending.at + strspn(rs->pending.at, "/");
    const size_t size = strcspn(text, "/");

    if (size == 0)
        return false;
    str_clear(ret);
    str_add(ret, view_make(text, size));
    STR_AUTO(rest);
    str_add_text(&rest, text + size + strspn(text + size, "/"));
    str_clear(&rs->pending);
    str_add(&rs->pending, str_view(&rest));
    return true;
}

static int follow(struct resolving *rs, struct error *err)
{
    const char *link = rs->file.entry->link;
    STR_AUTO(rest);

    if (++rs->links > MERGE_LINKS_MAX)
        return error_set(err, -ELOOP, "too many symbolic links at '%.200s'", rs->path.at);
    str_printf(&rest, "%s/%s", link, rs->pending.at);
    str_clear(&rs->pending);
    str_add(&rs->pending, str_view(&rest));
    if (link[0] == '/')
        str_clear(&rs->path);
    else
        go_up(&rs->path);
    return 0;
}

static int enter(struct resolving *rs, const char *name, struct error *err)
{
    if (rs->path.size > 0)
        str_add_char(&rs->path, '/');
    str_add_text(&rs->path, name);
    if (rs->path.size > TAR_PATH_MAX || strlen(name) > TAR_NAME_MAX)
        return error_set(err, -ENAMETOOLONG, "path '%.80s...' is too long", rs->path.at);

    const int r = merge_lookup(rs->m, str_view(&rs->path), &rs->file);
    const bool last = rs->pending.size == 0;
    rs->missing = r == -ENOENT;
    if (rs->missing) {
        rs->file.entry = NULL;
        if (rs->flags & MERGE_MISSING_OK)
            return 0;
        return error_set(err, -ENOENT, "'%.200s' does not exist", rs->path.at);
    }
    if (r == 0 && rs->file.entry->type == ENTRY_SYMLINK && !(last && (rs->flags & MERGE_NOFOLLOW)))
        return follow(rs, err);
    if (r < 0 || (!last && rs->file.entry->type != ENTRY_DIR))
        return error_set(err, -ENOTDIR, "'%.200s' is not a directory", rs->path.at);
    return 0;
}

static int resolve(struct resolving *rs, struct error *err)
{
    STR_AUTO(name);

    while (next_name(rs, &name)) {
        int r = 0;

        if (strcmp(name.at, "..") == 0)
            go_up(&rs->path);
        else if (strcmp(name.at, ".") != 0)
            r = enter(rs, name.at, err);
        if (r < 0)
            return r;
    }
    const int r = merge_lookup(rs->m, str_view(&rs->path), &rs->file);
    if (r == 0 || (r == -ENOENT && (rs->flags & MERGE_MISSING_OK)))
        return 0;
    return error_set(err, r, "'%.200s' does not exist", rs->path.at);
}

int merge_resolve(const struct merge *m, struct view path, int flags, struct str *ret_path,
                  struct merge_file *ret, struct error *err)
{
    struct resolving rs = {.m = m, .flags = flags, .path = STR_INIT, .pending = STR_INIT};
    int r;

    str_add(&rs.pending, path);
    if (strlen(rs.pending.at) != path.size)
        r = error_set(err, -EINVAL, "a NUL byte in path '%.200s'", rs.pending.at);
    else
        r = resolve(&rs, err);
    if (r == 0) {
        str_clear(ret_path);
        str_add(ret_path, str_view(&rs.path));
        *ret = rs.file;
    }
    str_done(&rs.path);
    str_done(&rs.pending);
    return r;
}

/* ---- walking ---- */

struct frame {
    struct part *parts; /* first is the cursor */
    size_t count;
    size_t prefix; /* bytes of a child's path before its name */
};

struct merge_walk {
    const struct merge *m;
    VEC(struct frame) frames;
    struct parts pending; /* of the directory that was given last: entered by the next call */
    size_t pending_prefix;
    bool descend;
    struct merge_file top; /* given first */
    const char *top_path;
    char *path;
};

int merge_walk_begin(const struct merge *m, struct view path, struct merge_walk **ret)
{
    CLEANUP(merge_walk_freep) struct merge_walk *w = xcalloc(1, sizeof(*w));

    w->m = m;
    const int r = look_up(m, path, &w->pending, &w->top);
    if (r < 0)
        return r;
    w->path = xstrndup(path.size ? path.at : "", path.size);
    w->top_path = w->path;
    w->pending_prefix = path.size ? path.size + 1 : 0;
    *ret = steal(w);
    return 0;
}

void merge_walk_free(struct merge_walk *w)
{
    if (!w)
        return;
    vec_each (f, &w->frames)
        free(f->parts);
    vec_done(&w->frames);
    free(w->pending.at);
    free(w->path);
    free(w);
}

void merge_walk_prune(struct merge_walk *w)
{
    w->descend = false;
}

static void enter_pending(struct merge_walk *w)
{
    if (w->descend && w->pending.size > 0) {
        vec_push(&w->frames, (struct frame){w->pending.at, w->pending.size, w->pending_prefix});
        w->pending = (struct parts){0};
    }
    w->descend = false;
    w->pending.size = 0;
}

static const struct entry *cursor(const struct merge *m, const struct part *p)
{
    return p->first < p->end ? index_at(m->layers[p->layer], p->first) : NULL;
}

/* The smallest name among the cursors of the frame; NULL when all are at their ends. */
static const char *smallest(const struct merge *m, const struct frame *f)
{
    const char *least = NULL;

    for (size_t i = 0; i < f->count; i++) {
        const struct entry *e = cursor(m, &f->parts[i]);

        if (e && (!least || strcmp(e->path + f->prefix, least + f->prefix) < 0))
            least = e->path;
    }
    return least;
}

/* Folds all entries of that path and moves their cursors on. */
static struct merge_file take(struct merge_walk *w, struct frame *f, const char *path)
{
    struct merge_file file = {.entry = NULL};
    bool shows = true;

    for (size_t i = 0; i < f->count; i++) {
        struct part *p = &f->parts[i];
        const struct entry *e = cursor(w->m, p);

        if (!e || strcmp(e->path + f->prefix, path + f->prefix) != 0)
            continue;
        if (shows)
            shows = fold(w->m, p->layer, e, &file, &w->pending);
        p->first = index_end(w->m->layers[p->layer], p->first);
    }
    return file;
}

int merge_walk_next(struct merge_walk *w, const char **ret_path, struct merge_file *ret)
{
    if (w->top_path) {
        *ret_path = w->top_path;
        *ret = w->top;
        w->top_path = NULL;
        w->descend = true;
        return 1;
    }
    enter_pending(w);
    while (w->frames.size > 0) {
        struct frame *f = vec_last(&w->frames);
        const char *path = smallest(w->m, f);

        if (!path) {
            free(f->parts);
            w->frames.size--;
            continue;
        }
        const struct merge_file file = take(w, f, path);
        if (!file.entry) {
            w->pending.size = 0;
            continue;
        }
        w->pending_prefix = strlen(path) + 1;
        w->descend = file.entry->type == ENTRY_DIR;
        *ret_path = path;
        *ret = file;
        return 1;
    }
    return 0;
}

int merge_content(const struct merge *m, struct view path, int parts,
                  bool (*skip)(void *ctx, const char *rel, bool is_dir), void *ctx,
                  struct digest *ret, struct error *err)
{
    CLEANUP(merge_walk_freep) struct merge_walk *w = NULL;
    const size_t prefix = path.size ? path.size + 1 : 0;
    struct merge_file file;
    const char *at;
    struct hash h;

    const int r = merge_walk_begin(m, path, &w);
    if (r < 0)
        return error_set(err, r, "'%.*s' does not exist", VIEW_ARG(path));
    hash_init(&h);
    while (merge_walk_next(w, &at, &file) > 0) {
        const bool is_top = strlen(at) == path.size;
        const char *rel = is_top ? "" : at + prefix;

        if (is_top)
            content_add_top(&h, file.entry, parts);
        else if (skip && skip(ctx, rel, file.entry->type == ENTRY_DIR))
            merge_walk_prune(w);
        else
            content_add(&h, file.entry, view_of(rel), parts);
    }
    hash_done(&h, ret->sha256);
    return 0;
}

int merge_read_file(const struct merge *m, const int *fs, struct view path, size_t limit,
                    struct str *ret, struct error *err)
{
    STR_AUTO(real);
    struct merge_file file = {0};
    int r = merge_resolve(m, path, 0, &real, &file, err);

    if (r < 0)
        return r;
    assert(file.entry);
    if (file.entry->type != ENTRY_FILE)
        return error_set(err, -EINVAL, "'%.200s' is not a regular file", real.at);
    cleanup_close int fd = fd_open_beneath(fs[file.layer], real.at, O_RDONLY | O_NOFOLLOW, 0, err);
    if (fd < 0)
        return fd;
    r = fd_read_all(fd, limit, ret, err);
    return r < 0 ? error_wrap(err, r, "read '%.200s'", real.at) : 0;
}
