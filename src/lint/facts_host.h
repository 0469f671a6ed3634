/* lint/facts_host.h - what an audit knows of a host: files with owner and mode, the daemon's settings, rules of auditd, accounts.
 * src/audit gathers it below a root directory, rules_host.c judges it. All texts are the arena's.
 *
 * What could not be looked at is HOST_UNKNOWN, never absent: a check that needs it answers "unknown" and does not pass. */
#pragma once

#include "base/vec.h"

enum host_state { HOST_ABSENT, HOST_THERE, HOST_UNKNOWN };

/* Kinds of files that checks ask for. Each is a list: drop-ins belong to a unit, programs may be there twice. */
enum host_thing {
    HOST_DOCKERD,
    HOST_CONTAINERD_STATE, /* /run/containerd */
    HOST_DATA_ROOT,
    HOST_ETC_DOCKER,
    HOST_DOCKER_SERVICE,
    HOST_CONTAINERD_SOCKET,
    HOST_DOCKER_SOCKET_UNIT,
    HOST_DEFAULT_DOCKER, /* /etc/default/docker */
    HOST_DAEMON_JSON,
    HOST_CONTAINERD_CONFIG,
    HOST_SYSCONFIG_DOCKER,
    HOST_CONTAINERD,
    HOST_SHIM,
    HOST_SHIM_V1,
    HOST_SHIM_V2,
    HOST_RUNC,
    HOST_REGISTRY_CERTS,
    HOST_TLS_CA,
    HOST_TLS_CERT,
    HOST_TLS_KEY,
    HOST_ENGINE_SOCKET,
    HOST_CLIENT, /* docker, podman, nerdctl */
    HOST_THINGS
};

struct host_file {
    const char *path; /* as the configuration of the host calls it */
    const char *real; /* behind its symbolic links; path when it is absent */
    enum host_state state;
    const char *why; /* of HOST_UNKNOWN: "Permission denied" */
    uint32_t uid, gid;
    uint32_t mode; /* of stat() */
    int64_t mtime_s;
    const char *owner, *group; /* names, or numbers in decimal */
};
struct host_files {
    struct host_file *at;
    size_t size, cap;
};

/* dockerd's options that checks ask for. */
enum host_option {
    HOST_AUTHORIZATION,
    HOST_CGROUP_PARENT,
    HOST_CONFIG_FILE,
    HOST_DATA_ROOT_OPTION,
    HOST_DEBUG,
    HOST_ULIMITS,
    HOST_EXPERIMENTAL,
    HOST_GROUP,
    HOST_HOSTS,
    HOST_ICC,
    HOST_INSECURE,
    HOST_IPTABLES,
    HOST_LIVE_RESTORE,
    HOST_LOG_DRIVER,
    HOST_LOG_LEVEL,
    HOST_NO_NEW_PRIVILEGES,
    HOST_SECCOMP,
    HOST_STORAGE_DRIVER,
    HOST_STORAGE_OPTS,
    HOST_TLS,
    HOST_TLS_VERIFY,
    HOST_TLS_CA_OPTION,
    HOST_TLS_CERT_OPTION,
    HOST_TLS_KEY_OPTION,
    HOST_USERLAND_PROXY,
    HOST_USERNS,
    HOST_OPTIONS
};

/* The command line counts before daemon.json. Booleans are "true" or "false"; an empty list is not set. */
struct host_setting {
    const char **values;
    size_t count;      /* 0: nobody set it, the daemon's default holds */
    const char *place; /* "/etc/docker/daemon.json: icc", "dockerd --icc" */
};

struct host_daemon {
    bool there; /* a process, a program, a unit or its configuration */
    bool running;
    uint32_t uid; /* of the process; without one, what its unit says */
    bool uid_known;
    const char *command; /* where its command line was read: "process 812", a unit; NULL: nowhere */
    const char *unreadable; /* a part of its configuration that is not known, and why; NULL */
    struct host_setting settings[HOST_OPTIONS];
    const char *home;     /* of the user whose rootless daemon runs; NULL: root's */
    const char *group;    /* that owns the socket: "docker" */
    const char **listens; /* ListenStream of docker.socket, which "-H fd://" serves */
    size_t listen_count;
    int64_t built_s; /* when the program was made; 0: not known */
};

/* A rule of auditd that watches a file or what is below a directory. */
struct host_watch {
    const char *path;  /* behind symbolic links */
    const char *place; /* "/etc/audit/rules.d/docker.rules:3" */
    bool tree;         /* what is below, too */
    bool write, execute;
    bool lost; /* stands in audit.rules alone, which is written anew from rules.d */
};

struct host_auditing {
    enum host_state state; /* of the rules; HOST_ABSENT: no auditctl that loads any */
    const char *why;
    const char *off; /* the place of a rule that switches all of them off: "never,task"; NULL */
    VEC(struct host_watch) watches;
};

/* A program that was started in a container, as the audit log has it. */
struct host_exec {
    const char *place; /* "/var/log/audit/audit.log: event 4711" */
    const char *command;
    bool privileged, root;
};

struct host_exec_log {
    enum host_state state;
    const char *why;
    VEC(struct host_exec) execs;
};

/* A registry that registries.conf calls insecure. */
struct host_registry {
    const char *name, *place;
};

/* A number of /proc/sys that guides for hardening agree on. */
struct host_knob {
    const char *name; /* "kernel.dmesg_restrict" */
    uint64_t least, most;
    const char *mend, *why; /* the value to set; what it is good for */
};
#define HOST_KNOBS 11
extern const struct host_knob host_knobs[HOST_KNOBS];
struct host_number {
    enum host_state state;
    uint64_t value;
};

/* How a check ended. HOST_IGNORED: its rule is off. */
enum host_verdict { HOST_IGNORED, HOST_PASSED, HOST_FAILED, HOST_NOT_APPLICABLE, HOST_UNDECIDED };
struct host_answer {
    enum host_verdict verdict;
    const char *why; /* of the last two */
};

struct host_facts {
    struct arena *arena;
    int64_t now_s;
    struct host_files things[HOST_THINGS];
    struct host_daemon daemon;
    struct host_auditing auditing;
    struct host_exec_log exec_log;
    enum host_state partition; /* HOST_THERE: the daemon's files have a file system of their own */
    const char *partition_why;
    VEC(const char *)
    engine_users; /* who may use the engine's socket, but root and those who are trusted */
    enum host_state accounts; /* of the files that tell */
    const char *accounts_why;
    enum host_state swarm;
    const char *swarm_why;
    enum host_state aufs;               /* images are kept there */
    VEC(struct host_registry) insecure; /* of podman's, buildah's and cri-o's registries.conf */
    enum host_state registries;         /* of these files */
    const char *registries_why;
    struct host_number numbers[HOST_KNOBS]; /* of host_knobs; HOST_UNKNOWN: it cannot be read */
    struct host_answer *answers; /* by number of the row, zeroed: lint_audit() writes them */
};
