/* sandbox/supervisor.h - what the files of the supervisor share (supervise.h). */
#pragma once

#include <linux/seccomp.h>
#include <sys/stat.h>

#include "base/map.h"
#include "base/owned.h"
#include "base/vec.h"
#include "sandbox/supervise.h"

#define SUPERVISOR_NAME_SIZE 4096 /* PATH_MAX of Linux */

/* Results of a call: >= 0 is its value, -errno, or one of these. */
#define SUPERVISOR_CONTINUE INT64_MIN       /* the kernel shall do it */
#define SUPERVISOR_ANSWERED (INT64_MIN + 1) /* it has its answer already */

enum { ID_REAL, ID_EFFECTIVE, ID_SAVED, ID_FILES, ID_KINDS };

struct creds { /* never changes once it is in the table */
    uint32_t uids[ID_KINDS], gids[ID_KINDS];
    size_t group_count;
    const gid_t *groups;
    /* Capabilities are all or none: the kernel's are those of the one id and do not count. */
    bool permitted, effective, keep;
};

struct supervisor {
    const struct supervise_options *o;
    const struct call_row *rows;
    size_t row_count;
    int listener;
    int proc_fd; /* /proc, our working directory: names are relative to it */
    int root_fd; /* the container's root, or -1 before the first call */
    struct stat root;
    bool chroots;   /* somebody called chroot(): roots may differ */
    bool elsewhere; /* our root is that of a process that did */
    struct seccomp_notif *call;
    struct creds initial;
    VEC(struct creds *) creds;
    struct map creds_by_text;
    struct map links; /* inode in a layer's directory -> struct owned_link */
};

enum target {
    TARGET_NONE,
    TARGET_FD,
    TARGET_PATH,
    TARGET_LINK, /* a path whose last part is not followed */
    TARGET_AT    /* a directory and a path */
};

struct call_row {
    struct supervised_call call;
    int64_t (*run)(struct supervisor *s, const struct call_row *row);
    enum target kind;
    uint8_t first; /* argument that the target begins at */
    uint8_t flags; /* argument with AT_ flags, or 0 */
    uint8_t next;  /* first argument that is the function's own */
    uint8_t extra; /* the function's own */
};

/* ---- supervise.c ---- */

uint64_t supervisor_arg(const struct supervisor *s, unsigned i);
/* Bytes read, or -errno. */
int supervisor_read(const struct supervisor *s, uint64_t address, void *buf, size_t size);
int supervisor_write(const struct supervisor *s, uint64_t address, const void *buf, size_t size);
int supervisor_read_text(const struct supervisor *s, uint64_t address, char *buf, size_t size);
/* The caller is still waiting: what its number named in /proc was itself. */
bool supervisor_still_there(const struct supervisor *s);

/* A name of the call's target for our own calls: absolute, or relative to /proc. 1: to be followed,
 * 0: not, -errno; -ENOENT also for "". */
int supervisor_target(struct supervisor *s, const struct call_row *row,
                      char name[static SUPERVISOR_NAME_SIZE]);
/* Makes the container's own root ours, whatever root the caller has. */
int supervisor_go_home(struct supervisor *s);

/* ---- supervise_ids.c ---- */

const struct creds *creds_of_caller(const struct supervisor *s);
int creds_change(struct supervisor *s, const struct creds *c);
bool creds_in_group(const struct creds *c, uint32_t gid);

int64_t call_get_id(struct supervisor *s, const struct call_row *row); /* extra: ids_call */
int64_t call_get_res(struct supervisor *s, const struct call_row *row);
int64_t call_get_groups(struct supervisor *s, const struct call_row *row);
int64_t call_set_id(struct supervisor *s, const struct call_row *row);
int64_t call_set_re(struct supervisor *s, const struct call_row *row);
int64_t call_set_res(struct supervisor *s, const struct call_row *row);
int64_t call_set_fs(struct supervisor *s, const struct call_row *row);
int64_t call_keep_caps(struct supervisor *s, const struct call_row *row); /* prctl() */
int64_t call_capset(struct supervisor *s, const struct call_row *row);
int64_t call_set_groups(struct supervisor *s, const struct call_row *row);
enum ids_call { IDS_USER = 0, IDS_GROUP = 1, IDS_EFFECTIVE = 2 };

/* ---- supervise_files.c ---- */

struct file {
    struct stat st;
    struct owned o; /* as it stands, or as it would be without a record */
    bool recorded;
};
/* What is recorded of the file; attributes that cannot be are no record. */
bool file_record(const char *name, bool follow, struct owned *ret);
int file_get(const char *name, bool follow, struct file *ret);
/* Writes f->o and the mode of the file `name` (followed), which was f->st. */
int file_put(const char *name, const struct file *f, mode_t mode);
/* Owners of links and fifos that a table has. */
void links_load(struct supervisor *s);
int file_put_link(struct supervisor *s, int fd, uint32_t uid, uint32_t gid);

int64_t call_stat(struct supervisor *s, const struct call_row *row);
int64_t call_statx(struct supervisor *s, const struct call_row *row);
int64_t call_chown(struct supervisor *s, const struct call_row *row);
int64_t call_chmod(struct supervisor *s, const struct call_row *row);
int64_t call_set_xattr(struct supervisor *s, const struct call_row *row);
int64_t call_get_xattr(struct supervisor *s, const struct call_row *row);
int64_t call_remove_xattr(struct supervisor *s, const struct call_row *row);
int64_t call_rename(struct supervisor *s, const struct call_row *row);
int64_t call_exec(struct supervisor *s, const struct call_row *row);

/* ---- supervise_make.c ---- */

int64_t call_open(struct supervisor *s, const struct call_row *row);
int64_t call_creat(struct supervisor *s, const struct call_row *row);
int64_t call_openat2(struct supervisor *s, const struct call_row *row);
int64_t call_mkdir(struct supervisor *s, const struct call_row *row);
int64_t call_symlink(struct supervisor *s, const struct call_row *row);
int64_t call_mknod(struct supervisor *s, const struct call_row *row);
/* Puts fd, opened with `flags`, into the caller, which is the answer. */
int64_t supervisor_hand_over(struct supervisor *s, int fd, int flags);
/* The bits of `mode` that the caller's umask leaves. */
uint32_t supervisor_without_umask(const struct supervisor *s, uint32_t mode);
/* Of mknod(): *ret is what it asks for where that is a device. A whiteout is -EPERM, as in an
 * overlay; 0: something else. */
int supervisor_device(const struct supervisor *s, const struct call_row *row, struct owned *ret);

/* ---- supervise_devices.c ---- */

int64_t call_record_device(struct supervisor *s, const struct call_row *row);
int64_t call_open_device(struct supervisor *s, const struct call_row *row);
