#include "layer/scan.h"

#include <errno.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/map.h"
#include "base/vec.h"
#include "layer/batch.h"
#include "layer/hashfile.h"
#include "layer/names.h"
#include "layer/pool.h"
#include "layer/tar.h"

#define OPEN_DEPTH 100 /* deeper directories are closed while what is below them is walked */
#define LINK_OWNERS_MAX (256u << 20)

struct helper { /* of one thread */
    struct arena *arena;
    char *buf;
};

struct scan {
    const struct scan_options *o;
    int root;
    dev_t dev;
    struct arena *arena;
    VEC(struct node *) nodes;
    struct map inodes; /* of files with several names: the first node */
    struct map stubs;  /* paths */
    struct str owners_text;
    struct map by_inode, by_path; /* struct owned_link * */
    struct pool *pool;
    struct helper *helpers;
    unsigned threads;
    struct str path;
};

static void scan_done(struct scan *s)
{
    vec_done(&s->nodes);
    map_done(&s->inodes);
    map_done(&s->stubs);
    map_done(&s->by_inode);
    map_done(&s->by_path);
    str_done(&s->owners_text);
    str_done(&s->path);
    for (unsigned i = 0; s->helpers && i < s->threads; i++) {
        arena_free(s->helpers[i].arena);
        free(s->helpers[i].buf);
    }
    free(s->helpers);
    arena_free(s->arena);
}

static struct view bytes_of(const void *at, size_t size)
{
    return view_make(at, size);
}

/* ---- ids ---- */

static int translate(const struct scan_id_range *ranges, size_t count, const char *what,
                     uint32_t *id, struct error *err)
{
    if (!ranges)
        return 0;
    for (size_t i = 0; i < count; i++) {
        if (*id >= ranges[i].disk && *id - ranges[i].disk < ranges[i].count) {
            *id = ranges[i].inside + (*id - ranges[i].disk);
            return 0;
        }
    }
    return error_set(err, -EOVERFLOW, "%s %u on disk is outside the id map", what, *id);
}

static int translate_owner(const struct scan *s, struct entry *e, struct error *err)
{
    int r = translate(s->o->uids, s->o->uid_count, "user", &e->uid, err);

    if (r == 0)
        r = translate(s->o->gids, s->o->gid_count, "group", &e->gid, err);
    return r;
}

/* ---- owners of links, from the table of a RUN step ---- */

static int load_link_owners(struct scan *s, struct error *err)
{
    struct owned_link l;
    int r;

    if (s->o->link_owners < 0)
        return 0;
    if (lseek(s->o->link_owners, 0, SEEK_SET) < 0)
        return error_sys(err, "rewind the table of owners");
    if ((r = fd_read_all(s->o->link_owners, LINK_OWNERS_MAX, &s->owners_text, err)) < 0)
        return error_wrap(err, r, "read the table of owners");
    struct view rest = str_view(&s->owners_text);
    while ((r = owned_link_next(&rest, &l)) > 0) {
        struct owned_link *copy = arena_new_object(s->arena, struct owned_link);

        *copy = l;
        if (l.inode != 0)
            map_set(&s->by_inode, bytes_of(&copy->inode, sizeof(copy->inode)), copy);
        else
            map_set(&s->by_path, view_of(copy->path), copy);
    }
    return r < 0 ? error_set(err, r, "the table of owners is damaged") : 0;
}

static void apply_link_owner(const struct scan *s, const struct stat *st, struct entry *e)
{
    const uint64_t inode = st->st_ino;
    const struct owned_link *l = map_get(&s->by_inode, bytes_of(&inode, sizeof(inode)));

    if (!l)
        l = map_get(&s->by_path, view_of(e->path));
    if (l) {
        e->uid = l->uid;
        e->gid = l->gid;
    }
}

/* ---- files, in the threads ---- */

