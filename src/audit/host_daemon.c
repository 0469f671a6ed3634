/* host_daemon.c - dockerd's settings: its command line before daemon.json, as dockerd(8) and moby's cmd/dockerd read them. */
#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "audit/host_internal.h"
#include "base/doc.h"
#include "base/fd.h"

#define ENVIRONMENT_MAX (8u << 20) /* bytes of all environment files of a unit */

enum kind { BOOLEAN, TEXT, LIST };

static const struct option {
    const char *flag;
    char letter;
    const char *key; /* in daemon.json; NULL: the flag's name */
    enum kind kind;
} options[HOST_OPTIONS] = {
    [HOST_AUTHORIZATION] = {"authorization-plugin", 0, "authorization-plugins", LIST},
    [HOST_CGROUP_PARENT] = {"cgroup-parent", 0, NULL, TEXT},
    [HOST_CONFIG_FILE] = {"config-file", 0, NULL, TEXT},
    [HOST_DATA_ROOT_OPTION] = {"data-root", 0, NULL, TEXT},
    [HOST_DEBUG] = {"debug", 'D', NULL, BOOLEAN},
    [HOST_ULIMITS] = {"default-ulimit", 0, "default-ulimits", LIST},
    [HOST_EXPERIMENTAL] = {"experimental", 0, NULL, BOOLEAN},
    [HOST_GROUP] = {"group", 'G', NULL, TEXT},
    [HOST_HOSTS] = {"host", 'H', "hosts", LIST},
    [HOST_ICC] = {"icc", 0, NULL, BOOLEAN},
    [HOST_INSECURE] = {"insecure-registry", 0, "insecure-registries", LIST},
    [HOST_IPTABLES] = {"iptables", 0, NULL, BOOLEAN},
    [HOST_LIVE_RESTORE] = {"live-restore", 0, NULL, BOOLEAN},
    [HOST_LOG_DRIVER] = {"log-driver", 0, NULL, TEXT},
    [HOST_LOG_LEVEL] = {"log-level", 'l', NULL, TEXT},
    [HOST_NO_NEW_PRIVILEGES] = {"no-new-privileges", 0, NULL, BOOLEAN},
    [HOST_SECCOMP] = {"seccomp-profile", 0, NULL, TEXT},
    [HOST_STORAGE_DRIVER] = {"storage-driver", 's', NULL, TEXT},
    [HOST_STORAGE_OPTS] = {"storage-opt", 0, "storage-opts", LIST},
    [HOST_TLS] = {"tls", 0, NULL, BOOLEAN},
    [HOST_TLS_VERIFY] = {"tlsverify", 0, NULL, BOOLEAN},
    [HOST_TLS_CA_OPTION] = {"tlscacert", 0, NULL, TEXT},
    [HOST_TLS_CERT_OPTION] = {"tlscert", 0, NULL, TEXT},
    [HOST_TLS_KEY_OPTION] = {"tlskey", 0, NULL, TEXT},
    [HOST_USERLAND_PROXY] = {"userland-proxy", 0, NULL, BOOLEAN},
    [HOST_USERNS] = {"userns-remap", 0, NULL, TEXT},
};

#define VALUES_MAX 1024 /* of one option */

static void add_value(struct arena *arena, struct host_setting *s, const char *value,
                      const char *place)
{
    if (s->count >= VALUES_MAX)
        return;
    if ((s->count & (s->count + 1)) == 0) { /* 0, 1, 3, 7...: it is full */
        const char **grown = arena_alloc(arena, (2 * s->count + 1) * sizeof(*grown));
        if (s->count > 0)
            memcpy(grown, s->values, s->count * sizeof(*grown));
        s->values = grown;
    }
    s->values[s->count++] = arena_strdup(arena, value);
    s->place = place;
}

bool host_is_true(const struct host_setting *s, bool otherwise)
{
    return s->count > 0 ? strcmp(s->values[s->count - 1], "true") == 0 : otherwise;
}

