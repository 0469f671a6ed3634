#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#include "base/fd.h"
#include "layer/copy_internal.h"
#include "layer/gitmode.h"
#include "layer/names.h"
#include "layer/tar.h"

#define OPEN_DEPTH 100 /* deeper directories are closed while what is below them is walked */

/* A directory that is being copied. It is made when the first thing in it is, or at once when it is itself wanted. */
struct level {
    struct level *parent;
    struct dir_ref *dir;
    struct batch *batch;
    struct node *node; /* NULL: not made yet */
    struct entry e;    /* attributes of the source */
    struct stat st;    /* of the source, in a directory */
    bool below;        /* the layers below have this directory: children may collide */
    size_t src, dst;   /* lengths of its paths in copying.src and .dst */
    unsigned depth;
};

void copy_apply(const struct copy_source *s, struct entry *e)
{
    if (!s->trees && !s->keep_owner)
        e->uid = e->gid = 0;
    if (!s->trees && (e->type == ENTRY_FILE || e->type == ENTRY_DIR))
        e->mode =
            07777 & gitmode_apply(s->gitmode, e->mode | (e->type == ENTRY_DIR ? S_IFDIR : S_IFREG));
    if (s->chown) {
        e->uid = s->uid;
        e->gid = s->gid;
    }
    if (s->chmod && e->type != ENTRY_SYMLINK)
        e->mode = chmod_apply(s->chmod, e->mode, e->type == ENTRY_DIR);
    if (s->has_time && e->type == ENTRY_FILE) {
        e->mtime_s = s->time_s;
        e->mtime_ns = 0;
    }
}

static bool earlier_actions(const struct copying *cp)
{
    return cp->first > 0;
}

static void enter_name(struct str *path, size_t prefix, const char *name)
{
    str_truncate(path, prefix);
    if (prefix > 0)
        str_add_char(path, '/');
    str_add_text(path, name);
}

static int check_length(const struct copying *cp, struct error *err)
{
    if (MAX(cp->src.size, cp->dst.size) <= TAR_PATH_MAX)
        return 0;
    return error_set(err, -ENAMETOOLONG, "path '%.80s...' is too long", cp->dst.at);
}

/* ---- directories of the target ---- */

static int open_target(struct copying *cp, const struct level *l, struct error *err)
{
    cleanup_free char *path = xstrndup(cp->dst.at, l->dst);
    const int fd =
        fd_open(cp->c->o.fs, l->dst ? path : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);

    if (fd < 0)
        return fd;
    l->dir->target = fd;
    return 0;
}

static int over_something_else(const char *path, const struct entry *e, struct error *err)
{
    const int r =
        error_set(err, -ENOTDIR, "cannot copy a directory over '/%.200s', which is none", path);

    if (e->type == ENTRY_SYMLINK)
        error_hint(err, r, "it is a symbolic link to '%.200s'; copy into that directory instead",
                   e->link);
    return r;
}

/* Of what is no file: it is all known by now. */
static int tell(const struct copying *cp, const char *path, const struct stat *st,
                const struct entry *e, struct error *err)
{
    const struct copy_source *s = cp->s;
    struct digest unused;
    bool plain;

    if (s->trees || (s->known && s->known(s->ctx, path, st, &unused, &plain)))
        return 0;
    return copy_tell(cp, path, st->st_mode, e, NULL, err);
}

static int tell_directory(const struct copying *cp, const struct level *l, struct error *err)
{
    if (!cp->s->seen && !cp->s->known)
        return 0;
    cleanup_free char *path = xstrndup(cp->src.at, l->src);
    return tell(cp, path, &l->st, &l->e, err);
}

/* What the directory gets: n is of this layer, below of those under it; either may be NULL. */
static struct entry attributes_of(const struct copying *cp, const struct level *l,
                                  const struct node *n, const struct entry *below)
{
    struct entry e = l->e;

    if (cp->s->keep_dirs && n && n->e.type == ENTRY_DIR)
        e = n->e;
    else if (cp->s->keep_dirs && !n && below)
        e = *below;
    e.mode = l->e.mode;
    return e;
}