static int read_node(struct scan *s, const struct dir_ref *dir, struct node *n, struct helper *h,
                     struct error *err)
{
    const char *path = n->source, *name = path_name(path);
    cleanup_close int fd =
        openat(dir->source, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int r;

    if (fd < 0)
        return error_sys(err, "open '%.200s'", path);
    if ((r = meta_get(dir->source, name, fd, &n->st, s->o->owner, h->arena, &n->e, err)) < 0)
        return r;
    n->e.path = path;
    if (n->e.type == ENTRY_FILE && (r = hash_file(fd, &n->st, h->buf, &n->e.content, err)) < 0)
        return error_wrap(err, r, "'%.200s'", path);
    return translate_owner(s, &n->e, err);
}

static int read_batch(void *ctx, void *item, unsigned worker, struct error *err)
{
    struct scan *s = ctx;
    struct batch *b = item;
    int r = 0;

    for (size_t i = 0; r == 0 && i < b->size; i++)
        r = read_node(s, b->dir, b->nodes[i], &s->helpers[worker], err);
    return r;
}

static void drop_batch(void *ctx, void *item)
{
    (void)ctx;
    batch_free(item);
}

/* Threads are started for the first file: most RUN steps of a cached build leave nothing to
 * read. */
static void push(struct scan *s, struct batch *b)
{
    if (!s->pool) {
        const struct pool_calls calls = {read_batch, drop_batch, s};

        s->threads = pool_threads(s->o->threads);
        s->helpers = xcalloc(s->threads, sizeof(*s->helpers));
        for (unsigned i = 0; i < s->threads; i++)
            s->helpers[i] = (struct helper){arena_new(), xmalloc(HASH_BUFFER + 1)};
        s->pool = pool_new(s->threads, &calls);
    }
    pool_push(s->pool, b);
}

/* ---- the walk ---- */

struct level {
    struct dir_ref *dir;
    struct batch *batch;
    size_t prefix; /* of s->path: this directory's own */
    unsigned depth;
};

static int walk(struct scan *s, unsigned depth, size_t *ret_kept, struct error *err);

static struct node *add_node(struct scan *s, const struct stat *st)
{
    struct node *n = arena_new_object(s->arena, struct node);

    n->st = *st;
    n->e.path = n->source = arena_strdup(s->arena, s->path.at);
    vec_push(&s->nodes, n);
    return n;
}

static bool is_stub(const struct scan *s)
{
    return s->stubs.size > 0 && map_has(&s->stubs, str_view(&s->path));
}

/* True when a file is another name of one that was seen. */
static bool link_to_first(struct scan *s, struct node *n)
{
    const uint64_t key = n->st.st_ino;

    if (n->st.st_nlink < 2)
        return false;
    const struct node *first = map_get(&s->inodes, bytes_of(&key, sizeof(key)));
    if (!first) {
        map_set(&s->inodes, bytes_of(&key, sizeof(key)), n);
        return false;
    }
    /* first->e is being filled in by a thread */
    n->e = (struct entry){.path = n->source, .type = ENTRY_HARDLINK, .link = first->source};
    return true;
}

static void flush(struct scan *s, struct level *l)
{
    if (l->batch)
        push(s, l->batch);
    l->batch = NULL;
}

static void visit_file(struct scan *s, struct level *l, struct node *n)
{
    if (link_to_first(s, n))
        return;
    if (!l->batch)
        l->batch = batch_new(l->dir);
    if (batch_add(l->batch, n))
        flush(s, l);
}

/* Links and special files: nothing to read. */
static int visit_other(struct scan *s, struct level *l, struct node *n, struct error *err)
{
    const char *path = n->e.path;
    int r;

    /* all whiteouts are one inode since Linux 5.8 */
    if (!(S_ISCHR(n->st.st_mode) && n->st.st_rdev == 0) && link_to_first(s, n))
        return 0;
    r = meta_get(l->dir->source, path_name(path), -1, &n->st, s->o->owner, s->arena, &n->e, err);
    if (r < 0)
        return r;
    n->e.path = path;
    if (n->e.type == ENTRY_WHITEOUT)
        return 0;
    if ((r = translate_owner(s, &n->e, err)) < 0)
        return error_wrap(err, r, "'%.200s'", path);
    apply_link_owner(s, &n->st, &n->e);
    return 0;
}

static int reopen(struct scan *s, struct level *l, struct error *err)
{
    const int fd =
        fd_open_beneath(s->root, l->prefix ? s->path.at : ".", O_RDONLY | O_DIRECTORY, 0, err);

    if (fd < 0)
        return fd;
    l->dir = dir_ref_new(fd);
    return 0;
}

static int visit_dir(struct scan *s, struct level *l, const struct stat *st, bool stub,
                     size_t *kept, struct error *err)
{
    const size_t at = s->nodes.size;
    size_t inside = 0;

    if (st->st_dev != s->dev)
        return error_set(err, -EXDEV, "'%.200s' is another file system", s->path.at);
    add_node(s, st);
    if (l->depth >= OPEN_DEPTH) {
        flush(s, l);
        dir_ref_drop(l->dir);
        l->dir = NULL;
    }
    int r = walk(s, l->depth + 1, &inside, err);
    if (r < 0)
        return r;
    if (stub && inside == 0 && !s->nodes.at[at]->e.opaque)
        s->nodes.size = at;
    else
        ++*kept;
    if (l->dir)
        return 0;
    str_truncate(&s->path, l->prefix);
    return reopen(s, l, err);
}

static int visit(struct scan *s, struct level *l, size_t *kept, struct error *err)
{
    struct stat st;
    const bool stub = is_stub(s);

    if (s->path.size > TAR_PATH_MAX)
        return error_set(err, -ENAMETOOLONG, "directories are nested too deep at '%.80s...'",
                         s->path.at);
    if (fstatat(l->dir->source, path_name(s->path.at), &st, AT_SYMLINK_NOFOLLOW) < 0)
        return error_sys(err, "stat '%.200s'", s->path.at);
    if (S_ISDIR(st.st_mode))
        return visit_dir(s, l, &st, stub, kept, err);
    if (S_ISSOCK(st.st_mode) || (stub && S_ISREG(st.st_mode) && st.st_size == 0))
        return 0;
    ++*kept;
    struct node *n = add_node(s, &st);
    if (!S_ISREG(st.st_mode))
        return visit_other(s, l, n, err);
    visit_file(s, l, n);
    return 0;
}

static int visit_names(struct scan *s, struct level *l, const struct names *names, size_t *kept,
                       struct error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < names->size; i++) {
        if (l->prefix > 0)
            str_add_char(&s->path, '/');
        str_add_text(&s->path, names->at[i].text);
        r = visit(s, l, kept, err);
        str_truncate(&s->path, l->prefix);
        if (s->pool && pool_failed(s->pool))
            break;
    }
    flush(s, l);
    return r;
}

