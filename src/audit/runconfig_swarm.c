/* runconfig_swarm.c - what `docker service inspect` prints (engine API 1.45, ServiceSpec). */
#include <errno.h>

#include "audit/internal.h"

/* "unconfined", "disabled": the filter is off. */
static struct run_text profile(struct reader *r, struct part privileges, const char *name)
{
    const char *const keys[] = {name, "Mode", NULL};
    const struct part mode = part_path(r, privileges, keys);

    if (part_is(r, mode, "unconfined") || part_is(r, mode, "disabled"))
        return run_word("unconfined", mode.at);
    return part_word(r, mode);
}

static void take_rights(struct reader *r, struct part container, struct run_facts *f)
{
    static const char *const selinux[] = {"SELinuxContext", "Disable", NULL};
    const struct part privileges = part_get(r, container, "Privileges"),
                      label = part_path(r, privileges, selinux);

    f->user = run_user(part_word(r, part_get(r, container, "User")));
    f->read_only = part_flag(r, part_get(r, container, "ReadOnly"));
    f->init = part_flag(r, part_get(r, container, "Init"));
    f->no_new_privileges = part_flag(r, part_get(r, privileges, "NoNewPrivileges"));
    f->seccomp = profile(r, privileges, "Seccomp");
    f->apparmor = profile(r, privileges, "AppArmor");
    if (part_flag(r, label).said == RUN_YES)
        f->selinux = run_word("disable", label.at);
    part_caps(r, part_get(r, container, "CapabilityAdd"), &f->cap_add);
    part_caps(r, part_get(r, container, "CapabilityDrop"), &f->cap_drop);
}

/* ---- what it reaches ---- */

static void take_mount(struct reader *r, struct part n, struct run_facts *f)
{
    static const char *const propagation[] = {"BindOptions", "Propagation", NULL},
                             *const driver[] = {"VolumeOptions", "DriverConfig", "Options", NULL};
    const struct part type = part_get(r, n, "Type"), options = part_path(r, n, driver);
    const char *device = part_text(r, part_get(r, options, "device")),
               *how = part_text(r, part_get(r, options, "o"));
    const bool bind = part_is(r, type, "bind") || part_is(r, type, "npipe"),
               disguised = device && how && strstr(how, "bind");
    const struct run_mount m = {
        .type = bind || disguised           ? RUN_BIND
                : part_is(r, type, "tmpfs") ? RUN_TMPFS
                                            : RUN_VOLUME,
        .source = disguised && !bind ? device : part_text(r, part_get(r, n, "Source")),
        .target = part_text(r, part_get(r, n, "Target")),
        .read_only = part_flag(r, part_get(r, n, "ReadOnly")).said == RUN_YES,
        .propagation = part_text(r, part_path(r, n, propagation)),
        .at = n.at,
    };

    run_add_mount(r->list, f, &m);
}

/* Without a number it is one of the upper ones, which the swarm chooses. */
static int take_port(struct reader *r, struct part n, struct run_facts *f)
{
    const char *target = part_text(r, part_get(r, n, "TargetPort")),
               *host = part_text(r, part_get(r, n, "PublishedPort")),
               *protocol = part_text(r, part_get(r, n, "Protocol"));

    if (!target)
        return 0;
    return run_add_port(r->list, f,
                        arena_printf(r->list->arena, ":%s:%s/%s", host ? host : "", target,
                                     protocol ? protocol : "tcp"),
                        n.at, r->err);
}

static int take_reach(struct reader *r, struct part spec, struct part container,
                      struct run_facts *f)
{
    static const char *const published[] = {"EndpointSpec", "Ports", NULL};
    const struct part env = part_get(r, container, "Env"),
                      mounts = part_get(r, container, "Mounts"),
                      ports = part_path(r, spec, published);
    struct part item;
    PART_EACH(variable);
    PART_EACH(mount);
    PART_EACH(port);
    int result = 0;

    while (part_next(r, env, &variable, &item)) {
        const char *text = part_text(r, item);
        if (text)
            run_add_env(r->list, f, text, item.at);
    }
    while (part_next(r, mounts, &mount, &item))
        take_mount(r, item, f);
    while (result == 0 && part_next(r, ports, &port, &item))
        result = take_port(r, item, f);
    return result;
}

/* Tasks stand in an overlay network of their own, unless one of the host is named. */
static void take_networks(struct reader *r, struct part task, struct run_facts *f)
{
    const struct part networks = part_get(r, task, "Networks");
    struct part item;
    PART_EACH(each);

    f->net.said = f->pid.said = f->ipc.said = f->uts.said = RUN_ELSEWHERE;
    f->userns.said = f->cgroupns.said = f->cgroup_parent.said = RUN_ELSEWHERE;
    while (part_next(r, networks, &each, &item)) {
        const struct part target = part_get(r, item, "Target");
        if (part_is(r, target, "host"))
            f->net = run_word("host", target.at);
    }
}

/* ---- limits ---- */

static void take_limits(struct reader *r, struct part task, struct part container,
                        struct run_facts *f)
{
    static const char *const limits[] = {"Resources", "Limits", NULL};
    const struct part all = part_path(r, task, limits), policy = part_get(r, task, "RestartPolicy"),
                      ulimits = part_get(r, container, "Ulimits");
    const struct part condition = part_get(r, policy, "Condition");
    const char *max = part_text(r, part_get(r, policy, "MaxAttempts"));

    f->memory = part_limit(r, part_get(r, all, "MemoryBytes"));
    f->cpu = part_limit(r, part_get(r, all, "NanoCPUs"));
    f->pids = part_limit(r, part_get(r, all, "Pids"));
    if (json_array_size(ulimits.value) > 0)
        f->ulimits = (struct run_flag){RUN_YES, ulimits.at};
    if (part_is(r, condition, "none"))
        run_set_restart(r->list, f, "no", condition.at);
    else if (max && strcmp(max, "0") != 0)
        run_set_restart(r->list, f, arena_printf(r->list->arena, "on-failure:%s", max), policy.at);
    else
        f->restart.said = RUN_ELSEWHERE; /* a service is there to be kept up */
}

static void take_health(struct reader *r, struct part container, struct run_facts *f)
{
    const struct part health = part_get(r, container, "Healthcheck"),
                      test = part_get(r, health, "Test");
    const char *first = json_string_value(json_array_get(test.value, 0));

    if (first)
        f->health = (struct run_flag){strcmp(first, "NONE") == 0 ? RUN_NO : RUN_YES, health.at};
}

int runconfig_swarm(struct reader *r, struct part top)
{
    static const char *const below[] = {"TaskTemplate", "ContainerSpec", NULL};
    static const char *const called[] = {"Spec", "Name", NULL};
    const char *name = part_text(r, part_path(r, top, called));

    if (name && *name) /* of many, each place says whose it is */
        top.at.path = name;
    const struct part spec = part_get(r, top, "Spec"), task = part_get(r, spec, "TaskTemplate"),
                      container = part_path(r, spec, below);
    struct run_facts *f;

    if (!container.value)
        return error_set(r->err, -EINVAL, "it is no service that runs containers");
    int result = run_list_new(r->list, &f, r->err);
    if (result < 0)
        return result;
    f->name = name ? name : "";
    f->at = top.at;
    f->image = part_word(r, part_get(r, container, "Image"));
    part_texts(r, part_get(r, container, "Command"), &f->command);
    part_texts(r, part_get(r, container, "Args"), &f->command);
    take_rights(r, container, f);
    take_networks(r, task, f);
    take_limits(r, task, container, f);
    take_health(r, container, f);
    return take_reach(r, spec, container, f);
}
