/* A plan as data: its defaults, its text, its way to a job and the way of its result back. */
#include <errno.h>
#include <strings.h>
#include <sys/capability.h>

#include "base/frame.h"
#include "sandbox/spawn.h"

#define BIT(cap) (UINT64_C(1) << (cap))

const uint64_t SPAWN_CAPABILITIES_DEFAULT =
    BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FSETID) | BIT(CAP_FOWNER) | BIT(CAP_MKNOD) |
    BIT(CAP_NET_RAW) | BIT(CAP_SETGID) | BIT(CAP_SETUID) | BIT(CAP_SETFCAP) | BIT(CAP_SETPCAP) |
    BIT(CAP_NET_BIND_SERVICE) | BIT(CAP_SYS_CHROOT) | BIT(CAP_KILL) | BIT(CAP_AUDIT_WRITE);

static const char *const capability_names[] = {"chown",
                                               "dac_override",
                                               "dac_read_search",
                                               "fowner",
                                               "fsetid",
                                               "kill",
                                               "setgid",
                                               "setuid",
                                               "setpcap",
                                               "linux_immutable",
                                               "net_bind_service",
                                               "net_broadcast",
                                               "net_admin",
                                               "net_raw",
                                               "ipc_lock",
                                               "ipc_owner",
                                               "sys_module",
                                               "sys_rawio",
                                               "sys_chroot",
                                               "sys_ptrace",
                                               "sys_pacct",
                                               "sys_admin",
                                               "sys_boot",
                                               "sys_nice",
                                               "sys_resource",
                                               "sys_time",
                                               "sys_tty_config",
                                               "mknod",
                                               "lease",
                                               "audit_write",
                                               "audit_control",
                                               "setfcap",
                                               "mac_override",
                                               "mac_admin",
                                               "syslog",
                                               "wake_alarm",
                                               "block_suspend",
                                               "audit_read",
                                               "perfmon",
                                               "bpf",
                                               "checkpoint_restore"};

const char *spawn_capability_name(unsigned bit)
{
    return bit < ARRAY_SIZE(capability_names) ? capability_names[bit] : NULL;
}

int spawn_capability_parse(const char *name, uint64_t *ret, struct error *err)
{
    if (strcasecmp(name, "ALL") == 0) {
        *ret = BIT(ARRAY_SIZE(capability_names)) - 1;
        return 0;
    }
    const char *bare = strncasecmp(name, "cap_", 4) == 0 ? name + 4 : name;
    for (size_t i = 0; i < ARRAY_SIZE(capability_names); i++)
        if (strcasecmp(bare, capability_names[i]) == 0) {
            *ret = BIT(i);
            return 0;
        }
    const int r = error_set(err, -EINVAL, "capability '%.80s' is unknown", name);
    return error_hint(err, r, "capabilities(7) has their names, such as NET_RAW; ALL is all");
}

static const char *const networks[] = {"private", "none", "host"};

const char *spawn_network_name(enum spawn_network n)
{
    return networks[n];
}

int spawn_network_parse(const char *text, enum spawn_network *ret, struct error *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(networks); i++)
        if (strcmp(networks[i], text) == 0) {
            *ret = (enum spawn_network)i;
            return 0;
        }
    return error_set(err, -EINVAL, "network '%.80s' is not private, none or host", text);
}

void spawn_plan_init(struct spawn_plan *p)
{
    *p = (struct spawn_plan){.upper_fd = -1,
                             .work_fd = -1,
                             .rootfs_fd = -1,
                             .console_fd = -1,
                             .links_fd = -1,
                             .stdio_fds = {-1, -1, -1},
                             .capabilities = SPAWN_CAPABILITIES_DEFAULT,
                             .seccomp = true};
}

void spawn_plan_done(struct spawn_plan *p)
{
    strings_done(&p->argv);
    strings_done(&p->env);
    strings_done(&p->ports);
    strings_done(&p->hosts);
    strings_done(&p->ulimits);
    strings_done(&p->owned);
    free(p->lower_fds);
    free(p->mounts);
    spawn_plan_init(p);
}

/* ---- to JSON ---- */

static json_t *of_strings(const struct strings *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->size; i++)
        doc_push(list, doc_new_text(s->at[i]));
    return list;
}

static json_t *of_capabilities(uint64_t set)
{
    json_t *list = json_array();

    for (size_t i = 0; i < ARRAY_SIZE(capability_names); i++)
        if (set >> i & 1)
            doc_push(list, doc_new_text(capability_names[i]));
    return list;
}

static const char *const mount_kinds[] = {"bind", "tmpfs", "file", "layers"};

