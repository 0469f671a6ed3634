/* sandbox/internal.h - what the files of this module share.
 *
 * spawn.c   in the job: prepares descriptors and namespaces, cleans up
 * detach.c  in the job: mounts for the child to attach
 * watch.c   in the job: starts the child, waits, takes its mount points away
 * box.c     user and network namespaces, kept for the next container; net.c: pasta, resolvers
 * ports.c   published ports; forward.c: their own process, where pasta is not
 * stage.c   in the child: root, pivot_root, identity, exec; PID 1 of the container
 * mounts.c  in the child: the root, /proc, /sys, /dev, masks
 * binds.c   in the child: mounts of the plan, /etc/hosts and its kind
 * stub.c    mount points
 * creds.c   in the child: user, groups, capabilities
 * init.c    in the child: the small PID 1 */
#pragma once

#include "sandbox/forward.h"
#include "sandbox/passwd.h"
#include "sandbox/spawn.h"
#include "sandbox/supervise.h"

/* A user namespace and a network namespace, held open. A descriptor is -1 where the container has
 * the holder's own. life_fd keeps an anchor process (and with it pasta) alive until its last copy
 * is closed. */
struct box {
    int user_fd, net_fd, life_fd;
    int usage_fds[2];           /* /proc/.../net/sockstat and sockstat6 of the network namespace */
    uint32_t id_base;           /* outside id of container id 0, IDENTITY_ROOT only */
    enum spawn_network network; /* what it was made for */
};
#define BOX_INIT ((struct box){-1, -1, -1, {-1, -1}, 0, SPAWN_NETWORK_HOST})

/* Makes namespaces as asked for; pasta gets the ports that have no listener. private_ids: a user namespace with a private range, else one
 * that maps every id to itself. */
MUST_CHECK int box_make(const struct job_context *ctx, enum spawn_network network,
                        const struct ports *ports, bool private_ids, struct box *ret,
                        struct error *err);
/* Changes the calling process (one thread): its ids and namespaces become the box's. 0 or a negative
 * errno; makes system calls only, since a process may call it that shares another's memory. */
MUST_CHECK int box_enter(const struct box *b);
/* False in a container that was given fewer ids: private ranges are not to be had there. */
bool box_has_private_ids(void);
void box_done(struct box *b);
/* It can be kept, and no socket is left in a network of its own, not even in TIME_WAIT: the next
 * container cannot tell it from new. */
bool box_is_clean(const struct box *b);
/* Writes uid_map and gid_map below /proc/<pid>, setgroups first where it has to be denied. */
MUST_CHECK int box_write_maps(const char *pid, const struct identity_map *ids, struct error *err);

/* Connects the box's network to the outside; the connection ends with the box. */
MUST_CHECK int pasta_start(const struct job_context *ctx, const struct ports *ports,
                           const struct box *b, struct error *err);
/* The text of /etc/resolv.conf for a container; dns_forward is what pasta was told. */
void net_resolv_conf(enum spawn_network network, struct str *ret);
/* Of our default route, which is that of a container with pasta too; -ENETUNREACH. */
MUST_CHECK int net_gateway(char ret[static 16], struct error *err);
extern const char NET_DNS_FORWARD[]; /* an address that pasta answers DNS on */
bool net_needs_dns_forward(void);

/* A line of spawn_plan.hosts. */
static inline bool asks_gateway(const char *line)
{
    return view_starts(view_of(line), SPAWN_HOST_GATEWAY "\t");
}

#define ATTACH_MAX 512 /* as many as overlay has layers */
#define STUBS_MAX 64   /* parts of one mount point that may have to be made */

/* Directories of an overlay, inside the mounts that the child attaches. */
struct layers {
    int *lowers;
    size_t count;
    int upper, work; /* -1: none */
};

