/* rules_host.c - hosts of containers: docker-bench's sections 1, 3, 5.1, 5.23 and 5.24.
 *
 * A check that cannot be decided answers so (host_facts.answers) instead of passing. The examples are what the files say, or
 * commands: tests/unit/test_audit_host.c makes hosts of them. */
#include "lint/host.h"

#define OLD_DAYS 365

/* The files of a kind that are there; none: the check does not apply, or is not decided. */
static bool is_there(const struct lint *l, const struct host_facts *f,
                     const struct host_files *files)
{
    const struct host_file *unknown = NULL;
    bool there = false;

    vec_each (x, files) {
        there |= x->state == HOST_THERE;
        if (x->state == HOST_UNKNOWN)
            unknown = x;
    }
    if (unknown) /* a finding in the others says more */
        host_answer(l, f, HOST_UNDECIDED,
                    arena_printf(f->arena, "%s: %s", unknown->path, unknown->why));
    else if (!there && files->size > 0)
        host_answer(l, f, HOST_NOT_APPLICABLE,
                    arena_printf(f->arena, "there is no %s", files->at[0].path));
    else if (!there)
        host_answer(l, f, HOST_NOT_APPLICABLE, "there is no such file");
    return there;
}

static bool is_below(const char *path, const char *directory)
{
    const size_t size = strcmp(directory, "/") == 0 ? 0 : strlen(directory);

    return strncmp(path, directory, size) == 0 && path[size] == '/';
}

/* ---- 3: owners and modes ---- */

/* What the row is about; rows that share a check find theirs by id. */
struct file_spec {
    const char *id;
    enum host_thing thing;
    uint32_t mode; /* most that is allowed; 0: the row is about the owner */
};

#define FILE_PAIR(owner, permissions, thing, mode)                                                 \
    {owner, thing, 0},                                                                             \
    {                                                                                              \
        permissions, thing, mode                                                                   \
    }

static const struct file_spec file_specs[] = {
    FILE_PAIR("CP941", "CP942", HOST_DOCKER_SERVICE, 0644),
    FILE_PAIR("CP943", "CP944", HOST_DOCKER_SOCKET_UNIT, 0644),
    FILE_PAIR("CP945", "CP946", HOST_ETC_DOCKER, 0755),
    FILE_PAIR("CP947", "CP948", HOST_REGISTRY_CERTS, 0444),
    FILE_PAIR("CP949", "CP950", HOST_TLS_CA, 0444),
    FILE_PAIR("CP951", "CP952", HOST_TLS_CERT, 0444),
    FILE_PAIR("CP953", "CP954", HOST_TLS_KEY, 0400),
    FILE_PAIR("CP955", "CP956", HOST_ENGINE_SOCKET, 0660),
    FILE_PAIR("CP957", "CP958", HOST_DAEMON_JSON, 0644),
    FILE_PAIR("CP959", "CP962", HOST_DEFAULT_DOCKER, 0644),
    FILE_PAIR("CP961", "CP960", HOST_SYSCONFIG_DOCKER, 0644),
    FILE_PAIR("CP963", "CP964", HOST_CONTAINERD_SOCKET, 0660),
};

static const struct file_spec *file_spec_of(const struct lint *l)
{
    const struct file_spec *s = file_specs;

    while (strcmp(s->id, l->row->id) != 0)
        s++;
    return s;
}

/* A rootless daemon's files are its user's. */
static bool is_own(const struct host_facts *f, const struct host_file *x)
{
    return f->daemon.home && x->uid == f->daemon.uid &&
           (is_below(x->path, f->daemon.home) || is_below(x->path, "/run/user"));
}

static void check_owner(struct lint *l, const struct host_facts *f)
{
    const struct file_spec *s = file_spec_of(l);
    const char *group = s->thing == HOST_ENGINE_SOCKET ? f->daemon.group : "root";

    if (!is_there(l, f, &f->things[s->thing]))
        return;
    vec_each (x, &f->things[s->thing])
        if (x->state == HOST_THERE && !is_own(f, x) &&
            (x->uid != 0 || (x->gid != 0 && strcmp(x->group, group) != 0)))
            lint_add_place(l, x->path, LINT_NOWHERE,
                           "it belongs to %.60s:%.60s, not to root:%.60s; mend: chown root:%s %s",
                           x->owner, x->group, group, host_quote(l, group), host_quote(l, x->path));
}