/* The directory of a level below the top one, with the attributes of its source. */
static int make_nested(struct copying *cp, struct level *l, const char *path, struct error *err)
{
    struct copy *c = cp->c;
    struct node *n = earlier_actions(cp) ? copy_node(c, path) : NULL;
    const struct entry *below = l->parent->below ? copy_below(c, path) : NULL;
    const struct entry *there = n && n->e.type != ENTRY_WHITEOUT ? &n->e : below;
    const bool merged = there && there->type == ENTRY_DIR;

    l->below = below && below->type == ENTRY_DIR;
    if (merged && cp->s->replace && l->e.implied)
        return copy_dir(c, path, 0, 0, &l->node, err);
    if (there && !merged) {
        if (!cp->s->replace || l->e.implied)
            return over_something_else(path, there, err);
        c->removed |= there != below; /* copy_make_dir() takes it away */
    }
    const struct entry attributes = attributes_of(cp, l, n, below);
    const bool opaque = n && n->e.opaque;
    if (!n || n->e.type != ENTRY_DIR) {
        const int r = copy_make_dir(c, path, &n, err);

        if (r < 0)
            return r;
        l->e.opaque = n->e.opaque;
    } else {
        l->e.opaque = opaque;
    }
    l->e.path = n->source;
    n->e = attributes;
    n->e.path = n->source;
    n->e.opaque = l->e.opaque;
    l->node = n;
    return tell_directory(cp, l, err);
}

static int make_top(struct copying *cp, struct level *l, const char *path, struct error *err)
{
    const struct copy_source *s = cp->s;
    int r;

    l->below = copy_below(cp->c, path) != NULL;
    if (path[0] == '\0')
        return 0;
    if ((r = copy_parents(cp->c, path, s->parent_uid, s->parent_gid, err)) < 0)
        return r;
    r = copy_dir(cp->c, path, s->parent_uid, s->parent_gid, &l->node, err);
    /* mode and owner stay, the time is the source's: as BuildKit */
    if (r == 0 && !s->replace && !l->e.implied) {
        l->node->e.mtime_s = l->e.mtime_s;
        l->node->e.mtime_ns = l->e.mtime_ns;
    }
    return r;
}

static int make_level(struct copying *cp, struct level *l, struct error *err)
{
    int r = 0;

    if (l->dir->target >= 0)
        return 0;
    if (!l->node && l->parent && (r = make_level(cp, l->parent, err)) < 0)
        return r;
    if (!l->node) {
        cleanup_free char *path = xstrndup(cp->dst.at, l->dst);

        r = l->parent ? make_nested(cp, l, path, err) : make_top(cp, l, path, err);
    }
    return r < 0 ? r : open_target(cp, l, err);
}

/* ---- one thing that is not a directory ---- */

static struct node *new_file_node(struct copying *cp, const struct stat *st)
{
    struct node *n = copy_new_node(cp->c, cp->dst.at);

    n->st = *st;
    n->origin = arena_strdup(cp->c->arena, cp->src.at);
    return n;
}

static int clear_place(struct copying *cp, const struct level *l, struct error *err)
{
    if (!earlier_actions(cp) && !l->below)
        return 0;
    return cp->s->replace ? copy_make_way(cp->c, cp->dst.at, err)
                          : copy_clear(cp->c, cp->dst.at, err);
}

static void link_node(struct copying *cp, struct node *n, struct node *file)
{
    n->e = (struct entry){.path = n->source, .type = ENTRY_HARDLINK, .link = file->source};
    n->file = file;
    vec_push(&cp->links, n);
}

/* True when the node is another name of a file that this action has copied. */
static bool link_by_inode(struct copying *cp, struct node *n)
{
    const uint64_t key[2] = {n->st.st_dev, n->st.st_ino};
    const struct view bytes = view_make(key, sizeof(key));

    if (n->st.st_nlink < 2)
        return false;
    struct node *first = map_get(&cp->inodes, bytes);
    if (first)
        link_node(cp, n, first);
    else
        map_set(&cp->inodes, bytes, n);
    return first != NULL;
}

static void flush(struct copying *cp, struct level *l)
{
    if (l->batch)
        copy_push(cp, l->batch);
    l->batch = NULL;
}

static void queue(struct copying *cp, struct level *l, struct node *n)
{
    if (!l->batch)
        l->batch = batch_new(l->dir);
    if (batch_add(l->batch, n))
        flush(cp, l);
}

