/* host.c - what is gathered of a host, and in which order. */
#include "audit/host.h"

#include <errno.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "audit/host_internal.h"
#include "base/fd.h"

/* ---- accounts ---- */

/* The fields of a line of passwd(5) or group(5); as many as there are. */
static size_t fields(struct view line, struct view *ret, size_t max)
{
    size_t count = 0;

    while (count < max && line.at && view_cut(&line, ':', &ret[count]))
        count++;
    return count;
}

static bool number_of(struct view v, uint32_t *ret)
{
    uint64_t n = 0;

    if (!view_to_u64(v, &n) || n > UINT32_MAX)
        return false;
    *ret = (uint32_t)n;
    return true;
}

/* number -> name, the first of each; both files have the number in the third field. */
static void read_names(struct host *h, struct view text, struct map *ret)
{
    struct view line;

    while (text.at && view_cut(&text, '\n', &line)) {
        struct view f[3];
        uint32_t number = 0;

        if (fields(line, f, ARRAY_SIZE(f)) < 3 || !number_of(f[2], &number))
            continue;
        const char *key = arena_printf(h->f->arena, "%u", number);
        if (!map_has(ret, view_of(key)))
            map_set(ret, view_of(key), arena_strndup(h->f->arena, f[0].at, f[0].size));
    }
}

/* The daemon's user has his own files, if dockerd runs rootless. */
static void read_home(struct host *h, struct view text)
{
    struct host_daemon *d = &h->f->daemon;
    struct view line;

    if (!d->running || !d->uid_known || d->uid == 0)
        return;
    while (!d->home && text.at && view_cut(&text, '\n', &line)) {
        struct view f[6];
        uint32_t uid = 0;

        if (fields(line, f, ARRAY_SIZE(f)) == 6 && number_of(f[2], &uid) && uid == d->uid &&
            f[5].size > 0 && *f[5].at == '/')
            d->home = arena_strndup(h->f->arena, f[5].at, f[5].size);
    }
}

static void add_user(struct host *h, struct view name)
{
    const struct strings *trusted = h->options->trusted;

    if (name.size == 0 || view_eq_text(name, "root"))
        return;
    for (size_t i = 0; trusted && i < trusted->size; i++)
        if (view_eq_text(name, trusted->at[i]))
            return;
    if (map_has(&h->users, name))
        return;
    map_set(&h->users, name, NULL);
    vec_push(&h->f->engine_users, arena_strndup(h->f->arena, name.at, name.size));
}

/* The members of the group that owns the engine's socket. */
static void read_members(struct host *h, struct view text, const char *group)
{
    struct view line, name;

    while (text.at && view_cut(&text, '\n', &line)) {
        struct view f[4];

        if (fields(line, f, ARRAY_SIZE(f)) < 4 || !view_eq_text(f[0], group))
            continue;
        h->docker_gid_known = number_of(f[2], &h->docker_gid);
        while (f[3].at && view_cut(&f[3], ',', &name))
            add_user(h, view_trim(name));
    }
}

/* Those whose own group it is stand in no list of members. */
static void read_primary(struct host *h, struct view text)
{
    struct view line;

    while (h->docker_gid_known && text.at && view_cut(&text, '\n', &line)) {
        struct view f[4];
        uint32_t gid = 0;

        if (fields(line, f, ARRAY_SIZE(f)) == 4 && number_of(f[3], &gid) && gid == h->docker_gid)
            add_user(h, f[0]);
    }
}

static void read_accounts(struct host *h, struct str *passwd, struct str *group)
{
    const struct {
        const char *path;
        struct str *text;
        struct map *names;
    } files[] = {{"/etc/passwd", passwd, &h->owners}, {"/etc/group", group, &h->groups}};

    h->f->accounts = HOST_THERE;
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        const char *why = "it is not there";

        if (host_read(h, files[i].path, HOST_ACCOUNTS_MAX, files[i].text, &why) < 0) {
            h->f->accounts = HOST_UNKNOWN;
            h->f->accounts_why = arena_printf(h->f->arena, "%s: %s", files[i].path, why);
        }
        read_names(h, str_view(files[i].text), files[i].names);
    }
}

