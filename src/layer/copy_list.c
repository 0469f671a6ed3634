#include <errno.h>
#include <unistd.h>

#include "base/fd.h"
#include "layer/copy_internal.h"

/* The walk along a list, beside the index of the layer of the last time. */
struct listing {
    struct copying *cp;
    struct level *l;    /* the directory that it is in */
    size_t at;          /* in the list */
    size_t before, end; /* what may be met in the index of the last time */
};

static bool list_at(const struct listing *w, struct copy_listed *ret)
{
    const struct copy_source *s = w->cp->s;

    return s->list->at(s->ctx, w->at, ret);
}

static bool is_below(const char *path, const char *directory)
{
    const size_t size = strlen(directory);

    return size == 0 || (strncmp(path, directory, size) == 0 && path[size] == '/');
}

static unsigned depth_of(const char *path)
{
    unsigned depth = 1;

    for (; (path = strchr(path, '/')); path++)
        depth++;
    return depth;
}

/* False when a directory is so deep that the way to it cannot be kept open. */
static bool is_flat(struct listing *w)
{
    const char *top = w->cp->s->path;
    struct copy_listed e;

    for (; list_at(w, &e) && (strcmp(e.path, top) == 0 || is_below(e.path, top)); w->at++)
        if (depth_of(e.path) > OPEN_DEPTH)
            return false;
    return true;
}

bool copy_is_listed(const struct copying *cp)
{
    const struct copy_source *s = cp->s;
    struct listing w = {.cp = (struct copying *)(uintptr_t)cp}; /* is_flat() only reads */
    struct copy_listed e;

    if (!s->list || s->keep_owner)
        return false;
    w.at = s->list->find(s->ctx, s->path);
    if (s->path[0] && (!list_at(&w, &e) || strcmp(e.path, s->path) != 0))
        return false;
    return is_flat(&w);
}

/* ---- what is there ---- */

static int vanished(const char *path, struct error *err)
{
    error_done(err); /* what the call itself said */
    return error_set(err, -EAGAIN, "'%.200s' vanished while it was copied", path);
}

static int open_directory(const struct copying *cp, const char *path, struct error *err)
{
    const int fd = fd_open_beneath(cp->s->dir, path, O_RDONLY | O_DIRECTORY, 0, err);

    return fd == -ENOENT || fd == -ENOTDIR ? vanished(path, err) : fd;
}

/* The walk saw it, so the copy has to. */
static int open_parent(const struct copying *cp, const char *path, struct error *err)
{
    const char *slash = strrchr(path, '/');
    cleanup_free char *parent = slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup(".");

    return open_directory(cp, parent, err);
}

static int visit_anew(struct copying *cp, struct level *l, const struct copy_listed *e,
                      struct error *err)
{
    const char *path = e->path;
    struct stat st;

    if (l->dir->source < 0)
        l->dir->source = open_parent(cp, path, err);
    if (l->dir->source < 0)
        return l->dir->source;
    if (S_ISREG(e->st.st_mode)) /* whoever reads it looks what it is now */
        return level_visit_file(cp, l, &e->st, err);
    if (fstatat(l->dir->source, path_name(path), &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? vanished(path, err) : error_sys(err, "stat '%.200s'", path);
    if (S_ISDIR(st.st_mode) || S_ISREG(st.st_mode) || S_ISSOCK(st.st_mode))
        return error_set(err, -EAGAIN, "'%.200s' changed while it was copied", path);
    return level_visit_file(cp, l, &st, err);
}

static bool is_as_before(const struct copying *cp, const struct copy_listed *e,
                         const struct entry *was)
{
    struct entry want = {.type = ENTRY_FILE, .mode = e->st.st_mode & 07777};

    if (!was || was->type != ENTRY_FILE || !e->plain || !S_ISREG(e->st.st_mode))
        return false;
    want.mtime_s = e->st.st_mtim.tv_sec;
    want.mtime_ns = (uint32_t)e->st.st_mtim.tv_nsec;
    copy_apply(cp->s, &want);
    return was->xattr_count == 0 && was->mode == want.mode && was->uid == want.uid &&
           was->gid == want.gid && was->size == (uint64_t)e->st.st_size &&
           was->mtime_s == want.mtime_s && was->mtime_ns == want.mtime_ns &&
           digest_eq(&e->content, &was->content);
}

/* What the last layer has at the place that the walk is at. */
static const struct entry *entry_before(struct listing *w)
{
    const struct index *before = w->cp->c->o.before;
    int order = 1; /* without such a layer there is nothing from before to end */

    while (w->before < w->end &&
           (order = entry_path_cmp(index_at(before, w->before)->path, w->cp->dst.at)) < 0)
        w->before++;
    return order == 0 ? index_at(before, w->before) : NULL;
}

static int visit_listed_file(struct listing *w, struct level *l, const struct copy_listed *e,
                             struct error *err)
{
    struct copying *cp = w->cp;
    const struct entry *was = entry_before(w);

    if (!is_as_before(cp, e, was))
        return visit_anew(cp, l, e, err);
    int r = level_make(cp, l, err);
    if (r == 0)
        r = level_clear_place(cp, l, err);
    if (r < 0)
        return r;
    struct node *n = level_new_node(cp, &e->st);
    cp->s->list->taken(cp->s->ctx, w->at);
    if (level_link_by_inode(cp, n))
        return 0;
    n->e.type = ENTRY_FILE;
    n->from = was;
    level_queue(cp, l, n);
    return 0;
}

/* ---- directories ---- */

static int enter_unknown(struct listing *w, struct level *parent, struct error *err)
{
    struct copying *cp = w->cp;
    const char *path = cp->src.size ? cp->src.at : ".";
    struct stat st;
    struct entry e;
    cleanup_close int fd = open_directory(cp, path, err);

    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0)
        return error_sys(err, "stat '%.200s'", path);
    const int r = meta_get(-1, path, fd, &st, cp->s->owner, cp->c->arena, &e, err);
    if (r < 0)
        return r;
    w->l = level_enter(cp, parent, &e);
    w->l->st = st;
    w->l->dir->source = steal_fd(fd); /* its files are not known either */
    return 0;
}

static int enter_listed(struct listing *w, struct level *parent, const struct copy_listed *e,
                        struct error *err)
{
    const struct entry dir = {.type = ENTRY_DIR,
                              .mode = e->st.st_mode & 07777,
                              .mtime_s = e->st.st_mtim.tv_sec,
                              .mtime_ns = (uint32_t)e->st.st_mtim.tv_nsec};

