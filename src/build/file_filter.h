/* build/file_filter.h - what of a copied directory is meant: COPY --parents takes what one pattern names,
 * COPY --exclude leaves out what others name. */
#pragma once

#include "dockerfile/ignore.h"

struct file_filter {
    struct ignore *include, *exclude; /* NULL: everything, nothing */
};
#define FILE_FILTER_AUTO(name) CLEANUP(file_filter_done) struct file_filter name = {0}

/* include: a pattern, or NULL. Patterns are those of .dockerignore, relative to the directory. */
MUST_CHECK int file_filter_init(struct file_filter *f, const char *include,
                                const char *const *excludes, size_t exclude_count,
                                struct error *err);
void file_filter_done(struct file_filter *f);
bool file_filter_is_empty(const struct file_filter *f);

/* True when path is left out. *ret_prune: and all that is below it; else a directory comes along where
 * something below it does. */
bool file_filter_skips(const struct file_filter *f, struct view path, bool is_dir, bool *ret_prune);