static const char *text_of(const struct host *h, enum host_option option, const char *otherwise)
{
    const struct host_setting *s = &h->f->daemon.settings[option];

    return s->count > 0 ? s->values[s->count - 1] : otherwise;
}

/* ---- files that checks ask for ---- */

static const struct {
    enum host_thing thing;
    const char *path;
} places[] = {
    {HOST_CONTAINERD_STATE, "/run/containerd"},
    {HOST_ETC_DOCKER, "/etc/docker"},
    {HOST_CONTAINERD_SOCKET, "/run/containerd/containerd.sock"},
    {HOST_DEFAULT_DOCKER, "/etc/default/docker"},
    {HOST_CONTAINERD_CONFIG, "/etc/containerd/config.toml"},
    {HOST_SYSCONFIG_DOCKER, "/etc/sysconfig/docker"},
};

static const struct {
    enum host_thing thing;
    const char *name;
} programs[] = {
    {HOST_DOCKERD, "dockerd"},
    {HOST_CONTAINERD, "containerd"},
    {HOST_SHIM, "containerd-shim"},
    {HOST_SHIM_V1, "containerd-shim-runc-v1"},
    {HOST_SHIM_V2, "containerd-shim-runc-v2"},
    {HOST_RUNC, "runc"},
    {HOST_CLIENT, "docker"},
    {HOST_CLIENT, "podman"},
    {HOST_CLIENT, "nerdctl"},
};

/* Debian has dockerd and runc in sbin, who builds them himself below /usr/local. */
static void add_programs(struct host *h)
{
    static const char *const directories[] = {"/usr/bin", "/usr/sbin", "/usr/local/bin",
                                              "/usr/local/sbin"};

    for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
        for (size_t k = 0; k < ARRAY_SIZE(directories); k++)
            host_add(h, programs[i].thing,
                     arena_printf(h->f->arena, "%s/%s", directories[k], programs[i].name));
}

static void add_found(struct host *h, enum host_thing thing, const char *path)
{
    if (host_look(h, path).state != HOST_ABSENT)
        host_add(h, thing, path);
}

static void list_certificates(struct host *h, const char *path, const char *suffix,
                              struct strings *ret)
{
    if (host_list(h, path, suffix, ret) != 0)
        vec_push(
            &h->f->things[HOST_REGISTRY_CERTS],
            (struct host_file){
                .path = path, .real = path, .state = HOST_UNKNOWN, .why = "it cannot be read"});
}

/* certs.d/<registry>/<anything>.crt, .cert, .key */
static void add_certificates(struct host *h)
{
    static const char top[] = "/etc/docker/certs.d", *const suffixes[] = {".crt", ".cert", ".key"};
    CLEANUP(strings_done) struct strings registries = {0};
    struct host_files *files = &h->f->things[HOST_REGISTRY_CERTS];

    list_certificates(h, top, "", &registries);
    vec_each (registry, &registries)
        for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
            CLEANUP(strings_done) struct strings names = {0};
            const char *directory = arena_printf(h->f->arena, "%s/%s", top, *registry);
            list_certificates(h, directory, suffixes[i], &names);
            for (size_t k = 0; k < names.size && files->size < HOST_ENTRIES_MAX; k++)
                host_add(h, HOST_REGISTRY_CERTS,
                         arena_printf(h->f->arena, "%s/%s", directory, names.at[k]));
        }
}

/* Without a word dockerd takes its user's own, if TLS is on. */
static void add_tls(struct host *h)
{
    const struct host_setting *s = h->f->daemon.settings;
    const bool tls = host_is_true(&s[HOST_TLS], false) || s[HOST_TLS_VERIFY].count > 0;
    const struct {
        enum host_thing thing;
        enum host_option option;
        const char *name;
    } files[] = {
        {HOST_TLS_CA, HOST_TLS_CA_OPTION, "ca.pem"},
        {HOST_TLS_CERT, HOST_TLS_CERT_OPTION, "cert.pem"},
        {HOST_TLS_KEY, HOST_TLS_KEY_OPTION, "key.pem"},
    };
    const char *home = h->f->daemon.home ? h->f->daemon.home : "/root";

    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        const char *own = arena_printf(h->f->arena, "%s/.docker/%s", home, files[i].name),
                   *path = text_of(h, files[i].option, tls ? own : NULL);
        if (path)
            host_add(h, files[i].thing, path);
    }
}

