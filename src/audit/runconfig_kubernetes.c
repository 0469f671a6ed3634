/* runconfig_kubernetes.c - pods, and all objects that make some (Kubernetes API, core/v1 PodSpec). */
#include <errno.h>

#include "audit/internal.h"

#define LISTS_MAX 8 /* kind: List in a List */

/* What a pod says for all its containers. */
struct pod {
    struct part spec, security, annotations;
    struct run_flag host_net, host_pid, host_ipc, host_users;
    const char *name;
};

/* A container's word counts before the pod's. */
static struct part first_of(struct reader *r, struct part a, struct part b, const char *const *keys)
{
    const struct part own = part_path(r, a, keys);

    return own.value ? own : part_path(r, b, keys);
}

/* ---- rights ---- */

/* The word for AppArmor before Kubernetes 1.30. */
static void take_annotation(struct reader *r, const struct pod *p, struct run_facts *f)
{
    const char *key =
        arena_printf(r->list->arena, "container.apparmor.security.beta.kubernetes.io/%s", f->name);
    const struct part profile = part_get(r, p->annotations, key);

    if (profile.value)
        f->apparmor = part_word(r, profile);
}

/* A profile's type; Unconfined is what counts. A pod that asks for no seccomp profile has none unless the kubelet adds one. */
static void take_profiles(struct reader *r, struct part security, const struct pod *p,
                          struct run_facts *f)
{
    static const char *const seccomp[] = {"seccompProfile", "type", NULL},
                             *const apparmor[] = {"appArmorProfile", "type", NULL},
                             *const selinux[] = {"seLinuxOptions", "type", NULL},
                             *const mask[] = {"procMount", NULL};
    const struct part filter = first_of(r, security, p->security, seccomp),
                      profile = first_of(r, security, p->security, apparmor),
                      masks = first_of(r, security, (struct part){0}, mask);

    f->seccomp = filter.value && !part_is(r, filter, "Unconfined")
                     ? part_word(r, filter)
                     : run_word("unconfined", filter.value ? filter.at : f->at);
    if (profile.value)
        f->apparmor = run_word(
            part_is(r, profile, "Unconfined") ? "unconfined" : part_text(r, profile), profile.at);
    else
        take_annotation(r, p, f);
    f->selinux = part_word(r, first_of(r, security, p->security, selinux));
    if (part_is(r, masks, "Unmasked"))
        f->unmasked = (struct run_flag){RUN_YES, masks.at};
}

static void take_user(struct reader *r, struct part security, const struct pod *p,
                      struct run_facts *f)
{
    static const char *const user[] = {"runAsUser", NULL}, *const not_root[] = {"runAsNonRoot",
                                                                                NULL};

    f->user = part_word(r, first_of(r, security, p->security, user));
    f->not_root = part_flag(r, first_of(r, security, p->security, not_root));
}

static void take_rights(struct reader *r, struct part container, const struct pod *p,
                        struct run_facts *f)
{
    static const char *const host_process[] = {"windowsOptions", "hostProcess", NULL};
    const struct part security = part_get(r, container, "securityContext"),
                      caps = part_get(r, security, "capabilities"),
                      more = part_get(r, security, "allowPrivilegeEscalation");
    const struct run_flag escalation = part_flag(r, more);

    f->privileged = part_flag(r, part_get(r, security, "privileged"));
    const struct run_flag of_host = part_flag(r, first_of(r, security, p->security, host_process));
    if (of_host.said == RUN_YES) /* Windows: a process of the host */
        f->privileged = of_host;
    f->read_only = part_flag(r, part_get(r, security, "readOnlyRootFilesystem"));
    f->no_new_privileges = escalation;
    if (escalation.said == RUN_NO || escalation.said == RUN_YES)
        f->no_new_privileges.said = escalation.said == RUN_NO ? RUN_YES : RUN_NO;
    part_caps(r, part_get(r, caps, "add"), &f->cap_add);
    part_caps(r, part_get(r, caps, "drop"), &f->cap_drop);
    take_profiles(r, security, p, f);
    take_user(r, security, p, f);
}

static struct run_text host_word(struct run_flag flag)
{
    return flag.said == RUN_YES ? run_word("host", flag.at)
                                : (struct run_text){RUN_ELSEWHERE, NULL, flag.at};
}

/* hostUsers is true when nothing is said: as in docker that alone is no finding. */
static void take_namespaces(const struct pod *p, struct run_facts *f)
{
    f->net = host_word(p->host_net);
    f->pid = host_word(p->host_pid);
    f->ipc = host_word(p->host_ipc);
    f->userns = p->host_users.said == RUN_NO ? run_word("private", p->host_users.at)
                                             : host_word(p->host_users);
    f->uts = f->cgroupns = (struct run_text){.said = RUN_ELSEWHERE};
}

