/* rules_daemon.c - how dockerd is set up: docker-bench's section 2. The examples are daemon.json, or the unit. */
#include "lint/host.h"

/* ---- 2: the daemon ---- */

/* NULL: there is no daemon, or what it does is not known; the answer is given. */
static const struct host_setting *setting(const struct lint *l, const struct host_facts *f,
                                          enum host_option option)
{
    const struct host_setting *s = &f->daemon.settings[option];

    if (!host_has_daemon(l, f))
        return NULL;
    if (s->count > 0 || !f->daemon.unreadable)
        return s;
    host_answer(l, f, HOST_UNDECIDED, f->daemon.unreadable);
    return NULL;
}

static const char *last(const struct host_setting *s)
{
    return s->count > 0 ? s->values[s->count - 1] : "";
}

/* want: how daemon.json says it, or NULL where the option has to go. */
static void complain(struct lint *l, const struct host_facts *f, const struct host_setting *s,
                     const char *want, const char *what)
{
    const char *config = f->things[HOST_DAEMON_JSON].at[0].path;
    const char *place = s->count > 0 ? s->place : config;
    const bool flag = s->count > 0 && strncmp(place, "dockerd --", 10) == 0;
    const char *drop = flag ? arena_printf(l->arena, "take %s off its command line", place + 8)
                            : arena_printf(l->arena, "take it out of %s", host_quote(l, config));

    if (!want)
        lint_add_place(l, place, LINT_NOWHERE, "%s; mend: %s && systemctl restart docker", what,
                       drop);
    else
        lint_add_place(l, place, LINT_NOWHERE,
                       "%s; mend: %s%swrite %s into %s && systemctl restart docker", what,
                       flag ? drop : "", flag ? ", " : "", want, host_quote(l, config));
}

static const struct switch_spec {
    const char *id;
    enum host_option option;
    bool otherwise, wanted;
    const char *want, *what;
} switch_specs[] = {
    {"CP922", HOST_ICC, true, false, "\"icc\": false",
     "containers on the default bridge reach every port of each other"},
    {"CP924", HOST_IPTABLES, true, true, "\"iptables\": true",
     "dockerd writes no rules of the packet filter"},
    {"CP934", HOST_NO_NEW_PRIVILEGES, false, true, "\"no-new-privileges\": true",
     "containers may gain privileges by setuid programs"},
    {"CP935", HOST_LIVE_RESTORE, false, true, "\"live-restore\": true",
     "containers stop when the daemon does"},
    {"CP936", HOST_USERLAND_PROXY, true, false, "\"userland-proxy\": false",
     "each published port is served by a process of root"},
    {"CP938", HOST_EXPERIMENTAL, false, false, "\"experimental\": false",
     "experimental features are on"},
};

static void check_switch(struct lint *l, const struct host_facts *f)
{
    const struct switch_spec *spec = switch_specs;

    while (strcmp(spec->id, l->row->id) != 0)
        spec++;
    const struct host_setting *s = setting(l, f, spec->option);
    if (!s)
        return;
    const bool on = s->count > 0 ? strcmp(last(s), "true") == 0 : spec->otherwise;
    if (on == spec->wanted)
        return;
    if (spec->option == HOST_LIVE_RESTORE && f->swarm == HOST_THERE)
        host_answer(l, f, HOST_NOT_APPLICABLE, "swarm mode excludes live-restore");
    else
        complain(l, f, s, spec->want, spec->what);
}

static bool is_rootless(const struct host_facts *f)
{
    return f->daemon.uid_known && f->daemon.uid != 0;
}

static void check_rootless(struct lint *l, const struct host_facts *f)
{
    if (!host_has_daemon(l, f))
        return;
    if (!f->daemon.uid_known)
        host_answer(l, f, HOST_UNDECIDED,
                    "dockerd does not run, and no unit says as whom it would");
    else if (f->daemon.uid == 0)
        lint_add_place(l, f->daemon.command ? f->daemon.command : "dockerd", LINT_NOWHERE,
                       "dockerd is root; mend: dockerd-rootless-setuptool.sh install");
}

static void check_log_level(struct lint *l, const struct host_facts *f)
{
    const struct host_setting *level = setting(l, f, HOST_LOG_LEVEL),
                              *debug = setting(l, f, HOST_DEBUG);

    if (debug && strcmp(last(debug), "true") == 0)
        complain(l, f, debug, "\"debug\": false", "debug fills the log and shows internals");
    else if (level && level->count > 0 && strcmp(last(level), "info") != 0)
        complain(l, f, level, "\"log-level\": \"info\"",
                 arena_printf(l->arena, "the log level is '%.40s', not info", last(level)));
}

