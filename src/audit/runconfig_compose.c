/* runconfig_compose.c - compose files: compose-spec, 05-services.md. */
#include <ctype.h>
#include <errno.h>

#include "audit/internal.h"
#include "base/doc.h"

/* ---- parts ---- */

/* "sh -c 'a b'": compose takes one text apart as a shell would. */
static void take_command(struct reader *r, struct part n, struct run_texts *ret)
{
    const char *text = json_is_string(n.value) ? part_text(r, n) : NULL;
    char quote = '\0';
    bool begun = false;
    STR_AUTO(word);

    if (!text)
        part_texts(r, n, ret);
    for (; text; text = *text ? text + 1 : NULL) {
        if (!*text || (!quote && isspace((unsigned char)*text))) {
            if (begun && run_list_count(r->list))
                vec_push(ret, run_word(arena_strndup(r->list->arena, word.at, word.size), n.at));
            str_clear(&word);
            begun = false;
            continue;
        }
        begun = true;
        if (*text == quote || (!quote && (*text == '"' || *text == '\'')))
            quote = quote ? '\0' : *text;
        else
            str_add_char(&word, *text == '\\' && quote != '\'' && text[1] ? *++text : *text);
    }
}

/* "/dev/x:/dev/y", or {source: /dev/x, target: /dev/y}. */
static void take_devices(struct reader *r, struct part n, struct run_texts *ret)
{
    struct part item;
    PART_EACH(each);

    while (part_next(r, n, &each, &item)) {
        const struct run_text word =
            part_word(r, json_is_object(item.value) ? part_get(r, item, "source") : item);
        if (word.text && run_list_count(r->list))
            vec_push(ret, word);
    }
}

/* "NAME: value" or "- NAME=value". */
static void take_env(struct reader *r, struct part n, struct run_facts *f)
{
    struct part item;
    PART_EACH(each);

    while (part_next(r, n, &each, &item)) {
        const char *text = part_text(r, item);
        if (each.key && text)
            text = arena_printf(r->list->arena, "%s=%s", each.key, text);
        else if (each.key)
            text = each.key;
        if (text)
            run_add_env(r->list, f, text, item.at);
    }
}

/* "env_file: a", a list of them, or of {path: a, required: false}; environment counts before it, and the last one before the others. */
static int take_env_files(struct reader *r, struct part service, struct run_facts *f)
{
    const struct part files = part_get(r, service, "env_file");
    CLEANUP(map_done) struct map seen = {0};
    VEC(struct part) list = {0};
    struct part item;
    PART_EACH(each);
    int result = 0;

    if (!files.value)
        return 0;
    if (json_is_string(files.value))
        vec_push(&list, files);
    while (json_is_array(files.value) && part_next(r, files, &each, &item))
        vec_push(&list, item);
    vec_each (e, &f->env)
        map_set(&seen, e->name, f);
    for (size_t i = list.size; result == 0 && i-- > 0;) {
        const struct part one = list.at[i], path = part_get(r, one, "path");
        const bool needed = part_flag(r, part_get(r, one, "required")).said != RUN_NO;
        result = project_env(r, json_is_object(one.value) ? path : one, needed, f, &seen);
    }
    vec_done(&list);
    return result;
}

/* A volume of the file that is a directory of the host: driver_opts {o: bind, device: /etc}. */
static void resolve_volumes(struct reader *r, struct part top, struct run_facts *f)
{
    const struct part volumes = part_get(r, top, "volumes");

    vec_each (m, &f->mounts) {
        if (m->type != RUN_VOLUME || !m->source || !volumes.value)
            continue;
        const char *const keys[] = {m->source, "driver_opts", NULL};
        const struct part options = part_path(r, volumes, keys);
        const char *device = part_text(r, part_get(r, options, "device")),
                   *how = part_text(r, part_get(r, options, "o"));
        if (!device || !how || !strstr(how, "bind"))
            continue;
        m->type = RUN_BIND;
        m->source = run_plain_path(r->list, device);
    }
}