static json_t *of_mount(const struct spawn_mount *m)
{
    json_t *o = json_object();

    doc_set_text(o, "type", mount_kinds[m->kind]);
    doc_set_text(o, "target", m->target);
    if (m->kind != SPAWN_MOUNT_BIND) {
        doc_set_int(o, "mode", m->mode);
        doc_set_int(o, "uid", m->uid);
        doc_set_int(o, "gid", m->gid);
        doc_set_int(o, "size", (int64_t)(m->kind == SPAWN_MOUNT_FILE ? m->data.size : m->size));
    }
    doc_set_bool(o, "readonly", m->read_only || m->kind == SPAWN_MOUNT_FILE);
    doc_set_bool(o, "noexec", m->no_exec);
    doc_set_bool(o, "recursive", m->recursive);
    return o;
}

json_t *spawn_plan_print(const struct spawn_plan *p)
{
    json_t *o = json_object(), *mounts = json_array();

    doc_set(o, "argv", of_strings(&p->argv));
    doc_set(o, "env", of_strings(&p->env));
    doc_set_text(o, "cwd", p->cwd);
    doc_set_bool(o, "make_cwd", p->make_cwd);
    doc_set_text(o, "user", p->user);
    doc_set_text(o, "hostname", p->hostname);
    doc_set_bool(o, "keep_hostname", p->keep_hostname);
    doc_set_text(o, "network", networks[p->network]);
    doc_set_bool(o, "network_required", p->network_required);
    doc_set(o, "ports", of_strings(&p->ports));
    doc_set(o, "hosts", of_strings(&p->hosts));
    doc_set(o, "ulimits", of_strings(&p->ulimits));
    for (size_t i = 0; i < p->mount_count; i++)
        doc_push(mounts, of_mount(&p->mounts[i]));
    doc_set(o, "mounts", mounts);
    doc_set(o, "capabilities", of_capabilities(p->capabilities));
    doc_set_bool(o, "readonly", p->read_only);
    doc_set_bool(o, "volatile", p->is_volatile);
    doc_set_bool(o, "no_new_privs", p->no_new_privs);
    doc_set_bool(o, "seccomp", p->seccomp);
    doc_set_bool(o, "unmasked", p->unmasked);
    doc_set_bool(o, "init", p->init);
    doc_set_bool(o, "tty", p->tty);
    doc_set_int(o, "shm_size", (int64_t)p->shm_size);
    return o;
}

static int add_fd(json_t *o, const char *key, int fd, int *fds, size_t *count, struct error *err)
{
    if (fd < 0)
        return 0;
    if (*count == FRAME_FDS_MAX)
        return error_set(err, -EDQUOT, "the container is given more than %d descriptors",
                         FRAME_FDS_MAX);
    doc_set_int(o, key, (int64_t)*count);
    fds[(*count)++] = fd;
    return 0;
}

/* In hex: secrets are any bytes, JSON texts are not. */
static void set_bytes(json_t *o, const char *key, struct view bytes)
{
    STR_AUTO(hex);

    for (size_t i = 0; i < bytes.size; i++)
        str_printf(&hex, "%02x", (unsigned char)bytes.at[i]);
    doc_set_text(o, key, hex.at);
}

int spawn_plan_pack(const struct spawn_plan *p, json_t **ret, int *fds, size_t *fd_count,
                    struct error *err)
{
    cleanup_doc json_t *o = spawn_plan_print(p);
    json_t *mounts = json_object_get(o, "mounts");
    int r;

    if ((r = add_fd(o, "stdin", p->stdio_fds[0], fds, fd_count, err)) < 0 ||
        (r = add_fd(o, "stdout", p->stdio_fds[1], fds, fd_count, err)) < 0 ||
        (r = add_fd(o, "stderr", p->stdio_fds[2], fds, fd_count, err)) < 0 ||
        (r = add_fd(o, "console", p->console_fd, fds, fd_count, err)) < 0)
        return r;
    for (size_t i = 0; i < p->mount_count; i++) {
        json_t *m = json_array_get(mounts, i);

        if (p->mounts[i].kind == SPAWN_MOUNT_BIND)
            r = add_fd(m, "source", p->mounts[i].source_fd, fds, fd_count, err);
        else if (p->mounts[i].kind == SPAWN_MOUNT_FILE)
            set_bytes(m, "data", p->mounts[i].data);
        if (r < 0)
            return r;
    }
    *ret = steal(o);
    return 0;
}

/* ---- from JSON ---- */

static int parse_strings(const json_t *o, const char *key, struct strings *ret, struct error *err)
{
    json_t *list = NULL, *one;
    size_t i;
    const int r = doc_array(o, key, &list, err);

    json_array_foreach(list, i, one)
    {
        if (!json_is_string(one))
            return error_set(err, -EINVAL, "%s[%zu] is not a text", key, i);
        strings_add(ret, json_string_value(one));
    }
    return r;
}

