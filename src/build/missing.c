#include "build/missing.h"

#include <errno.h>

#include "base/text.h"
#include "dockerfile/ignore.h"

struct nearest {
    struct text_nearest found;
    char *name; /* found.best, owned */
};

static int try_child(void *ctx, struct view name, enum entry_type type)
{
    struct nearest *n = ctx;
    char *copy = view_dup(name);

    (void)type;
    text_nearest_try(&n->found, copy);
    if (n->found.best == copy) {
        free(n->name);
        n->name = steal(copy);
    }
    free(copy);
    return 0;
}

/* The directory that name lies in, when there is one; *ret_name is what is looked for in it. */
static bool find_parent(const struct tree_view *v, struct view name, struct str *ret_path,
                        struct view *ret_name)
{
    enum entry_type type = ENTRY_DIR;
    size_t cut = name.size;

    while (cut > 0 && name.at[cut - 1] != '/')
        cut--;
    *ret_name = view_make(name.at + cut, name.size - cut);
    return view_resolve(v, view_make(name.at, cut ? cut - 1 : 0), ret_path, &type, NULL) >= 0 &&
           type == ENTRY_DIR;
}

static struct view plain(struct view path)
{
    while (path.size && (*path.at == '/' || view_starts(path, "./"))) {
        const size_t cut = *path.at == '/' ? 1 : 2;
        path = view_make(path.at + cut, path.size - cut);
    }
    while (path.size > 1 && path.at[path.size - 1] == '/')
        path.size--;
    return path;
}

/* The name itself is another one, or that of a directory on the way. */
void missing_hint(const struct tree_view *v, struct view name, int code, struct error *err)
{
    struct view last = name = plain(name);
    STR_AUTO(parent);

    while (name.size > 0 && !find_parent(v, name, &parent, &last))
        name.size -= MIN(name.size, last.size + 1);
    struct nearest n = {.found = text_nearest_to(last)};
    if (name.size == 0 || view_children(v, str_view(&parent), try_child, &n) < 0)
        return;
    if (n.name)
        (void)error_hint(err, code, "did you mean '%.*s%s'?", (int)(last.at - name.at), name.at,
                         n.name);
    free(n.name);
}

const char *missing_from(const struct op *source)
{
    return source->kind == OP_SOURCE_LOCAL    ? source->u.local.path
           : source->kind == OP_SOURCE_IMAGE  ? source->u.image.name
           : source->kind == OP_SOURCE_REMOTE ? source->u.remote.name
           : source->stage                    ? source->stage
                                              : "that stage";
}

static int say_missing(const struct op *source, const struct file_action *a,
                       const struct tree_view *v, int code, struct error *err)
{
    const bool local = source->kind == OP_SOURCE_LOCAL;
    unsigned line = 0;
    STR_AUTO(name);

    str_add_text(&name, a->source);
    view_join(&name, view_of(a->include));
    const struct view path = plain(str_view(&name));
    if (local && source->u.local.ignore && ignore_match_line(source->u.local.ignore, path, &line)) {
        error_done(err);
        (void)error_set(err, -ENOENT, "'%s' is not in the build context", name.at);
        return error_hint(err, -ENOENT, "it is excluded by %s line %u", source->u.local.ignore_name,
                          line);
    }
    if (code != -ENOENT && code != -ENOTDIR)
        return error_wrap(err, code, "copy '%s'", name.at);
    error_done(err);
    (void)error_set(err, -ENOENT, "'%s' is not in %s'%s'", name.at,
                    local ? "the build context " : "", missing_from(source));
    missing_hint(v, path, -ENOENT, err);
    return -ENOENT;
}

int missing_explain(const struct op *source, const struct file_action *a, const struct tree_view *v,
                    int code, struct error *err)
{
    const int r = say_missing(source, a, v, code, err);

    return a->where ? error_at(err, r, "%s", a->where) : r;
}
