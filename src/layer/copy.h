/* layer/copy.h - makes a new layer out of files of a directory or of other layers: COPY, ADD,
 * WORKDIR, heredocs.
 *
 * A session writes one layer, action by action; a later one sees what the earlier ones wrote. Rules
 * (reference/dockerfile.md, "COPY and ADD"; BuildKit 0.13 where it says nothing):
 *  - a directory source gives its contents, merged into dest; dest keeps mode and owner when it
 * exists and takes the source's time, nested directories take all of the source's; missing parents are made 0755;
 *  - a file over a directory, or a directory over a file or link, is -EISDIR or -ENOTDIR; a file
 * over a file or link replaces it;
 *  - hard links inside one action stay, links are copied as they are, sockets are left out, xattrs
 * are kept as layer/meta.h says;
 *  - directories that exist below and are on the way appear in the layer as they are below.
 *
 * Paths are plain (entry.h) and resolved (merge_resolve(), context_resolve()); that what they go
 * through is still a directory is checked again, links are never followed. Uses threads, leaves
 * none running between calls. */
#pragma once

#include "layer/chmod.h"
#include "layer/merge.h"
#include "layer/meta.h"

struct copy_options {
    int fs;                    /* the new layer's fs/ directory, empty: borrowed */
    enum owner_mode owner;     /* how owners are kept in it */
    const struct merge *below; /* what the layer will lie on; NULL: nothing (scratch, --link) */
    /* A committed layer that may be much the same, as the step made it the last time; NULL: none. Files that are
     * equal in everything that an index says, times too, become names of its files. Whoever looks sees that they have
     * several links, and nothing else: layers never change. */
    const struct index *before;
    int before_fs; /* its fs/ */
    /* mtime of what no source has: made parents, written files; or SOURCE_DATE_EPOCH */
    int64_t now_s;
    unsigned threads; /* 0: as many as processors, at most 4 */
};

struct copy;
MUST_CHECK int copy_begin(const struct copy_options *o, struct copy **ret, struct error *err);
void copy_free(struct copy *c); /* what was written stays: the caller removes the directory */
DEFINE_CLEANUP(struct copy *, copy_free)

/* What was found of an entry of a directory, before --chown and the like. */
struct copy_seen {
    const char *path;             /* below the source's root: `path` of copy_source included */
    size_t number;                /* in copy_source.list, plus one; 0: it is not from there */
    mode_t mode;                  /* type and permissions */
    const struct digest *content; /* of a file that was read here, or of a link's text; else NULL */
    struct digest xattrs;         /* zero: none (layer/context.h) */
    bool again; /* one more name of an entry: content and xattrs are not told again */
};

/* An entry of a directory as it was when the directory was walked. */
struct copy_listed {
    const char *path; /* below dir */
    struct stat st;   /* but its owner; of st_nlink, whether a file has several names */
    struct digest content;
    bool plain; /* content is known, and there are no extended attributes */
};
/* All entries at and below copy_source.path that the copy is to find, in entry_path_cmp() order. Called by the thread
 * that called copy_add(). */
struct copy_list {
    size_t (*find)(void *ctx, const char *path);              /* the first that is not before it */
    bool (*at)(void *ctx, size_t i, struct copy_listed *ret); /* false: there are no more */
    void (*taken)(void *ctx, size_t i);                       /* copied as it was listed */
};

/* The group that mkdir() gives: that of the directory around it when this has the set-group-id bit, else root's. */
#define COPY_GID_MADE UINT32_MAX

struct copy_source {
    /* Either a directory ... */
    int dir; /* -1: trees */
    /* NULL: dir is walked. Else names come from here, and plain directories; of files, those that are as in the layer
     * of the last time are not even looked at. Not with keep_owner */
    const struct copy_list *list;
    bool keep_owner; /* of files in dir; else 0:0. Always kept from trees */
    mode_t gitmode;  /* of dir: layer/gitmode.h */
    /* ... or layers: fs[i] is the fs/ directory of layer i of the merge, which has owner_mode
     * `owner`. Their indexes live until copy_finish() */
    const struct merge *trees;
    const int *fs;
    enum owner_mode owner; /* of dir or trees; contexts are OWNER_REAL */

    /* As an archive is unpacked, not as files are copied: what is in the way of an entry goes, a
     * directory with all it has; directories that are implied (entry.h) keep what is there */
    bool replace;

    const char *path; /* below it, resolved, "" is the whole */
    const char *dest; /* a file: its new path; a directory: the one that gets the contents. "" is
                         the root */
    /* Made parents, and dest itself when it is a directory that does not exist, belong to: (or COPY_GID_MADE) */
    uint32_t parent_uid, parent_gid;

    /* Of a directory: nothing is made for it until there is something in it. */
    bool lazy;
    /* Directories that are there already keep their owner and attributes and take the mode alone: COPY --parents. */
    bool keep_dirs;
    /* Of a directory: dest takes its mode, too. */
    bool whole;

    bool chown;
    uint32_t uid, gid;
    bool has_time; /* files are of this time, not of the source's */
    int64_t time_s;
    const struct chmod *chmod; /* NULL: modes as they are. Not applied to made parents */

    /* The callbacks come from several threads at once, so they only read what ctx points to or
     * lock. Any may be NULL. skip: leaves an entry out; of a directory with `*prune` (preset to
     * true) its contents too, else a directory appears when something in it does. rel is below the
     * source's root (dir) or below `path` (from_path). */
    bool (*skip)(void *ctx, const char *rel, bool is_dir, bool *prune);
    bool skip_from_path; /* rel is below `path`: COPY --exclude */
    /* Of a directory, for everything that is copied but its top. known: true with the digest of a file when it is what
     * the caller thinks, and then need not be hashed; *ret_plain: it has no attributes that a layer keeps. seen: what it is otherwise; -EAGAIN when that will not do. */
    bool (*known)(void *ctx, const char *path, size_t number, const struct stat *st,
                  struct digest *ret, bool *ret_plain);
    int (*seen)(void *ctx, const struct copy_seen *s, struct error *err);
    void *ctx;
};

/* -ENOENT: nothing at path. */
MUST_CHECK int copy_add(struct copy *c, const struct copy_source *s, struct error *err);
/* dest and its missing parents, owned by uid:gid (or COPY_GID_MADE); no change when it is a directory already (but it
 * then is an entry of the layer). */
MUST_CHECK int copy_mkdir(struct copy *c, const char *dest, uint32_t mode, uint32_t uid,
                          uint32_t gid, struct error *err);
/* A file out of memory (heredocs). */
MUST_CHECK int copy_write(struct copy *c, const char *dest, struct view data, uint32_t mode,
                          uint32_t uid, uint32_t gid, struct error *err);
/* What is at dest is gone, directories with all they have; -ENOENT when nothing is there. */
MUST_CHECK int copy_remove(struct copy *c, const char *dest, struct error *err);

struct copy_stats {
    uint64_t files, bytes, hashed_bytes, lost_xattrs;
};
/* Gives directories their modes, owners and times; then the layer is complete. *ret_stats may be
 * NULL. */
MUST_CHECK int copy_finish(struct copy *c, struct index **ret, struct copy_stats *ret_stats,
                           struct error *err);