/* ---- what it reaches ---- */

static void take_env(struct reader *r, struct part list, struct run_facts *f)
{
    struct part item;
    PART_EACH(each);

    while (part_next(r, list, &each, &item)) {
        const struct part value = part_get(r, item, "value");
        const char *name = part_text(r, part_get(r, item, "name")), *text = part_text(r, value);
        if (name && text) /* valueFrom keeps a secret out of the configuration */
            run_add_env(r->list, f, arena_printf(r->list->arena, "%s=%s", name, text), value.at);
    }
}

/* The volume of that name is a directory of the node: its path, or NULL. */
static struct part host_path(struct reader *r, const struct pod *p, const char *name)
{
    const struct part volumes = part_get(r, p->spec, "volumes");
    static const char *const path[] = {"hostPath", "path", NULL};
    struct part item;
    PART_EACH(each);

    while (part_next(r, volumes, &each, &item))
        if (part_is(r, part_get(r, item, "name"), name))
            return part_path(r, item, path);
    return (struct part){0};
}

/* A path of the volume that is mounted alone. */
static const char *join_path(struct reader *r, const char *source, struct part sub)
{
    const char *below = part_text(r, sub);

    return source && below && *below ? arena_printf(r->list->arena, "%s/%s", source, below)
                                     : source;
}

static void take_devices(struct reader *r, struct part list, struct run_facts *f)
{
    struct part item;
    PART_EACH(each);

    while (part_next(r, list, &each, &item)) {
        const struct run_text path = part_word(r, part_get(r, item, "devicePath"));
        if (path.text)
            vec_push(&f->devices, path);
    }
}

static void take_mounts(struct reader *r, struct part list, const struct pod *p,
                        struct run_facts *f)
{
    struct part item;
    PART_EACH(each);

    while (part_next(r, list, &each, &item)) {
        const char *name = part_text(r, part_get(r, item, "name")),
                   *how = part_text(r, part_get(r, item, "mountPropagation"));
        const struct part source = name ? host_path(r, p, name) : (struct part){0};
        const struct run_mount m = {
            .type = source.value ? RUN_BIND : RUN_VOLUME,
            .source = join_path(r, part_text(r, source), part_get(r, item, "subPath")),
            .target = part_text(r, part_get(r, item, "mountPath")),
            .read_only = part_flag(r, part_get(r, item, "readOnly")).said == RUN_YES,
            .propagation = how && strcmp(how, "Bidirectional") == 0 ? "rshared" : NULL,
            .at = source.value ? source.at : item.at,
        };
        run_add_mount(r->list, f, &m);
    }
}

static int take_ports(struct reader *r, struct part list, const struct pod *p, struct run_facts *f)
{
    struct part item;
    PART_EACH(each);
    int result = 0;

    while (result == 0 && part_next(r, list, &each, &item)) {
        const char *host = part_text(r, part_get(r, item, "hostPort")),
                   *address = part_text(r, part_get(r, item, "hostIP")),
                   *port = part_text(r, part_get(r, item, "containerPort"));
        if (!host || !port || p->host_net.said == RUN_YES)
            continue;
        const bool six = address && strchr(address, ':');
        result = run_add_port(r->list, f,
                              arena_printf(r->list->arena, "%s%s%s:%s:%s", six ? "[" : "",
                                           address ? address : "", six ? "]" : "", host, port),
                              item.at, r->err);
    }
    return result;
}

/* ---- limits ---- */

/* A pod may have limits for all its containers together. */
static void take_limits(struct reader *r, struct part container, const struct pod *p,
                        struct run_facts *f)
{
    static const char *const memory[] = {"resources", "limits", "memory", NULL},
                             *const cpu[] = {"resources", "limits", "cpu", NULL},
                             *const shares[] = {"resources", "requests", "cpu", NULL};

    f->memory = part_limit(r, first_of(r, container, p->spec, memory));
    f->cpu = part_limit(r, first_of(r, container, p->spec, cpu));
    if (f->cpu.said != RUN_YES)
        f->cpu = part_limit(r, first_of(r, container, p->spec, shares));
    f->pids.said = f->ulimits.said = f->init.said = RUN_ELSEWHERE;
    f->restart.said = f->cgroup_parent.said = RUN_ELSEWHERE;
}

/* What runs to its end (a job, an init container) needs no probe. */
static void take_health(struct reader *r, struct part container, bool stays, struct run_facts *f)
{
    static const char *const probes[] = {"livenessProbe", "readinessProbe", "startupProbe"};

    f->health = (struct run_flag){stays ? RUN_NO : RUN_ELSEWHERE, f->at};
    for (size_t i = 0; i < ARRAY_SIZE(probes); i++)
        if (part_get(r, container, probes[i]).value)
            f->health.said = RUN_YES;
}

