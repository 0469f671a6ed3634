/* The end of an unpack: whiteouts, then attributes of directories from the leaves up, then the
 * index. */
#include <assert.h>
#include <errno.h>
#include <malloc.h>

#include "base/fd.h"
#include "layer/unpack_internal.h"

/* ---- whiteouts ---- */

static bool hidden_by_opaque(const struct node *dir)
{
    for (; dir; dir = dir->parent)
        if (dir->opaque)
            return true;
    return false;
}

/* Whether the layers below have path, as far as is known. */
static bool is_below(const struct unpack *u, const char *path)
{
    struct merge_file file = {0};

    return u->o.below != UNPACK_BELOW_VIEW ||
           (merge_lookup(u->o.view, view_of(path), &file) == 0 && file.entry);
}

/* In an opaque directory a whiteout would hide nothing and show as a device; where this layer has
 * the name itself, its own file is meant to stay (w09, w10). */
int unpack_whiteout(struct unpack *u, const char *path, struct error *err)
{
    const struct entry e = {.path = path, .type = ENTRY_WHITEOUT};
    cleanup_walk struct walk w = WALK_INIT;
    struct node *node;
    int r = unpack_walk(u, u->base, path, WALK_NOFOLLOW, &w, err);

    if (r == -ENOTDIR) { /* a file of this layer hides what was below it anyway */
        error_done(err);
        return 0;
    }
    if (r < 0)
        return r;
    if (w.node || hidden_by_opaque(w.dir))
        return 0;
    if (w.rest.size > 0) { /* directories are missing */
        STR_AUTO(full);
        node_path(w.dir, &full);
        if (full.size > 0)
            str_add_char(&full, '/');
        str_add(&full, str_view(&w.rest));
        if (!is_below(u, full.at))
            return 0;
        r = unpack_walk(u, u->base, path, WALK_NOFOLLOW | WALK_CREATE, &w, err);
        if (r < 0)
            return r;
    }
    return unpack_make(u, w.dir, str_view(&w.last), &e, NULL, &node, err);
}

/* ---- directories and the index ---- */

struct finishing {
    struct unpack *u;
    struct index_builder *index; /* NULL: flat */
    struct unpack_result *result;
    size_t forgotten;
};

#define TRIM_EVERY 65536 /* files: some 15 MB of nodes */

/* The index says everything about a file with one name: its node goes when the entry comes, or a
 * million files would be in memory twice. */
static void forget_file(struct finishing *f, struct node *node)
{
    if (node->file->entry.type == ENTRY_DIR || node->file->links != 1)
        return;
    node_remove(&f->u->nodes, node);
    if (++f->forgotten % TRIM_EVERY == 0)
        (void)malloc_trim(0);
}

static void add_to_index(struct finishing *f, struct node *node, const char *path)
{
    struct entry e = node->file->entry;
    STR_AUTO(first);

    if (!f->index || (!node->parent && node->implied))
        return;
    e.path = path;
    e.opaque = node->opaque;
    e.implied = node->implied;
    if (node->file->first) {
        node_path(node->file->first, &first);
        e.type = ENTRY_HARDLINK;
        e.link = first.at;
        e.xattr_count = 0;
        e.content = (struct digest){0};
    }
    node->file->first = node->file->first ? node->file->first : node;
    index_builder_add(f->index, &e);
}

static int close_directory(struct finishing *f, struct node *dir, const char *path,
                           struct error *err)
{
    struct unpack *u = f->u;
    struct entry *e = &dir->file->entry;
    size_t lost = 0;
    const int fd = node_fd(&u->nodes, dir, err);

    if (fd < 0)
        return fd;
    int r = dir->opaque ? meta_set_opaque(fd, err) : 0;
    if (!dir->parent && (dir->implied || u->o.flat))
        return r;
    e->path = path;
    if (r == 0)
        r = meta_set(-1, path, fd, e, u->o.owner, &lost, err);
    if (r == 0)
        r = meta_set_time(-1, path, fd, e, err);
    u->lost += lost;
    if (r == 0 && lost > 0)
        unpack_warn(u, "'%s': %zu extended attributes could not be set", path, lost);
    e->path = "";
    return r;
}

/* A node and what is below it. Directories get their attributes after their children: search
 * permission would be gone, and times would change. As deep as paths are long: 2048 at most. */
static int finish_node(struct finishing *f, struct node *node, struct error *err)
{
    STR_AUTO(path);
    int r = 0;

    node_path(node, &path);
    add_to_index(f, node, path.at);
    if (node->file->entry.type != ENTRY_DIR)
        return 0;
    if (node->parent && node->implied && f->u->o.below == UNPACK_BELOW_UNKNOWN)
        f->result->wants_below = true;
    size_t count = 0;
    cleanup_free struct node **children = node_children(node, &count);
    for (size_t i = 0; i < count && r == 0; i++) {
        r = finish_node(f, children[i], err);
        if (r == 0)
            forget_file(f, children[i]);
    }
    if (r == 0 && !f->u->o.data)
        r = close_directory(f, node, path.at, err);
    return r;
}

/* An opaque root must be in the index; without an entry of its own it looks as below. */
static int name_opaque_root(struct unpack *u, struct error *err)
{
    struct node *root = u->nodes.root;
    struct merge_file below = {0};

    if (!root->implied || !root->opaque)
        return 0;
    root->implied = false;
    if (u->o.below != UNPACK_BELOW_VIEW)
        return 0;
    const int r = merge_lookup(u->o.view, VIEW(""), &below);
    if (r < 0)
        return error_set(err, r, "look at the layers below");
    file_free(root->file);
    root->file = file_new(below.entry);
    root->file->links = 1;
    u->used_below = true;
    return 0;
}

int unpack_finish(struct unpack *u, struct unpack_result *ret, struct error *err)
{
    CLEANUP(index_builder_freep)
    struct index_builder *b = u->o.flat ? NULL : index_builder_new();
    struct unpack_result result = {.entries = u->entries, .left_out = u->left_out};
    struct finishing f = {u, b, &result, 0};

    assert(!u->finished);
    u->finished = true;
    for (size_t i = 0; i < u->whiteouts.size; i++) {
        const int r = unpack_whiteout(u, u->whiteouts.at[i], err);
        if (r < 0)
            return error_wrap(err, r, "whiteout of '%.300s'", u->whiteouts.at[i]);
    }
    int r = name_opaque_root(u, err);
    if (r == 0)
        r = finish_node(&f, u->nodes.root, err);
    if (r < 0)
        return error_wrap(err, r, "finish the tree");
    r = b ? index_builder_finish(b, &result.index, err) : 0;
    if (r < 0)
        return r;
    result.used_below = u->used_below;
    result.lost = u->lost;
    *ret = result;
    return 0;
}
