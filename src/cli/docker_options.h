/* cli/docker_options.h - docker run's options for `cooper audit`: rows of those that a rule asks for, and the arity of the others. */
#pragma once

#include "audit/docker_options.h"
#include "cli/cli.h"

/* Rows of docker run over a field of type struct docker_options; `t` is the struct, `f` the field. */
#define DOCKER_OPTIONS(t, f)                                                                       \
    OPT_FLAG(0, "privileged", t, f.privileged, "run: every right there is"),                       \
        OPT_TEXT('u', "user", t, f.user, "USER[:GROUP]", "run: user inside"),                      \
        OPT_TEXTS('e', "env", t, f.env, "NAME[=VALUE]", "run: a variable"),                        \
        OPT_TEXTS(0, "env-file", t, f.env_files, "FILE", "run: variables"),                        \
        OPT_TEXTS('v', "volume", t, f.volumes, "SOURCE:TARGET[:OPTIONS]",                          \
                  "run: mount a directory of the host, or a volume"),                              \
        OPT_TEXTS(0, "mount", t, f.mounts, "type=T,source=S,target=T", "run: the same"),           \
        OPT_TEXTS(0, "cap-add", t, f.cap_add, "NAME", "run: a capability more"),                   \
        OPT_TEXTS(0, "cap-drop", t, f.cap_drop, "NAME", "run: a capability less"),                 \
        OPT_TEXTS(0, "security-opt", t, f.security, "OPTION",                                      \
                  "run: seccomp, apparmor, label, no-new-privileges"),                             \
        OPT_TEXTS('p', "publish", t, f.ports, "[ADDRESS:][HOST:]PORT[/udp]",                       \
                  "run: make a port reachable"),                                                   \
        OPT_FLAG('P', "publish-all", t, f.publish_all, "run: make all exposed ports reachable"),   \
        OPT_TEXTS(0, "network", t, f.networks, "NAME", "run: bridge, host, none or a network"),    \
        OPT_TEXTS(0, "net", t, f.networks, "NAME", "run: the same"),                               \
        OPT_TEXT(0, "pid", t, f.pid, "host|...", "run: processes that it sees"),                   \
        OPT_TEXT(0, "ipc", t, f.ipc, "host|...", "run: shared memory that it sees"),               \
        OPT_TEXT(0, "uts", t, f.uts, "host", "run: host name that it has"),                        \
        OPT_TEXT(0, "userns", t, f.userns, "host|...", "run: users that it has"),                  \
        OPT_TEXTS(0, "uidmap", t, f.id_maps, "MAP", "run: users of its own"),                      \
        OPT_FLAG(0, "rootfs", t, f.rootfs, "run: IMAGE is a directory"),                           \
        OPT_TEXT(0, "cgroupns", t, f.cgroupns, "host|private", "run: cgroups that it sees"),       \
        OPT_TEXT(0, "cgroup-parent", t, f.cgroup_parent, "NAME", "run: cgroup above its own"),     \
        OPT_TEXTS(0, "device", t, f.devices, "DEVICE", "run: a device of the host"),               \
        OPT_TEXTS(0, "device-cgroup-rule", t, f.device_rules, "RULE", "run: devices by number"),   \
        OPT_FLAG(0, "read-only", t, f.read_only, "run: the root cannot be written"),               \
        OPT_FLAG(0, "use-api-socket", t, f.use_api_socket, "run: mount the engine's socket"),      \
        OPT_FLAG(0, "init", t, f.init, "run: a small init is process 1"),                          \
        OPT_TEXT('m', "memory", t, f.memory, "SIZE", "run: limit of memory"),                      \
        OPT_TEXT(0, "cpus", t, f.cpus, "N", "run: limit of processors"),                           \
        OPT_TEXT(0, "cpu-quota", t, f.cpu_quota, "N", "run: the same in microseconds"),            \
        OPT_TEXT('c', "cpu-shares", t, f.cpu_shares, "N", "run: weight of its processes"),         \
        OPT_TEXT(0, "cpuset-cpus", t, f.cpuset, "LIST", "run: processors that it may use"),        \
        OPT_TEXT(0, "pids-limit", t, f.pids_limit, "N", "run: limit of processes"),                \
        OPT_TEXTS(0, "ulimit", t, f.ulimits, "NAME=SOFT[:HARD]", "run: a limit of each process"),  \
        OPT_TEXT(0, "restart", t, f.restart, "POLICY", "run: no, on-failure[:N], always"),         \
        OPT_TEXT(0, "entrypoint", t, f.entrypoint, "PROGRAM", "run: what is started"),             \
        OPT_TEXT(0, "health-cmd", t, f.health_cmd, "COMMAND", "run: the health check"),            \
        OPT_FLAG(0, "no-healthcheck", t, f.no_healthcheck, "run: none")

/* What docker run has besides, and podman's words for the same. */
extern const struct foreign_option docker_foreign[];
