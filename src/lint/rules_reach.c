/* rules_reach.c - what of the host and of the network a container reaches: mounts, devices, variables, ports. */
#include <ctype.h>
#include <stdio.h>

#include "lint/facts_run.h"
#include "lint/rule.h"
#include "lint/runtime.h"

#define AT(x) (x).at.path, (x).at.span

/* path is dir, or stands below it. Both are plain. */
static bool is_below(const char *path, const char *dir)
{
    const size_t size = strlen(dir);

    return strncmp(path, dir, size) == 0 && (path[size] == '\0' || path[size] == '/');
}

static bool is_one_of(const char *path, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(path, *list) == 0)
            return true;
    return false;
}

static bool is_below_one(const char *path, const char *const *list)
{
    for (; *list; list++)
        if (is_below(path, *list))
            return true;
    return false;
}

/* ---- sockets of engines ---- */

static bool is_socket(const char *path)
{
    static const char *const names[] = {"docker.sock",
                                        "podman.sock",
                                        "containerd.sock",
                                        "crio.sock",
                                        "dockershim.sock",
                                        "cri-dockerd.sock",
                                        "buildkitd.sock",
                                        "docker.raw.sock",
                                        "docker_engine",
                                        "containerd.sock.ttrpc",
                                        NULL};
    const char *slash = path ? strrchr(path, '/') : NULL;

    return path && is_one_of(slash ? slash + 1 : path, names);
}

/* /var/run is /run. */
static const char *real_run(const char *path)
{
    return path && is_below(path, "/var/run") ? path + 4 : path;
}

/* Behind "/run/user/1000", or a variable that says the same; NULL: it is elsewhere. */
static const char *below_user(const char *path)
{
    static const char users[] = "/run/user/";
    static const char *const variables[] = {"$XDG_RUNTIME_DIR", "${XDG_RUNTIME_DIR}"};

    for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
        const char *rest = path + strlen(variables[i]);
        if (view_starts(view_of(path), variables[i]) && (*rest == '/' || !*rest))
            return rest;
    }
    if (strncmp(path, users, sizeof(users) - 1) != 0)
        return NULL;
    path += sizeof(users) - 1;
    return path + strcspn(path, "/");
}

/* Directories in which such sockets stand. */
static bool is_socket_directory(const char *source)
{
    static const char *const directories[] = {
        "/run",      "/run/podman",   "/run/containerd", "/run/crio",           "/run/docker",
        "/run/user", "/run/buildkit", "/run/k3s",        "/run/k3s/containerd", NULL};
    static const char *const of_users[] = {"",          "/podman", "/docker", "/containerd",
                                           "/buildkit", NULL};
    const char *path = real_run(source), *user = path ? below_user(path) : NULL;
    struct view below = view_of(user ? user : "");

    while (below.size > 0 &&
           below.at[below.size - 1] == '/') /* behind a variable it is as written */
        below.size--;
    return path && (is_one_of(path, directories) || (user && lint_view_in(below, of_users)));
}

static bool mounts_socket(const struct run_mount *m)
{
    return m->type == RUN_BIND &&
           (is_socket(m->source) || is_socket(m->target) || is_socket_directory(m->source));
}

static void check_socket(struct lint *l, const struct run_facts *f)
{
    vec_each (m, &f->mounts)
        if (mounts_socket(m))
            lint_add_place(l, AT(*m), "'%.80s' hands the engine over", m->source);
}

/* ---- directories of the system ---- */

/* Whatever stands in them is the system's; read-only they still say too much. */
static const char *const system_dirs[] = {"/boot",
                                          "/dev",
                                          "/etc",
                                          "/lib",
                                          "/lib32",
                                          "/lib64",
                                          "/libx32",
                                          "/proc",
                                          "/sys",
                                          "/usr",
                                          "/bin",
                                          "/sbin",
                                          "/root",
                                          "/var/log",
                                          "/var/lib/docker",
                                          "/var/lib/containerd",
                                          "/var/lib/containers",
                                          "/var/lib/kubelet",
                                          "/var/lib/etcd",
                                          "/var/spool/cron",
                                          "/run/dbus",
                                          "/run/systemd",
                                          NULL};
/* These only as a whole: what stands above the others, or holds everyone's. */
static const char *const whole_dirs[] = {"/",     "/var", "/var/lib", "/var/spool",
                                         "/home", "/run", "/opt",     NULL};