/* Links, devices, fifos: nothing to read. */
static int make_special(struct copying *cp, const struct level *l, struct node *n,
                        struct error *err)
{
    struct copy *c = cp->c;
    const struct entry *e = &n->e;
    const int dir = l->dir->target;
    const char *name = path_name(n->source);
    size_t lost = 0;
    int r = meta_make(dir, name, e, c->o.owner, err);

    if (r < 0)
        return r;
    const bool plain_link = e->type == ENTRY_SYMLINK && e->xattr_count == 0 && c->plain_root &&
                            e->uid == c->uid && e->gid == c->gid;
    if (!plain_link)
        r = meta_set(dir, name, -1, e, c->o.owner, &lost, err);
    c->helpers[0].lost += lost;
    return r < 0 ? r : meta_set_time(dir, name, -1, e, err);
}

static int visit_special(struct copying *cp, const struct level *l, struct node *n,
                         struct error *err)
{
    const char *name = path_name(n->origin);
    int r = meta_get(l->dir->source, name, -1, &n->st, cp->s->owner, cp->c->arena, &n->e, err);

    n->e.path = n->source;
    if (r < 0)
        return r;
    if (n->e.type == ENTRY_WHITEOUT)
        return error_set(err, -EINVAL, "'%.200s' is device 0:0, which would hide a file",
                         n->origin);
    copy_apply(cp->s, &n->e);
    r = make_special(cp, l, n, err);
    return r < 0 ? r : tell(cp, n->origin, &n->st, &n->e, err);
}

static int visit_file(struct copying *cp, struct level *l, const struct stat *st, struct error *err)
{
    int r = make_level(cp, l, err);

    if (r == 0)
        r = clear_place(cp, l, err);
    if (r < 0)
        return r;
    struct node *n = new_file_node(cp, st);
    if (link_by_inode(cp, n))
        return tell(cp, n->origin, &n->st, &n->e, err);
    if (!S_ISREG(st->st_mode))
        return visit_special(cp, l, n, err);
    n->e.type = ENTRY_FILE;
    queue(cp, l, n);
    return 0;
}

/* ---- a directory as source ---- */

static int walk_dir(struct copying *cp, struct level *l, bool wanted, struct error *err);

static int open_source(const struct copying *cp, struct level *l, struct error *err)
{
    const char *path = l->src ? cp->src.at : ".";
    const int fd = fd_open_beneath(cp->s->dir, path, O_RDONLY | O_DIRECTORY, 0, err);

    if (fd < 0)
        return fd;
    l->dir = dir_ref_new(fd);
    return 0;
}

static const char *skip_name(const struct copying *cp)
{
    const size_t prefix = cp->s->skip_from_path ? strlen(cp->s->path) : 0;

    return cp->src.at + (prefix ? prefix + 1 : 0);
}

static int visit_dir(struct copying *cp, struct level *l, const struct stat *st, bool wanted,
                     struct error *err)
{
    struct level child = {
        .parent = l, .st = *st, .src = cp->src.size, .dst = cp->dst.size, .depth = l->depth + 1};

    if (l->depth >= OPEN_DEPTH) {
        flush(cp, l);
        dir_ref_drop(l->dir);
        l->dir = dir_ref_new(-1);
    }
    int r = walk_dir(cp, &child, wanted, err);
    if (r < 0 || l->dir->source >= 0)
        return r;
    str_truncate(&cp->src, l->src);
    str_truncate(&cp->dst, l->dst);
    dir_ref_drop(l->dir);
    l->dir = NULL;
    return open_source(cp, l, err);
}

