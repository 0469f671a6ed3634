/* layer/merge.h - several layers seen as one tree, from their indexes alone; nothing is mounted.
 *
 * The rules are the overlay's: the topmost entry of a name wins, directories merge until one is
 * opaque or something else than a directory, whiteouts hide what is below them. */
#pragma once

#include "layer/index.h"

#define MERGE_LINKS_MAX 40 /* symlinks followed in one lookup, as Linux */

struct merge;
/* layers[0] is the top. The indexes are borrowed and must live as long. count 0: an empty tree with
 * a root. */
struct merge *merge_new(const struct index *const *layers, size_t count);
void merge_free(struct merge *m);
DEFINE_CLEANUP(struct merge *, merge_free)

struct merge_file {
    /* never a whiteout or hard link (the file it stands for is given: its path may differ from the
       one asked for); NULL: nothing there */
    const struct entry *entry;
    size_t layer; /* whose fs/ directory has it, under the path that was asked for */
    bool is_link; /* the layer has a hard link here */
};

/* The path as it is, no link followed, not even on the way (a link or file on the way: -ENOTDIR).
 * -ENOENT. "" is the root: always there, a synthetic 0755 0:0 directory where no layer has an entry
 * for it. */
MUST_CHECK int merge_lookup(const struct merge *m, struct view path, struct merge_file *ret);

enum merge_flag {
    MERGE_NOFOLLOW = 1,   /* the last part is not followed when it is a link */
    MERGE_MISSING_OK = 2, /* parts that do not exist are taken as they are: 0 with entry == NULL */
};
/* Any path of a user ("/", "..", doubled slashes; relative ones start at the root) as the container
 * would resolve it. *ret_path gets the resulting plain path (no leading '/'). -ENOENT, -ENOTDIR,
 * -ELOOP, -ENAMETOOLONG. */
MUST_CHECK int merge_resolve(const struct merge *m, struct view path, int flags,
                             struct str *ret_path, struct merge_file *ret, struct error *err);

/* Walks the merged tree at and below path (plain) in entry_path_cmp() order, parents first:
 *
 *     r = merge_walk_begin(m, path, &w);
 *     while (r >= 0 && (r = merge_walk_next(w, &path, &file)) > 0)
 *         ...
 *
 * begin: -ENOENT as merge_lookup(). The path given by next lives until the next call. */
struct merge_walk;
MUST_CHECK int merge_walk_begin(const struct merge *m, struct view path, struct merge_walk **ret);
/* 1 with an entry, 0 at the end. */
MUST_CHECK int merge_walk_next(struct merge_walk *w, const char **ret_path, struct merge_file *ret);
/* Leaves out what is below the directory that was just given. */
void merge_walk_prune(struct merge_walk *w);
void merge_walk_free(struct merge_walk *w);
DEFINE_CLEANUP(struct merge_walk *, merge_walk_free)

/* Digest of what is at and below a plain path, as index_content(): equal for equal trees, however
 * they are layered. skip (may be NULL): entries it says true for are left out, a directory with
 * what is below; rel is below `path`. */
MUST_CHECK int merge_content(const struct merge *m, struct view path, int parts,
                             bool (*skip)(void *ctx, const char *rel, bool is_dir), void *ctx,
                             struct digest *ret, struct error *err);

/* Reads a file of the container (/etc/passwd): links followed inside the root. fs[i] is the fs/
 * directory of layer i. More than limit bytes is -EDQUOT; not a regular file is -EINVAL. */
MUST_CHECK int merge_read_file(const struct merge *m, const int *fs, struct view path, size_t limit,
                               struct str *ret, struct error *err);
