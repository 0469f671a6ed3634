#include "layer/copy_internal.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "layer/hashfile.h"

/* umask() cannot be asked without being set, which threads would see. */
static mode_t current_umask(void)
{
    STR_AUTO(text);
    unsigned mask = 077; /* without /proc: never mistaken for nothing to do */

    if (fd_read_file(AT_FDCWD, "/proc/self/status", 65536, &text, NULL) == 0) {
        const char *at = strstr(text.at, "\nUmask:");

        if (at && sscanf(at, "\nUmask: %o", &mask) != 1)
            mask = 077;
    }
    return mask & 0777;
}

int copy_begin(const struct copy_options *o, struct copy **ret, struct error *err)
{
    struct stat st;

    if (fstat(o->fs, &st) < 0)
        return error_sys(err, "stat the new layer");
    struct copy *c = xcalloc(1, sizeof(*c));
    c->o = *o;
    c->arena = arena_new();
    c->umask_ = current_umask();
    c->uid = geteuid();
    c->gid = getegid();
    c->plain_root = !(st.st_mode & S_ISGID); /* else new files take the group of their directory */
    c->threads = pool_threads(o->threads);
    c->helpers = xcalloc(c->threads, sizeof(*c->helpers));
    for (unsigned i = 0; i < c->threads; i++)
        c->helpers[i] = (struct copy_helper){.arena = arena_new(), .buf = xmalloc(HASH_BUFFER + 1)};
    *ret = c;
    return 0;
}

void copy_free(struct copy *c)
{
    if (!c)
        return;
    for (unsigned i = 0; i < c->threads; i++) {
        arena_free(c->helpers[i].arena);
        free(c->helpers[i].buf);
    }
    free(c->helpers);
    vec_done(&c->nodes);
    map_done(&c->by_path);
    arena_free(c->arena);
    free(c);
}

/* ---- what is there ---- */

static void map_nodes(struct copy *c)
{
    for (; c->mapped < c->nodes.size; c->mapped++) {
        struct node *n = c->nodes.at[c->mapped];

        if (!n->dead)
            map_set(&c->by_path, view_of(n->source), n);
    }
}

struct node *copy_node(struct copy *c, const char *path)
{
    map_nodes(c);
    struct node *n = map_get(&c->by_path, view_of(path));
    return n && !n->dead ? n : NULL;
}

struct node *copy_new_node(struct copy *c, const char *path)
{
    struct node *n = arena_new_object(c->arena, struct node);

    n->e.path = n->source = arena_strdup(c->arena, path);
    vec_push(&c->nodes, n);
    return n;
}

/* True when a whiteout or opaque directory of this layer hides what is below at path. */
static bool hidden(struct copy *c, const char *path)
{
    for (size_t end = 0; c->removed; end++) {
        if (path[end] != '/' && path[end] != '\0')
            continue;
        cleanup_free char *prefix = xstrndup(path, end);
        const struct node *n = copy_node(c, prefix);

        if (n && (n->e.type == ENTRY_WHITEOUT || (n->e.opaque && path[end] == '/')))
            return true;
        if (path[end] == '\0')
            break;
    }
    return false;
}

const struct entry *copy_below(struct copy *c, const char *path)
{
    struct merge_file file;

    if (!c->o.below || hidden(c, path) || merge_lookup(c->o.below, view_of(path), &file) < 0)
        return NULL;
    return file.entry;
}

/* ---- making ---- */

bool copy_is_plain(const struct copy *c, const struct entry *e)
{
    if (e->xattr_count > 0 || (e->mode & (07000 | c->umask_)))
        return false;
    if (c->o.owner == OWNER_REAL)
        return c->plain_root && e->uid == c->uid && e->gid == c->gid;
    return e->uid == 0 && e->gid == 0;
}

static int unlink_node(struct copy *c, struct node *n, struct error *err)
{
    if (unlinkat(c->o.fs, n->source, 0) < 0 && errno != ENOENT)
        return error_sys(err, "replace '%.200s'", n->source);
    n->dead = true;
    return 0;
}

int copy_clear(struct copy *c, const char *path, struct error *err)
{
    struct node *n = copy_node(c, path);
    const struct entry *below = n ? NULL : copy_below(c, path);

    if ((n && n->e.type == ENTRY_DIR) || (below && below->type == ENTRY_DIR))
        return error_set(err, -EISDIR, "cannot replace directory '/%.200s' with a file", path);
    return n ? unlink_node(c, n, err) : 0;
}

/* The nodes at and below top are gone. */
static void forget(struct copy *c, const char *top)
{
    const size_t size = strlen(top);

    vec_each (at, &c->nodes) {
        const char *path = (*at)->source;
        if (strncmp(path, top, size) == 0 && (path[size] == '\0' || path[size] == '/'))
            (*at)->dead = true;
    }
}

