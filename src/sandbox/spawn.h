/* sandbox/spawn.h - run one program in a container, from a plan that is data.
 *
 * Called inside a job of the holder. The order of the steps is that of docs/security.md. */
#pragma once

#include "base/vec.h"
#include "sandbox/holder.h"

enum spawn_network { SPAWN_NETWORK_PRIVATE, SPAWN_NETWORK_NONE, SPAWN_NETWORK_HOST };
#define SPAWN_NETWORKS 3
const char *spawn_network_name(enum spawn_network n); /* "private", "none", "host" */
MUST_CHECK int spawn_network_parse(const char *text, enum spawn_network *ret, struct error *err);

enum spawn_mount_kind {
    SPAWN_MOUNT_BIND,  /* source_fd (a descriptor of the job) */
    SPAWN_MOUNT_TMPFS, /* size bytes, 0: half of memory as the kernel has it */
    SPAWN_MOUNT_FILE,  /* data: a small read-only file in memory, such as resolv.conf or a secret */
    SPAWN_MOUNT_LAYERS, /* a path in an overlay; does not travel: the job adds it to its plan */
};
/* mknod() of a device in a user namespace (base/owned.h). IDENTITY_SINGLE records and shows always. */
enum spawn_devices {
    SPAWN_DEVICES_REFUSED,
    SPAWN_DEVICES_RECORDED, /* the layer has it; until then stat() sees an empty file */
    SPAWN_DEVICES_SHOWN,    /* stat() sees the device: each stat() costs some 10 us */
};

#define SPAWN_FILES_SIZE_MAX (64u << 20) /* all FILE mounts together; they are memory */

struct spawn_mount {
    enum spawn_mount_kind kind;
    int source_fd;
    const char *target; /* absolute, in the container; made when missing, taken away afterwards */
    struct view data;
    uint64_t size;
    uint32_t mode, uid, gid; /* of tmpfs and file */
    bool read_only, no_exec, recursive;

    /* LAYERS: as those of the root, at least one; no upper: read-only. All are the job's. */
    const int *lower_fds;
    size_t lower_count;
    int upper_fd, work_fd;
    bool is_volatile;
    const char *source; /* what of it is mounted: a path inside, links lead nowhere else */
};

struct spawn_plan {
    /* The root: overlay of directories, top first, below upper (NULL: no upper, read-only); or a
     * plain directory. */
    int *lower_fds;
    size_t lower_count;
    int upper_fd, work_fd; /* -1: none */
    int rootfs_fd;         /* -1, or a directory instead of an overlay */
    bool read_only, is_volatile;

    struct strings argv, env; /* env as NAME=value; HOME is added from passwd when absent or empty,
                                 PATH (docker's) and HOSTNAME when absent */
    const char *cwd;          /* NULL is "/" */
    bool make_cwd;            /* with parents, the user's; else an absent one is an error */
    const char *user;         /* "", "name", "uid", "name:group", "uid:gid": looked up in the
                                 root's own passwd */
    const char *hostname;     /* NULL: SPAWN_HOSTNAME */
    bool keep_hostname;       /* a build: /etc/hostname is the image's own, $HOSTNAME is not set */
    enum spawn_network network;
    bool network_required; /* private: an error when it cannot be had; else host, with a note */
    struct strings ports;  /* ports.h; private (with required: then also where it cannot be had) and
                              none. main gets {"note":...} and {"warning":...} as progress */
    struct strings hosts;  /* further lines of /etc/hosts: "10.0.0.1\tname" (spawn_host_parse()) */
    struct strings ulimits; /* spawn_ulimit_parse() takes them */
    struct spawn_mount *mounts;
    size_t mount_count;
    struct strings owned;  /* bytes of FILE mounts that came from spawn_plan_parse() */
    uint64_t capabilities; /* bit set, effective and bounding; SPAWN_CAPABILITIES_DEFAULT */
    bool no_new_privs;     /* setuid programs of the image do nothing */
    bool seccomp;          /* the default filter */
    bool unmasked;         /* all of /proc and /sys, writable as far as the kernel lets it */
    bool init;             /* a small PID 1 reaps and forwards; else the program is PID 1 */
    bool tty;          /* a new terminal of the container becomes its stdio and controlling one */
    int console_fd;    /* tty: a socket that its master side is sent over (one byte, SCM_RIGHTS) */
    int stdio_fds[3];  /* without tty; -1: in is an empty pipe, out and err are /dev/null */
    uint64_t shm_size; /* of /dev/shm; 0: 64 MiB */
    int links_fd;      /* IDENTITY_SINGLE: O_APPEND file for owners of links (supervise.h), or -1;
                          the job's own, like the root's */
    enum spawn_devices devices; /* the job's own */
};
extern const uint64_t SPAWN_CAPABILITIES_DEFAULT; /* docker's 14 */
#define SPAWN_HOSTNAME "cooper"