static void check_mode(struct lint *l, const struct host_facts *f)
{
    const struct file_spec *s = file_spec_of(l);

    if (!is_there(l, f, &f->things[s->thing]))
        return;
    vec_each (x, &f->things[s->thing]) {
        const bool key = s->thing == HOST_REGISTRY_CERTS && view_ends(view_of(x->path), ".key");
        const uint32_t most = key ? 0400 : s->mode;

        if (x->state == HOST_THERE && (x->mode & 0777 & ~most) != 0)
            lint_add_place(l, x->path, LINT_NOWHERE,
                           "mode %o gives more than %o; mend: chmod %o %s", x->mode & 0777, most,
                           most, host_quote(l, x->path));
    }
}

/* ---- 1.1.3 to 1.1.18: watches ---- */

static const struct {
    const char *id;
    enum host_thing thing;
} watch_specs[] = {
    {"CP903", HOST_DOCKERD},
    {"CP904", HOST_CONTAINERD_STATE},
    {"CP905", HOST_DATA_ROOT},
    {"CP906", HOST_ETC_DOCKER},
    {"CP907", HOST_DOCKER_SERVICE},
    {"CP908", HOST_CONTAINERD_SOCKET},
    {"CP909", HOST_DOCKER_SOCKET_UNIT},
    {"CP910", HOST_DEFAULT_DOCKER},
    {"CP911", HOST_DAEMON_JSON},
    {"CP912", HOST_CONTAINERD_CONFIG},
    {"CP913", HOST_SYSCONFIG_DOCKER},
    {"CP914", HOST_CONTAINERD},
    {"CP915", HOST_SHIM},
    {"CP916", HOST_SHIM_V1},
    {"CP917", HOST_SHIM_V2},
    {"CP918", HOST_RUNC},
};

static bool is_program(enum host_thing thing)
{
    return thing == HOST_DOCKERD || (thing >= HOST_CONTAINERD && thing <= HOST_RUNC);
}

/* A rule that counts before one that is lost; NULL: none. */
static const struct host_watch *find_watch(const struct host_facts *f, const struct host_file *x,
                                           bool write, bool execute)
{
    const struct host_watch *found = NULL;

    vec_each (w, &f->auditing.watches) {
        const bool here = strcmp(w->path, x->real) == 0 || (w->tree && is_below(x->real, w->path));
        if (here && ((write && w->write) || (execute && w->execute)) && (!found || found->lost))
            found = w;
    }
    return found;
}

static void judge_watch(struct lint *l, const struct host_facts *f, const struct host_file *x,
                        bool program)
{
    const struct host_watch *w = find_watch(f, x, true, program);
    const char *mend =
        arena_printf(l->arena, "echo %s >>/etc/audit/rules.d/docker.rules && augenrules --load",
                     host_quote(l, arena_printf(l->arena, "-w %s -p wa -k docker", x->real)));

    if (f->auditing.state == HOST_ABSENT)
        lint_add_place(
            l, x->path, LINT_NOWHERE,
            "nothing is audited: there is no auditctl; mend: apt-get install auditd && %s", mend);
    else if (f->auditing.off)
        lint_add_place(l, x->path, LINT_NOWHERE,
                       "%s ('never,task') switches all rules off; mend: take it out && augenrules "
                       "--load",
                       f->auditing.off);
    else if (!w)
        lint_add_place(l, x->path, LINT_NOWHERE, "no rule of auditd watches it; mend: %s", mend);
    else if (w->lost)
        lint_add_place(l, x->path, LINT_NOWHERE,
                       "%s watches it, but augenrules makes that file anew from rules.d; mend: %s",
                       w->place, mend);
}