    if (!e->plain)
        return enter_unknown(w, parent, err);
    w->l = level_enter(w->cp, parent, &dir);
    w->l->as_listed = true;
    w->cp->s->list->taken(w->cp->s->ctx, w->at);
    return 0;
}

/* ---- the walk ---- */

/* True when nothing at and below the entry is copied; *ret_lazy: it is, when something below it is. */
static bool is_left_out(struct listing *w, const struct copy_listed *e, bool *ret_lazy)
{
    const struct copy_source *s = w->cp->s;
    const bool is_dir = S_ISDIR(e->st.st_mode);
    struct copy_listed below;
    bool prune = true;

    *ret_lazy = s->skip && s->skip(s->ctx, level_skip_name(w->cp), is_dir, &prune);
    if (!*ret_lazy || (is_dir && !prune))
        return false;
    while (is_dir && (w->at++, list_at(w, &below)) && is_below(below.path, e->path))
        ;
    w->at -= is_dir; /* the caller goes on behind it */
    return true;
}

static int visit_listed(struct listing *w, const struct copy_listed *e, struct error *err)
{
    struct copying *cp = w->cp;
    struct level *parent = level_of(w->l, e->path);
    bool lazy = false;

    w->l = level_leave(cp, w->l, parent);
    str_clear(&cp->src);
    str_add_text(&cp->src, e->path);
    path_enter(&cp->dst, parent->dst, e->path + (parent->src ? parent->src + 1 : 0));
    int r = level_check_length(cp, err);
    if (r < 0 || is_left_out(w, e, &lazy))
        return r;
    if (!S_ISDIR(e->st.st_mode))
        return visit_listed_file(w, parent, e, err);
    r = enter_listed(w, parent, e, err);
    return r < 0 || lazy ? r : level_make(cp, w->l, err);
}

static int walk_list(struct listing *w, struct error *err)
{
    const char *top = w->cp->s->path;
    struct copy_listed e;
    int r = enter_unknown(w, NULL, err); /* the top is never listed as it is copied */

    if (r == 0 && !w->cp->s->lazy)
        r = level_make(w->cp, w->l, err);
    for (w->at += top[0] != '\0'; r == 0 && list_at(w, &e) && is_below(e.path, top); w->at++) {
        w->cp->number = w->at + 1;
        r = visit_listed(w, &e, err);
        if (w->cp->c->pool && pool_failed(w->cp->c->pool))
            break;
    }
    level_leave(w->cp, w->l, NULL);
    return r;
}

static int copy_listed_file(struct listing *w, const struct copy_listed *e, struct error *err)
{
    struct level l;
    int r = level_of_file(w->cp, -1, &l, err);

    w->cp->number = w->at + 1;

    if (r == 0)
        r = visit_listed_file(w, &l, e, err);
    level_flush(w->cp, &l);
    dir_ref_drop(l.dir);
    return r;
}

int copy_walk_list(struct copying *cp, struct error *err)
{
    const struct copy_source *s = cp->s;
    struct listing w = {.cp = cp, .at = s->list->find(s->ctx, s->path)};
    struct copy_listed top;

    if (cp->c->o.before)
        index_range(cp->c->o.before, view_of(s->dest), &w.before, &w.end);
    if (s->path[0] && list_at(&w, &top) && !S_ISDIR(top.st.st_mode))
        return copy_listed_file(&w, &top, err);
    str_add_text(&cp->src, s->path);
    str_add_text(&cp->dst, s->dest);
    return walk_list(&w, err);
}