static bool is_loopback(const char *registry)
{
    return strncmp(registry, "127.", 4) == 0 || strncmp(registry, "[::1]", 5) == 0 ||
           strncmp(registry, "::1", 3) == 0 || strcmp(registry, "localhost") == 0 ||
           strncmp(registry, "localhost:", 10) == 0;
}

/* Podman has its own file. False: there is nothing of docker to be asked, too. */
static bool check_registries(struct lint *l, const struct host_facts *f)
{
    vec_each (r, &f->insecure)
        if (!is_loopback(r->name))
            lint_add_place(
                l, r->place, LINT_NOWHERE,
                "images come from '%.100s' unprotected; mend: take its 'insecure' out of %s",
                r->name, host_quote(l, r->place));
    if (f->registries == HOST_UNKNOWN)
        host_answer(l, f, HOST_UNDECIDED, f->registries_why);
    return f->daemon.there || f->registries == HOST_ABSENT;
}

static void check_insecure(struct lint *l, const struct host_facts *f)
{
    const struct host_setting *s = check_registries(l, f) ? setting(l, f, HOST_INSECURE) : NULL;

    for (size_t i = 0; s && i < s->count; i++)
        if (!is_loopback(s->values[i]))
            complain(l, f, s, NULL,
                     arena_printf(l->arena, "images come from '%.100s' unprotected", s->values[i]));
}

static void check_aufs(struct lint *l, const struct host_facts *f)
{
    const struct host_setting *s = setting(l, f, HOST_STORAGE_DRIVER);

    if (!s)
        return;
    if (s->count > 0 ? strcmp(last(s), "aufs") == 0 : f->aufs == HOST_THERE)
        complain(l, f, s, "\"storage-driver\": \"overlay2\"", "images are kept by aufs");
    else if (s->count == 0 && f->aufs == HOST_UNKNOWN)
        host_answer(
            l, f, HOST_UNDECIDED,
            arena_printf(f->arena, "%s cannot be read", f->things[HOST_DATA_ROOT].at[0].path));
}

/* ListenStream= of a socket unit: a path, an abstract name, a port or an address with one. */
static bool is_network_stream(const char *listen)
{
    return *listen != '/' && *listen != '@' && strncmp(listen, "vsock:", 6) != 0;
}

static const char *find_network(const struct host_facts *f, const struct host_setting *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const char *host = s->values[i];
        const bool inherited = strncmp(host, "fd://", 5) == 0;

        if (!inherited && strncmp(host, "unix://", 7) != 0 && strncmp(host, "npipe://", 8) != 0)
            return host;
        for (size_t k = 0; inherited && k < f->daemon.listen_count; k++)
            if (is_network_stream(f->daemon.listens[k]))
                return f->daemon.listens[k];
    }
    return NULL;
}

static void check_tls(struct lint *l, const struct host_facts *f)
{
    const struct host_setting *s = setting(l, f, HOST_HOSTS), *all = f->daemon.settings;
    const char *listen = s ? find_network(f, s) : NULL;
    const bool verifies = strcmp(last(&all[HOST_TLS_VERIFY]), "true") == 0;
    const bool tls =
        verifies || all[HOST_TLS_VERIFY].count > 0 || strcmp(last(&all[HOST_TLS]), "true") == 0;

    if (!listen || verifies)
        return;
    if (f->daemon.unreadable && all[HOST_TLS_VERIFY].count == 0) {
        host_answer(l, f, HOST_UNDECIDED, f->daemon.unreadable);
        return;
    }
    complain(
        l, f, s, "\"tlsverify\": true with tlscacert, tlscert and tlskey",
        arena_printf(l->arena, "whoever reaches '%.100s' is root of this host: %s", listen,
                     tls ? "clients need no certificate (tlsverify is not on)" : "it has no TLS"));
}

static void check_ulimits(struct lint *l, const struct host_facts *f)
{
    const struct host_setting *s = setting(l, f, HOST_ULIMITS);

    if (s && s->count == 0)
        complain(l, f, s,
                 "\"default-ulimits\": {\"nofile\": {\"Name\": \"nofile\", \"Soft\": 1024, "
                 "\"Hard\": 4096}}",
                 "containers have the daemon's own limits");
}

static void check_userns(struct lint *l, const struct host_facts *f)
{
    const struct host_setting *s = setting(l, f, HOST_USERNS);

    if (s && s->count == 0 && !is_rootless(f))
        complain(l, f, s, "\"userns-remap\": \"default\"",
                 "root of a container is root of the host");
}

static void check_cgroup(struct lint *l, const struct host_facts *f)
{
    const struct host_setting *s = setting(l, f, HOST_CGROUP_PARENT);

    if (s && s->count > 0 && strcmp(last(s), "/docker") != 0 &&
        strcmp(last(s), "system.slice") != 0)
        complain(l, f, s, NULL,
                 arena_printf(l->arena, "containers are in the control group '%.100s'", last(s)));
}

