/* runconfig_oci.c - config.json of an OCI runtime (runtime-spec 1.2, config.md, config-linux.md). */
#include "audit/internal.h"

/* "/proc/1/ns/net", and "/proc/self/ns/net" of the runtime, are the host's; other paths another container's. */
static bool is_host_namespace(struct reader *r, struct part item)
{
    const char *text = part_text(r, part_get(r, item, "path"));
    const char *path = text ? run_plain_path(r->list, text) : "";

    return strncmp(path, "/proc/1/ns/", 11) == 0 || strncmp(path, "/proc/self/ns/", 14) == 0;
}

/* A namespace that is not listed is that of whoever starts the runtime: the host's. */
static void take_namespaces(struct reader *r, struct part linux_, struct run_facts *f)
{
    const struct part list = part_get(r, linux_, "namespaces");
    struct {
        const char *type;
        struct run_text *field;
    } types[] = {{"pid", &f->pid}, {"network", &f->net},     {"ipc", &f->ipc},
                 {"uts", &f->uts}, {"cgroup", &f->cgroupns}, {"user", &f->userns}};
    struct part item;
    PART_EACH(each);

    while (part_next(r, list, &each, &item))
        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
            if (part_is(r, part_get(r, item, "type"), types[i].type))
                *types[i].field =
                    run_word(is_host_namespace(r, item) ? "host" : "private", item.at);
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (types[i].field->said == RUN_UNSAID && types[i].field != &f->userns)
            *types[i].field = run_word("host", list.value ? list.at : f->at);
}

/* A rule of the device cgroup that holds for every device, or for all of one type. -1 is every number. What only makes nodes
 * (access "m") opens none. */
static bool is_rule_of_all(struct reader *r, struct part rule)
{
    const char *type = part_text(r, part_get(r, rule, "type")),
               *major = part_text(r, part_get(r, rule, "major")),
               *minor = part_text(r, part_get(r, rule, "minor")),
               *access = part_text(r, part_get(r, rule, "access"));
    const bool all = !type || !*type || strcmp(type, "a") == 0;

    if (access && !strpbrk(access, "rw"))
        return false;
    return all || ((!major || *major == '-') && (!minor || *minor == '-'));
}

/* The rules count in turn; what is denied for all devices takes back what stands above it. */
static void take_device_rules(struct reader *r, struct part linux_, struct run_facts *f)
{
    static const char *const rules[] = {"resources", "devices", NULL};
    const struct part list = part_path(r, linux_, rules);
    struct run_text open = {0};
    struct part item;
    PART_EACH(each);

    while (part_next(r, list, &each, &item)) {
        if (!is_rule_of_all(r, item))
            continue;
        const char *type = part_text(r, part_get(r, item, "type"));
        const bool allow = part_flag(r, part_get(r, item, "allow")).said == RUN_YES;
        if (allow)
            open = run_word(type && *type ? arena_printf(r->list->arena, "%.1s *:* rwm", type)
                                          : "a *:* rwm",
                            item.at);
        else if (!type || !*type || *type == 'a')
            open = (struct run_text){0};
    }
    if (open.text)
        vec_push(&f->devices, open);
}

/* Here the list is of what is kept, not of what is added. */
static void take_caps(struct reader *r, struct part process, struct run_facts *f)
{
    static const char *const bounding[] = {"capabilities", "bounding", NULL};
    const struct part list = part_path(r, process, bounding);
    struct part item;
    PART_EACH(each);

    run_add_caps(r->list, &f->cap_drop, "ALL", list.value ? list.at : f->at);
    while (part_next(r, list, &each, &item)) {
        const char *text = part_text(r, item);
        if (text)
            run_add_caps(r->list, &f->cap_add, text, item.at);
    }
}

