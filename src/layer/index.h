/* layer/index.h - the sorted entries of one layer with their content digests, and the file that
 * keeps them.
 *
 * Invariants of every index, checked when it is built and when it is loaded:
 *  1. entries are in entry_path_cmp() order, each path once; paths are plain (no empty, "." or ".."
 *     part);
 *  2. every parent is there and is a directory; "" (the root) is the first entry or absent;
 *  3. a hard link names the first path (in this order) of its group, which is not a directory,
 *     whiteout or link;
 *  4. xattrs are sorted by name; link is set for symlinks (not empty) and hard links only;
 *  5. content is set for files (ENTRY_FILE) only. */
#pragma once

#include "base/hash.h"
#include "layer/entry.h"

#define INDEX_ENTRIES_MAX (16u << 20)
#define INDEX_FILE_MAX (UINT64_C(4) << 30)

struct index;

/* Collects entries in any order. Everything an entry points to is copied. */
struct index_builder;
struct index_builder *index_builder_new(void);
void index_builder_free(struct index_builder *b);
DEFINE_CLEANUP(struct index_builder *, index_builder_free)
/* An entry with a path that was added before replaces the earlier one. */
void index_builder_add(struct index_builder *b, const struct entry *e);
/* Sorts and checks; hard links are turned round so that the first name of a group is the file. The
 * builder is empty afterwards, on failure too. -EINVAL: an invariant cannot be had (a missing
 * parent, say). */
MUST_CHECK int index_builder_finish(struct index_builder *b, struct index **ret, struct error *err);

void index_free(struct index *ix);
DEFINE_CLEANUP(struct index *, index_free)

/* The binary file: written at the descriptor's offset; loaded by mapping (the file must not change
 * meanwhile). */
MUST_CHECK int index_save(const struct index *ix, int fd, struct error *err);
MUST_CHECK int index_load(int fd, struct index **ret, struct error *err);
MUST_CHECK int index_load_at(int dirfd, const char *path, struct index **ret, struct error *err);
/* The same out of memory, which must outlive the index: hostile bytes are -EINVAL. */
MUST_CHECK int index_parse(struct view bytes, struct index **ret, struct error *err);
/* Whether it has devices that a container would see: in /dev it has its own. Without reading the rest;
 * 1, 0 or a negative errno. */
MUST_CHECK int index_devices_at(int dirfd, const char *path, struct error *err);

size_t index_count(const struct index *ix);
const struct entry *index_at(const struct index *ix, size_t i);
/* NULL when absent. */
const struct entry *index_find(const struct index *ix, struct view path);
size_t index_position(const struct index *ix, const struct entry *e);
/* Where the subtree of entry i ends: i + 1 for all but directories. Children of i: start at i + 1,
 * step c = index_end(ix, c), while c < index_end(ix, i). */
size_t index_end(const struct index *ix, size_t i);
/* Entries at and below path (which itself may be absent: "" in an index without a root):
 * [*ret_first, *ret_end). */
void index_range(const struct index *ix, struct view path, size_t *ret_first, size_t *ret_end);
/* The file that a hard link stands for; e itself for everything else. */
const struct entry *index_file(const struct index *ix, const struct entry *e);
/* Bytes of all files: what a user is told about the size of a layer. */
uint64_t index_size(const struct index *ix);

/* SHA-256 over everything of every entry but times. Of a layer that stands above others that say the same at other times,
 * over their number, too: it is a turn of its own, with a tree of its own. Kept in the file; 0 for nearly all. */
void index_tree_id(const struct index *ix, struct digest *ret);
void index_set_turn(struct index *ix, uint32_t turn);
/* Of two that say the same. */
bool index_same_times(const struct index *a, const struct index *b);

/* What parts of entries a content digest covers; the type, link text, device, xattrs and content
 * always. */
enum content_part {
    CONTENT_MODE = 1,
    CONTENT_OWNER = 2,
    CONTENT_ALL = 3,
    CONTENT_PORTABLE = 4, /* of CONTENT_MODE only what chmod_portable() leaves */
};
/* Adds one entry under the name it has inside the subtree. A hard link is given as the file it
 * stands for. */
void content_add(struct hash *h, const struct entry *e, struct view name, int parts);
/* The top of a subtree: of a directory only the fact counts, COPY takes nothing else of it. */
void content_add_top(struct hash *h, const struct entry *e, int parts);
/* Digest of what is at and below path: names below it count, its own does not. -ENOENT. */
MUST_CHECK int index_content(const struct index *ix, struct view path, int parts,
                             struct digest *ret, struct error *err);