/* What containers are given with a good reason, as long as they cannot write it. */
static const char *const harmless[] = {"/etc/localtime",
                                       "/etc/timezone",
                                       "/usr/share/zoneinfo",
                                       "/etc/ssl/certs",
                                       "/etc/ca-certificates",
                                       "/usr/share/ca-certificates",
                                       "/etc/pki/tls/certs",
                                       "/etc/pki/ca-trust",
                                       "/usr/local/share/ca-certificates",
                                       "/etc/os-release",
                                       "/usr/lib/os-release",
                                       "/run/systemd/resolve",
                                       NULL};

/* Keys of a user, wherever his home is. */
static bool holds_keys(const char *path)
{
    static const char *const names[] = {".ssh",   ".aws",   ".kube", ".docker",
                                        ".gnupg", ".azure", NULL};
    struct view rest = view_of(path), part;

    while (rest.at && view_cut(&rest, '/', &part))
        if (lint_view_in(part, names))
            return true;
    return false;
}

/* "/home/me", "~", "$HOME/": all that a user has, his keys included. */
static bool is_home(const char *path)
{
    static const char *const names[] = {"~", "$HOME", "${HOME}", NULL};
    struct view v = view_of(path);

    while (v.size > 1 && v.at[v.size - 1] == '/')
        v.size--;
    if (lint_view_in(v, names))
        return true;
    return view_starts(v, "/home/") && !memchr(v.at + 6, '/', v.size - 6);
}

static bool is_sensitive(const struct run_mount *m)
{
    const char *path = real_run(m->source);

    if (m->type != RUN_BIND || !path || is_socket(path))
        return false;
    if (m->read_only && is_below_one(path, harmless))
        return false;
    return is_one_of(path, whole_dirs) || is_below_one(path, system_dirs) || holds_keys(path) ||
           is_home(path);
}

static void check_sensitive(struct lint *l, const struct run_facts *f)
{
    vec_each (m, &f->mounts)
        if (is_sensitive(m))
            lint_add_place(l, AT(*m), "'%.80s' of the host is mounted%s", m->source,
                           m->read_only ? "" : ", and can be written");
}

/* Programs write their data there; what is mounted elsewhere is mostly configuration and code. */
static bool is_data(const char *target)
{
    static const char *const directories[] = {
        "/data",    "/var/lib", "/var/log", "/var/cache", "/var/spool", "/tmp",  "/run",
        "/var/run", "/backup",  "/backups", "/uploads",   "/cache",     "/logs", NULL};

    return is_below_one(target, directories);
}

/* Of "${DATA}" nobody knows where it is. */
static void check_read_only(struct lint *l, const struct run_facts *f)
{
    vec_each (m, &f->mounts)
        if (m->type == RUN_BIND && !m->read_only && !mounts_socket(m) && !is_data(m->target) &&
            !(m->source && strchr(m->source, '$')))
            lint_add_place(l, AT(*m), "'%.80s' can be written: is that needed?", m->source);
}

static void check_propagation(struct lint *l, const struct run_facts *f)
{
    vec_each (m, &f->mounts)
        if (m->propagation &&
            (strcmp(m->propagation, "shared") == 0 || strcmp(m->propagation, "rshared") == 0))
            lint_add_place(l, AT(*m), "what is mounted on '%.80s' appears on the host", m->target);
}

/* ---- devices ---- */

static bool is_harmless_device(const char *device)
{
    static const char *const names[] = {"/dev/null",   "/dev/zero",    "/dev/full",
                                        "/dev/random", "/dev/urandom", NULL};
    struct view rest = view_of(device), path = {0};
    char name[32];

    (void)view_cut(&rest, ':', &path);
    if (path.size >= sizeof(name))
        return false;
    memcpy(name, path.at, path.size);
    name[path.size] = '\0';
    return is_one_of(name, names);
}

static void check_device(struct lint *l, const struct run_facts *f)
{
    if (run_is_privileged(f))
        lint_add_place(l, AT(f->privileged), "every device of the host can be opened");
    vec_each (d, &f->devices)
        if (d->text && !is_harmless_device(d->text))
            lint_add_place(l, AT(*d), "the device '%.80s' of the host is handed in", d->text);
}

/* ---- variables ---- */

/* A switch is no secret, whatever it is called: MYSQL_ALLOW_EMPTY_PASSWORD=yes. */
static bool is_switch(struct view value)
{
    static const char *const words[] = {"true", "false", "yes", "no", "on", "off", "0", "1", NULL};

    return lint_view_in(value, words);
}

