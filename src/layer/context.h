/* layer/context.h - what a directory of the user has in it, and digests of it that survive from
 * build to build.
 *
 * The stat cache is one file of the store for each context: sorted, mapped, merge-joined with the
 * walk. A digest in it is believed when device, inode, size, mode, mtime and ctime are as they
 * were, and were older than the moment the walk began when it was taken (racy ones are never
 * stored). A damaged cache is as none. */
#pragma once

#include <sys/stat.h>

#include "layer/index.h"

#define CONTEXT_ENTRIES_MAX 4000000 /* 40 times the largest checkout met; some 200 bytes each */

struct context_entry {
    const char *path;
    const char *link; /* symlinks; else NULL */
    mode_t mode;      /* st_mode: type and permissions */
    uint32_t uid, gid;
    uint64_t dev, ino, rdev, size, nlink;
    struct timespec mtime, ctime;
    struct digest content; /* of files: zero while nobody asked */
    struct digest xattrs;  /* over names and values of those that a layer keeps; zero: none */
    bool known;            /* content and xattrs are valid (files and directories) */
};

/* ---- the stat cache ---- */

struct context_cache;
struct context_cache *context_cache_new(void);
void context_cache_free(struct context_cache *c);
DEFINE_CLEANUP(struct context_cache *, context_cache_free)
/* An absent or damaged file gives an empty cache: fd -1 is fine. Never fails. */
struct context_cache *context_cache_load(int fd);
/* started: CLOCK_REALTIME before the first file was read; entries not older than that are left out. Not thread-safe. */
void context_cache_add(struct context_cache *c, const char *path, const struct stat *st,
                       const struct digest *content, const struct digest *xattrs,
                       const struct timespec *started);
/* True with the digest when the file is as it was (copy_source.known); thread-safe while nobody
 * adds. */
bool context_cache_find(const struct context_cache *c, const char *path, const struct stat *st,
                        struct digest *ret);
MUST_CHECK int context_cache_save(struct context_cache *c, int fd, struct error *err);

/* ---- the walk ---- */

enum context_verdict {
    CONTEXT_KEEP,
    CONTEXT_DROP,  /* not part of the context, but something below it may be; it appears when
                      something does */
    CONTEXT_PRUNE, /* nor is anything below it */
};

struct context_options {
    /* NULL: everything. Called from several threads at once. */
    enum context_verdict (*exclude)(void *ctx, const char *path, bool is_dir);
    void *ctx;
    const struct context_cache *cache; /* NULL: none; must outlive the context */
    mode_t gitmode;                    /* layer/gitmode.h: what modes are in digests */
    unsigned threads;                  /* 0: as many as processors, at most 4 */
};

struct context;
/* Walks the directory: a stat of everything that is not excluded, nothing is read. dirfd is
 * borrowed and must stay open. Sockets are left out. */
MUST_CHECK int context_open(int dirfd, const struct context_options *o, struct context **ret,
                            struct error *err);
void context_free(struct context *c);
DEFINE_CLEANUP(struct context *, context_free)

/* Sorted by entry_path_cmp(), without the root. */
size_t context_count(const struct context *c);
const struct context_entry *context_at(const struct context *c, size_t i);
const struct context_entry *context_find(const struct context *c,
                                         struct view path); /* NULL when absent */
/* At and below path; "" is everything. */
void context_range(const struct context *c, struct view path, size_t *ret_first, size_t *ret_end);
/* Follows links inside the context: the plain path that `path` (any spelling; ".." stops at the
 * root) means. -ENOENT, -ENOTDIR, -ELOOP, and -EACCES for what .dockerignore left out (a name that
 * exists on disk but not here). */
MUST_CHECK int context_resolve(const struct context *c, struct view path, struct str *ret_path,
                               struct error *err);

/* Reads and hashes what is at and below path and not known yet. A file that changes meanwhile is
 * -EAGAIN. */
MUST_CHECK int context_hash(struct context *c, struct view path, struct error *err);
/* Takes over what a copy read, out of the file of context_save_all(): that is what the copy holds,
 * whatever became of the file since. */
void context_adopt(struct context *c, const struct context_cache *read);
/* Digest of what is at and below path, as belonging to 0:0; hashes what it must. It is index_content() of the same
 * files but where they have extended attributes, which count through context_entry.xattrs. parts: enum content_part.
 * skip as in merge_content(). */
MUST_CHECK int context_content(struct context *c, struct view path, int parts,
                               bool (*skip)(void *ctx, const char *rel, bool is_dir), void *ctx,
                               struct digest *ret, struct error *err);

/* True when something is in it that nobody has read as it is. */
bool context_has_unread(const struct context *c);
/* True when context_save() would write something new. */
bool context_changed(const struct context *c);
/* Writes the cache file: what is known now and what the old cache knew of files that this walk did
 * not exclude. */
MUST_CHECK int context_save(const struct context *c, int fd, struct error *err);

/* The same for context_check_open() of one build: all that a copy can meet, with what may have changed
 * within the tick of the clock, and what was not read. No cache is to be read from it. */
MUST_CHECK int context_save_all(const struct context *c, int fd, struct error *err);

/* Digest over extended attributes for context_entry.xattrs: sorted by name; zero for none. */
void context_xattrs_digest(const struct xattr *xattrs, size_t count, struct digest *ret);
