/* store/internal.h - what the files of this module share. */
#pragma once

#include <sys/stat.h>

#include "base/map.h"
#include "store/store.h"

#define BOOT_SIZE 17            /* 16 hex digits of the kernel's boot id, and the NUL */
#define STAMP_SIZE_MAX 64       /* "<boot> <ns> <size>", hexadecimal */
#define TMP_NAME_SIZE 32        /* "<pid>-<8 hex digits>" */
#define PART_PREFIX "part-"     /* and the digits of a digest: what is there of a blob */
#define UPLOAD_PREFIX "upload-" /* likewise: how far it was sent */
#define TOUCH_INTERVAL_S 60     /* last use is kept to the minute, so that hits seldom write */
#define STORE_FILE_MAX 65536    /* store.json and durable are a few hundred bytes */

struct store {
    int fd, lock_fd;
    int trees_fd, blobs_fd, tmp_fd; /* opened at once, used by every call */
    int lease_fd;                   /* -1: none yet */
    size_t lease_size;
    char lease_name[TMP_NAME_SIZE];
    char boot[BOOT_SIZE];
    bool swept;
    bool attached;   /* a job's: main's lease holds what it reads and commits */
    struct map held; /* what the lease names: "t<hex>", "b<hex>" */
};

struct stamp {
    char boot[BOOT_SIZE];
    uint64_t ns, size;
};

/* store.c */
uint64_t store_now_ns(void); /* since boot: goes on through sleep, never back */
MUST_CHECK int store_durable_read(struct store *s, struct stamp *ret, struct error *err);
/* store_sync() without `durable`. */
MUST_CHECK int store_sync_all(struct store *s, struct error *err);
MUST_CHECK int store_durable_write(struct store *s, uint64_t ns, struct error *err);
/* Adds the mending hint to an error of a full disk; returns r. */
int store_failed(struct error *err, int r);
/* Calls for every name in the directory but "." and ".."; stops at the first failure. */
MUST_CHECK int store_each_name(int dirfd, const char *path,
                               int (*call)(void *ctx, int dirfd, const char *name,
                                           struct error *err),
                               void *ctx, struct error *err);

/* lock.c */
MUST_CHECK int store_lock_shared(struct store *s, struct error *err);
MUST_CHECK int store_lock_exclusive(struct store *s, struct error *err);
void store_unlock(struct store *s);
/* Puts "t<hex>" or "b<hex>" on the lease whether it exists or not. */
MUST_CHECK int store_lease_add(struct store *s, char kind, const struct digest *d,
                               struct error *err);
void store_lease_drop(struct store *s);
/* What the leases of living processes name, our own included, as keys of a map; *ret_since_s is
 * when the oldest of them began (INT64_MAX: there is none). Removes the leases of the dead. Under
 * the exclusive lock. */
MUST_CHECK int store_leases_read(struct store *s, struct map *ret, int64_t *ret_since_s,
                                 struct error *err);
/* "t<hex>" */
const char *store_item_key(char kind, const struct digest *d, char buf[static DIGEST_HEX_MAX + 1]);

/* tmp.c */
void store_random_name(char buf[static TMP_NAME_SIZE]);
/* A new flocked directory or (file true) file in tmp/. Returns the descriptor. */
MUST_CHECK int store_tmp_new(struct store *s, bool file, char ret_name[static TMP_NAME_SIZE],
                             struct error *err);
/* The part of store_sweep() that frees room. */
MUST_CHECK int store_sweep_tmp(struct store *s, size_t *ret_left, struct error *err);
/* A new file with these bytes, not synced: a descriptor, flocked, and its name in tmp/, or "" when it needs none before
 * store_name(), which puts it in the place of name; or one to be filled. store_forget() takes away what was not named. */
MUST_CHECK int store_prepare(struct store *s, struct view bytes, char ret_tmp[static TMP_NAME_SIZE],
                             struct error *err);
MUST_CHECK int store_prepare_empty(struct store *s, char ret_tmp[static TMP_NAME_SIZE],
                                   struct error *err);
MUST_CHECK int store_name(struct store *s, int fd, char tmp[static TMP_NAME_SIZE], int dirfd,
                          const char *name, struct error *err);
void store_forget(struct store *s, const char *tmp);
/* Gives an unnamed file a name; -1 and errno, EEXIST too. */
int store_link(int fd, int dirfd, const char *name);
/* All of it at once; durable: fsyncs file and directory. */
MUST_CHECK int store_replace(struct store *s, int dirfd, const char *name, struct view bytes,
                             bool durable, struct error *err);

/* blob.c: what its mode says of a blob */
#define BLOB_MODE 0400
#define BLOB_MODE_UNCOVERED 0600 /* no sync has covered it yet */
bool store_blob_is_uncovered(const struct stat *st);

/* images.c */
#define RECORD_FILE_SIZE 256
/* The file in images/ of an image's name. */
void store_image_file(const char *name, char buf[static RECORD_FILE_SIZE]);
/* The record that was in this file was lost: that of the image before, if it is still there, gets the name again: 1, or 0. */
MUST_CHECK int store_image_give_back(struct store *s, const char *file, struct error *err);

/* tree.c */
int stamp_parse(const char *text, struct stamp *ret);
MUST_CHECK int store_tree_stamp(struct store *s, const char *hex, struct stamp *ret);
