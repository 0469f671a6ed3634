/* lint/facts_run.h - what a run configuration says: docker's options, inspect, compose, pods, config.json of a runtime in the same
 * words. src/audit fills it in, rules_runtime.c judges it. All texts are borrowed from the arena of who filled it in.
 *
 * What nobody said is not the same as no: the engine's default counts then, and rules know docker's. What this kind of
 * configuration has no word for (a limit of processes in a pod) is RUN_ELSEWHERE: no rule speaks of it. */
#pragma once

#include "base/vec.h"
#include "dockerfile/source.h"

enum run_said { RUN_UNSAID, RUN_NO, RUN_YES, RUN_ELSEWHERE };

/* Where it was said, in the words of the configuration: "--privileged", "services.web.privileged", "HostConfig.Privileged"; with
 * its place in the file, or nowhere. */
struct run_place {
    const char *path;
    struct span span;
};

struct run_flag {
    enum run_said said;
    struct run_place at;
};

/* A word; text NULL unless said is RUN_YES. */
struct run_text {
    enum run_said said;
    const char *text;
    struct run_place at;
};
struct run_texts {
    struct run_text *at;
    size_t size, cap;
};

struct run_env {
    struct view name, value; /* value.at NULL: taken from the caller's environment */
    struct run_place at;
};

enum run_mount_type { RUN_BIND, RUN_VOLUME, RUN_TMPFS, RUN_OTHER_MOUNT };

struct run_mount {
    enum run_mount_type type;
    const char *
        source; /* of RUN_BIND absolute, no "//", "." or ".."; or as written where it begins with '~' or '$' */
    const char *target;
    bool read_only;
    const char *propagation; /* "rshared"; NULL: unsaid */
    struct run_place at;
};

struct run_port {
    const char *address;     /* NULL or "": every one; "127.0.0.1", "::" */
    uint16_t host, host_end; /* 0: the engine chooses */
    uint16_t container, container_end;
    bool udp;
    struct run_place at;
};

/* What is known of the image; zeroed: nothing. */
struct run_image {
    bool known;
    const char *user; /* "": root */
    bool health;
    const char *const *exposed; /* "80/tcp", ends with NULL */
};

struct run_facts {
    bool exec; /* of a program in a container that runs: little of what follows has a meaning */
    bool pod;  /* the words of Kubernetes */
    const char *name;    /* what people call it: "services.web", "container db" */
    struct run_place at; /* of the whole: for what is missing */

    struct run_text image, user, restart, cgroup_parent;
    struct run_image about_image;
    struct run_texts command; /* entrypoint and command, as far as they are said */
    struct run_flag privileged, no_new_privileges, read_only, init;
    struct run_flag not_root; /* runAsNonRoot */
    /* "host", "private", "container:x"; of net also names of networks, "bridge" */
    struct run_text pid, net, ipc, uts, userns, cgroupns;
    /* "unconfined" or a profile; selinux: "disable" or a type */
    struct run_text seccomp, apparmor, selinux;
    struct run_flag unmasked;           /* systempaths=unconfined, procMount: Unmasked */
    struct run_texts cap_add, cap_drop; /* "NET_RAW", "ALL": in capitals, no "CAP_" */
    VEC(struct run_mount) mounts;
    VEC(struct run_port) ports;
    struct run_flag publish_all;
    struct run_texts networks; /* of compose: those that it joins */
    VEC(struct run_env) env;
    struct run_texts devices;                   /* "/dev/sda:/dev/sda:rwm", "c *:* rwm" */
    struct run_flag memory, cpu, pids, ulimits; /* RUN_YES: limited */
    struct run_flag health;                     /* RUN_NO: switched off */
    int64_t restart_max;                        /* of "on-failure": 0: no limit */
};

/* Frees the lists. */
void run_facts_done(struct run_facts *f);