static void take_process(struct reader *r, struct part process, struct run_facts *f)
{
    static const char *const uid[] = {"user", "uid", NULL};
    const struct part env = part_get(r, process, "env"),
                      profile = part_get(r, process, "apparmorProfile"),
                      rlimits = part_get(r, process, "rlimits"), user = part_path(r, process, uid);
    struct part item;
    PART_EACH(each);

    f->user = user.value ? part_word(r, user) : run_word("0", f->at);
    f->no_new_privileges = part_flag(r, part_get(r, process, "noNewPrivileges"));
    f->apparmor = part_word(r, profile);
    take_caps(r, process, f);
    part_texts(r, part_get(r, process, "args"), &f->command);
    while (part_next(r, env, &each, &item)) {
        const char *text = part_text(r, item);
        if (text)
            run_add_env(r->list, f, text, item.at);
    }
    if (json_array_size(rlimits.value) > 0)
        f->ulimits = (struct run_flag){RUN_YES, rlimits.at};
}

static void take_mount(struct reader *r, struct part n, struct run_facts *f)
{
    struct run_mount m = {
        .type = RUN_OTHER_MOUNT,
        .source = part_text(r, part_get(r, n, "source")),
        .target = part_text(r, part_get(r, n, "destination")),
        .at = n.at,
    };
    const struct part options = part_get(r, n, "options");
    struct part item;
    PART_EACH(each);

    if (part_is(r, part_get(r, n, "type"), "bind"))
        m.type = RUN_BIND;
    while (part_next(r, options, &each, &item)) {
        const char *word = part_text(r, item);
        if (!word)
            continue;
        if (strcmp(word, "bind") == 0 || strcmp(word, "rbind") == 0)
            m.type = RUN_BIND;
        m.read_only |= strcmp(word, "ro") == 0 || strcmp(word, "rro") == 0;
        if (view_ends(view_of(word), "shared"))
            m.propagation = word;
    }
    if (m.type == RUN_BIND)
        run_add_mount(r->list, f, &m);
}

static void take_linux(struct reader *r, struct part linux_, struct run_facts *f)
{
    static const char *const memory[] = {"resources", "memory", "limit", NULL},
                             *const pids[] = {"resources", "pids", "limit", NULL},
                             *const quota[] = {"resources", "cpu", "quota", NULL},
                             *const shares[] = {"resources", "cpu", "shares", NULL};
    const struct part masked = part_get(r, linux_, "maskedPaths"),
                      devices = part_get(r, linux_, "devices");
    struct part item;
    PART_EACH(each);

    f->memory = part_limit(r, part_path(r, linux_, memory));
    f->pids = part_limit(r, part_path(r, linux_, pids));
    f->cpu = part_limit(r, part_path(r, linux_, quota));
    if (f->cpu.said != RUN_YES)
        f->cpu = part_limit(r, part_path(r, linux_, shares));
    if (!part_get(r, linux_, "seccomp").value)
        f->seccomp = run_word("unconfined", f->at);
    if (json_array_size(masked.value) == 0)
        f->unmasked = (struct run_flag){RUN_YES, masked.value ? masked.at : f->at};
    while (part_next(r, devices, &each, &item)) {
        const struct run_text word = {RUN_YES, part_text(r, part_get(r, item, "path")), item.at};
        if (word.text)
            vec_push(&f->devices, word);
    }
    take_device_rules(r, linux_, f);
    take_namespaces(r, linux_, f);
}

int runconfig_oci(struct reader *r, struct part top)
{
    static const char *const read_only[] = {"root", "readonly", NULL};
    const struct part mounts = part_get(r, top, "mounts");
    struct part item;
    PART_EACH(each);
    struct run_facts *f;
    int result = run_list_new(r->list, &f, r->err);

    if (result < 0)
        return result;
    f->name = "";
    f->at = top.at;
    /* what the engine above decides */
    f->init.said = f->health.said = RUN_ELSEWHERE;
    f->restart.said = f->cgroup_parent.said = RUN_ELSEWHERE;
    f->read_only = part_flag(r, part_path(r, top, read_only));
    take_process(r, part_get(r, top, "process"), f);
    take_linux(r, part_get(r, top, "linux"), f);
    while (part_next(r, mounts, &each, &item))
        take_mount(r, item, f);
    return 0;
}