static void take_volume(struct reader *r, struct part n, struct run_facts *f)
{
    const struct part type = part_get(r, n, "type");
    static const char *const propagation[] = {"bind", "propagation", NULL};
    const char *text = json_is_object(n.value) ? NULL : part_text(r, n);

    if (text) {
        run_add_volume(r->list, f, text, n.at);
        return;
    }
    const struct run_mount m = {
        .type = part_is(r, type, "bind") || part_is(r, type, "npipe") ? RUN_BIND
                : part_is(r, type, "tmpfs")                           ? RUN_TMPFS
                                                                      : RUN_VOLUME,
        .source = part_text(r, part_get(r, n, "source")),
        .target = part_text(r, part_get(r, n, "target")),
        .read_only = part_flag(r, part_get(r, n, "read_only")).said == RUN_YES,
        .propagation = part_text(r, part_path(r, n, propagation)),
        .at = n.at,
    };
    run_add_mount(r->list, f, &m);
}

/* One place has one volume: the last one, as in compose, where a service says otherwise than its base. */
static void keep_last_volumes(struct run_facts *f)
{
    CLEANUP(map_done) struct map seen = {0};
    size_t kept = f->mounts.size;

    for (size_t i = f->mounts.size; i-- > 0;) {
        const struct run_mount m = f->mounts.at[i];
        const struct view target = view_of(m.target);
        if (target.size > 0 && map_has(&seen, target))
            continue;
        map_set(&seen, target, f);
        f->mounts.at[--kept] = m;
    }
    f->mounts.size -= kept;
    if (kept > 0)
        memmove(f->mounts.at, f->mounts.at + kept, f->mounts.size * sizeof(*f->mounts.at));
}

/* A port that a service and its base publish in the same way is one. */
static void keep_last_ports(struct reader *r, struct run_facts *f)
{
    CLEANUP(map_done) struct map seen = {0};
    size_t kept = f->ports.size;

    for (size_t i = f->ports.size; i-- > 0;) {
        const struct run_port p = f->ports.at[i];
        const char *key =
            arena_printf(r->list->arena, "%s %u-%u %u-%u %d", p.address ? p.address : "", p.host,
                         p.host_end, p.container, p.container_end, p.udp);
        if (map_has(&seen, view_of(key)))
            continue;
        map_set(&seen, view_of(key), f);
        f->ports.at[--kept] = p;
    }
    f->ports.size -= kept;
    if (kept > 0)
        memmove(f->ports.at, f->ports.at + kept, f->ports.size * sizeof(*f->ports.at));
}

/* "configs: [name]" or "- {source: name, target: path}": a file of the host, where the project's entry has one. */
static void take_configs(struct reader *r, struct part top, struct part service,
                         struct run_facts *f)
{
    const struct part list = part_get(r, service, "configs"), all = part_get(r, top, "configs");
    struct part item;
    PART_EACH(each);

    while (json_is_array(list.value) && part_next(r, list, &each, &item)) {
        const char *name =
            part_text(r, json_is_object(item.value) ? part_get(r, item, "source") : item);
        const char *const keys[] = {name, "file", NULL};
        const struct part file = name ? part_path(r, all, keys) : (struct part){0};
        const char *target = part_text(r, part_get(r, item, "target"));

        if (file.value)
            run_add_mount(r->list, f,
                          &(struct run_mount){.type = RUN_BIND,
                                              .source = part_text(r, file),
                                              .target = target ? target : name,
                                              .read_only = true,
                                              .at = file.at});
    }
}

/* Compose mounts the engine's socket by itself. */
static void take_api_socket(struct reader *r, struct part service, struct run_facts *f)
{
    const struct run_flag use = part_flag(r, part_get(r, service, "use_api_socket"));

    if (use.said == RUN_YES)
        run_add_api_socket(r->list, f, use.at);
}

