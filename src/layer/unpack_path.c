#include <errno.h>

#include "layer/unpack_internal.h"

#define LINKS_MAX 40 /* as the kernel's MAXSYMLINKS */

void walk_done(struct walk *w)
{
    str_done(&w->last);
    str_done(&w->rest);
}

/* What is still to be walked: a stack of texts would do, one text with a position does too. */
struct todo {
    struct str text;
    size_t at;
    unsigned links;
};

static bool next_part(struct todo *t, struct view *ret)
{
    const char *text = t->text.at;

    while (text[t->at] == '/')
        t->at++;
    const size_t size = strcspn(text + t->at, "/");
    *ret = view_make(text + t->at, size);
    t->at += size;
    return size > 0;
}

static bool more_parts(const struct todo *t)
{
    return strspn(t->text.at + t->at, "/") < t->text.size - t->at;
}

/* Puts the target of a link before the rest; absolute ones begin at the root. */
static int follow(struct unpack *u, struct todo *t, struct node **dir, const char *target,
                  struct error *err)
{
    STR_AUTO(text);

    if (++t->links > LINKS_MAX)
        return error_set(err, -ELOOP, "too many symlinks on the way, at a link to '%.200s'",
                         target);
    str_add_text(&text, target);
    str_add_char(&text, '/');
    str_add(&text, view_make(t->text.at + t->at, t->text.size - t->at));
    if (text.size > 64 * 1024) /* 40 targets of 4095 bytes could be more than it is worth */
        return error_set(err, -ENAMETOOLONG, "symlinks make a path of %zu bytes", text.size);
    str_done(&t->text);
    t->text = text;
    text = STR_INIT;
    t->at = 0;
    if (target[0] == '/')
        *dir = u->nodes.root;
    return 0;
}

/* What the layers below have where the tree has nothing. ret->entry is NULL: nothing known. */
static int look_below(struct unpack *u, const struct node *dir, struct view name,
                      struct merge_file *ret)
{
    STR_AUTO(path);

    *ret = (struct merge_file){0};
    if (u->o.below != UNPACK_BELOW_VIEW)
        return 0;
    for (const struct node *d = dir; d; d = d->parent)
        if (d->opaque)
            return 0;
    node_path(dir, &path);
    if (path.size > 0)
        str_add_char(&path, '/');
    str_add(&path, name);
    const int r = merge_lookup(u->o.view, str_view(&path), ret);
    return r == -ENOENT || r == -ENOTDIR ? 0 : r;
}

/* A directory that no entry has named yet: like the one below, else as docker makes it. */
static int imply(struct unpack *u, struct node *dir, struct view name, const struct entry *below,
                 struct node **ret, struct error *err)
{
    struct entry e = {.type = ENTRY_DIR, .mode = 0755};

    if (below && below->type == ENTRY_DIR) {
        e = *below;
        e.opaque = false;
        u->used_below = true;
    }
    const int r = unpack_make(u, dir, name, &e, NULL, ret, err);
    if (r == 0)
        (*ret)->implied = true;
    return r;
}

/* The part is not in the tree. 0: *ret is a directory now; 1: a link below was put into t; 2: it is
 * for the caller, who does not want directories made. */
static int missing(struct unpack *u, struct todo *t, struct node **dir, struct view name, int flags,
                   struct node **ret, struct error *err)
{
    struct merge_file below;
    const int r = look_below(u, *dir, name, &below);

    if (r < 0)
        return error_set(err, r, "look at the layers below");
    if (below.entry && below.entry->type == ENTRY_SYMLINK) {
        u->used_below = true;
        const int f = follow(u, t, dir, below.entry->link, err);
        return f < 0 ? f : 1;
    }
    if (!(flags & WALK_CREATE))
        return 2;
    return imply(u, *dir, name, below.entry, ret, err);
}

static int finish(struct unpack *u, struct walk *w, struct node *dir, struct view name)
{
    w->dir = dir;
    str_clear(&w->last);
    str_add(&w->last, name);
    w->node = name.size ? node_find(&u->nodes, dir, name) : dir;
    return 0;
}

/* What this layer has files below is a directory, whatever was there in an earlier one. */
static bool hides_below(const struct unpack *u, const struct node *node, int flags)
{
    const enum entry_type type = node->file->entry.type;

    return u->o.flat && (flags & WALK_CREATE) && node->layer < u->layer && type != ENTRY_DIR &&
           type != ENTRY_SYMLINK;
}

/* 0: go on in *dir; 1: the walk is over. */
static int step(struct unpack *u, struct todo *t, struct node **dir, struct view name, int flags,
                struct walk *w, struct error *err)
{
    const bool last = !more_parts(t);
    struct node *node = node_find(&u->nodes, *dir, name);

    if (last && (flags & WALK_NOFOLLOW))
        return finish(u, w, *dir, name), 1;
    if (!node) {
        const size_t begin = t->at - name.size;
        const int r = missing(u, t, dir, name, flags, &node, err);
        if (r == 1)
            return 0;
        if (r == 2) {
            str_add_text(&w->rest, t->text.at + begin);
            return finish(u, w, *dir, name), 1;
        }
        if (r < 0)
            return r;
    }
    if (hides_below(u, node, flags)) {
        const int r = imply(u, *dir, name, NULL, &node, err);
        if (r < 0)
            return r;
    }
    switch (node->file->entry.type) {
    case ENTRY_DIR:
        if (flags & WALK_CREATE)
            node->layer = u->layer;
        *dir = node;
        return 0;
    case ENTRY_SYMLINK:
        return follow(u, t, dir, node->file->entry.link, err);
    case ENTRY_FILE:
    case ENTRY_HARDLINK:
    case ENTRY_CHAR:
    case ENTRY_BLOCK:
    case ENTRY_FIFO:
    case ENTRY_WHITEOUT:
        break;
    }
    if (last)
        return finish(u, w, *dir, name), 1;
    return error_set(err, -ENOTDIR, "'%.200s' on the way is not a directory", node->name);
}

int unpack_walk(struct unpack *u, struct node *from, const char *path, int flags, struct walk *ret,
                struct error *err)
{
    struct todo t = {STR_INIT, 0, 0};
    struct node *dir = from;
    struct view name;
    int r = 0;

    str_add_text(&t.text, path);
    str_clear(&ret->rest);
    while (r == 0) {
        if (!next_part(&t, &name)) {
            r = 1;
            finish(u, ret, dir, view_make("", 0));
        } else if (view_eq_text(name, "..")) {
            dir = dir->parent ? dir->parent : dir;
        } else if (!view_eq_text(name, ".")) {
            r = step(u, &t, &dir, name, flags, ret, err);
        }
    }
    str_done(&t.text);
    return r < 0 ? r : 0;
}