static int parse_fd(const json_t *o, const char *key, const int *fds, size_t fd_count, int *ret,
                    struct error *err)
{
    int64_t n = -1;
    const int r = doc_int(o, key, &n, err);

    if (r < 0 || n < 0)
        return r;
    if ((uint64_t)n >= fd_count)
        return error_set(err, -EINVAL, "%s names a descriptor that did not come", key);
    *ret = fds[n];
    return 0;
}

static int parse_u32(const json_t *o, const char *key, uint32_t *ret, struct error *err)
{
    int64_t n = 0;
    const int r = doc_int(o, key, &n, err);

    if (r < 0)
        return r;
    if (n < 0 || n > UINT32_MAX)
        return error_set(err, -EINVAL, "%s is out of range", key);
    *ret = (uint32_t)n;
    return 0;
}

static int parse_size(const json_t *o, const char *key, uint64_t *ret, struct error *err)
{
    int64_t n = 0;
    const int r = doc_int(o, key, &n, err);

    if (r < 0)
        return r;
    if (n < 0)
        return error_set(err, -EINVAL, "%s is negative", key);
    *ret = (uint64_t)n;
    return 0;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

static int parse_bytes(const json_t *o, const char *key, struct strings *owned, struct view *ret,
                       struct error *err)
{
    const char *hex = "";
    const int r = doc_text(o, key, &hex, err);
    const size_t size = strlen(hex) / 2;

    if (r < 0)
        return r;
    char *bytes = xmalloc(size + 1);
    strings_take(owned, bytes);
    for (size_t i = 0; i < size; i++) {
        const int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);

        if (high < 0 || low < 0)
            return error_set(err, -EINVAL, "%s is not hexadecimal", key);
        bytes[i] = (char)(high << 4 | low);
    }
    *ret = view_make(bytes, size);
    return 0;
}

static int parse_mount(const json_t *o, const int *fds, size_t fd_count, struct strings *owned,
                       struct spawn_mount *ret, struct error *err)
{
    struct spawn_mount m = {.source_fd = -1};
    const char *kind = NULL;
    int r;

    if ((r = doc_need_text(o, "type", &kind, err)) < 0 ||
        (r = doc_need_text(o, "target", &m.target, err)) < 0 ||
        (r = parse_u32(o, "mode", &m.mode, err)) < 0 ||
        (r = parse_u32(o, "uid", &m.uid, err)) < 0 || (r = parse_u32(o, "gid", &m.gid, err)) < 0 ||
        (r = parse_size(o, "size", &m.size, err)) < 0 ||
        (r = parse_fd(o, "source", fds, fd_count, &m.source_fd, err)) < 0 ||
        (r = doc_bool(o, "readonly", &m.read_only, err)) < 0 ||
        (r = doc_bool(o, "noexec", &m.no_exec, err)) < 0 ||
        (r = doc_bool(o, "recursive", &m.recursive, err)) < 0)
        return r;
    while (strcmp(mount_kinds[m.kind], kind) != 0)
        if (++m.kind == SPAWN_MOUNT_LAYERS)
            return error_set(err, -EINVAL, "mount of type '%.40s'", kind);
    *ret = m;
    return m.kind == SPAWN_MOUNT_FILE ? parse_bytes(o, "data", owned, &ret->data, err) : 0;
}

static int parse_mounts(const json_t *doc, const int *fds, size_t fd_count, struct spawn_plan *p,
                        struct error *err)
{
    json_t *list = NULL, *one;
    size_t i;
    int r = doc_array(doc, "mounts", &list, err);

    if (r < 0)
        return r;
    p->mounts = xcalloc(json_array_size(list) + 1, sizeof(*p->mounts));
    json_array_foreach(list, i, one)
    {
        r = parse_mount(one, fds, fd_count, &p->owned, &p->mounts[i], err);
        if (r < 0)
            return r;
    }
    p->mount_count = json_array_size(list);
    return 0;
}

static int parse_capabilities(const json_t *doc, struct spawn_plan *p, struct error *err)
{
    struct strings names = {0};
    int r = parse_strings(doc, "capabilities", &names, err);

    p->capabilities = 0;
    for (size_t i = 0; r == 0 && i < names.size; i++) {
        uint64_t bit;

        r = spawn_capability_parse(names.at[i], &bit, err);
        if (r == 0)
            p->capabilities |= bit;
    }
    strings_done(&names);
    return r;
}