int copy_make_way(struct copy *c, const char *path, struct error *err)
{
    struct node *n = copy_node(c, path);

    if (!n)
        return 0; /* what the layers below have is hidden by what comes */
    if (n->e.type != ENTRY_DIR)
        return unlink_node(c, n, err);
    forget(c, path);
    return fd_remove_tree(c->o.fs, path, err);
}

static int make_opaque(struct copy *c, struct node *n, struct error *err)
{
    cleanup_close int fd = fd_open(c->o.fs, n->source, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);

    if (fd < 0)
        return fd;
    n->e.opaque = true;
    return meta_set_opaque(fd, err);
}

int copy_make_dir(struct copy *c, const char *path, struct node **ret, struct error *err)
{
    struct node *old = c->removed ? copy_node(c, path) : NULL;
    int r = old ? unlink_node(c, old, err) : 0;

    if (r < 0)
        return r;
    if (mkdirat(c->o.fs, path, 0755) < 0)
        return error_sys(err, "make directory '/%.200s'", path);
    struct node *n = copy_new_node(c, path);
    n->e.type = ENTRY_DIR;
    n->e.mode = 0755;
    n->e.mtime_s = c->o.now_s;
    if (old && (r = make_opaque(c, n, err)) < 0)
        return r;
    *ret = n;
    return 0;
}

static int not_a_directory(const char *path, const struct entry *e, struct error *err)
{
    const int r =
        error_set(err, -ENOTDIR, "cannot copy into '/%.200s', which is not a directory", path);

    if (e->type == ENTRY_SYMLINK)
        error_hint(err, r, "it is a symbolic link to '%.200s'; name that directory instead",
                   e->link);
    return r;
}

void copy_inherit(struct copy *c, const char *path, struct entry *e)
{
    const char *slash = strrchr(path, '/');
    cleanup_free char *parent = xstrndup(path, slash ? (size_t)(slash - path) : 0);
    const struct node *n = slash ? copy_node(c, parent) : NULL;
    const struct entry *around = n ? &n->e : copy_below(c, parent);
    const bool gives = around && (around->mode & S_ISGID);

    if (gives)
        e->mode |= S_ISGID;
    if (e->gid == COPY_GID_MADE)
        e->gid = gives ? around->gid : 0;
}

int copy_dir(struct copy *c, const char *path, uint32_t uid, uint32_t gid, struct node **ret,
             struct error *err)
{
    struct node *n = copy_node(c, path);

    if (n && n->e.type == ENTRY_DIR) {
        *ret = n;
        return 0;
    }
    if (n && n->e.type != ENTRY_WHITEOUT)
        return not_a_directory(path, &n->e, err);
    const struct entry *below = copy_below(c, path);
    if (below && below->type != ENTRY_DIR)
        return not_a_directory(path, below, err);
    const int r = copy_make_dir(c, path, &n, err);
    if (r < 0)
        return r;
    if (below) {
        const char *own = n->e.path;

        n->e = *below; /* lives as long as the layers below, which outlive the copy */
        n->e.path = own;
        n->e.opaque = false;
    } else {
        n->e.uid = uid;
        n->e.gid = gid;
        copy_inherit(c, path, &n->e);
    }
    *ret = n;
    return 0;
}

int copy_parents(struct copy *c, const char *path, uint32_t uid, uint32_t gid, struct error *err)
{
    cleanup_free char *prefix = xstrdup(path);

    for (char *slash = strchr(prefix, '/'); slash; slash = strchr(slash + 1, '/')) {
        struct node *n;

        *slash = '\0';
        const int r = copy_dir(c, prefix, uid, gid, &n, err);
        if (r < 0)
            return r;
        *slash = '/';
    }
    return 0;
}

/* ---- actions ---- */

static int make_links(struct copying *cp, struct error *err)
{
    struct copy *c = cp->c;

    vec_each (at, &cp->links) {
        const struct node *n = *at;

        c->action++; /* directories have another time now */
        if (linkat(c->o.fs, n->file->source, c->o.fs, n->source, 0) < 0)
            return error_sys(err, "link '/%.200s' to '/%.200s'", n->source, n->file->source);
    }
    return 0;
}

int copy_add(struct copy *c, const struct copy_source *s, struct error *err)
{
    struct copying cp = {.c = c, .s = s, .first = c->nodes.size, .src = STR_INIT, .dst = STR_INIT};

    c->action++;
    int r = copy_walk(&cp, err);
    if (c->pool) {
        ERROR_AUTO(late);
        const int q = pool_finish(c->pool, &late);

        c->pool = NULL;
        if (r == 0 && q < 0)
            r = error_move(err, &late);
    }
    if (r == 0)
        r = make_links(&cp, err);
    map_done(&cp.inodes);
    str_done(&cp.src);
    str_done(&cp.dst);
    vec_done(&cp.links);
    return r;
}

