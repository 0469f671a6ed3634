/* audit/docker_options.h - the options of `docker run` that say something about safety, as they were given; the program's table of
 * options (cli/docker_options.h) fills it in. */
#pragma once

#include "base/vec.h"

struct docker_options {
    bool rootfs, privileged, publish_all, read_only, init, no_healthcheck, use_api_socket;
    const char *user, *entrypoint, *pid, *ipc, *uts, *userns, *cgroupns, *cgroup_parent, *restart;
    const char *memory, *cpus, *cpu_quota, *cpu_shares, *cpuset, *pids_limit, *health_cmd;
    struct strings env, env_files, volumes, mounts, cap_add, cap_drop, security, ports, networks,
        devices, device_rules, ulimits, id_maps;
    char *const *
        command; /* IMAGE and what stands behind it; of exec CONTAINER and its program; ends with NULL */
    bool exec;
};
