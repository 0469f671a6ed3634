/* sandbox/spawn.h - run one program in a container, from a plan that is data.
 *
 * Called inside a job of the holder. The order of the steps is that of docs/security.md. */
#pragma once

#include "base/vec.h"
#include "sandbox/holder.h"

enum spawn_network { SPAWN_NETWORK_PRIVATE, SPAWN_NETWORK_NONE, SPAWN_NETWORK_HOST };

enum spawn_mount_kind {
    SPAWN_MOUNT_BIND,  /* source_fd (a descriptor of the job) */
    SPAWN_MOUNT_TMPFS, /* size bytes, 0: half of memory as the kernel has it */
    SPAWN_MOUNT_FILE,  /* data: a small read-only file in memory, such as resolv.conf or a secret */
};

struct spawn_mount {
    enum spawn_mount_kind kind;
    int source_fd;
    const char
        *target; /* absolute, in the container; made when missing and taken away again afterwards */
    struct view data;
    uint64_t size;
    uint32_t mode, uid, gid; /* of tmpfs and file */
    bool read_only, no_exec, recursive;
};

struct spawn_plan {
    /* The root: overlay of directories, top first, below upper (NULL: no upper, read-only); or a
     * plain directory. */
    int *lower_fds;
    size_t lower_count;
    int upper_fd, work_fd; /* -1: none */
    int rootfs_fd;         /* -1, or a directory instead of an overlay */
    bool read_only, is_volatile;

    struct strings argv, env; /* env as NAME=value; HOME is added from passwd when absent */
    const char *cwd;          /* created by nobody: absent is an error; NULL is "/" */
    const char
        *user; /* "", "name", "uid", "name:group", "uid:gid": looked up in the root's own passwd */
    const char *hostname;
    enum spawn_network network;
    struct spawn_mount *mounts;
    size_t mount_count;
    uint64_t capabilities; /* bit set, effective and bounding; SPAWN_CAPABILITIES_DEFAULT */
    bool no_new_privs;     /* setuid programs of the image do nothing */
    bool seccomp;          /* the default filter */
    bool init;             /* a small PID 1 reaps and forwards; else the program is PID 1 */
    bool tty;              /* stdio_fds[0] is a terminal slave to become the controlling one */
    int stdio_fds[3];      /* -1: /dev/null */
};
extern const uint64_t SPAWN_CAPABILITIES_DEFAULT; /* docker's 14 */

void spawn_plan_init(struct spawn_plan *p);
void spawn_plan_done(struct spawn_plan *p);
json_t *spawn_plan_print(const struct spawn_plan *p); /* for --print plan */

struct spawn_result {
    int status; /* exit status 0..255, 128 + signal; 126, 127 for a program that cannot be run */
    uint64_t cpu_us, memory_peak;
};
MUST_CHECK int spawn_run(const struct job_context *ctx, const struct spawn_plan *p,
                         struct spawn_result *ret, struct error *err);