static int visit(struct copying *cp, struct level *l, const struct name *name, struct error *err)
{
    const struct copy_source *s = cp->s;
    struct stat st;
    bool prune = true;

    enter_name(&cp->src, l->src, name->text);
    enter_name(&cp->dst, l->dst, name->text);
    const int r = check_length(cp, err);
    if (r < 0)
        return r;
    if (s->skip && name->type != DT_UNKNOWN && name->type != DT_DIR &&
        s->skip(s->ctx, skip_name(cp), false, &prune))
        return 0;
    if (fstatat(l->dir->source, name->text, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return error_sys(err, "stat '%.200s'", cp->src.at);
    if (S_ISSOCK(st.st_mode))
        return 0;
    if (!S_ISDIR(st.st_mode)) {
        if (s->skip && name->type == DT_UNKNOWN && s->skip(s->ctx, skip_name(cp), false, &prune))
            return 0;
        return visit_file(cp, l, &st, err);
    }
    const bool skipped = s->skip && s->skip(s->ctx, skip_name(cp), true, &prune);
    return skipped && prune ? 0 : visit_dir(cp, l, &st, !skipped, err);
}

static int walk_names(struct copying *cp, struct level *l, struct error *err)
{
    struct names names = {0};
    int r = names_read(l->dir->source, &names, err);

    for (size_t i = 0; r == 0 && i < names.size; i++) {
        r = visit(cp, l, &names.at[i], err);
        if (cp->c->pool && pool_failed(cp->c->pool))
            break;
    }
    names_done(&names);
    flush(cp, l);
    return r;
}

static int walk_dir(struct copying *cp, struct level *l, bool wanted, struct error *err)
{
    int r = open_source(cp, l, err);

    if (r == 0)
        r = meta_get(-1, cp->src.at, l->dir->source, NULL, cp->s->owner, cp->c->arena, &l->e, err);
    if (r == 0) {
        copy_apply(cp->s, &l->e);
        l->e.opaque = false;
    }
    if (r == 0 && wanted)
        r = make_level(cp, l, err);
    if (r == 0)
        r = walk_names(cp, l, err);
    batch_free(l->batch);
    dir_ref_drop(l->dir);
    return r;
}

/* ---- one file as source ---- */

/* A level for the directory that gets the file: its parents are made, its own attributes stay. */
static int file_level(struct copying *cp, int take_source, struct level *ret, struct error *err)
{
    const struct copy_source *s = cp->s;
    const char *slash = strrchr(s->dest, '/');

    *ret = (struct level){.dst = slash ? (size_t)(slash - s->dest) : 0,
                          .dir = dir_ref_new(take_source)};
    const int r = copy_parents(cp->c, s->dest, s->parent_uid, s->parent_gid, err);
    if (r < 0)
        return r;
    ret->below = true; /* so that the place is looked at */
    str_clear(&cp->src);
    str_clear(&cp->dst);
    str_add_text(&cp->src, s->path);
    str_add_text(&cp->dst, s->dest);
    return open_target(cp, ret, err);
}

static int copy_one_file(struct copying *cp, int take_parent, const struct stat *st,
                         struct error *err)
{
    struct level l;
    int r = file_level(cp, take_parent, &l, err);

    if (r == 0)
        r = visit_file(cp, &l, st, err);
    flush(cp, &l);
    dir_ref_drop(l.dir);
    return r;
}

static int walk_directory(struct copying *cp, struct error *err)
{
    const struct copy_source *s = cp->s;
    const char *slash = strrchr(s->path, '/');
    cleanup_free char *parent = slash ? xstrndup(s->path, (size_t)(slash - s->path)) : xstrdup(".");
    struct level top = {.src = strlen(s->path), .dst = strlen(s->dest)};
    struct stat st = {.st_mode = S_IFDIR};

    str_add_text(&cp->src, s->path);
    str_add_text(&cp->dst, s->dest);
    if (s->path[0] == '\0')
        return walk_dir(cp, &top, !s->lazy, err);
    cleanup_close int fd = fd_open_beneath(s->dir, parent, O_RDONLY | O_DIRECTORY, 0, err);
    if (fd < 0)
        return fd;
    if (fstatat(fd, path_name(s->path), &st, AT_SYMLINK_NOFOLLOW) < 0)
        return error_sys(err, "stat '%.200s'", s->path);
    if (S_ISDIR(st.st_mode))
        return walk_dir(cp, &top, !s->lazy, err);
    return copy_one_file(cp, steal_fd(fd), &st, err);
}

/* ---- layers as source ---- */

static struct level *level_of(struct level *l, const char *path)
{
    const size_t size = strlen(path);

    while (l && !(size > l->src && (l->src == 0 || path[l->src] == '/')))
        l = l->parent;
    return l;
}

/* Ends the directories that path is not in. */
static struct level *leave(struct copying *cp, struct level *l, const struct level *until)
{
    while (l != until) {
        struct level *parent = l->parent;

        flush(cp, l);
        dir_ref_drop(l->dir);
        free(l);
        l = parent;
    }
    return l;
}

static struct level *enter(struct copying *cp, struct level *parent, const struct entry *e)
{
    struct level *l = xcalloc(1, sizeof(*l));

    *l = (struct level){.parent = parent, .e = *e, .src = cp->src.size, .dst = cp->dst.size};
    l->dir = dir_ref_new(-1);
    l->e.opaque = false;
    copy_apply(cp->s, &l->e);
    return l;
}

/* A hard link whose file was copied by this action stays one. */
static bool link_by_entry(struct copying *cp, struct node *n, const struct merge_file *file)
{
    const struct entry *e = file->entry;
    const struct view key = view_make(&e, sizeof(e));
    const size_t prefix = strlen(cp->s->path);
    STR_AUTO(dest);

    if (!file->is_link)
        return false;
    struct node *first = map_get(&cp->inodes, key);
    if (!first && strncmp(e->path, cp->s->path, prefix) == 0 &&
        (prefix == 0 || e->path[prefix] == '/')) {
        str_add_text(&dest, cp->s->dest);
        enter_name(&dest, dest.size, e->path + (prefix ? prefix + 1 : 0));
        first = copy_node(cp->c, dest.at);
    }
    if (first && first->from == e) {
        link_node(cp, n, first);
        return true;
    }
    map_set(&cp->inodes, key, n);
    return false;
}

static int visit_tree_file(struct copying *cp, struct level *l, const struct merge_file *file,
                           struct error *err)
{
    int r = make_level(cp, l, err);

    if (r == 0)
        r = clear_place(cp, l, err);
    if (r < 0)
        return r;
    const struct stat st = {.st_size = (off_t)file->entry->size};
    struct node *n = new_file_node(cp, &st);
    n->e = *file->entry;
    n->e.path = n->source;
    n->from = file->entry;
    n->fs = cp->s->fs[file->layer];
    copy_apply(cp->s, &n->e);
    if (link_by_entry(cp, n, file))
        return 0;
    if (n->e.type != ENTRY_FILE)
        return make_special(cp, l, n, err);
    queue(cp, l, n);
    return 0;
}

static int visit_tree(struct copying *cp, struct merge_walk *w, struct level **l, const char *path,
                      const struct merge_file *file, struct error *err)
{
    const struct copy_source *s = cp->s;
    const bool is_dir = file->entry->type == ENTRY_DIR;
    bool prune = true, skipped = false;
    struct level *parent = level_of(*l, path);

    *l = leave(cp, *l, parent);
    str_clear(&cp->src);
    str_add_text(&cp->src, path);
    if (parent)
        enter_name(&cp->dst, parent->dst, path + (parent->src ? parent->src + 1 : 0));
    const int r = check_length(cp, err);
    if (r < 0)
        return r;
    if (parent && s->skip)
        skipped = s->skip(s->ctx, skip_name(cp), is_dir, &prune);
    if (skipped && is_dir && prune)
        merge_walk_prune(w);
    if (skipped && (!is_dir || prune))
        return 0;
    if (!is_dir)
        return visit_tree_file(cp, parent, file, err);
    *l = enter(cp, parent, file->entry);
    skipped |= !parent && s->lazy;
    return skipped ? 0 : make_level(cp, *l, err);
}

static int walk_tree_file(struct copying *cp, const struct merge_file *file, struct error *err)
{
    struct level l;
    int r = file_level(cp, -1, &l, err);

    if (r == 0)
        r = visit_tree_file(cp, &l, file, err);
    flush(cp, &l);
    dir_ref_drop(l.dir);
    return r;
}

static int walk_trees(struct copying *cp, struct error *err)
{
    const struct copy_source *s = cp->s;
    CLEANUP(merge_walk_freep) struct merge_walk *w = NULL;
    struct level *l = NULL;
    struct merge_file file;
    const char *path;

    int r = merge_walk_begin(s->trees, view_of(s->path), &w);
    if (r < 0)
        return error_set(err, r, "'%.200s' does not exist", s->path);
    str_add_text(&cp->dst, s->dest);
    if (merge_lookup(s->trees, view_of(s->path), &file) == 0 && file.entry->type != ENTRY_DIR)
        return walk_tree_file(cp, &file, err);
    while (r == 0 && merge_walk_next(w, &path, &file) > 0) {
        r = visit_tree(cp, w, &l, path, &file, err);
        if (cp->c->pool && pool_failed(cp->c->pool))
            break;
    }
    leave(cp, l, NULL);
    return r;
}

int copy_walk(struct copying *cp, struct error *err)
{
    return cp->s->trees ? walk_trees(cp, err) : walk_directory(cp, err);
}