static void check_watch(struct lint *l, const struct host_facts *f)
{
    size_t at = 0;

    while (strcmp(watch_specs[at].id, l->row->id) != 0)
        at++;
    const enum host_thing thing = watch_specs[at].thing;
    const bool unit = thing == HOST_DOCKER_SERVICE || thing == HOST_DOCKER_SOCKET_UNIT;
    if (!is_there(l, f, &f->things[thing]))
        return;
    if (f->auditing.state == HOST_UNKNOWN) {
        host_answer(l, f, HOST_UNDECIDED, f->auditing.why);
        return;
    }
    vec_each (x, &f->things[thing]) {
        if (x->state == HOST_THERE)
            judge_watch(l, f, x, is_program(thing));
        if (unit)
            return; /* the benchmark asks for the unit, not for drop-ins */
    }
}

/* ---- 1: the host ---- */

static void check_partition(struct lint *l, const struct host_facts *f)
{
    const char *path = f->things[HOST_DATA_ROOT].at[0].path;

    if (!host_has_daemon(l, f))
        return;
    if (f->partition == HOST_UNKNOWN)
        host_answer(l, f, HOST_UNDECIDED, f->partition_why);
    else if (f->partition == HOST_ABSENT)
        lint_add_place(
            l, path, LINT_NOWHERE,
            "it is no mount point; mend: make a volume, stop docker, copy the files, and "
            "mount it at %s",
            host_quote(l, path));
}

static void check_users(struct lint *l, const struct host_facts *f)
{
    if (!host_has_daemon(l, f))
        return;
    vec_each (name, &f->engine_users)
        lint_add_place(l, arena_printf(l->arena, "group %.60s", f->daemon.group), LINT_NOWHERE,
                       "'%.60s' is root of this host through the engine's socket; mend: gpasswd -d "
                       "%s %s, or say --trusted-user",
                       *name, host_quote(l, *name), host_quote(l, f->daemon.group));
    if (f->engine_users.size == 0 && f->accounts == HOST_UNKNOWN)
        host_answer(l, f, HOST_UNDECIDED, f->accounts_why);
}

static void check_age(struct lint *l, const struct host_facts *f)
{
    const int64_t days = (f->now_s - f->daemon.built_s) / (24 * 60 * 60);

    if (!host_has_daemon(l, f))
        return;
    if (f->daemon.built_s == 0)
        host_answer(l, f, HOST_UNDECIDED, "the program dockerd was not found");
    else if (days > OLD_DAYS)
        lint_add_place(l, f->things[HOST_DOCKERD].at[0].path, LINT_NOWHERE,
                       "dockerd was made %lld days ago; mend: update it with the system's packages",
                       (long long)days);
}

/* What is not there is another kernel's: only what says too little counts. */
static void check_kernel(struct lint *l, const struct host_facts *f)
{
    size_t known = 0;

    for (size_t i = 0; i < HOST_KNOBS; i++) {
        const struct host_knob *k = &host_knobs[i];
        const struct host_number *n = &f->numbers[i];

        known += n->state == HOST_THERE;
        if (n->state == HOST_THERE && (n->value < k->least || n->value > k->most))
            lint_add_place(l, k->name, LINT_NOWHERE,
                           "it is %llu: %s; mend: echo %s=%s >>/etc/sysctl.d/90-host.conf && "
                           "sysctl --system",
                           (unsigned long long)n->value, k->why, k->name, k->mend);
    }
    if (known == 0)
        host_answer(l, f, HOST_UNDECIDED, "/proc/sys cannot be read");
}

/* ---- 5: what only the host knows of containers ---- */

static void check_swarm(struct lint *l, const struct host_facts *f)
{
    if (!host_has_daemon(l, f))
        return;
    if (f->swarm == HOST_UNKNOWN)
        host_answer(l, f, HOST_UNDECIDED, f->swarm_why);
    else if (f->swarm == HOST_THERE)
        lint_add_place(
            l, f->things[HOST_DATA_ROOT].at[0].path, LINT_NOWHERE,
            "this host is a node of a swarm; mend, unless it is meant: docker swarm leave");
}

/* Nothing found means something only where the audit log has every start of the client. */
static bool is_recorded(const struct host_facts *f)
{
    vec_each (x, &f->things[HOST_CLIENT]) {
        const struct host_watch *w = x->state == HOST_THERE ? find_watch(f, x, false, true) : NULL;
        if (x->state == HOST_THERE && (!w || w->lost))
            return false;
    }
    return f->auditing.state == HOST_THERE && !f->auditing.off && f->exec_log.state == HOST_THERE;
}

