#include "build/file_filter.h"

int file_filter_init(struct file_filter *f, const char *include, const char *const *excludes,
                     size_t exclude_count, struct error *err)
{
    cleanup_free char *but = xasprintf("!%s", include ? include : "");
    const char *const only[] = {"*", but}; /* everything is left out, but what the pattern names */
    int r = 0;

    if (include && *include)
        r = ignore_new(only, ARRAY_SIZE(only), &f->include, err);
    if (r >= 0 && exclude_count)
        r = ignore_new(excludes, exclude_count, &f->exclude, err);
    return r;
}

void file_filter_done(struct file_filter *f)
{
    ignore_free(f->include);
    ignore_free(f->exclude);
}

bool file_filter_is_empty(const struct file_filter *f)
{
    return !f->include && !f->exclude;
}

static bool skips(const struct ignore *ig, struct view path, bool is_dir, bool *prune)
{
    if (!ig || !ignore_match(ig, path))
        return false;
    *prune |= !is_dir || !ignore_may_reach_below(ig, path);
    return true;
}

bool file_filter_skips(const struct file_filter *f, struct view path, bool is_dir, bool *ret_prune)
{
    *ret_prune = false;
    const bool include = skips(f->include, path, is_dir, ret_prune);

    return skips(f->exclude, path, is_dir, ret_prune) || include;
}