/* Nor is a number that says how long or how many: TOKEN_TTL=15m, PASSWORD_MIN_LENGTH=8. */
static bool is_measure(struct view name, struct view value)
{
    static const char *const ends[] = {"_TTL",      "_LENGTH",  "_LEN",      "_MIN",    "_MAX",
                                       "_TIMEOUT",  "_SECONDS", "_MINUTES",  "_HOURS",  "_DAYS",
                                       "_SIZE",     "_COUNT",   "_LIFETIME", "_EXPIRY", "_INTERVAL",
                                       "_ATTEMPTS", "_AGE",     "_COST",     "_ROUNDS"};
    size_t digits = 0;

    while (digits < value.size && isdigit((unsigned char)value.at[digits]))
        digits++;
    if (digits == 0 || digits > 10 || value.size - digits > 2)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
        const size_t size = strlen(ends[i]);
        if (name.size > size &&
            view_eq_nocase(view_make(name.at + name.size - size, size), ends[i]))
            return true;
    }
    return false;
}

static void check_secret(struct lint *l, const struct run_facts *f)
{
    vec_each (e, &f->env) {
        const bool empty = e->value.at && e->value.size == 0;
        if (!empty && lint_secret_name(e->name) && !is_switch(e->value) &&
            !is_measure(e->name, e->value))
            lint_add_place(l, AT(*e), "the variable '%.*s' holds a secret", LINT_CUT(e->name));
    }
}

static const struct run_env *find_env(const struct run_facts *f, const char *name)
{
    vec_each (e, &f->env)
        if (view_eq_text(e->name, name))
            return e;
    return NULL;
}

/* "tcp://host:2375"; with DOCKER_TLS_VERIFY the client asks for a certificate. */
static void check_plain_tcp(struct lint *l, const struct run_facts *f)
{
    const struct run_env *host = find_env(f, "DOCKER_HOST"),
                         *directory = find_env(f, "DOCKER_TLS_CERTDIR"),
                         *verify = find_env(f, "DOCKER_TLS_VERIFY");
    bool asks = verify && (!verify->value.at || verify->value.size > 0), engine = false;

    if (host && host->value.at && view_starts(host->value, "tcp://") && !asks)
        lint_add_place(l, AT(*host), "the engine is asked without TLS");
    if (directory && directory->value.at && directory->value.size == 0)
        lint_add_place(l, AT(*directory), "an empty DOCKER_TLS_CERTDIR switches TLS off");
    vec_each (word, &f->command) {
        engine |= word->text && view_ends(view_of(word->text), "dockerd");
        asks |= word->text && view_starts(view_of(word->text), "--tls");
    }
    vec_each (word, &f->command)
        if (engine && !asks && word->text && strstr(word->text, "tcp://"))
            lint_add_place(l, AT(*word), "the engine listens without TLS");
}

/* ---- ports ---- */

static void port_text(const struct run_port *p, char ret[static 32])
{
    const unsigned first = p->host ? p->host : p->container,
                   last = p->host ? p->host_end : p->container_end;

    if (first == last)
        (void)snprintf(ret, 32, "%u", first);
    else
        (void)snprintf(ret, 32, "%u-%u", first, last);
}

static void check_low_port(struct lint *l, const struct run_facts *f)
{
    char text[32];

    vec_each (p, &f->ports) {
        if (p->host == 0 || p->host >= 1024)
            continue;
        port_text(p, text);
        lint_add_place(l, AT(*p), "port %s of the host is taken", text);
    }
}

static bool is_everywhere(const char *address)
{
    static const char *const all[] = {"",    "0.0.0.0",         "::", "*", "[::]",
                                      "::0", "0:0:0:0:0:0:0:0", NULL};

    return !address || is_one_of(address, all);
}

static void check_interfaces(struct lint *l, const struct run_facts *f)
{
    char text[32];

    vec_each (p, &f->ports) {
        if (!is_everywhere(p->address))
            continue;
        port_text(p, text);
        lint_add_place(l, AT(*p), "port %s is reachable from every network", text);
    }
}

static void check_publish_all(struct lint *l, const struct run_facts *f)
{
    if (f->publish_all.said == RUN_YES)
        lint_add_place(l, AT(f->publish_all), "every port that the image exposes is published");
}

/* "80/tcp", "8000-8010/udp", "80". */
static bool exposes(const char *exposed, const struct run_port *p)
{
    struct view rest = view_of(exposed), ports, first;
    uint64_t low = 0, high = 0;

    (void)view_cut(&rest, '/', &ports);
    const bool udp = rest.at && view_eq_nocase(rest, "udp");
    (void)view_cut(&ports, '-', &first);
    if (!view_to_u64(first, &low))
        return true; /* nobody can say */
    high = low;
    if (ports.at && !view_to_u64(ports, &high))
        return true;
    return udp == p->udp && p->container >= low && p->container_end <= high;
}