static int parse_fds(const json_t *doc, const int *fds, size_t count, struct spawn_plan *p,
                     struct error *err)
{
    int r;

    if ((r = parse_fd(doc, "stdin", fds, count, &p->stdio_fds[0], err)) < 0 ||
        (r = parse_fd(doc, "stdout", fds, count, &p->stdio_fds[1], err)) < 0 ||
        (r = parse_fd(doc, "stderr", fds, count, &p->stdio_fds[2], err)) < 0)
        return r;
    return parse_fd(doc, "console", fds, count, &p->console_fd, err);
}

static int parse_flags(const json_t *doc, struct spawn_plan *p, struct error *err)
{
    int r;

    if ((r = doc_bool(doc, "readonly", &p->read_only, err)) < 0 ||
        (r = doc_bool(doc, "volatile", &p->is_volatile, err)) < 0 ||
        (r = doc_bool(doc, "make_cwd", &p->make_cwd, err)) < 0 ||
        (r = doc_bool(doc, "keep_hostname", &p->keep_hostname, err)) < 0 ||
        (r = doc_bool(doc, "no_new_privs", &p->no_new_privs, err)) < 0 ||
        (r = doc_bool(doc, "network_required", &p->network_required, err)) < 0 ||
        (r = doc_bool(doc, "seccomp", &p->seccomp, err)) < 0 ||
        (r = doc_bool(doc, "unmasked", &p->unmasked, err)) < 0 ||
        (r = doc_bool(doc, "init", &p->init, err)) < 0)
        return r;
    return doc_bool(doc, "tty", &p->tty, err);
}

static int parse_plan(const json_t *doc, const int *fds, size_t fd_count, struct spawn_plan *p,
                      struct error *err)
{
    const char *network = "private";
    int r;

    if ((r = parse_strings(doc, "argv", &p->argv, err)) < 0 ||
        (r = parse_strings(doc, "env", &p->env, err)) < 0 ||
        (r = parse_strings(doc, "ports", &p->ports, err)) < 0 ||
        (r = parse_strings(doc, "hosts", &p->hosts, err)) < 0 ||
        (r = parse_strings(doc, "ulimits", &p->ulimits, err)) < 0 ||
        (r = doc_text(doc, "cwd", &p->cwd, err)) < 0 ||
        (r = doc_text(doc, "user", &p->user, err)) < 0 ||
        (r = doc_text(doc, "hostname", &p->hostname, err)) < 0 ||
        (r = doc_text(doc, "network", &network, err)) < 0 ||
        (r = spawn_network_parse(network, &p->network, err)) < 0 ||
        (r = parse_size(doc, "shm_size", &p->shm_size, err)) < 0 ||
        (r = parse_capabilities(doc, p, err)) < 0 || (r = parse_flags(doc, p, err)) < 0 ||
        (r = parse_fds(doc, fds, fd_count, p, err)) < 0)
        return r;
    return parse_mounts(doc, fds, fd_count, p, err);
}

int spawn_plan_parse(const json_t *doc, const int *fds, size_t fd_count, struct spawn_plan *ret,
                     struct error *err)
{
    struct spawn_plan p;

    spawn_plan_init(&p);
    const int r = parse_plan(doc, fds, fd_count, &p, err);
    if (r < 0)
        spawn_plan_done(&p);
    else
        *ret = p;
    return r;
}

/* ---- results ---- */

void spawn_result_done(struct spawn_result *r)
{
    strings_done(&r->notes);
    *r = (struct spawn_result){0};
}

json_t *spawn_result_print(const struct spawn_result *r)
{
    json_t *o = json_object();

    doc_set_int(o, "status", r->status);
    doc_set_int(o, "cpu_us", (int64_t)r->cpu_us);
    doc_set_int(o, "memory_peak", (int64_t)r->memory_peak);
    doc_set(o, "notes", of_strings(&r->notes));
    return o;
}

int spawn_result_parse(const json_t *doc, struct spawn_result *ret, struct error *err)
{
    struct spawn_result result = {0};
    int64_t status = 0;
    int r;

    if ((r = doc_need_int(doc, "status", &status, err)) < 0 ||
        (r = parse_size(doc, "cpu_us", &result.cpu_us, err)) < 0 ||
        (r = parse_size(doc, "memory_peak", &result.memory_peak, err)) < 0 ||
        (r = parse_strings(doc, "notes", &result.notes, err)) < 0) {
        spawn_result_done(&result);
        return r;
    }
    if (status < 0 || status > 255) {
        spawn_result_done(&result);
        return error_set(err, -EPROTO, "exit status %lld", (long long)status);
    }
    result.status = (int)status;
    *ret = result;
    return 0;
}
