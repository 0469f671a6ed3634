/* store/store.h - what cooper keeps on disk: trees, blobs, image records, and their locks.
 *
 *   $COOPER_ROOT/ (0700)
 *     store.json       format, owner and identity of the store
 *     durable          "<boot> <ns>": what that boot wrote before that moment has reached the disk, and so have the blobs
 *                      with mode 0400
 *     lock             flocked shared while a reference is taken, exclusive while things are removed
 *     images/<name>    one JSON record an image (store/images.h)
 *     oci-layout index.json blobs/sha256/<hex>
 *     trees/<hex>/     fs/  index  stamp -> "<boot> <ns> <size>" (a symbolic link: one readlink)
 *     salt             random bytes: hashes of secrets in keys mean nothing elsewhere; may be deleted
 *     cache.db         build results and relations (store/cache.h); may be deleted
 *     contexts/<hex>   stat caches of build contexts; may be deleted
 *     mounts/<hex>/    RUN --mount=type=cache; may be deleted
 *     stubs/           mount points of containers (sandbox/internal.h); may be deleted
 *     logs/<time>-<pid>/ what the steps of a build printed, flocked while it runs; may be deleted
 *     keys/<hex>       flocked by who is working on that key
 *     leases/<name>    flocked by its process; lists the trees and blobs that the process needs
 *     tmp/part-<hex>   what was fetched of a blob until somebody killed us
 *     tmp/upload-<hex> how far a blob had been sent by then
 *     tmp/<name>       flocked by its process; everything unfinished and everything on its way out
 *
 * Invariants
 *   1  A file in blobs/ is complete and matches its name, or is not there: hashed, then named.
 *   2  A record never names a tree or blob that is missing: removal takes only what no record names.
 *      A relation in cache.db may; then it is a miss.
 *   3  A tree in trees/ never changes. (The mtime of trees/<hex> itself is its last use.)
 *   4  After a power cut nothing is believed that was not synced, until it is proven: a tree carries the boot and the
 *      moment of its commit, a blob a mode, and the first command of another boot (store_prove()) reads what `durable` does not
 *      cover: a tree against its index and that against the name, a blob against its name, every record. What does not hold
 *      goes; the record that an image had before keeps its file, and so its way back. kill -9 leaves the page cache alone and
 *      so loses nothing that was committed.
 *   5  A full disk loses work, never truth: what is written is in tmp/ or has no name, and is named
 *      last.
 *   6  Processes on one store see the same and do not run one step twice: store_key_lock().
 *   7  Removal never takes what a running process needs: what its lease names, or what was made or
 *      used since the lease began.
 *
 *   tree   nothing --store_tree_begin()--> tmp/ --store_tree_commit()--> trees/
 *             ^------store_tree_abort()------|                             | store_remove()
 *             ^------death, store_sweep()----|<----------------------------'
 *   blob   nothing --store_blob_begin()--> unnamed --store_blob_commit()--> blobs/
 *             ^------store_blob_abort(), death-|                              | store_remove()
 *             ^------store_sweep()-------- tmp/ <-----------------------------'
 *
 * main opens a store with store_open(); a job, which has the directory's descriptor only, with
 * store_attach(). Both give the same object; neither touches SQLite. */
#pragma once

#include "base/env.h"
#include "base/str.h"
#include "base/vec.h"
#include "oci/digest.h"

struct store;

/* Opens env->store_root, creating what is missing. A store of another format or owner, and a
 * directory of other things, is refused (-EINVAL, -EPERM, -ENOTEMPTY) with a hint. */
MUST_CHECK int store_open(const struct env *env, struct store **ret, struct error *err);
/* The store whose directory fd is (borrowed for the call); for jobs. Nothing is created or checked, and
 * there is no lease: main has one (store_lease()), which covers what its jobs read and commit. */
MUST_CHECK int store_attach(int fd, struct store **ret, struct error *err);
/* Drops the lease and closes. Files that were not committed are gone. NULL is fine. */
void store_close(struct store *s);
DEFINE_CLEANUP(struct store *, store_close)