/* The node of the directory is the last one; its attributes are read here, where it is open. */
static int read_dir_node(struct scan *s, const struct level *l, struct error *err)
{
    struct node *n = *vec_last(&s->nodes);
    const char *path = n->e.path;
    int r = meta_get(-1, path, l->dir->source, NULL, s->o->owner, s->arena, &n->e, err);

    n->e.path = path;
    if (r == 0)
        r = translate_owner(s, &n->e, err);
    return r;
}

static int walk(struct scan *s, unsigned depth, size_t *ret_kept, struct error *err)
{
    struct level l = {.prefix = s->path.size, .depth = depth};
    struct names names = {0};
    int r = reopen(s, &l, err);

    if (r == 0)
        r = read_dir_node(s, &l, err);
    if (r == 0)
        r = names_read(l.dir->source, &names, err);
    if (r == 0)
        r = visit_names(s, &l, &names, ret_kept, err);
    names_done(&names);
    batch_free(l.batch);
    dir_ref_drop(l.dir);
    return r;
}

static int walk_all(struct scan *s, struct error *err)
{
    struct stat st;
    size_t kept = 0;

    if (fstat(s->root, &st) < 0)
        return error_sys(err, "stat a directory");
    s->dev = st.st_dev;
    add_node(s, &st);
    return walk(s, 0, &kept, err);
}

static int build(struct scan *s, struct index **ret, struct error *err)
{
    CLEANUP(index_builder_freep) struct index_builder *b = index_builder_new();

    vec_each (n, &s->nodes) {
        const struct entry *e = &(*n)->e;

        if (e->path[0] != '\0' || s->o->with_root || e->opaque)
            index_builder_add(b, e);
    }
    return index_builder_finish(b, ret, err);
}

int scan_tree(int dirfd, const struct scan_options *o, struct index **ret, struct error *err)
{
    struct scan s = {
        .o = o, .root = dirfd, .arena = arena_new(), .owners_text = STR_INIT, .path = STR_INIT};

    for (size_t i = 0; i < o->stub_count; i++)
        map_set(&s.stubs, view_of(o->stubs[i]), &s);
    int r = load_link_owners(&s, err);
    if (r == 0)
        r = walk_all(&s, err);
    if (s.pool) {
        ERROR_AUTO(late);
        const int q = pool_finish(s.pool, &late);

        if (r == 0 && q < 0)
            r = error_move(err, &late);
    }
    if (r == 0)
        r = build(&s, ret, err);
    scan_done(&s);
    return r;
}
