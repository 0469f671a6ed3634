#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#include "base/fd.h"
#include "layer/copy_internal.h"
#include "layer/gitmode.h"
#include "layer/names.h"
#include "layer/tar.h"

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

static int visit_dir(struct copying *cp, struct level *l, const struct stat *st, bool wanted,
                     struct error *err)
{
    struct level child = {
        .parent = l, .st = *st, .src = cp->src.size, .dst = cp->dst.size, .depth = l->depth + 1};

    if (l->depth >= OPEN_DEPTH) {
        level_flush(cp, l);
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

    path_enter(&cp->src, l->src, name->text);
    path_enter(&cp->dst, l->dst, name->text);
    const int r = level_check_length(cp, err);
    if (r < 0)
        return r;
    if (s->skip && name->type != DT_UNKNOWN && name->type != DT_DIR &&
        s->skip(s->ctx, level_skip_name(cp), false, &prune))
        return 0;
    if (fstatat(l->dir->source, name->text, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return error_sys(err, "stat '%.200s'", cp->src.at);
    if (S_ISSOCK(st.st_mode))
        return 0;
    if (!S_ISDIR(st.st_mode)) {
        if (s->skip && name->type == DT_UNKNOWN &&
            s->skip(s->ctx, level_skip_name(cp), false, &prune))
            return 0;
        return level_visit_file(cp, l, &st, err);
    }
    const bool skipped = s->skip && s->skip(s->ctx, level_skip_name(cp), true, &prune);
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
    level_flush(cp, l);
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
        r = level_make(cp, l, err);
    if (r == 0)
        r = walk_names(cp, l, err);
    batch_free(l->batch);
    dir_ref_drop(l->dir);
    return r;
}

/* ---- one file as source ---- */

static int copy_one_file(struct copying *cp, int take_parent, const struct stat *st,
                         struct error *err)
{
    struct level l;
    int r = level_of_file(cp, take_parent, &l, err);

    if (r == 0)
        r = level_visit_file(cp, &l, st, err);
    level_flush(cp, &l);
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
        path_enter(&dest, dest.size, e->path + (prefix ? prefix + 1 : 0));
        first = copy_node(cp->c, dest.at);
    }
    if (first && first->from == e) {
        level_link(cp, n, first);
        return true;
    }
    map_set(&cp->inodes, key, n);
    return false;
}

static int visit_tree_file(struct copying *cp, struct level *l, const struct merge_file *file,
                           struct error *err)
{
    int r = level_make(cp, l, err);

    if (r == 0)
        r = level_clear_place(cp, l, err);
    if (r < 0)
        return r;
    const struct stat st = {.st_size = (off_t)file->entry->size};
    struct node *n = level_new_node(cp, &st);
    n->e = *file->entry;
    n->e.path = n->source;
    n->from = file->entry;
    n->fs = cp->s->fs[file->layer];
    copy_apply(cp->s, &n->e);
    if (link_by_entry(cp, n, file))
        return 0;
    if (n->e.type != ENTRY_FILE)
        return level_make_special(cp, l, n, err);
    level_queue(cp, l, n);
    return 0;
}

static int visit_tree(struct copying *cp, struct merge_walk *w, struct level **l, const char *path,
                      const struct merge_file *file, struct error *err)
{
    const struct copy_source *s = cp->s;
    const bool is_dir = file->entry->type == ENTRY_DIR;
    bool prune = true, skipped = false;
    struct level *parent = level_of(*l, path);

    *l = level_leave(cp, *l, parent);
    str_clear(&cp->src);
    str_add_text(&cp->src, path);
    if (parent)
        path_enter(&cp->dst, parent->dst, path + (parent->src ? parent->src + 1 : 0));
    const int r = level_check_length(cp, err);
    if (r < 0)
        return r;
    if (parent && s->skip)
        skipped = s->skip(s->ctx, level_skip_name(cp), is_dir, &prune);
    if (skipped && is_dir && prune)
        merge_walk_prune(w);
    if (skipped && (!is_dir || prune))
        return 0;
    if (!is_dir)
        return visit_tree_file(cp, parent, file, err);
    *l = level_enter(cp, parent, file->entry);
    skipped |= !parent && s->lazy;
    return skipped ? 0 : level_make(cp, *l, err);
}

static int walk_tree_file(struct copying *cp, const struct merge_file *file, struct error *err)
{
    struct level l;
    int r = level_of_file(cp, -1, &l, err);

    if (r == 0)
        r = visit_tree_file(cp, &l, file, err);
    level_flush(cp, &l);
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
    level_leave(cp, l, NULL);
    return r;
}

int copy_walk(struct copying *cp, struct error *err)
{
    if (cp->s->trees)
        return walk_trees(cp, err);
    return copy_is_listed(cp) ? copy_walk_list(cp, err) : walk_directory(cp, err);
}