void spawn_plan_init(struct spawn_plan *p); /* descriptors -1, default capabilities, no_new_privs
                                               off, seccomp on, network private */
void spawn_plan_done(struct spawn_plan *p); /* frees what it lists; closes nothing */
json_t *spawn_plan_print(const struct spawn_plan *p); /* for --print plan */

/* A plan's way to its job: stdio, console and mount descriptors are collected in fds (room for
 * FRAME_FDS_MAX) and travel as indexes; those of the root and links_fd do not travel, the job opens its own.
 * parse borrows texts from doc, which must live as long as the plan. */
MUST_CHECK int spawn_plan_pack(const struct spawn_plan *p, json_t **ret, int *fds, size_t *fd_count,
                               struct error *err);
MUST_CHECK int spawn_plan_parse(const json_t *doc, const int *fds, size_t fd_count,
                                struct spawn_plan *ret, struct error *err);

/* "NET_RAW", "cap_net_raw", "ALL" into a bit set; unknown names are -EINVAL. */
MUST_CHECK int spawn_capability_parse(const char *name, uint64_t *ret, struct error *err);
const char *spawn_capability_name(unsigned bit); /* "net_raw"; NULL: there is none */

/* "NAME:ADDRESS" or "NAME=ADDRESS", an IPv6 address with or without brackets, into a line of
 * /etc/hosts; -EINVAL. The address SPAWN_HOST_GATEWAY becomes one where this machine answers: caller frees. */
#define SPAWN_HOST_GATEWAY "host-gateway"
MUST_CHECK int spawn_host_parse(const char *text, char **ret, struct error *err);

struct spawn_ulimit {
    const char *name; /* a constant */
    int resource;     /* RLIMIT_... */
    uint64_t soft, hard;
};
/* "nofile=1024[:2048]" with docker's names; -1 is RLIM_INFINITY. -EINVAL. */
MUST_CHECK int spawn_ulimit_parse(const char *text, struct spawn_ulimit *ret, struct error *err);

struct spawn_result {
    int status; /* exit status 0..255, 128 + signal; 126, 127 for a program that cannot be run */
    uint64_t cpu_us, memory_peak;
    struct strings notes; /* sentences for people, to be said once a command: what had to be less */
};
void spawn_result_done(struct spawn_result *r);
/* {"status":n,"cpu_us":n,"memory_peak":n,"notes":[...]} and back: the answer of a job that ran
 * one. */
json_t *spawn_result_print(const struct spawn_result *r);
MUST_CHECK int spawn_result_parse(const json_t *doc, struct spawn_result *ret, struct error *err);

/* A program that cannot be run is no error: status 126 or 127, the reason on its stderr and as a
 * note. An error is what kept the container from being made. */
MUST_CHECK int spawn_run(const struct job_context *ctx, const struct spawn_plan *p,
                         struct spawn_result *ret, struct error *err);