static void check_base_size(struct lint *l, const struct host_facts *f)
{
    const struct host_setting *s = setting(l, f, HOST_STORAGE_OPTS);

    for (size_t i = 0; s && i < s->count; i++)
        if (strncmp(s->values[i], "dm.basesize=", 12) == 0)
            complain(l, f, s, NULL,
                     arena_printf(l->arena, "every container may be as large as '%.40s'",
                                  s->values[i] + 12));
}

static void check_authorization(struct lint *l, const struct host_facts *f)
{
    const struct host_setting *s = setting(l, f, HOST_AUTHORIZATION);

    if (s && s->count == 0)
        complain(l, f, s, "\"authorization-plugins\": [\"PLUGIN\"]",
                 "who reaches the socket may do everything");
}

static void check_log_driver(struct lint *l, const struct host_facts *f)
{
    static const char *const kept[] = {"", "json-file", "local", "none", NULL};
    const struct host_setting *s = setting(l, f, HOST_LOG_DRIVER);

    if (s && lint_view_in(view_of(last(s)), kept))
        complain(l, f, s, "\"log-driver\": \"syslog\" and \"log-opts\"",
                 "logs of containers stay on this host");
}

static void check_seccomp(struct lint *l, const struct host_facts *f)
{
    const struct host_setting *s = setting(l, f, HOST_SECCOMP);

    if (s && strcmp(last(s), "unconfined") == 0)
        complain(l, f, s, NULL, "containers may make every system call");
}

/* ---- rows ---- */

#define DAEMON_ROW(number, bench, slug, severity, what, reason, mend, wrong, right, check)         \
    {                                                                                              \
        .id = number, .name = "daemon-" slug, .aliases = {"DB-" bench, "CIS-" bench},              \
        .title = what, .level = severity, .where = LINT_HOST, .why = reason, .fix = mend,          \
        .bad = wrong, .good = right, .host = check,                                                \
    }

