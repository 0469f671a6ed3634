/* runconfig_inspect.c - what `docker inspect` and `podman inspect` print of a container. */
#include "audit/internal.h"

/* Engines write "" where nothing was said. */
static struct run_text word_of(struct reader *r, struct part n, const char *key)
{
    const struct run_text word = part_word(r, part_get(r, n, key));

    return word.text && *word.text ? word : (struct run_text){0};
}

/* ---- rights ---- */

static void take_namespaces(struct reader *r, struct part host, struct run_facts *f)
{
    f->pid = word_of(r, host, "PidMode");
    f->ipc = word_of(r, host, "IpcMode");
    f->uts = word_of(r, host, "UTSMode");
    f->userns = word_of(r, host, "UsernsMode");
    f->cgroupns = word_of(r, host, "CgroupnsMode");
    if (!f->cgroupns.text)
        f->cgroupns = word_of(r, host, "CgroupMode"); /* podman */
    f->net = word_of(r, host, "NetworkMode");
}

/* podman turns ALL into names: what is left (null: nothing), and what of its own list is gone. More gone than left is what
 * --cap-drop ALL with some --cap-add looks like. */
static void take_left_caps(struct reader *r, struct part top, struct run_facts *f)
{
    const json_t *value = json_object_get(top.value, "BoundingCaps");
    const struct part left = part_get(r, top, "BoundingCaps");
    const size_t kept = json_array_size(left.value);

    if (!value || f->cap_drop.size <= kept)
        return;
    run_add_caps(r->list, &f->cap_drop, "ALL", top.at);
    part_caps(r, left, &f->cap_add);
}

/* No profile at all, where no SELinux label says the rest: nothing confines it. Before the first start nobody knows. */
static void take_profile(struct reader *r, struct part top, struct run_facts *f)
{
    static const char *const status[] = {"State", "Status", NULL};
    const struct part profile = part_get(r, top, "AppArmorProfile");
    const char *text = part_text(r, profile),
               *label = part_text(r, part_get(r, top, "ProcessLabel"));

    if (f->apparmor.text || !text || part_is(r, part_path(r, top, status), "created"))
        return;
    if (*text)
        f->apparmor = run_word(text, profile.at);
    else if (!label || !*label)
        f->apparmor = run_word("unconfined", profile.at);
}

static void take_rights(struct reader *r, struct part top, struct part host, struct run_facts *f)
{
    const struct part security = part_get(r, host, "SecurityOpt");
    struct part item;
    PART_EACH(each);

    f->privileged = part_flag(r, part_get(r, host, "Privileged"));
    f->read_only = part_flag(r, part_get(r, host, "ReadonlyRootfs"));
    f->init = part_flag(r, part_get(r, host, "Init"));
    part_caps(r, part_get(r, host, "CapAdd"), &f->cap_add);
    part_caps(r, part_get(r, host, "CapDrop"), &f->cap_drop);
    take_left_caps(r, top, f);
    while (part_next(r, security, &each, &item)) {
        const char *text = part_text(r, item);
        if (text)
            run_add_security(r->list, f, text, item.at);
    }
    take_profile(r, top, f);
    const struct part masked = part_get(r, host, "MaskedPaths");
    if (json_is_array(masked.value) && json_array_size(masked.value) == 0)
        f->unmasked = (struct run_flag){RUN_YES, masked.at};
}

/* ---- mounts, ports, devices ---- */

static void take_mount(struct reader *r, struct part n, struct run_facts *f)
{
    const struct run_flag writable = part_flag(r, part_get(r, n, "RW"));
    struct run_mount m = {
        .type = RUN_OTHER_MOUNT,
        .source = part_text(r, part_get(r, n, "Source")),
        .target = part_text(r, part_get(r, n, "Destination")),
        .read_only = writable.said == RUN_NO,
        .propagation = part_text(r, part_get(r, n, "Propagation")),
        .at = n.at,
    };
    static const struct {
        const char *name;
        enum run_mount_type type;
    } types[] = {{"bind", RUN_BIND}, {"volume", RUN_VOLUME}, {"tmpfs", RUN_TMPFS}};

    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (part_is(r, part_get(r, n, "Type"), types[i].name))
            m.type = types[i].type;
    run_add_mount(r->list, f, &m);
}

static void take_mounts(struct reader *r, struct part top, struct part host, struct run_facts *f)
{
    const struct part mounts = part_get(r, top, "Mounts"), binds = part_get(r, host, "Binds");
    struct part item;
    PART_EACH(each);
    PART_EACH(bind);

    while (part_next(r, mounts, &each, &item))
        take_mount(r, item, f);
    while (!mounts.value && part_next(r, binds, &bind, &item)) {
        const char *text = part_text(r, item);
        if (text)
            run_add_volume(r->list, f, text, item.at);
    }
}