/* One start. Made by the job; the child has a copy. */
struct launch {
    const struct job_context *ctx;
    const struct spawn_plan *plan;
    enum spawn_network network; /* what could be had of plan->network */
    struct box box;
    struct ports ports;
    char gateway[16]; /* where SPAWN_HOST_GATEWAY is; "" when nobody asks */
    struct forwarder forwarder;
    int root_mount;         /* detached mount of plan->rootfs_fd, or -1 */
    int attach[ATTACH_MAX]; /* detached mounts that the directories below are in */
    size_t attach_count;
    struct layers root;   /* of plan->lower_fds */
    int *sources;         /* by plan->mounts: detached mounts of BIND */
    struct layers *views; /* by plan->mounts: of LAYERS */
    int sync;             /* SOCK_SEQPACKET; the job's or the child's end */
    pid_t pid;
    int pidfd;
    int failed; /* errno of what happened between */

    /* in the child only */
    int root_fd, scratch_fd;
};

/* words.c: hard limits as far up as this process may raise them; then, in the program, all of them. 0 or
 * a negative errno and the text of the one that failed; system calls only. */
void spawn_ulimit_raise(const struct strings *texts);
MUST_CHECK int spawn_ulimit_apply(const struct strings *texts, const char **ret_failed);

/* A detached copy of the mount at path; AT_RECURSIVE and AT_EMPTY_PATH as flags. */
MUST_CHECK int detach_mount(int dirfd, const char *path, unsigned flags, struct error *err);
/* The root's mounts and directories; -EXDEV without an error where ids cannot be mapped. */
MUST_CHECK int detach_root(struct launch *l, struct error *err);
MUST_CHECK int detach_sources(struct launch *l, struct error *err);

/* Starts the child and stays until it has ended, by itself or because main asks for it. */
MUST_CHECK int watch_child(struct launch *l, struct spawn_result *result, struct error *err);

enum supervise_kind launch_supervises(const struct launch *l);

/* Messages of the child; one packet each. */
enum stage_message {
    STAGE_ERROR = 'E',    /* JSON error object: the container was not made */
    STAGE_NOTE = 'N',     /* text */
    STAGE_STUB = 'S',     /* a path that the job takes away afterwards */
    STAGE_LISTENER = 'L', /* with one id "<uid> <gid> [<group>...]"; with a seccomp listener */
};
#define STAGE_MESSAGE_MAX 16384 /* PASSWD_GROUPS_MAX numbers */
void stage_send(const struct launch *l, enum stage_message kind, const char *text, int fd);

/* The child; does not return. */
_Noreturn void stage_main(struct launch *l);

/* All of these change the child only. */
MUST_CHECK int mounts_root(struct launch *l, struct error *err); /* cwd and root_fd are it */
/* Mounts an overlay at target. */
MUST_CHECK int mounts_overlay(const struct launch *l, const struct layers *layers, bool is_volatile,
                              const char *target, struct error *err);
MUST_CHECK int mounts_system(struct launch *l, struct error *err);
MUST_CHECK int mounts_plan(struct launch *l, struct error *err); /* and /etc/hosts and the like */
MUST_CHECK int mounts_masks(struct launch *l, struct error *err);
/* Opens target in the root, making it (a directory or an empty file) when it is missing. */
MUST_CHECK int stub_open(struct launch *l, const char *target, bool is_directory,
                         struct error *err);
/* The directory of the store that has the mount points of every container, made when it is missing:
 * as the lowest layer it spares the upper directory from being written and cleaned. */
MUST_CHECK int stub_layer(int store_fd, struct error *err);
/* Takes stubs away again from the root's writable directory. */
void stub_remove(int upper_fd, const char *path);

MUST_CHECK int creds_lookup(const char *spec, struct passwd_user *ret, struct error *err);
MUST_CHECK int creds_apply(const struct launch *l, const struct passwd_user *u, struct error *err);

/* Starts argv as a child, becomes init for it; does not return. run does the exec. */
_Noreturn void init_run(bool tty, void (*run)(void *ctx), void *ctx);

/* Path of a directory descriptor as /proc has it; NULL when it has none. Caller frees. */
char *dir_path(int fd);