static int take_port(struct reader *r, struct part n, struct run_facts *f)
{
    const char *target = part_text(r, part_get(r, n, "target")),
               *host = part_text(r, part_get(r, n, "published")),
               *address = part_text(r, part_get(r, n, "host_ip")),
               *protocol = part_text(r, part_get(r, n, "protocol"));
    const char *text = json_is_object(n.value) ? NULL : part_text(r, n);

    if (!text && target) {
        const bool six = address && strchr(address, ':') && *address != '[';
        text =
            arena_printf(r->list->arena, "%s%s%s:%s:%s/%s", six ? "[" : "", address ? address : "",
                         six ? "]" : "", host ? host : "", target, protocol ? protocol : "tcp");
    }
    if (!text)
        return 0;
    const int result = run_add_port(r->list, f, text, n.at, r->err);
    return result < 0 ? error_wrap(r->err, result, "%s", n.at.path) : 0;
}

/* "network_mode", or the networks that it joins: compose makes one for the project when nothing is said. */
static void take_network(struct reader *r, struct part service, struct run_facts *f)
{
    const struct part networks = part_get(r, service, "networks");
    struct part item;
    PART_EACH(each);

    f->net = part_word(r, part_get(r, service, "network_mode"));
    if (!f->net.text)
        f->net.said = RUN_ELSEWHERE;
    while (part_next(r, networks, &each, &item)) {
        const char *name = each.key ? each.key : part_text(r, item);
        if (name && run_list_count(r->list))
            vec_push(&f->networks, (struct run_text){RUN_YES, name, item.at});
    }
}

/* ---- limits ---- */

static void take_limit(struct reader *r, struct part service, const char *own, const char *below,
                       struct run_flag *ret)
{
    const char *const keys[] = {"deploy", "resources", "limits", below, NULL};

    *ret = part_limit(r, part_get(r, service, own));
    if (ret->said != RUN_YES && below) {
        const struct run_flag more = part_limit(r, part_path(r, service, keys));
        if (more.said != RUN_UNSAID)
            *ret = more;
    }
}

static void take_limits(struct reader *r, struct part service, struct run_facts *f)
{
    static const char *const others[] = {"cpu_quota", "cpu_shares", "cpu_percent"};
    const struct part ulimits = part_get(r, service, "ulimits"),
                      cpuset = part_get(r, service, "cpuset");

    take_limit(r, service, "mem_limit", "memory", &f->memory);
    take_limit(r, service, "pids_limit", "pids", &f->pids);
    take_limit(r, service, "cpus", "cpus", &f->cpu);
    for (size_t i = 0; i < ARRAY_SIZE(others) && f->cpu.said != RUN_YES; i++) {
        const struct run_flag more = part_limit(r, part_get(r, service, others[i]));
        if (more.said != RUN_UNSAID)
            f->cpu = more;
    }
    if (cpuset.value)
        f->cpu = (struct run_flag){RUN_YES, cpuset.at};
    if (ulimits.value)
        f->ulimits = (struct run_flag){RUN_YES, ulimits.at};
}

static void take_restart(struct reader *r, struct part service, struct run_facts *f)
{
    static const char *const deploy[] = {"deploy", "restart_policy", NULL};
    const struct part restart = part_get(r, service, "restart"),
                      policy = part_path(r, service, deploy),
                      condition = part_get(r, policy, "condition");
    const char *text = part_text(r, restart),
               *max = part_text(r, part_get(r, policy, "max_attempts"));

    if (policy.value) {
        const char *word = part_text(r, condition);
        if (!word || strcmp(word, "any") == 0)
            word = "always";
        else if (strcmp(word, "none") == 0)
            word = "no";
        if (max && strcmp(word, "no") != 0)
            word = arena_printf(r->list->arena, "on-failure:%s", max);
        run_set_restart(r->list, f, word, condition.value ? condition.at : policy.at);
    } else if (text) {
        run_set_restart(r->list, f, text, restart.at);
    }
}