static void check_exec(struct lint *l, const struct host_facts *f)
{
    const bool root = strcmp(l->row->id, "CP973") == 0;
    bool found = false;

    vec_each (x, &f->exec_log.execs) {
        if (!(root ? x->root : x->privileged))
            continue;
        found = true;
        lint_add_place(l, x->place, LINT_NOWHERE, "'%s'", x->command);
    }
    if (found)
        return;
    if (f->exec_log.state == HOST_UNKNOWN)
        host_answer(l, f, HOST_UNDECIDED, f->exec_log.why);
    else if (is_there(l, f, &f->things[HOST_CLIENT]) && !is_recorded(f))
        host_answer(l, f, HOST_UNDECIDED,
                    "no rule of auditd records how the engine's client is started");
}

/* ---- rows ---- */

#define WATCH_ROW(number, bench, slug, path)                                                       \
    {                                                                                              \
        .id = number, .name = "host-watch-" slug, .aliases = {"DB-" bench, "CIS-" bench},          \
        .title = "changes of " path " are not audited", .level = LINT_WARNING, .where = LINT_HOST, \
        .why = "Whoever changes the engine's programs and files controls every container and the " \
               "host. Without a rule of auditd nobody can tell afterwards who it was.",            \
        .fix =                                                                                     \
            "echo '-w " path " -p wa -k docker' >>/etc/audit/rules.d/docker.rules && augenrules "  \
            "--load",                                                                              \
        .bad = "# /etc/audit/rules.d/docker.rules has no rule for " path,                          \
        .good = "-w " path " -p wa -k docker", .host = check_watch,                                \
    }

#define OWNER_ROW(number, bench, slug, path, group)                                                \
    {                                                                                              \
        .id = number, .name = "host-owner-" slug, .aliases = {"DB-" bench, "CIS-" bench},          \
        .title = path " does not belong to root:" group, .level = LINT_ERROR, .where = LINT_HOST,  \
        .why = "Its owner can change it, and whoever changes it is root: the daemon trusts it.",   \
        .fix = "chown root:" group " " path, .bad = "chown 1000:1000 " path,                       \
        .good = "chown root:" group " " path, .host = check_owner,                                 \
    }

#define MODE_ROW(number, bench, slug, path, most, more)                                            \
    {                                                                                              \
        .id = number, .name = "host-mode-" slug, .aliases = {"DB-" bench, "CIS-" bench},           \
        .title = path " has a mode beyond " most, .level = LINT_WARNING, .where = LINT_HOST,       \
        .why = "Bits beyond it let others write what the daemon trusts, or read what is secret.",  \
        .fix = "chmod " most " " path, .bad = "chmod " more " " path,                              \
        .good = "chmod " most " " path, .host = check_mode,                                        \
    }