static const struct lint_row rows[] = {
    DAEMON_ROW(
        "CP921", "2.1", "root", LINT_INFO, "dockerd runs as root",
        "A hole in the daemon or an escape from a container ends as root. In rootless mode it "
        "ends as a user.",
        "dockerd-rootless-setuptool.sh install", "[Service]\nExecStart=/usr/bin/dockerd\n",
        "[Service]\nUser=containers\nExecStart=/usr/bin/dockerd\n", check_rootless),
    DAEMON_ROW(
        "CP922", "2.2", "icc", LINT_WARNING, "containers on the default bridge see each other",
        "A container that is broken into reaches all others on the bridge. Networks of one's "
        "own (docker network create) join what belongs together.",
        "\"icc\": false in /etc/docker/daemon.json", "{\"icc\": true}", "{\"icc\": false}",
        check_switch),
    DAEMON_ROW("CP923", "2.3", "log-level", LINT_WARNING, "the daemon's log level is not info",
               "debug floods the log and shows internals; anything above info hides what happened.",
               "\"log-level\": \"info\" in /etc/docker/daemon.json", "{\"log-level\": \"debug\"}",
               "{\"log-level\": \"info\"}", check_log_level),
    DAEMON_ROW("CP924", "2.4", "iptables", LINT_WARNING,
               "dockerd may not write packet filter rules",
               "Then nothing keeps networks of containers apart, and published ports are somebody "
               "else's business.",
               "\"iptables\": true in /etc/docker/daemon.json", "{\"iptables\": false}",
               "{\"iptables\": true}", check_switch),
    DAEMON_ROW("CP925", "2.5", "insecure-registry", LINT_ERROR, "a registry is not authenticated",
               "Without TLS whoever sits on the way chooses what runs here. Addresses of loopback "
               "are no findings.",
               "Give the registry a certificate, and its authority to /etc/docker/certs.d.",
               "{\"insecure-registries\": [\"registry.example.com\"]}",
               "{\"insecure-registries\": [\"127.0.0.1:5000\"]}", check_insecure),
    DAEMON_ROW("CP926", "2.6", "aufs", LINT_WARNING, "images are kept by aufs",
               "aufs is in no released kernel and is known for crashes; docker 24 took it out.",
               "\"storage-driver\": \"overlay2\" in /etc/docker/daemon.json",
               "{\"storage-driver\": \"aufs\"}", "{\"storage-driver\": \"overlay2\"}", check_aufs),
    DAEMON_ROW(
        "CP927", "2.7", "tls", LINT_ERROR, "the engine listens to the network without certificates",
        "Who reaches the port is root of this host, on loopback every local user and every "
        "web page that a browser shows.",
        "\"tlsverify\": true with tlscacert, tlscert and tlskey; or listen to unix:// alone, "
        "and go through ssh://.",
        "{\"hosts\": [\"tcp://0.0.0.0:2375\"]}",
        "{\"hosts\": [\"tcp://0.0.0.0:2376\"], \"tlsverify\": true, \"tlscacert\": "
        "\"/etc/docker/ca.pem\", \"tlscert\": \"/etc/docker/cert.pem\", \"tlskey\": "
        "\"/etc/docker/key.pem\"}",
        check_tls),
    DAEMON_ROW(
        "CP928", "2.8", "ulimits", LINT_INFO, "containers have no limits of their own",
        "They get the daemon's, which are as good as none: one of them can use up all "
        "descriptors or processes.",
        "\"default-ulimits\" in /etc/docker/daemon.json", "{\"debug\": false}",
        "{\"default-ulimits\": {\"nofile\": {\"Name\": \"nofile\", \"Soft\": 1024, \"Hard\": "
        "4096}}}",
        check_ulimits),
    DAEMON_ROW("CP929", "2.9", "userns", LINT_WARNING, "containers share the host's users",
               "root in a container is root outside, wherever it gets out. Remapped it is nobody.",
               "\"userns-remap\": \"default\" in /etc/docker/daemon.json",
               "{\"userns-remap\": \"\"}", "{\"userns-remap\": \"default\"}", check_userns),
    DAEMON_ROW("CP930", "2.10", "cgroup-parent", LINT_INFO,
               "containers are in another control group",
               "Limits on docker's own group do not reach them; somebody should have meant it.",
               "Take cgroup-parent out, or ignore this rule.", "{\"cgroup-parent\": \"/other\"}",
               "{\"cgroup-parent\": \"/docker\"}", check_cgroup),
    DAEMON_ROW(
        "CP931", "2.11", "base-size", LINT_WARNING, "the base device is larger than by default",
        "Every image and container may grow to that size: the disk is full that much sooner.",
        "Take dm.basesize out of storage-opts.", "{\"storage-opts\": [\"dm.basesize=100G\"]}",
        "{\"storage-opts\": []}", check_base_size),
    DAEMON_ROW(
        "CP932", "2.12", "authorization", LINT_INFO, "no plugin authorizes requests to the engine",
        "The socket knows all or nothing. A plugin decides by user and request.",
        "\"authorization-plugins\" in /etc/docker/daemon.json", "{\"authorization-plugins\": []}",
        "{\"authorization-plugins\": [\"opa\"]}", check_authorization),
    DAEMON_ROW("CP933", "2.13", "log-driver", LINT_INFO, "logs of containers are not collected",
               "They are gone with the host, and whoever breaks in can change them.",
               "\"log-driver\" in /etc/docker/daemon.json: syslog, journald, gelf, fluentd...",
               "{\"log-driver\": \"json-file\"}", "{\"log-driver\": \"journald\"}",
               check_log_driver),
    DAEMON_ROW(
        "CP934", "2.14", "new-privileges", LINT_WARNING, "containers may gain new privileges",
        "A setuid program in an image raises whoever runs it. The switch forbids that for all "
        "containers which do not ask otherwise.",
        "\"no-new-privileges\": true in /etc/docker/daemon.json", "{\"no-new-privileges\": false}",
        "{\"no-new-privileges\": true}", check_switch),
    DAEMON_ROW("CP935", "2.15", "live-restore", LINT_WARNING, "containers stop with the daemon",
               "So that nobody dares to update it. With live-restore they go on.",
               "\"live-restore\": true in /etc/docker/daemon.json", "{\"live-restore\": false}",
               "{\"live-restore\": true}", check_switch),
    DAEMON_ROW("CP936", "2.16", "userland-proxy", LINT_INFO,
               "published ports have a proxy of root's",
               "Hairpin NAT does the same without a process for each port.",
               "\"userland-proxy\": false in /etc/docker/daemon.json", "{\"userland-proxy\": true}",
               "{\"userland-proxy\": false}", check_switch),
    DAEMON_ROW(
        "CP937", "2.17", "seccomp", LINT_ERROR, "seccomp is off for all containers",
        "The filter keeps some 300 system calls from containers, and with them most holes of "
        "the kernel.",
        "Take seccomp-profile out, or name a profile of your own.",
        "{\"seccomp-profile\": \"unconfined\"}",
        "{\"seccomp-profile\": \"/etc/docker/seccomp.json\"}", check_seccomp),
    DAEMON_ROW("CP938", "2.18", "experimental", LINT_WARNING, "experimental features are on",
               "They are not finished and may change with every release.",
               "\"experimental\": false in /etc/docker/daemon.json", "{\"experimental\": true}",
               "{\"experimental\": false}", check_switch),
};

const struct lint_table lint_daemon = {rows, ARRAY_SIZE(rows)};
