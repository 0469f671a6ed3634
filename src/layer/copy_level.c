#include <errno.h>
#include <unistd.h>

#include "base/fd.h"
#include "layer/copy_internal.h"
#include "layer/tar.h"

static bool earlier_actions(const struct copying *cp)
{
    return cp->first > 0;
}

void path_enter(struct str *path, size_t prefix, const char *name)
{
    str_truncate(path, prefix);
    if (prefix > 0)
        str_add_char(path, '/');
    str_add_text(path, name);
}

int level_check_length(const struct copying *cp, struct error *err)
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
static int tell(const struct copying *cp, const char *path, size_t number, const struct stat *st,
                const struct entry *e, struct error *err)
{
    const struct copy_source *s = cp->s;
    struct digest unused;
    bool plain;

    if (s->trees || (s->known && s->known(s->ctx, path, number, st, &unused, &plain)))
        return 0;
    return copy_tell(cp, path, number, st->st_mode, e, NULL, err);
}

static int tell_directory(const struct copying *cp, const struct level *l, struct error *err)
{
    if (l->as_listed || (!cp->s->seen && !cp->s->known))
        return 0;
    cleanup_free char *path = xstrndup(cp->src.at, l->src);
    return tell(cp, path, l->number, &l->st, &l->e, err);
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
    if (l->e.implied)
        copy_inherit(c, path, &n->e);
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
    if (r == 0 && s->whole)
        l->node->e.mode = l->e.mode;
    /* mode and owner stay, the time is the source's: as BuildKit */
    if (r == 0 && !s->replace && !l->e.implied) {
        l->node->e.mtime_s = l->e.mtime_s;
        l->node->e.mtime_ns = l->e.mtime_ns;
    }
    return r;
}

int level_make(struct copying *cp, struct level *l, struct error *err)
{
    int r = 0;

    if (l->dir->target >= 0)
        return 0;
    if (!l->node && l->parent && (r = level_make(cp, l->parent, err)) < 0)
        return r;
    if (!l->node) {
        cleanup_free char *path = xstrndup(cp->dst.at, l->dst);

        r = l->parent ? make_nested(cp, l, path, err) : make_top(cp, l, path, err);
    }
    return r < 0 ? r : open_target(cp, l, err);
}

/* ---- one thing that is not a directory ---- */

struct node *level_new_node(struct copying *cp, const struct stat *st)
{
    struct node *n = copy_new_node(cp->c, cp->dst.at);

    n->st = *st;
    n->origin = arena_strdup(cp->c->arena, cp->src.at);
    n->number = (uint32_t)cp->number; /* of at most CONTEXT_ENTRIES_MAX */
    return n;
}

int level_clear_place(struct copying *cp, const struct level *l, struct error *err)
{
    if (!earlier_actions(cp) && !l->below)
        return 0;
    return cp->s->replace ? copy_make_way(cp->c, cp->dst.at, err)
                          : copy_clear(cp->c, cp->dst.at, err);
}

void level_link(struct copying *cp, struct node *n, struct node *file)
{
    n->e = (struct entry){.path = n->source, .type = ENTRY_HARDLINK, .link = file->source};
    n->file = file;
    vec_push(&cp->links, n);
}

bool level_link_by_inode(struct copying *cp, struct node *n)
{
    const uint64_t key[2] = {n->st.st_dev, n->st.st_ino};
    const struct view bytes = view_make(key, sizeof(key));

    if (n->st.st_nlink < 2)
        return false;
    struct node *first = map_get(&cp->inodes, bytes);
    if (first)
        level_link(cp, n, first);
    else
        map_set(&cp->inodes, bytes, n);
    return first != NULL;
}

void level_flush(struct copying *cp, struct level *l)
{
    if (l->batch)
        copy_push(cp, l->batch);
    l->batch = NULL;
}

void level_queue(struct copying *cp, struct level *l, struct node *n)
{
    if (!l->batch)
        l->batch = batch_new(l->dir);
    if (batch_add(l->batch, n))
        level_flush(cp, l);
}

/* Links, devices, fifos: nothing to read. */
int level_make_special(struct copying *cp, const struct level *l, struct node *n, struct error *err)
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
    r = level_make_special(cp, l, n, err);
    return r < 0 ? r : tell(cp, n->origin, n->number, &n->st, &n->e, err);
}

int level_visit_file(struct copying *cp, struct level *l, const struct stat *st, struct error *err)
{
    int r = level_make(cp, l, err);

    if (r == 0)
        r = level_clear_place(cp, l, err);
    if (r < 0)
        return r;
    struct node *n = level_new_node(cp, st);
    if (level_link_by_inode(cp, n))
        return tell(cp, n->origin, n->number, &n->st, &n->e, err);
    if (!S_ISREG(st->st_mode))
        return visit_special(cp, l, n, err);
    n->e.type = ENTRY_FILE;
    level_queue(cp, l, n);
    return 0;
}

const char *level_skip_name(const struct copying *cp)
{
    const size_t prefix = cp->s->skip_from_path ? strlen(cp->s->path) : 0;

    return cp->src.at + (prefix ? prefix + 1 : 0);
}

/* A level for the directory that gets the file: its parents are made, its own attributes stay. */
int level_of_file(struct copying *cp, int take_source, struct level *ret, struct error *err)
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

struct level *level_of(struct level *l, const char *path)
{
    const size_t size = strlen(path);

    while (l && !(size > l->src && (l->src == 0 || path[l->src] == '/')))
        l = l->parent;
    return l;
}

/* Ends the directories that path is not in. */
struct level *level_leave(struct copying *cp, struct level *l, const struct level *until)
{
    while (l != until) {
        struct level *parent = l->parent;

        level_flush(cp, l);
        l->dir->node = l->node; /* before the last of the threads is done with it */
        l->dir->action = cp->c->action;
        dir_ref_drop(l->dir);
        free(l);
        l = parent;
    }
    return l;
}

struct level *level_enter(struct copying *cp, struct level *parent, const struct entry *e)
{
    struct level *l = xcalloc(1, sizeof(*l));

    *l = (struct level){.parent = parent, .e = *e, .src = cp->src.size, .dst = cp->dst.size};
    l->number = cp->number;
    l->dir = dir_ref_new(-1);
    l->e.opaque = false;
    copy_apply(cp->s, &l->e);
    return l;
}