int store_fd(const struct store *s); /* the directory, for holder_start() */

/* Trees hold file owners as the identity map has them: all users of a store must have the same one.
 * The first call records text ("root", "subids 0:1000:1 1:100000:65536"), later ones refuse another
 * (-EPERM, hint). To be called before trees are made. */
MUST_CHECK int store_set_identity(struct store *s, const char *text, struct error *err);

/* Everything committed so far is on the disk: one syncfs(), after which nothing of it has to be proven should the machine go
 * down. Nobody's result waits for it: who works on a store that wants it does it beside. */
MUST_CHECK int store_sync(struct store *s, struct error *err);
/* Images were named that no sync covers, and so long ago that the kernel has written them by itself: a sync is cheap. */
bool store_wants_sync(struct store *s);

/* --- leases ---
 * Begins the lease of this process if it has none. main calls it (or cache_open(), which does)
 * before it starts jobs: then nothing that they commit is removed before main has seen it. */
MUST_CHECK int store_lease(struct store *s, struct error *err);
/* Puts the tree / blob on the lease, for as long as s is open: 0, or -ENOENT without an error text.
 * Marks it as used now. */
MUST_CHECK int store_tree_hold(struct store *s, const struct digest *tree, struct error *err);
MUST_CHECK int store_blob_hold(struct store *s, const struct digest *blob, struct error *err);

/* --- key locks: one process works on a key, the others wait for its result ---
 * wait false: -EAGAIN without an error text while another holds it, try again later (a timer
 * of 10..50 ms); wait true: sleeps; a signal that has a handler ends the sleep with -EINTR. */
struct store_key;
MUST_CHECK int store_key_lock(struct store *s, const struct digest *key, bool wait,
                              struct store_key **ret, struct error *err);
void store_key_unlock(struct store_key *k); /* NULL is fine; the kernel does it for the dead */
DEFINE_CLEANUP(struct store_key *, store_key_unlock)

/* --- trees ---
 * A tree in the making: a directory of its own on the store's file system, flocked while its owner
 * lives.
 *     dir    will become trees/<hex>; holds fs/ (made, 0755) and is where the index is written
 *     work   beside it: overlay work directory, scratch; thrown away */
struct store_tree;
MUST_CHECK int store_tree_begin(struct store *s, struct store_tree **ret, struct error *err);
int store_tree_dir_fd(const struct store_tree *t);
int store_tree_fs_fd(const struct store_tree *t);
int store_tree_work_fd(const struct store_tree *t);
/* Names it; size is the sum of its files' bytes, for du. That it is there already is success. t is
 * freed either way. The tree is on the lease of s afterwards. */
MUST_CHECK int store_tree_commit(struct store *s, struct store_tree *take_t,
                                 const struct digest *tree, uint64_t size, struct error *err);
/* Throws it away. NULL is fine. */
void store_tree_abort(struct store_tree *t);
DEFINE_CLEANUP(struct store_tree *, store_tree_abort)

bool store_tree_has(struct store *s, const struct digest *tree);
/* Holds it and returns the descriptor of trees/<hex>, with fs/ and index below; -ENOENT when there
 * is none. */
MUST_CHECK int store_tree_open(struct store *s, const struct digest *tree, struct error *err);
/* The size given at commit. */
MUST_CHECK int store_tree_size(struct store *s, const struct digest *tree, uint64_t *ret,
                               struct error *err);

/* --- blobs --- */
struct store_blob_writer;
/* An unnamed file; bytes come through store_blob_write(), or through the descriptor from somebody
 * else. */
MUST_CHECK int store_blob_begin(struct store *s, struct store_blob_writer **ret, struct error *err);
/* The same for a blob that is known beforehand, in a file that outlives this process: *ret_have bytes
 * are there already, which nobody has checked. It goes with store_blob_commit(), with
 * store_blob_discard(), and a day after it was written to last. */
#define STORE_PART_S 86400
MUST_CHECK int store_blob_begin_part(struct store *s, const struct digest *blob,
                                     struct store_blob_writer **ret, uint64_t *ret_have,
                                     struct error *err);
