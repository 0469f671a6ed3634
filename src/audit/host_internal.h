/* audit/host_internal.h - between the files that gather a host; parsers take bytes. */
#pragma once

#include "audit/host.h"
#include "base/map.h"

/* ---- reading below the root (host_files.c) ---- */

struct host {
    int root;              /* descriptor */
    const char *root_name; /* as /proc calls it: "/" or no slash at the end */
    bool live_proc;        /* its /proc is a real one */
    const struct env *env;
    const struct host_options *options;
    struct host_facts *f;
    struct map owners, groups; /* number -> name */
    struct map users;          /* names in f->engine_users */
    uint32_t docker_gid;       /* of the group that owns the engine's socket */
    bool docker_gid_known;
};

/* The text of a plain file. -ENOENT (a part of the path that is no directory, too) is silent; ret_why: what else is wrong. */
MUST_CHECK int host_read(const struct host *h, const char *path, size_t limit, struct str *ret,
                         const char **ret_why);
/* The same of the last bytes, where there are more. */
MUST_CHECK int host_read_end(const struct host *h, const char *path, size_t limit, struct str *ret,
                             const char **ret_why);
/* What stat() says of it, names included; a text in the arena. */
struct host_file host_look(const struct host *h, const char *path);
/* The path behind its symbolic links, or path: the arena's. */
const char *host_real(const struct host *h, const char *path);
/* The names in a directory that end so, sorted by bytes; no directory is none. 1: it cannot be read. */
MUST_CHECK int host_list(const struct host *h, const char *path, const char *suffix,
                         struct strings *ret);
void host_add(struct host *h, enum host_thing thing, const char *path);

/* ---- units (host_unit.c) ---- */

struct host_unit {
    const char *path;     /* its file, or NULL */
    struct strings files; /* with drop-ins */
    struct strings exec_start, environment, environment_files, listen;
    char *user, *socket_group;
};
void host_unit_done(struct host_unit *u);
/* Adds what one file says: later lines replace or add, an empty value of a list clears it. */
void host_unit_parse(struct view text, struct host_unit *u);
/* Finds the unit in systemd's directories and reads it with its drop-ins. */
void host_unit_read(struct host *h, const char *name, struct host_unit *ret);
/* KEY=VALUE lines, as EnvironmentFile= has them; values are owned by the map's user: free them. */
void host_environment_parse(struct view text, struct map *ret);
void host_environment_done(struct map *m);
/* The words of a command line of a unit: quotes, escapes, $X and ${X}. False: it is not closed, or too long. */
bool host_command_split(struct view text, const struct map *environment, struct strings *ret);

/* ---- the daemon (host_daemon.c) ---- */

/* Options of dockerd's command line; argv[0] is the program. */
void host_flags_parse(struct arena *arena, const struct strings *argv, struct host_setting *ret);
/* daemon.json: a setting that is set already stays. -EINVAL: dockerd would not start with it. */
MUST_CHECK int host_json_parse(struct arena *arena, struct view text, const char *path,
                               struct host_setting *ret, struct error *err);
/* Which process is the daemon, or which unit starts it: its command line; fills in h->f->daemon. */
void host_daemon_find(struct host *h);
/* daemon.json, once the daemon's home is known. */
void host_daemon_configure(struct host *h);
bool host_is_true(const struct host_setting *s, bool otherwise);

/* Registries that podman, buildah and cri-o take unprotected (host_podman.c). */
void host_registries_gather(struct host *h);

/* ---- auditd (host_audit.c) ---- */

/* One file of rules, after those before it: "-D" takes all back, unless they are merged: augenrules puts it first. */
void host_rules_parse(struct arena *arena, struct view text, const char *path, bool merged,
                      struct host_auditing *ret);
/* Executions of engines' clients in an audit log. */
void host_log_parse(struct arena *arena, struct view text, const char *path,
                    struct host_exec_log *ret);
/* One rule as the kernel lists it (struct audit_rule_data). */
void host_kernel_parse(struct arena *arena, struct view bytes, struct host_auditing *ret);
/* Adds the rules that are loaded; true: there are some. Of this machine, and for root alone: others have none. */
bool host_kernel_rules(struct arena *arena, struct host_auditing *ret);
void host_audit_gather(struct host *h);