/* ---- the command line ---- */

/* Go's strconv.ParseBool. 1 and 0; -1: neither, the daemon does not start. */
static int boolean_of(const char *text)
{
    static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
    static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};

    for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
        if (strcmp(text, yes[i]) == 0)
            return 1;
        if (strcmp(text, no[i]) == 0)
            return 0;
    }
    return -1;
}

static void set_flag(struct arena *arena, size_t at, const char *value, struct host_setting *ret)
{
    const char *place = arena_printf(arena, "dockerd --%s", options[at].flag);
    struct host_setting *s = &ret[at];
    const int yes = options[at].kind == BOOLEAN ? boolean_of(value) : 0;

    if (yes < 0)
        return;
    if (options[at].kind != LIST)
        s->count = 0;
    if (options[at].kind == BOOLEAN)
        value = yes ? "true" : "false";
    if (*value)
        add_value(arena, s, value, place);
}

static size_t option_named(struct view name)
{
    if (view_eq_text(name, "graph"))
        return HOST_DATA_ROOT_OPTION;
    for (size_t i = 0; i < HOST_OPTIONS; i++)
        if (view_eq_text(name, options[i].flag))
            return i;
    return HOST_OPTIONS;
}

static size_t option_of_letter(char letter)
{
    for (size_t i = 0; i < HOST_OPTIONS; i++)
        if (letter && options[i].letter == letter)
            return i;
    return letter == 'g' ? HOST_DATA_ROOT_OPTION : HOST_OPTIONS;
}

/* "--name", "--name=value", "--name value". How many words it took. */
static size_t take_long(struct arena *arena, const struct strings *argv, size_t i,
                        struct host_setting *ret)
{
    struct view value = view_of(argv->at[i] + 2), name;
    const bool joined = strchr(value.at, '=');

    if (!joined || !view_cut(&value, '=', &name))
        name = value;
    const size_t at = option_named(name);
    if (at == HOST_OPTIONS)
        return 1; /* a value behind it is no option: passed over, too */
    if (joined || options[at].kind == BOOLEAN) {
        set_flag(arena, at, joined ? value.at : "true", ret);
        return 1;
    }
    if (i + 1 < argv->size)
        set_flag(arena, at, argv->at[i + 1], ret);
    return 2;
}

/* "-D", "-Hvalue", "-H=value", "-H value", "-DH value". */
static size_t take_short(struct arena *arena, const struct strings *argv, size_t i,
                         struct host_setting *ret)
{
    for (const char *c = argv->at[i] + 1; *c; c++) {
        const size_t at = option_of_letter(*c);
        const bool known = at < HOST_OPTIONS;
        const bool takes = known ? options[at].kind != BOOLEAN : strchr("bp", *c) != NULL;

        if (takes && c[1]) {
            if (known)
                set_flag(arena, at, c[1] == '=' ? c + 2 : c + 1, ret);
            return 1;
        }
        if (takes) {
            if (known && i + 1 < argv->size)
                set_flag(arena, at, argv->at[i + 1], ret);
            return 2;
        }
        if (known) {
            set_flag(arena, at, c[1] == '=' ? c + 2 : "true", ret);
            if (c[1] == '=')
                return 1;
        }
    }
    return 1;
}

void host_flags_parse(struct arena *arena, const struct strings *argv, struct host_setting *ret)
{
    for (size_t i = 1; i < argv->size;) {
        const char *word = argv->at[i];

        if (strcmp(word, "--") == 0)
            return;
        if (strncmp(word, "--", 2) == 0)
            i += take_long(arena, argv, i, ret);
        else if (*word == '-' && word[1])
            i += take_short(arena, argv, i, ret);
        else
            i++;
    }
}

/* ---- daemon.json ---- */

