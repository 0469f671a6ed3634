#include "build/view.h"

#include <errno.h>

void view_join(struct str *path, struct view name)
{
    if (path->size && name.size)
        str_add_char(path, '/');
    str_add(path, name);
}

int view_resolve(const struct tree_view *v, struct view path, struct str *ret_path,
                 enum entry_type *ret_type, struct error *err)
{
    struct merge_file file = {0};
    int r;

    if (v->merge) {
        r = merge_resolve(v->merge, path, 0, ret_path, &file, err);
        if (r >= 0)
            *ret_type = file.entry->type;
        return r;
    }
    r = context_resolve(v->context, path, ret_path, err);
    if (r < 0)
        return r;
    const struct context_entry *e = context_find(v->context, str_view(ret_path));
    *ret_type = e ? entry_type_of_mode(e->mode) : ENTRY_DIR; /* the root has no entry */
    return 0;
}

typedef int child_call(void *ctx, struct view name, enum entry_type type);

static struct view last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return view_of(slash ? slash + 1 : path);
}

static int context_children(const struct context *c, struct view directory, child_call *call,
                            void *ctx)
{
    const size_t skip = directory.size ? directory.size + 1 : 0;
    size_t i, end;
    int r = 0;

    context_range(c, directory, &i, &end);
    for (i += directory.size != 0; i < end && r >= 0; i++) {
        const struct context_entry *e = context_at(c, i);
        if (!strchr(e->path + skip, '/'))
            r = call(ctx, view_of(e->path + skip), entry_type_of_mode(e->mode));
    }
    return r;
}

static int merge_children(const struct merge *m, struct view directory, child_call *call, void *ctx)
{
    CLEANUP(merge_walk_freep) struct merge_walk *w = NULL;
    struct merge_file file;
    const char *path;
    int r = merge_walk_begin(m, directory, &w);

    while (r >= 0 && (r = merge_walk_next(w, &path, &file)) > 0) {
        if (strlen(path) == directory.size)
            continue;
        if (file.entry->type == ENTRY_DIR)
            merge_walk_prune(w);
        r = call(ctx, last_part(path), file.entry->type);
    }
    return r;
}

int view_children(const struct tree_view *v, struct view directory, child_call *call, void *ctx)
{
    return v->merge ? merge_children(v->merge, directory, call, ctx)
                    : context_children(v->context, directory, call, ctx);
}

bool view_has(const struct tree_view *v, struct view path)
{
    struct merge_file file;

    return path.size == 0 || (v->merge ? merge_lookup(v->merge, path, &file) >= 0
                                       : context_find(v->context, path) != NULL);
}

/* A directory that is left out counts where something below it may stay: that is rather too much. */
static bool leave_out(void *ctx, const char *rel, bool is_dir)
{
    bool prune;

    return file_filter_skips(ctx, view_of(rel), is_dir, &prune) && prune;
}

int view_content(const struct tree_view *v, struct view path, int parts,
                 const struct file_filter *filter, struct digest *ret, struct error *err)
{
    const bool all = !filter || file_filter_is_empty(filter);
    bool (*skip)(void *, const char *, bool) = all ? NULL : leave_out;
    void *ctx = (void *)(uintptr_t)filter; /* leave_out() only reads */

    return v->merge ? merge_content(v->merge, path, parts, skip, ctx, ret, err)
                    : context_content(v->context, path, parts, skip, ctx, ret, err);
}