static void take_health(struct reader *r, struct part service, struct run_facts *f)
{
    const struct part health = part_get(r, service, "healthcheck"),
                      test = part_get(r, health, "test");
    const char *first = json_string_value(json_array_get(test.value, 0));
    const bool off = part_flag(r, part_get(r, health, "disable")).said == RUN_YES ||
                     part_is(r, test, "NONE") || (first && strcmp(first, "NONE") == 0);

    if (off)
        f->health = (struct run_flag){RUN_NO, health.at};
    else if (test.value)
        f->health = (struct run_flag){RUN_YES, health.at};
}

/* ---- the whole ---- */

static void take_rights(struct reader *r, struct part service, struct run_facts *f)
{
    const struct part security = part_get(r, service, "security_opt");
    struct part item;
    PART_EACH(each);

    f->privileged = part_flag(r, part_get(r, service, "privileged"));
    f->read_only = part_flag(r, part_get(r, service, "read_only"));
    f->init = part_flag(r, part_get(r, service, "init"));
    f->user = run_user(part_word(r, part_get(r, service, "user")));
    f->pid = part_word(r, part_get(r, service, "pid"));
    f->ipc = part_word(r, part_get(r, service, "ipc"));
    f->uts = part_word(r, part_get(r, service, "uts"));
    f->userns = part_word(r, part_get(r, service, "userns_mode"));
    f->cgroupns = part_word(r, part_get(r, service, "cgroup"));
    f->cgroup_parent = part_word(r, part_get(r, service, "cgroup_parent"));
    part_caps(r, part_get(r, service, "cap_add"), &f->cap_add);
    part_caps(r, part_get(r, service, "cap_drop"), &f->cap_drop);
    while (part_next(r, security, &each, &item)) {
        const char *text = part_text(r, item);
        if (text)
            run_add_security(r->list, f, text, item.at);
    }
}

static int take_reach(struct reader *r, struct part service, struct run_facts *f)
{
    const struct part volumes = part_get(r, service, "volumes"),
                      ports = part_get(r, service, "ports");
    struct part item;
    PART_EACH(volume);
    PART_EACH(port);
    int result = 0;

    take_env(r, part_get(r, service, "environment"), f);
    result = take_env_files(r, service, f);
    take_devices(r, part_get(r, service, "devices"), &f->devices);
    part_texts(r, part_get(r, service, "device_cgroup_rules"), &f->devices);
    while (part_next(r, volumes, &volume, &item))
        take_volume(r, item, f);
    keep_last_volumes(f);
    take_api_socket(r, service, f);
    while (result == 0 && part_next(r, ports, &port, &item))
        result = take_port(r, item, f);
    keep_last_ports(r, f);
    return result;
}

static int take_service(struct reader *r, struct part top, struct part service, const char *name)
{
    struct run_facts *f;
    int result = run_list_new(r->list, &f, r->err);

    if (result < 0)
        return result;
    f->name = name;
    f->at = service.at;
    /* what is built here is called as one likes */
    if (!part_get(r, service, "build").value)
        f->image = part_word(r, part_get(r, service, "image"));
    take_command(r, part_get(r, service, "entrypoint"), &f->command);
    take_command(r, part_get(r, service, "command"), &f->command);
    take_rights(r, service, f);
    take_network(r, service, f);
    take_limits(r, service, f);
    take_restart(r, service, f);
    take_health(r, service, f);
    result = take_reach(r, service, f);
    resolve_volumes(r, top, f);
    take_configs(r, top, service, f);
    return result;
}

int runconfig_compose(struct reader *r, struct part top)
{
    const struct part services = part_get(r, top, "services");
    struct part service;
    PART_EACH(each);
    int result = 0;

    while (result == 0 && part_next(r, services, &each, &service))
        if (service.value)
            result = take_service(r, top, service, each.key);
    return result;
}