static int set_list(struct arena *arena, json_t *value, const char *place, struct host_setting *ret)
{
    const char *name;
    json_t *item;
    size_t i;

    json_object_foreach(value, name, item) add_value(arena, ret, name, place);
    json_array_foreach(value, i, item)
    {
        if (!json_is_string(item))
            return -EINVAL;
        add_value(arena, ret, json_string_value(item), place);
    }
    return json_is_object(value) || json_is_array(value) ? 0 : -EINVAL;
}

static int set_json(struct arena *arena, enum kind kind, json_t *value, const char *place,
                    struct host_setting *ret)
{
    if (json_is_null(value))
        return 0;
    if (kind == LIST)
        return set_list(arena, value, place, ret);
    if (kind == BOOLEAN ? !json_is_boolean(value) : !json_is_string(value))
        return -EINVAL;
    const char *text = kind == TEXT          ? json_string_value(value)
                       : json_is_true(value) ? "true"
                                             : "false";
    if (*text)
        add_value(arena, ret, text, place);
    return 0;
}

static int read_keys(struct arena *arena, json_t *doc, const char *path, struct host_setting *ret,
                     struct error *err)
{
    for (size_t i = 0; i < HOST_OPTIONS; i++) {
        const char *key = options[i].key ? options[i].key : options[i].flag;
        json_t *value = json_object_get(doc, key);

        if (!value && i == HOST_DATA_ROOT_OPTION)
            value = json_object_get(doc, "graph");
        struct host_setting unused = {0}; /* set already: dockerd looks at it all the same */
        if (!value || i == HOST_CONFIG_FILE)
            continue;
        const char *place = arena_printf(arena, "%s: %s", path, key);
        if (set_json(arena, options[i].kind, value, place, ret[i].count > 0 ? &unused : &ret[i]) <
            0)
            return error_set(err, -EINVAL, "%s: '%s' is not what dockerd takes", path, key);
    }
    return 0;
}

int host_json_parse(struct arena *arena, struct view text, const char *path,
                    struct host_setting *ret, struct error *err)
{
    cleanup_doc json_t *doc = NULL;

    if (text.size >= 3 && memcmp(text.at, "\xef\xbb\xbf", 3) == 0)
        text = view_make(text.at + 3, text.size - 3);
    text = view_trim(text);
    if (text.size == 0)
        return 0; /* for dockerd, too */
    const int r = doc_parse(text, HOST_FILE_MAX, path, &doc, err);
    if (r < 0)
        return r;
    if (!json_is_object(doc))
        return error_set(err, -EINVAL, "%s: it is no object", path);
    return read_keys(arena, doc, path, ret, err);
}

/* ---- the process ---- */

struct process {
    unsigned pid;
    uint32_t uid;
    bool uid_known;
};

/* Started in a container, or behind another root: its paths are not those of this host. */
static bool is_elsewhere(const struct host *h, unsigned pid, struct view status)
{
    const char *path = arena_printf(h->f->arena, "/proc/%u", pid);
    cleanup_close int fd = fd_open_in_root(h->root, path, O_PATH, 0, NULL);
    struct view line;
    struct stat its, ours;

    if (h->live_proc && fd >= 0 && fstatat(fd, "root", &its, 0) == 0 && fstat(h->root, &ours) == 0)
        return its.st_dev != ours.st_dev || its.st_ino != ours.st_ino;
    while (status.at && view_cut(&status, '\n', &line))
        if (view_starts(line, "NSpid:"))
            return memchr(view_trim(view_make(line.at + 6, line.size - 6)).at, '\t',
                          view_trim(view_make(line.at + 6, line.size - 6)).size);
    return false;
}

static void read_uid(struct view status, struct process *p)
{
    struct view line, rest, first;
    uint64_t uid = 0;

    while (status.at && view_cut(&status, '\n', &line)) {
        if (!view_starts(line, "Uid:"))
            continue;
        rest = view_trim(view_make(line.at + 4, line.size - 4));
        if (view_cut(&rest, '\t', &first) && view_to_u64(first, &uid) && uid <= UINT32_MAX)
            *p = (struct process){p->pid, (uint32_t)uid, true};
    }
}