/* "80/tcp": [{"HostIp": "", "HostPort": "8080"}] */
static int take_binding(struct reader *r, struct part n, const char *port, struct run_facts *f)
{
    const char *address = part_text(r, part_get(r, n, "HostIp")),
               *host = part_text(r, part_get(r, n, "HostPort"));
    const bool six = address && strchr(address, ':');

    if (!port)
        return 0;
    return run_add_port(r->list, f,
                        arena_printf(r->list->arena, "%s%s%s:%s:%s", six ? "[" : "",
                                     address ? address : "", six ? "]" : "", host ? host : "",
                                     port),
                        n.at, r->err);
}

static int take_ports(struct reader *r, struct part host, struct run_facts *f)
{
    struct part port, binding;
    PART_EACH(ports);
    const struct part all = part_get(r, host, "PortBindings");

    while (part_next(r, all, &ports, &port)) {
        PART_EACH(bindings);
        while (part_next(r, port, &bindings, &binding)) {
            const int result = take_binding(r, binding, ports.key, f);
            if (result < 0)
                return result;
        }
    }
    f->publish_all = part_flag(r, part_get(r, host, "PublishAllPorts"));
    return 0;
}

static void take_devices(struct reader *r, struct part host, struct run_facts *f)
{
    struct part item;
    PART_EACH(each);
    const struct part devices = part_get(r, host, "Devices");

    while (part_next(r, devices, &each, &item)) {
        const struct part path = part_get(r, item, "PathOnHost");
        const struct run_text word = {RUN_YES, part_text(r, path), item.at};
        if (word.text && run_list_count(r->list))
            vec_push(&f->devices, word);
    }
    part_texts(r, part_get(r, host, "DeviceCgroupRules"), &f->devices);
}

/* ---- limits ---- */

static void take_limits(struct reader *r, struct part host, struct run_facts *f)
{
    static const char *const cpus[] = {"NanoCpus", "CpuQuota", "CpuShares"};
    const struct part policy = part_get(r, host, "RestartPolicy"),
                      ulimits = part_get(r, host, "Ulimits");

    f->memory = part_limit(r, part_get(r, host, "Memory"));
    f->pids = part_limit(r, part_get(r, host, "PidsLimit"));
    for (size_t i = 0; i < ARRAY_SIZE(cpus) && f->cpu.said != RUN_YES; i++)
        f->cpu = part_limit(r, part_get(r, host, cpus[i]));
    if (word_of(r, host, "CpusetCpus").text)
        f->cpu.said = RUN_YES;
    if (json_array_size(ulimits.value) > 0)
        f->ulimits = (struct run_flag){RUN_YES, ulimits.at};
    f->cgroup_parent = word_of(r, host, "CgroupParent");
    f->restart = word_of(r, policy, "Name");
    f->restart_max = json_integer_value(part_get(r, policy, "MaximumRetryCount").value);
}

/* An inspected container has its image's check unless something else was said. */
static void take_health(struct reader *r, struct part config, struct run_facts *f)
{
    const struct part health = part_get(r, config, "Healthcheck"),
                      test = part_get(r, health, "Test");
    const char *first = NULL;

    if (json_is_array(test.value))
        first = json_string_value(json_array_get(test.value, 0));
    f->health = (struct run_flag){first && strcmp(first, "NONE") != 0 ? RUN_YES : RUN_NO,
                                  health.value ? health.at : f->at};
}

/* ---- the whole ---- */

static void take_config(struct reader *r, struct part top, struct run_facts *f)
{
    const struct part config = part_get(r, top, "Config"), env = part_get(r, config, "Env"),
                      user = part_get(r, config, "User");
    struct part item;
    PART_EACH(each);

    f->image = word_of(r, top, "ImageName"); /* podman */
    if (!f->image.text)
        f->image = word_of(r, config, "Image");
    f->user = user.value ? part_word(r, user) : run_word("", f->at);
    part_texts(r, part_get(r, config, "Entrypoint"), &f->command);
    part_texts(r, part_get(r, config, "Cmd"), &f->command);
    while (part_next(r, env, &each, &item)) {
        const char *text = part_text(r, item);
        if (text)
            run_add_env(r->list, f, text, item.at);
    }
    if (config.value)
        take_health(r, config, f);
}

int runconfig_inspect(struct reader *r, struct part top)
{
    const char *name = part_text(r, part_get(r, top, "Name"));

    if (name && *name) /* of many, each place says whose it is */
        top.at.path = name + (*name == '/');
    const struct part host = part_get(r, top, "HostConfig");
    struct run_facts *f;
    int result = run_list_new(r->list, &f, r->err);

    if (result < 0)
        return result;
    f->name = name ? name + (*name == '/') : "";
    f->at = top.at;
    take_config(r, top, f);
    take_rights(r, top, host, f);
    take_namespaces(r, host, f);
    take_mounts(r, top, host, f);
    take_devices(r, host, f);
    take_limits(r, host, f);
    return take_ports(r, host, f);
}