int copy_mkdir(struct copy *c, const char *dest, uint32_t mode, uint32_t uid, uint32_t gid,
               struct error *err)
{
    const size_t before = c->nodes.size;
    struct node *n;
    int r;

    c->action++;
    if (dest[0] == '\0')
        return 0;
    if ((r = copy_parents(c, dest, uid, gid, err)) < 0)
        return r;
    const bool is_new = !copy_node(c, dest) && !copy_below(c, dest);
    if ((r = copy_dir(c, dest, uid, gid, &n, err)) == 0 && is_new && c->nodes.size > before)
        n->e.mode = (mode & 07777) | (n->e.mode & S_ISGID);
    return r;
}

int copy_write(struct copy *c, const char *dest, struct view data, uint32_t mode, uint32_t uid,
               uint32_t gid, struct error *err)
{
    c->action++;
    int r = copy_parents(c, dest, uid, gid, err);
    if (r == 0)
        r = copy_clear(c, dest, err);
    if (r < 0)
        return r;
    struct node *n = copy_new_node(c, dest);
    n->e.type = ENTRY_FILE;
    n->e.mode = mode & 07777;
    n->e.uid = uid;
    n->e.gid = gid;
    n->e.mtime_s = c->o.now_s;
    return copy_store(c, c->o.fs, n->source, &n->e, data, err);
}

int copy_remove(struct copy *c, const char *dest, struct error *err)
{
    struct node *n = copy_node(c, dest);
    const struct entry *below = copy_below(c, dest);
    int r;

    c->action++;
    if ((!n || n->e.type == ENTRY_WHITEOUT) && !below)
        return error_set(err, -ENOENT, "'/%.200s' does not exist", dest);
    if ((r = fd_remove_tree(c->o.fs, dest, err)) < 0)
        return r;
    forget(c, dest);
    /* an opaque directory of ours hid what is below; without it the whiteout is needed again */
    struct merge_file file;
    const bool was_below = c->o.below && merge_lookup(c->o.below, view_of(dest), &file) == 0;
    if (!was_below || hidden(c, dest))
        return 0;
    if ((r = copy_parents(c, dest, 0, 0, err)) < 0)
        return r;
    n = copy_new_node(c, dest);
    n->e.type = ENTRY_WHITEOUT;
    c->removed = true;
    return meta_make(c->o.fs, n->source, &n->e, c->o.owner, err);
}

/* ---- the end ---- */

static int finish_dir(struct copy *c, const struct node *n, struct error *err)
{
    const bool plain = copy_is_plain(c, &n->e) && n->e.mode == 0755;
    size_t lost = 0;
    int r = 0;

    if (plain && n->timed == c->action)
        return 0;
    if (!plain) {
        cleanup_close int fd =
            fd_open(c->o.fs, n->source, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);

        if (fd < 0)
            return fd;
        r = meta_set(c->o.fs, n->source, fd, &n->e, c->o.owner, &lost, err);
        c->helpers[0].lost += lost;
    }
    return r < 0 ? r : meta_set_time(c->o.fs, n->source, -1, &n->e, err);
}

/* The first live name of a group whose file was replaced is the file from now on. */
static void promote_link(struct node *n)
{
    struct node *file = n->file;

    if (!file->file) { /* the first name that notices */
        const char *path = n->e.path;

        n->e = file->e;
        n->e.path = path;
        n->file = NULL;
        file->file = n;
        return;
    }
    n->file = file->file;
    n->e.link = n->file->e.path;
}

static void add_entries(struct copy *c, struct index_builder *b, struct copy_stats *stats)
{
    vec_each (at, &c->nodes) {
        struct node *n = *at;

        if (n->dead)
            continue;
        if (n->e.type == ENTRY_HARDLINK && n->file->dead)
            promote_link(n);
        stats->files += n->e.type == ENTRY_FILE;
        index_builder_add(b, &n->e);
    }
}

int copy_finish(struct copy *c, struct index **ret, struct copy_stats *ret_stats, struct error *err)
{
    CLEANUP(index_builder_freep) struct index_builder *b = index_builder_new();
    struct copy_stats stats = {0};
    int r = 0;

    for (size_t i = c->nodes.size;
         r == 0 && i-- > 0;) { /* children before parents: modes may forbid the way */
        const struct node *n = c->nodes.at[i];

        if (!n->dead && n->e.type == ENTRY_DIR)
            r = finish_dir(c, n, err);
    }
    if (r < 0)
        return r;
    add_entries(c, b, &stats);
    for (unsigned i = 0; i < c->threads; i++) {
        stats.bytes += c->helpers[i].bytes;
        stats.hashed_bytes += c->helpers[i].hashed;
        stats.lost_xattrs += c->helpers[i].lost;
    }
    if (ret_stats)
        *ret_stats = stats;
    return index_builder_finish(b, ret, err);
}