static bool look_at(const struct host *h, unsigned pid, struct process *ret)
{
    cleanup_free char *comm = xasprintf("/proc/%u/comm", pid),
                      *status = xasprintf("/proc/%u/status", pid);
    STR_AUTO(name);
    STR_AUTO(text);

    if (host_read(h, comm, 4096, &name, NULL) < 0 ||
        !view_eq_text(view_trim(str_view(&name)), "dockerd"))
        return false;
    (void)!host_read(h, status, HOST_FILE_MAX, &text, NULL);
    *ret = (struct process){.pid = pid};
    read_uid(str_view(&text), ret);
    return !is_elsewhere(h, pid, str_view(&text));
}

/* The one of root before those of users. */
static bool find_process(const struct host *h, struct process *ret)
{
    const int fd = fd_open_in_root(h->root, "/proc", O_RDONLY | O_DIRECTORY, 0, NULL);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *e;
    bool found = false;

    for (size_t seen = 0; d && seen < HOST_PROCESSES_MAX && (e = readdir(d)); seen++) {
        struct process p;
        uint64_t pid = 0;

        if (!view_to_u64(view_of(e->d_name), &pid) || pid > INT32_MAX ||
            !look_at(h, (unsigned)pid, &p))
            continue;
        if (!found || (ret->uid != 0 && p.uid_known && p.uid == 0))
            *ret = p;
        found = true;
    }
    if (d)
        (void)closedir(d);
    return found;
}

static bool read_process(struct host *h)
{
    CLEANUP(strings_done) struct strings argv = {0};
    struct host_daemon *d = &h->f->daemon;
    struct process p = {0};
    struct view rest, word;
    STR_AUTO(text);

    if (!find_process(h, &p))
        return false;
    d->there = d->running = true;
    d->uid = p.uid;
    d->uid_known = p.uid_known;
    const char *path = arena_printf(h->f->arena, "/proc/%u/cmdline", p.pid);
    if (host_read(h, path, HOST_FILE_MAX, &text, NULL) < 0 || text.size == 0)
        return false; /* it ended */
    rest = str_view(&text);
    while (rest.at && view_cut(&rest, '\0', &word))
        if (rest.at || word.size > 0)
            strings_take(&argv, view_dup(word));
    d->command = arena_printf(h->f->arena, "process %u", p.pid);
    host_flags_parse(h->f->arena, &argv, d->settings);
    if (argv.size > 0 && *argv.at[0] == '/')
        host_add(h, HOST_DOCKERD, arena_strdup(h->f->arena, argv.at[0]));
    return true;
}

/* ---- the unit ---- */

static void read_environment(struct host *h, const struct host_unit *u, struct map *ret)
{
    vec_each (line, &u->environment) {
        CLEANUP(strings_done) struct strings words = {0};
        (void)!host_command_split(view_of(*line), NULL, &words);
        vec_each (w, &words)
            host_environment_parse(view_of(*w), ret);
    }
    size_t size = 0; /* a unit may name the same file often */
    vec_each (file, &u->environment_files) {
        STR_AUTO(text);
        const char *path = *file + (**file == '-');
        if (host_read(h, path, HOST_FILE_MAX, &text, NULL) == 0)
            host_environment_parse(str_view(&text), ret);
        size += text.size;
        if (size > ENVIRONMENT_MAX)
            return;
    }
}

static void read_command(struct host *h, const char *command, const struct map *environment,
                         const char *place)
{
    CLEANUP(strings_done) struct strings argv = {0};
    struct host_daemon *d = &h->f->daemon;

    (void)!host_command_split(view_of(command), environment, &argv);
    if (argv.size == 0)
        return;
    d->command = place;
    host_flags_parse(h->f->arena, &argv, d->settings);
    const char *program = argv.at[0] + strspn(argv.at[0], "@-:+!|");
    if (*program == '/')
        host_add(h, HOST_DOCKERD, arena_strdup(h->f->arena, program));
}