static const struct lint_row rows[] = {
    {
        .id = "CP901",
        .name = "host-partition",
        .aliases = {"DB-1.1.1", "CIS-1.1.1"},
        .title = "the engine's files share a file system with the host's",
        .level = LINT_WARNING,
        .where = LINT_HOST,
        .why =
            "Images, layers and logs grow until the file system is full. Where it is the host's, "
            "everything on it stops.",
        .fix = "Mount a volume of its own at /var/lib/docker.",
        .bad = "/dev/sda1 / ext4 rw 0 0",
        .good = "/dev/sdb1 /var/lib/docker ext4 rw 0 0",
        .host = check_partition,
    },
    {
        .id = "CP902",
        .name = "host-engine-users",
        .aliases = {"DB-1.1.2", "CIS-1.1.2"},
        .title = "users who control the engine",
        .level = LINT_WARNING,
        .where = LINT_HOST,
        .why = "Who may write to the engine's socket can start a container with the host's root "
               "directory in it: it is root without a password.",
        .fix = "gpasswd -d USER docker; or --trusted-user USER for those who are root anyway.",
        .bad = "docker:x:998:joe",
        .good = "docker:x:998:",
        .host = check_users,
    },
    WATCH_ROW("CP903", "1.1.3", "dockerd", "/usr/bin/dockerd"),
    WATCH_ROW("CP904", "1.1.4", "run-containerd", "/run/containerd"),
    WATCH_ROW("CP905", "1.1.5", "data-root", "/var/lib/docker"),
    WATCH_ROW("CP906", "1.1.6", "etc-docker", "/etc/docker"),
    WATCH_ROW("CP907", "1.1.7", "docker-service", "/usr/lib/systemd/system/docker.service"),
    WATCH_ROW("CP908", "1.1.8", "containerd-sock", "/run/containerd/containerd.sock"),
    WATCH_ROW("CP909", "1.1.9", "docker-socket", "/usr/lib/systemd/system/docker.socket"),
    WATCH_ROW("CP910", "1.1.10", "default-docker", "/etc/default/docker"),
    WATCH_ROW("CP911", "1.1.11", "daemon-json", "/etc/docker/daemon.json"),
    WATCH_ROW("CP912", "1.1.12", "containerd-config", "/etc/containerd/config.toml"),
    WATCH_ROW("CP913", "1.1.13", "sysconfig-docker", "/etc/sysconfig/docker"),
    WATCH_ROW("CP914", "1.1.14", "containerd", "/usr/bin/containerd"),
    WATCH_ROW("CP915", "1.1.15", "containerd-shim", "/usr/bin/containerd-shim"),
    WATCH_ROW("CP916", "1.1.16", "containerd-shim-runc-v1", "/usr/bin/containerd-shim-runc-v1"),
    WATCH_ROW("CP917", "1.1.17", "containerd-shim-runc-v2", "/usr/bin/containerd-shim-runc-v2"),
    WATCH_ROW("CP918", "1.1.18", "runc", "/usr/bin/runc"),
    {
        .id = "CP919",
        .name = "host-kernel-settings",
        .aliases = {"DB-1.2.1", "CIS-1.2.1"},
        .title = "settings of the kernel that are weaker than guides for hardening have them",
        .level = LINT_INFO,
        .where = LINT_HOST,
        .why =
            "Containers share the host's kernel: what it tells and lets everybody do, it tells and "
            "lets a container do. The benchmark's \"harden the host\" begins here.",
        .fix = "Put the values into a file of /etc/sysctl.d and load it with sysctl --system; the "
               "rest of a host is for a guide of its distribution (CIS, ANSSI, STIG).",
        .bad = "echo 0 >/proc/sys/kernel/randomize_va_space",
        .good = "echo 2 >/proc/sys/kernel/randomize_va_space",
        .host = check_kernel,
    },
    {
        .id = "CP920",
        .name = "host-engine-age",
        .aliases = {"DB-1.2.2", "CIS-1.2.2"},
        .title = "the engine is old",
        .level = LINT_INFO,
        .where = LINT_HOST,
        .why = "Mended holes of the engine and of runc are published: an old one has them all. "
               "Told by the date of the program, which packages keep.",
        .fix = "Update docker with the system's packages.",
        .bad = "touch -d 2001-01-01 /usr/bin/dockerd",
        .good = "touch /usr/bin/dockerd",
        .host = check_age,
    },
    OWNER_ROW("CP941", "3.1", "docker-service", "/usr/lib/systemd/system/docker.service", "root"),
    MODE_ROW("CP942", "3.2", "docker-service", "/usr/lib/systemd/system/docker.service", "644",
             "664"),
    OWNER_ROW("CP943", "3.3", "docker-socket-unit", "/usr/lib/systemd/system/docker.socket",
              "root"),
    MODE_ROW("CP944", "3.4", "docker-socket-unit", "/usr/lib/systemd/system/docker.socket", "644",
             "666"),
    OWNER_ROW("CP945", "3.5", "etc-docker", "/etc/docker", "root"),
    MODE_ROW("CP946", "3.6", "etc-docker", "/etc/docker", "755", "775"),
    OWNER_ROW("CP947", "3.7", "registry-certificates", "/etc/docker/certs.d/r.example/ca.crt",
              "root"),
    MODE_ROW("CP948", "3.8", "registry-certificates", "/etc/docker/certs.d/r.example/ca.crt", "444",
             "644"),
    OWNER_ROW("CP949", "3.9", "tls-ca", "/etc/docker/ca.pem", "root"),
    MODE_ROW("CP950", "3.10", "tls-ca", "/etc/docker/ca.pem", "444", "644"),
    OWNER_ROW("CP951", "3.11", "tls-certificate", "/etc/docker/cert.pem", "root"),
    MODE_ROW("CP952", "3.12", "tls-certificate", "/etc/docker/cert.pem", "444", "466"),
    OWNER_ROW("CP953", "3.13", "tls-key", "/etc/docker/key.pem", "root"),
    MODE_ROW("CP954", "3.14", "tls-key", "/etc/docker/key.pem", "400", "440"),
    OWNER_ROW("CP955", "3.15", "engine-socket", "/run/docker.sock", "docker"),
    MODE_ROW("CP956", "3.16", "engine-socket", "/run/docker.sock", "660", "666"),
    OWNER_ROW("CP957", "3.17", "daemon-json", "/etc/docker/daemon.json", "root"),
    MODE_ROW("CP958", "3.18", "daemon-json", "/etc/docker/daemon.json", "644", "646"),
    OWNER_ROW("CP959", "3.19", "default-docker", "/etc/default/docker", "root"),
    MODE_ROW("CP960", "3.20", "sysconfig-docker", "/etc/sysconfig/docker", "644", "755"),
    OWNER_ROW("CP961", "3.21", "sysconfig-docker", "/etc/sysconfig/docker", "root"),
    MODE_ROW("CP962", "3.22", "default-docker", "/etc/default/docker", "644", "664"),
    OWNER_ROW("CP963", "3.23", "containerd-socket", "/run/containerd/containerd.sock", "root"),
    MODE_ROW("CP964", "3.24", "containerd-socket", "/run/containerd/containerd.sock", "660", "666"),
    {
        .id = "CP971",
        .name = "host-swarm",
        .aliases = {"DB-5.1", "CIS-5.1"},
        .title = "swarm mode is on",
        .level = LINT_WARNING,
        .where = LINT_HOST,
        .why =
            "A node of a swarm listens on more ports and does what its managers say. Where nobody "
            "needs it, that is only something to attack.",
        .fix = "docker swarm leave",
        .bad = "touch /var/lib/docker/swarm/docker-state.json",
        .good = "touch /var/lib/docker/engine-id",
        .host = check_swarm,
    },
    {
        .id = "CP972",
        .name = "host-exec-privileged",
        .aliases = {NULL, "DB-5.23", "CIS-5.23"},
        .title = "a program was started in a container with all privileges",
        .level = LINT_WARNING,
        .where = LINT_HOST,
        .why = "exec --privileged gives the program every capability, whatever the container was "
               "allowed. The audit log has who did it.",
        .fix = "Start the container with the one capability that is needed.",
        .bad = "type=EXECVE msg=audit(1700000000.123:42): argc=5 a0=\"docker\" a1=\"exec\" "
               "a2=\"--privileged\" a3=\"web\" a4=\"sh\"",
        .good = "type=EXECVE msg=audit(1700000000.123:42): argc=4 a0=\"docker\" a1=\"exec\" "
                "a2=\"web\" a3=\"sh\"",
        .host = check_exec,
    },
    {
        .id = "CP973",
        .name = "host-exec-root",
        .aliases = {NULL, "DB-5.24", "CIS-5.24"},
        .title = "a program was started in a container as root",
        .level = LINT_WARNING,
        .where = LINT_HOST,
        .why = "exec --user root goes around the user that the image was given. The audit log has "
               "who did it.",
        .fix = "Leave --user out, or name the user of the program.",
        .bad =
            "type=EXECVE msg=audit(1700000000.123:42): argc=6 a0=\"docker\" a1=\"exec\" a2=\"-u\" "
            "a3=\"root\" a4=\"web\" a5=\"sh\"",
        .good = "type=EXECVE msg=audit(1700000000.123:42): argc=6 a0=\"docker\" a1=\"exec\" "
                "a2=\"-u\" a3=\"1000\" a4=\"web\" a5=\"sh\"",
        .host = check_exec,
    },
};

const struct lint_table lint_hosts = {rows, ARRAY_SIZE(rows)};
