/* sandbox/supervise.h - what a user namespace cannot do, done on paper: owners where there is one id
 * (IDENTITY_SINGLE), devices everywhere.
 *
 * The container's process installs a filter (filter_install_listener()) that suspends the calls
 * which ask for, set or show owners, and hands us the listener. We record what was asked for
 * (base/owned.h: an extended attribute on the file, a table for symbolic links and fifos) and answer
 * as a kernel with all ids would. Nothing is done that the container's process could not do itself:
 * paths are resolved in its own root and directory, by a process that has entered them; a swap of
 * the path between check and use gains nothing, and neither does a process that forges its ids.
 *
 *   supervise.c         listener, arguments, paths, table of calls
 *   supervise_ids.c     users and groups of processes: set*id, get*id, setgroups
 *   supervise_files.c   owner, mode and capabilities of files: chown, chmod, stat, xattrs, exec
 *   supervise_make.c    new files: open with O_CREAT, mkdir, symlink, mknod
 *   supervise_devices.c mknod of a device where there are all ids */
#pragma once

#include <sys/types.h>

#include "base/proc.h"

#define SUPERVISED_MAX 64

enum supervise_kind {
    SUPERVISE_NOTHING,
    SUPERVISE_ONE_ID,
    SUPERVISE_DEVICES,       /* those that mknod() makes are recorded; nothing else is suspended */
    SUPERVISE_DEVICES_SHOWN, /* and stat() shows them, which is every stat() */
};

/* A system call of interest: always, or where its argument `arg` has one of the bits of `value` or is
 * it. */
struct supervised_call {
    uint32_t number;
    enum { SUPERVISED_ALWAYS, SUPERVISED_BITS, SUPERVISED_VALUE } test;
    uint32_t arg, value;
};
size_t supervised_call_count(enum supervise_kind kind);
struct supervised_call supervised_call(enum supervise_kind kind, size_t i);

struct supervise_options {
    enum supervise_kind kind;
    int user_fd; /* the container's user namespace, or -1: our own */

    /* SUPERVISE_ONE_ID */
    int links_fd;      /* table of owners of links and fifos, O_APPEND, read at the start; or -1 */
    int upper_fd;      /* what of the root is written to: inode numbers of that table; or -1 */
    uint32_t uid, gid; /* what the first process takes itself for */
    const gid_t *groups;
    size_t group_count;
    bool no_new_privs; /* set-id programs do nothing */
};

/* Starts the supervisor in a process of its own, which ends with the last task under the filter.
 * Takes over listener. */
MUST_CHECK int supervise_start(int take_listener, const struct supervise_options *o,
                               struct process *ret, struct error *err);
