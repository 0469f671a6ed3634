/* runconfig_options.c - docker run's and exec's options as facts. */
#include <errno.h>

#include "audit/internal.h"

/* As it would be typed: "--user 0". */
static struct run_place place(struct run_list *l, const char *option, const char *value)
{
    return (struct run_place){value ? arena_printf(l->arena, "--%s %s", option, value) : option,
                              {0}};
}

/* Without the value: it may be a secret, and reports are read by many. */
static struct run_place env_place(struct run_list *l, const char *text)
{
    return (struct run_place){arena_printf(l->arena, "--env %.*s", (int)strcspn(text, "="), text),
                              {0}};
}

static struct run_text word(struct run_list *l, const char *option, const char *value)
{
    return value
               ? (struct run_text){RUN_YES, arena_strdup(l->arena, value), place(l, option, value)}
               : (struct run_text){0};
}

static struct run_flag flag(bool given, const char *option)
{
    return given ? (struct run_flag){RUN_YES, {option, {0}}} : (struct run_flag){0};
}

static void take_limits(struct run_list *l, const struct docker_options *o, struct run_facts *f)
{
    const struct {
        const char *option, *value;
        struct run_flag *field;
    } limits[] = {
        {"memory", o->memory, &f->memory},       {"cpus", o->cpus, &f->cpu},
        {"cpu-quota", o->cpu_quota, &f->cpu},    {"cpu-shares", o->cpu_shares, &f->cpu},
        {"pids-limit", o->pids_limit, &f->pids},
    };

    for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
        const char *value = limits[i].value;
        if (value && limits[i].field->said != RUN_YES)
            *limits[i].field = (struct run_flag){strchr(value, '$')        ? RUN_ELSEWHERE
                                                 : strtod(value, NULL) > 0 ? RUN_YES
                                                                           : RUN_NO,
                                                 place(l, limits[i].option, value)};
    }
    if (o->cpuset && *o->cpuset)
        f->cpu = flag(true, "--cpuset-cpus");
    f->ulimits = flag(o->ulimits.size > 0, "--ulimit");
}

/* "host", "name=host,alias=web". */
static struct run_text network(struct run_list *l, const char *text)
{
    struct run_text ret = word(l, "network", text);
    struct view rest = view_of(text), one;

    while (rest.at && view_cut(&rest, ',', &one))
        if (view_starts(one, "name="))
            ret.text = arena_strndup(l->arena, one.at + 5, one.size - 5);
    return ret;
}

static void take_rights(struct run_list *l, const struct docker_options *o, struct run_facts *f)
{
    f->privileged = flag(o->privileged, "--privileged");
    f->read_only = flag(o->read_only, "--read-only");
    f->init = flag(o->init, "--init");
    f->user = run_user(word(l, "user", o->user));
    f->pid = word(l, "pid", o->pid);
    f->ipc = word(l, "ipc", o->ipc);
    f->uts = word(l, "uts", o->uts);
    f->userns = word(l, "userns", o->userns);
    if (!o->userns && o->id_maps.size > 0)
        f->userns = run_word("private", place(l, "uidmap", o->id_maps.at[0]));
    f->cgroupns = word(l, "cgroupns", o->cgroupns);
    f->cgroup_parent = word(l, "cgroup-parent", o->cgroup_parent);
    if (o->networks.size > 0)
        f->net = network(l, o->networks.at[o->networks.size - 1]);
    vec_each (name, &o->cap_add)
        run_add_caps(l, &f->cap_add, *name, place(l, "cap-add", *name));
    vec_each (name, &o->cap_drop)
        run_add_caps(l, &f->cap_drop, *name, place(l, "cap-drop", *name));
    vec_each (option, &o->security)
        run_add_security(l, f, *option, place(l, "security-opt", *option));
}

/* docker reads all files first, and what --env says counts before them. */
static int take_env(struct run_list *l, const struct docker_options *o, struct run_facts *f,
                    struct error *err)
{
    CLEANUP(map_done) struct map seen = {0};
    int r = 0;

    vec_each (text, &o->env)
        run_add_env(l, f, *text, env_place(l, *text));
    vec_each (e, &f->env)
        map_set(&seen, e->name, f);
    for (size_t i = o->env_files.size; r == 0 && i-- > 0;)
        r = run_env_file(l, o->env_files.at[i], f, &seen, err);
    return r;
}

static int take_reach(struct run_list *l, const struct docker_options *o, struct run_facts *f,
                      struct error *err)
{
    int r = take_env(l, o, f, err);

    vec_each (text, &o->volumes)
        run_add_volume(l, f, *text, place(l, "volume", *text));
    vec_each (text, &o->mounts)
        run_add_mount_words(l, f, *text, place(l, "mount", *text));
    if (o->use_api_socket)
        run_add_api_socket(l, f, (struct run_place){"--use-api-socket", {0}});
    vec_each (text, &o->devices)
        vec_push(&f->devices, word(l, "device", *text));
    vec_each (text, &o->device_rules)
        vec_push(&f->devices, word(l, "device-cgroup-rule", *text));
    for (size_t i = 0; r == 0 && i < o->ports.size; i++)
        r = run_add_port(l, f, o->ports.at[i], place(l, "publish", o->ports.at[i]), err);
    f->publish_all = flag(o->publish_all, "--publish-all");
    return r;
}

static struct run_text bare(struct run_list *l, const char *text, const char *what)
{
    return run_word(arena_strdup(l->arena, text), (struct run_place){what, {0}});
}

static void take_command(struct run_list *l, const struct docker_options *o, struct run_facts *f)
{
    char *const *words = o->command;

    if (*words)
        f->image = bare(l, *words++, "image");
    if (o->exec || o->rootfs)
        f->image = (struct run_text){0}; /* a container, or a directory */
    if (o->entrypoint)
        vec_push(&f->command, bare(l, o->entrypoint, "--entrypoint"));
    for (; *words; words++)
        vec_push(&f->command, bare(l, *words, "command"));
}

int runconfig_options(const struct docker_options *o, struct run_list *ret, struct error *err)
{
    struct run_facts *f;
    int r = run_list_new(ret, &f, err);

    if (r < 0)
        return r;
    f->exec = o->exec;
    f->name = "";
    f->at = (struct run_place){"", {0}};
    (void)run_file_add(ret, ret->title ? ret->title : "run", "", VIEW(""));
    take_rights(ret, o, f);
    take_limits(ret, o, f);
    take_command(ret, o, f);
    if (o->restart)
        run_set_restart(ret, f, o->restart, place(ret, "restart", o->restart));
    if (o->no_healthcheck)
        f->health = (struct run_flag){RUN_NO, {"--no-healthcheck", {0}}};
    else if (o->health_cmd)
        f->health = (struct run_flag){strcmp(o->health_cmd, "none") == 0 ? RUN_NO : RUN_YES,
                                      {"--health-cmd", {0}}};
    return take_reach(ret, o, f, err);
}