/* Without systemd the scripts of /etc/init.d put $DOCKER_OPTS on the command line. */
static void read_script(struct host *h)
{
    static const char path[] = "/etc/default/docker";
    CLEANUP(host_environment_done) struct map environment = {0};
    STR_AUTO(text);

    if (host_look(h, "/etc/init.d/docker").state != HOST_THERE)
        return;
    h->f->daemon.there = true;
    if (host_read(h, path, HOST_FILE_MAX, &text, NULL) < 0)
        return;
    host_environment_parse(str_view(&text), &environment);
    if (map_has(&environment, VIEW("DOCKER_OPTS")))
        read_command(h, "dockerd $DOCKER_OPTS", &environment, path);
}

static void read_service(struct host *h, const struct host_unit *u, bool running)
{
    CLEANUP(host_environment_done) struct map environment = {0};
    struct host_daemon *d = &h->f->daemon;

    vec_each (path, &u->files)
        host_add(h, HOST_DOCKER_SERVICE, arena_strdup(h->f->arena, *path));
    if (running)
        return;
    if (u->exec_start.size == 0) {
        read_script(h);
        return;
    }
    read_environment(h, u, &environment);
    read_command(h, *vec_last(&u->exec_start), &environment, u->path);
    d->there = true;
    d->uid = u->user && strcmp(u->user, "root") != 0 && strcmp(u->user, "0") != 0 ? UINT32_MAX : 0;
    d->uid_known = true;
}

static void read_socket(struct host *h, const struct host_unit *u)
{
    struct host_daemon *d = &h->f->daemon;

    vec_each (path, &u->files)
        host_add(h, HOST_DOCKER_SOCKET_UNIT, arena_strdup(h->f->arena, *path));
    d->group = u->socket_group ? arena_strdup(h->f->arena, u->socket_group) : "docker";
    d->listens = arena_alloc(h->f->arena, (u->listen.size + 1) * sizeof(*d->listens));
    vec_each (l, &u->listen)
        d->listens[d->listen_count++] = arena_strdup(h->f->arena, *l);
}

/* ---- together ---- */

static void read_config(struct host *h, const char *path)
{
    struct host_daemon *d = &h->f->daemon;
    struct host_setting from_file[HOST_OPTIONS];
    const char *why = NULL;
    ERROR_AUTO(err);
    STR_AUTO(text);

    memcpy(from_file, d->settings, sizeof(from_file));
    int r = host_read(h, path, HOST_FILE_MAX, &text, &why);
    if (r == -ENOENT)
        return;
    d->there = true;
    if (r < 0) {
        d->unreadable = arena_printf(h->f->arena, "%s: %s", path, why);
        return;
    }
    r = host_json_parse(h->f->arena, str_view(&text), path, from_file, &err);
    if (r < 0)
        d->unreadable = arena_strdup(h->f->arena, err.text);
    else
        memcpy(d->settings, from_file, sizeof(from_file));
}

void host_daemon_find(struct host *h)
{
    CLEANUP(host_unit_done) struct host_unit service = {0}, socket = {0};

    host_unit_read(h, "docker.service", &service);
    host_unit_read(h, "docker.socket", &socket);
    read_service(h, &service, read_process(h));
    read_socket(h, &socket);
}

void host_daemon_configure(struct host *h)
{
    struct host_daemon *d = &h->f->daemon;
    const struct host_setting *config = &d->settings[HOST_CONFIG_FILE];
    const char *path = config->count > 0 ? config->values[config->count - 1]
                       : d->home
                           ? arena_printf(h->f->arena, "%s/.config/docker/daemon.json", d->home)
                           : "/etc/docker/daemon.json";

    host_add(h, HOST_DAEMON_JSON, path);
    read_config(h, path);
    if (d->settings[HOST_GROUP].count > 0)
        d->group = d->settings[HOST_GROUP].values[0];
}