MUST_CHECK int store_blob_write(struct store_blob_writer *w, struct view bytes, struct error *err);
/* Borrowed, O_RDWR. After this call the content is hashed at commit, by reading it again;
 * whoever wrote must be done by then. */
int store_blob_writer_fd(struct store_blob_writer *w);
/* The caller has hashed what it wrote, or has read the file back: commit believes its want and size,
 * and reads nothing. */
void store_blob_vouch(struct store_blob_writer *w);
/* Checks against want (NULL: any digest) and want_size (UINT64_MAX: any size): a difference is
 * -EPROTO. fsyncs and names the file; that it is there already is success. w is freed either way.
 * ret_* may be NULL. The blob is on the lease of s afterwards. */
MUST_CHECK int store_blob_commit(struct store *s, struct store_blob_writer *take_w,
                                 const struct digest *want, uint64_t want_size,
                                 struct digest *ret_digest, uint64_t *ret_size, struct error *err);
void store_blob_abort(
    struct store_blob_writer *w); /* NULL is fine; a part stays for the next time */
void store_blob_discard(struct store_blob_writer *w); /* stays nowhere */
DEFINE_CLEANUP(struct store_blob_writer *, store_blob_abort)
DEFINE_CLEANUP(struct store_blob_writer *, store_blob_discard)
/* A small file about an upload, by a digest of what identifies it: its descriptor, O_RDWR and ours
 * alone. Once its owner is dead, those whom he gave the descriptor to are waited for. -EAGAIN without
 * an error text: its owner lives. It goes a day after it was written to last, or with
 * store_upload_remove() by who has it open. */
MUST_CHECK int store_upload_open(struct store *s, const struct digest *id, struct error *err);
void store_upload_remove(struct store *s, const struct digest *id);
/* begin, write, commit of bytes in memory. */
MUST_CHECK int store_blob_put(struct store *s, struct view bytes, struct digest *ret,
                              struct error *err);

/* Holds it and returns a descriptor for reading, size in *ret_size (may be NULL); -ENOENT when
 * there is none. Bits may have rotted since: who reads bytes of a stranger's format checks the
 * digest on the way. */
MUST_CHECK int store_blob_open(struct store *s, const struct digest *blob, uint64_t *ret_size,
                               struct error *err);
bool store_blob_has(struct store *s, const struct digest *blob);

/* --- small things of others; all may be deleted at any time by prune --- */
/* Stat cache of a build context, by a digest of what identifies it: opened for reading (-ENOENT
 * without an error text), or replaced in one step by what fill() writes to an empty file. */
MUST_CHECK int store_context_open(struct store *s, const struct digest *id, struct error *err);
MUST_CHECK int store_context_replace(struct store *s, const struct digest *id,
                                     int (*fill)(void *ctx, int fd, struct error *err), void *ctx,
                                     struct error *err);
/* A random number of this store; the same in all its processes, as long as it lives. */
#define STORE_SALT_SIZE 32
MUST_CHECK int store_salt(struct store *s, uint8_t ret[static STORE_SALT_SIZE], struct error *err);
/* How a cache mount is used; whichever it is, prune leaves it while its descriptor is open. */
enum store_mount_use {
    STORE_MOUNT_SHARED, /* beside others; sleeps while one has it alone */
    STORE_MOUNT_ALONE,  /* sleeps while others have it */
    STORE_MOUNT_IDLE,   /* alone, or -EAGAIN without an error text */
};
/* Directory of a cache mount, made when missing. Returns its descriptor, flocked. */
MUST_CHECK int store_mount_open(struct store *s, const struct digest *id, enum store_mount_use use,
                                struct error *err);
/* A new directory in logs/ for what the steps of this build print: its descriptor, to be kept open
 * while the build runs. All but the newest STORE_LOGS_MAX are removed. */
#define STORE_LOGS_MAX 50
MUST_CHECK int store_log_dir(struct store *s, int64_t now_s, struct error *err);
/* A directory for anything unfinished (flocked, swept when its owner died): its descriptor. */
MUST_CHECK int store_tmp_dir(struct store *s, struct error *err);