/* ---- the whole ---- */

static int take_container(struct reader *r, struct part container, const struct pod *p, bool stays)
{
    const char *name = part_text(r, part_get(r, container, "name"));
    struct run_facts *f;
    int result = run_list_new(r->list, &f, r->err);

    if (result < 0)
        return result;
    f->pod = true;
    f->name = name ? name : "";
    f->at = container.at;
    f->image = part_word(r, part_get(r, container, "image"));
    part_texts(r, part_get(r, container, "command"), &f->command);
    part_texts(r, part_get(r, container, "args"), &f->command);
    take_rights(r, container, p, f);
    take_namespaces(p, f);
    take_limits(r, container, p, f);
    take_health(r, container, stays, f);
    take_env(r, part_get(r, container, "env"), f);
    take_mounts(r, part_get(r, container, "volumeMounts"), p, f);
    take_devices(r, part_get(r, container, "volumeDevices"), f);
    return take_ports(r, part_get(r, container, "ports"), p, f);
}

/* A pod of Windows has none of what the rules ask for, but for processes of the host. */
static bool is_windows(struct reader *r, struct part spec)
{
    static const char *const os[] = {"os", "name", NULL}, *const selected[] = {"nodeSelector",
                                                                               "kubernetes.io/os",
                                                                               NULL};

    return part_is(r, part_path(r, spec, os), "windows") ||
           part_is(r, part_path(r, spec, selected), "windows");
}

static bool is_host_process(struct reader *r, struct part container, const struct pod *p)
{
    const struct part security = part_get(r, container, "securityContext");
    static const char *const path[] = {"windowsOptions", "hostProcess", NULL};

    return part_flag(r, first_of(r, security, p->security, path)).said == RUN_YES;
}

/* holder: what has metadata and spec. */
static int take_pod(struct reader *r, struct part holder, bool stays)
{
    static const char *const lists[] = {"containers", "initContainers", "ephemeralContainers"};
    static const char *const annotations[] = {"metadata", "annotations", NULL};
    const struct part spec = part_get(r, holder, "spec");
    const struct pod p = {
        .spec = spec,
        .annotations = part_path(r, holder, annotations),
        .security = part_get(r, spec, "securityContext"),
        .host_net = part_flag(r, part_get(r, spec, "hostNetwork")),
        .host_pid = part_flag(r, part_get(r, spec, "hostPID")),
        .host_ipc = part_flag(r, part_get(r, spec, "hostIPC")),
        .host_users = part_flag(r, part_get(r, spec, "hostUsers")),
    };
    const bool windows = is_windows(r, spec);
    struct part container;
    int result = 0;

    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        const struct part list = part_get(r, spec, lists[i]);
        PART_EACH(each);
        while (result == 0 && part_next(r, list, &each, &container))
            if (json_is_object(container.value) && (!windows || is_host_process(r, container, &p)))
                result = take_container(r, container, &p, stays && i == 0);
    }
    return result;
}

/* Where the pod stands in an object of any kind: those that other programs define follow the same forms. */
static int take_object(struct reader *r, struct part top)
{
    static const char *const cron[] = {"spec", "jobTemplate", "spec", "template", NULL},
                             *const workload[] = {"spec", "template", NULL},
                             *const template[] = {"template", NULL}, *const pod[] = {NULL};
    const char *const *const paths[] = {cron, workload, template, pod};
    const struct part kind = part_get(r, top, "kind");
    const bool stays = !part_is(r, kind, "Job") && !part_is(r, kind, "CronJob");

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        static const char *const containers[] = {"spec", "containers", NULL};
        const struct part holder = part_path(r, top, paths[i]);
        if (part_path(r, holder, containers).value)
            return take_pod(r, holder, stays);
    }
    return 0; /* a service, a secret: nothing runs */
}

static int take_objects(struct reader *r, struct part top, unsigned depth)
{
    const struct part items = part_get(r, top, "items");
    struct part item;
    PART_EACH(each);
    int result = 0;

    if (!json_is_array(items.value))
        return take_object(r, top);
    if (depth >= LISTS_MAX)
        return error_set(r->err, -EDQUOT, "%s: more than %d lists in each other", top.at.path,
                         LISTS_MAX);
    while (result == 0 && part_next(r, items, &each, &item))
        result = take_objects(r, item, depth + 1);
    return result;
}

int runconfig_kubernetes(struct reader *r, struct part top)
{
    return take_objects(r, top, 0);
}