/* An image that exposes nothing says nothing. */
static void check_exposed(struct lint *l, const struct run_facts *f)
{
    const char *const *list = f->about_image.exposed;

    if (!list || !*list)
        return;
    vec_each (p, &f->ports) {
        bool found = false;
        for (size_t i = 0; list[i]; i++)
            found |= exposes(list[i], p);
        if (!found)
            lint_add_place(l, AT(*p), "the image does not expose port %u", p->container);
    }
}

/* ---- networks ---- */

static void check_bridge(struct lint *l, const struct run_facts *f)
{
    if (run_says(&f->net, "bridge") || run_says(&f->net, "default"))
        lint_add_place(l, AT(f->net), "it stands in the network that all containers share");
    else if (f->net.said == RUN_UNSAID && f->networks.size == 0)
        lint_add_place(l, AT(*f), "it stands in the network that all containers share");
}

static const struct lint_row rows[] = {
    {
        .id = "CP820",
        .name = "mount-docker-socket",
        .aliases = {"DB-5.32", "CIS-5.32"},
        .title = "the socket of an engine is mounted",
        .level = LINT_ERROR,
        .where = LINT_RUNCONFIG,
        .why = "Who may speak to docker, podman, containerd or CRI-O can start a privileged "
               "container, and so is root of the host; `:ro` changes nothing of it.",
        .fix = "Leave it out; build without an engine, or put a proxy between that lets only the "
               "needed requests through.",
        .bad = "-v /var/run/docker.sock:/var/run/docker.sock app:1.2.3",
        .good = RUN_SAFE "-v data:/data app:1.2.3",
        .runtime = check_socket,
    },
    {
        .id = "CP821",
        .name = "mount-sensitive",
        .aliases = {"DB-5.6", "CIS-5.6"},
        .title = "a directory of the system is mounted",
        .level = LINT_ERROR,
        .where = LINT_RUNCONFIG,
        .why = "Who writes /etc, /usr, /dev or /root of the host owns it, and who reads /proc, "
               "/var/log or ~/.ssh knows what belongs to others.",
        .fix = "Mount the one directory of the application, read-only where that will do, or a "
               "volume.",
        .bad = "-v /etc/ssh:/x app:1.2.3",
        .good = RUN_SAFE "-v /srv/app:/app:ro -v /etc/localtime:/etc/localtime:ro app:1.2.3",
        .runtime = check_sensitive,
    },
    {
        .id = "CP822",
        .name = "mount-could-be-ro",
        .aliases = {NULL},
        .title = "a directory of the host can be written",
        .level = LINT_INFO,
        .where = LINT_RUNCONFIG,
        .why = "Configuration and code are read. What a container cannot write, nobody who breaks "
               "into it can change on the host.",
        .fix = "-v SOURCE:TARGET:ro; read_only: true; readOnly: true. Data goes into a volume.",
        .bad = "-v /srv/conf:/etc/app app:1.2.3",
        .good = RUN_SAFE "-v /srv/conf:/etc/app:ro app:1.2.3",
        .runtime = check_read_only,
    },
    {
        .id = "CP823",
        .name = "mount-shared-propagation",
        .aliases = {"DB-5.20", "CIS-5.20"},
        .title = "mounts of the container appear on the host",
        .level = LINT_WARNING,
        .where = LINT_RUNCONFIG,
        .why = "What is mounted inside, over a directory of the host too, is then seen by the "
               "host's programs. Only storage drivers have a use for it.",
        .fix = "rslave, if mounts of the host are to appear inside; else nothing at all.",
        .bad = "-v /srv/a:/a:ro,rshared app:1.2.3",
        .good = RUN_SAFE "-v /srv/a:/a:ro,rslave app:1.2.3",
        .runtime = check_propagation,
    },
    {
        .id = "CP824",
        .name = "host-device",
        .aliases = {"DB-5.18", "CIS-5.18"},
        .title = "a device of the host is handed in",
        .level = LINT_WARNING,
        .where = LINT_RUNCONFIG,
        .why = "A disk is all files of the host without their rights, and drivers trust whoever "
               "may open their device.",
        .fix = "Leave it out, or hand it in read-only: --device /dev/x:/dev/x:r.",
        .bad = "--device /dev/sda app:1.2.3",
        .good = RUN_SAFE "--device /dev/null app:1.2.3",
        .runtime = check_device,
    },
    {
        .id = "CP825",
        .name = "secret-in-env",
        .aliases = {NULL},
        .title = "a secret in a variable",
        .level = LINT_WARNING,
        .where = LINT_RUNCONFIG | LINT_EXEC,
        .why = "Variables stand in inspect, in /proc, in crash reports and logs, and every child "
               "process has them. This file or command line has it now, too.",
        .fix = "A mounted file (secrets:, --secret, secretKeyRef) and a variable that names it: "
               "DB_PASSWORD_FILE.",
        .bad = "-e DB_PASSWORD=x app:1.2.3",
        .good = RUN_SAFE "-e DB_PASSWORD_FILE=/run/secrets/p -e LANG=C app:1.2.3",
        .runtime = check_secret,
    },
    {
        .id = "CP826",
        .name = "docker-host-plain-tcp",
        .aliases = {NULL},
        .title = "an engine without TLS",
        .level = LINT_ERROR,
        .where = LINT_RUNCONFIG | LINT_EXEC,
        .why = "An engine on a TCP port without TLS asks nobody who he is. Everyone in the network "
               "is root of its host.",
        .fix = "TLS with client certificates (DOCKER_TLS_VERIFY=1), ssh://, or no engine at all.",
        .bad = "-e DOCKER_HOST=tcp://docker:2375 app:1.2.3",
        .good = RUN_SAFE "-e DOCKER_HOST=tcp://docker:2376 -e DOCKER_TLS_VERIFY=1 app:1.2.3",
        .runtime = check_plain_tcp,
    },
    {
        .id = "CP827",
        .name = "publish-low-port",
        .aliases = {"DB-5.8", "CIS-5.8"},
        .title = "a port below 1024 of the host",
        .level = LINT_INFO,
        .where = LINT_RUNCONFIG,
        .why = "Ports below 1024 are those of the system's services, and only root can open them: "
               "an engine without root cannot publish them.",
        .fix = "Publish a port from 1024 on, behind the proxy or balancer that has the low one.",
        .bad = "-p 127.0.0.1:80:8080 app:1.2.3",
        .good = RUN_SAFE "-p 127.0.0.1:8080:80 app:1.2.3",
        .runtime = check_low_port,
    },
    {
        .id = "CP828",
        .name = "publish-all-interfaces",
        .aliases = {"DB-5.14", "CIS-5.14"},
        .title = "a port is open to every network",
        .level = LINT_WARNING,
        .where = LINT_RUNCONFIG,
        .why = "Without an address a port is published on all of them, IPv6 too, and docker's "
               "rules come before those of the firewall.",
        .fix = "-p 127.0.0.1:8080:80, or the one address that shall be reached.",
        .bad = "-p [::]:8080:80 app:1.2.3",
        .good = RUN_SAFE "-p 127.0.0.1:8080:80 -p [::1]:8080:80 app:1.2.3",
        .runtime = check_interfaces,
    },
    {
        .id = "CP829",
        .name = "publish-all",
        .aliases = {NULL},
        .title = "all ports are published",
        .level = LINT_WARNING,
        .where = LINT_RUNCONFIG,
        .why = "The image decides what is reachable, and its next version may expose a port for "
               "debugging.",
        .fix = "-p with the ports that are meant.",
        .bad = "-P app:1.2.3",
        .good = RUN_SAFE "-p 127.0.0.1:8080:80 app:1.2.3",
        .runtime = check_publish_all,
    },
    {
        .id = "CP830",
        .name = "port-not-exposed",
        .aliases = {"DB-5.9", "CIS-5.9"},
        .title = "a port is published that the image does not expose",
        .level = LINT_INFO,
        .where = LINT_RUNCONFIG,
        .why = "EXPOSE says which ports a service means to open. Another one is a slip, or a "
               "service that nobody wrote down.",
        .fix = "Publish a port that the image exposes, or add EXPOSE.",
        .bad = "-p 127.0.0.1:9000:9000 app:1.2.3 # whose image has EXPOSE 8080",
        .good = RUN_SAFE "-p 127.0.0.1:8080:8080 app:1.2.3",
        .runtime = check_exposed,
    },
    {
        .id = "CP831",
        .name = "default-bridge",
        .aliases = {"DB-5.30", "CIS-5.30"},
        .title = "the network that all containers share",
        .level = LINT_INFO,
        .where = LINT_RUNCONFIG,
        .why = "On docker's default bridge every container reaches every port of all others, and "
               "names are not resolved.",
        .fix = "A network for each application: docker network create app; --network app.",
        .bad = "--network bridge app:1.2.3",
        .good = RUN_SAFE "app:1.2.3",
        .runtime = check_bridge,
    },
};

const struct lint_table lint_reach = {rows, ARRAY_SIZE(rows)};