static void add_sockets(struct host *h)
{
    static const char *const others[] = {"/run/podman/podman.sock", "/run/crio/crio.sock"};
    const struct host_setting *hosts = &h->f->daemon.settings[HOST_HOSTS];

    for (size_t i = 0; i < hosts->count; i++)
        if (strncmp(hosts->values[i], "unix://", 7) == 0 && hosts->values[i][7] == '/')
            host_add(h, HOST_ENGINE_SOCKET, hosts->values[i] + 7);
    for (size_t i = 0; i < h->f->daemon.listen_count; i++)
        if (*h->f->daemon.listens[i] == '/')
            host_add(h, HOST_ENGINE_SOCKET, h->f->daemon.listens[i]);
    if (h->f->things[HOST_ENGINE_SOCKET].size == 0)
        host_add(h, HOST_ENGINE_SOCKET,
                 h->f->daemon.home
                     ? arena_printf(h->f->arena, "/run/user/%u/docker.sock", h->f->daemon.uid)
                     : "/run/docker.sock");
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        add_found(h, HOST_ENGINE_SOCKET, others[i]);
}

static void add_things(struct host *h)
{
    const char *home = h->f->daemon.home;

    for (size_t i = 0; i < ARRAY_SIZE(places); i++)
        host_add(h, places[i].thing, arena_strdup(h->f->arena, places[i].path));
    host_add(h, HOST_DATA_ROOT,
             text_of(h, HOST_DATA_ROOT_OPTION,
                     home ? arena_printf(h->f->arena, "%s/.local/share/docker", home)
                          : "/var/lib/docker"));
    add_programs(h);
    add_certificates(h);
    add_tls(h);
    add_sockets(h);
    vec_each (f, &h->f->things[HOST_DOCKERD])
        if (f->state == HOST_THERE) {
            h->f->daemon.there = true;
            h->f->daemon.built_s = MAX(h->f->daemon.built_s, f->mtime_s);
        }
}

/* ---- the file system of the daemon's files ---- */

/* "\040" of proc(5) is a blank. */
static void add_unescaped(struct view v, struct str *ret)
{
    for (size_t i = 0; i < v.size; i++) {
        const char *c = v.at + i;
        if (*c == '\\' && i + 3 < v.size && c[1] >= '0' && c[1] <= '3' && c[2] >= '0' &&
            c[2] <= '7' && c[3] >= '0' && c[3] <= '7') {
            str_add_char(ret, (char)((c[1] - '0') << 6 | (c[2] - '0') << 3 | (c[3] - '0')));
            i += 3;
        } else {
            str_add_char(ret, *c);
        }
    }
}

/* /proc names mounts as its process sees them: of a root below "/" with its path before them. */
static bool is_mount(const struct host *h, struct view line, const char *path)
{
    struct view device, point;
    STR_AUTO(name);

    if (!view_cut(&line, ' ', &device) || !line.at || !view_cut(&line, ' ', &point))
        return false;
    add_unescaped(point, &name);
    const char *at = name.at;
    const size_t root = strlen(h->root_name);
    if (h->live_proc && root > 1 && strncmp(at, h->root_name, root) == 0)
        at += root;
    return strcmp(at, path) == 0;
}

static bool is_mounted(const struct host *h, struct view mounts, const char *path)
{
    struct view line;

    while (mounts.at && view_cut(&mounts, '\n', &line))
        if (is_mount(h, line, path))
            return true;
    return false;
}

static void read_partition(struct host *h)
{
    static const char *const files[] = {"/proc/mounts", "/etc/fstab"};
    const struct host_file *data = h->f->things[HOST_DATA_ROOT].at;

    h->f->partition = HOST_UNKNOWN;
    h->f->partition_why = "neither /proc/mounts nor /etc/fstab can be read";
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        STR_AUTO(text);

        if (host_read(h, files[i], HOST_ACCOUNTS_MAX, &text, NULL) < 0)
            continue;
        const bool own = is_mounted(h, str_view(&text), data->path) ||
                         is_mounted(h, str_view(&text), data->real);
        h->f->partition = own ? HOST_THERE : HOST_ABSENT;
        return;
    }
}

/* ---- the kernel ---- */

/* "kernel.sysrq" is /proc/sys/kernel/sysrq. */
static void read_number(struct host *h, const struct host_knob *k, struct host_number *ret)
{
    char *path = arena_printf(h->f->arena, "/proc/sys/%s", k->name);
    STR_AUTO(text);
    uint64_t value;

    for (char *c = path + strlen("/proc/sys/"); *c; c++)
        if (*c == '.')
            *c = '/';
    const int r = host_read(h, path, HOST_NUMBER_MAX, &text, NULL);
    if (r < 0 || !view_to_u64(view_trim(str_view(&text)), &value))
        *ret = (struct host_number){.state = r == -ENOENT ? HOST_ABSENT : HOST_UNKNOWN};
    else
        *ret = (struct host_number){HOST_THERE, value};
}

/* ---- what the daemon keeps ---- */

static enum host_state state_of(struct host *h, const char *below, const char **ret_why)
{
    const char *path =
        arena_printf(h->f->arena, "%s/%s", h->f->things[HOST_DATA_ROOT].at->path, below);
    const struct host_file f = host_look(h, path);

    if (ret_why && f.state == HOST_UNKNOWN)
        *ret_why = arena_printf(h->f->arena, "%s: %s", path, f.why);
    return f.state;
}

/* ---- together ---- */

static void gather(struct host *h)
{
    STR_AUTO(passwd);
    STR_AUTO(group);

    read_accounts(h, &passwd, &group);
    host_daemon_find(h);
    read_home(h, str_view(&passwd));
    host_daemon_configure(h);
    read_members(h, str_view(&group), h->f->daemon.group);
    read_primary(h, str_view(&passwd));
    add_things(h);
    read_partition(h);
    h->f->swarm = state_of(h, "swarm/docker-state.json", &h->f->swarm_why);
    h->f->aufs = state_of(h, "image/aufs", NULL);
    for (size_t i = 0; i < HOST_KNOBS; i++)
        read_number(h, &host_knobs[i], &h->f->numbers[i]);
    host_registries_gather(h);
    host_audit_gather(h);
}

int host_gather(const struct env *env, const struct host_options *o, struct host_facts **ret,
                struct error *err)
{
    CLEANUP(host_facts_freep) struct host_facts *f = xcalloc(1, sizeof(*f));
    cleanup_close int root = fd_open(AT_FDCWD, o->root, O_PATH | O_DIRECTORY, 0, err);
    struct host h = {.root = root, .env = env, .options = o, .f = f};
    struct statfs fs;

    f->arena = arena_new();
    f->now_s = env->now_s;
    if (root < 0)
        return root;
    cleanup_free char *name = fd_name(root);
    h.root_name = name ? name : "/";
    cleanup_close int proc = fd_open_in_root(root, "/proc", O_PATH | O_DIRECTORY, 0, NULL);
    h.live_proc = proc >= 0 && fstatfs(proc, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
    gather(&h);
    map_done(&h.owners);
    map_done(&h.groups);
    map_done(&h.users);
    *ret = steal(f);
    return 0;
}

void host_facts_free(struct host_facts *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < HOST_THINGS; i++)
        vec_done(&f->things[i]);
    vec_done(&f->auditing.watches);
    vec_done(&f->exec_log.execs);
    vec_done(&f->engine_users);
    vec_done(&f->insecure);
    free(f->answers);
    arena_free(f->arena);
    free(f);
}
