/* runconfig_values.c - values as docker writes them: mounts, ports, capabilities, security options. */
#include <ctype.h>
#include <errno.h>
#include <strings.h>

#include "audit/internal.h"
#include "dockerfile/mount.h"

static char *copy(struct run_list *l, struct view v)
{
    return arena_strndup(l->arena, v.at ? v.at : "", v.size);
}

void run_add_caps(struct run_list *l, struct run_texts *ret, const char *text, struct run_place at)
{
    struct view rest = view_of(text), one;

    while (rest.at && view_cut(&rest, ',', &one)) {
        one = view_trim(one);
        if (one.size == 0 || !run_list_count(l))
            continue;
        char *name = copy(l, one);
        for (char *c = name; *c; c++)
            *c = (char)toupper((unsigned char)*c);
        vec_push(ret,
                 (struct run_text){RUN_YES, strncmp(name, "CAP_", 4) == 0 ? name + 4 : name, at});
    }
}

void run_add_env(struct run_list *l, struct run_facts *f, const char *text, struct run_place at)
{
    const struct view v = view_of(arena_strdup(l->arena, text));
    const char *equals = memchr(v.at, '=', v.size);
    struct run_env e = {.name = v, .at = at};

    if (equals) {
        e.name.size = (size_t)(equals - v.at);
        e.value = view_make(equals + 1, v.size - e.name.size - 1);
    }
    if (run_list_count(l))
        vec_push(&f->env, e);
}

/* ---- mounts ---- */

const char *run_plain_path(struct run_list *l, const char *path)
{
    STR_AUTO(s);
    struct view rest = view_of(path), part;

    if (*path != '/')
        return arena_strdup(l->arena, path);
    while (rest.at && view_cut(&rest, '/', &part)) {
        if (part.size == 0 || view_eq_text(part, "."))
            continue;
        if (view_eq_text(part, "..")) {
            const char *slash = memrchr(s.at, '/', s.size);
            str_truncate(&s, slash ? (size_t)(slash - s.at) : 0);
            continue;
        }
        str_add_char(&s, '/');
        str_add(&s, part);
    }
    return s.size > 0 ? arena_strndup(l->arena, s.at, s.size) : "/";
}

/* Of a source: docker takes what begins with '/', '.' or '~' for a path, and the rest for the name of a volume. */
static bool is_path(const char *source)
{
    return *source == '/' || *source == '.' || *source == '~' || *source == '$';
}

void run_add_mount(struct run_list *l, struct run_facts *f, const struct run_mount *m)
{
    struct run_mount own = *m;

    if (own.type == RUN_BIND)
        own.source = run_plain_path(l, own.source ? own.source : "");
    own.target = run_plain_path(l, own.target ? own.target : "");
    if (run_list_count(l))
        vec_push(&f->mounts, own);
}

void run_add_api_socket(struct run_list *l, struct run_facts *f, struct run_place at)
{
    static const char path[] = "/var/run/docker.sock";

    run_add_mount(l, f, &(struct run_mount){RUN_BIND, path, path, .at = at});
}

static void take_volume_options(struct run_list *l, struct view options, struct run_mount *m)
{
    struct view one;

    while (options.at && view_cut(&options, ',', &one)) {
        if (view_eq_text(one, "ro") || view_eq_text(one, "readonly"))
            m->read_only = true;
        else if (view_ends(one, "shared") || view_ends(one, "slave") || view_ends(one, "private"))
            m->propagation = copy(l, one);
    }
}

/* "${DATA:-/x}:/y" has its colons in braces. */
static bool cut_colon(struct view *rest, struct view *ret)
{
    size_t end = 0, depth = 0;

    if (!rest->at)
        return false;
    for (; end < rest->size && (depth > 0 || rest->at[end] != ':'); end++) {
        depth += rest->at[end] == '{';
        depth -= depth > 0 && rest->at[end] == '}';
    }
    *ret = view_make(rest->at, end);
    *rest =
        end < rest->size ? view_make(rest->at + end + 1, rest->size - end - 1) : (struct view){0};
    return true;
}

void run_add_volume(struct run_list *l, struct run_facts *f, const char *text, struct run_place at)
{
    struct view rest = view_of(text), source = {0}, target = {0};
    struct run_mount m = {.type = RUN_VOLUME, .at = at};

    (void)cut_colon(&rest, &source);
    if (cut_colon(&rest, &target)) {
        m.source = copy(l, source);
        m.type = is_path(m.source) ? RUN_BIND : RUN_VOLUME;
    } else {
        target = source; /* a volume without a name */
    }
    m.target = copy(l, target);
    take_volume_options(l, rest, &m);
    run_add_mount(l, f, &m);
}

static enum run_mount_type mount_type(struct view name)
{
    if (view_eq_text(name, "bind") || view_eq_text(name, "npipe") || view_eq_text(name, "glob"))
        return RUN_BIND;
    if (view_eq_text(name, "volume"))
        return RUN_VOLUME;
    return view_eq_text(name, "tmpfs") ? RUN_TMPFS : RUN_OTHER_MOUNT;
}

/* What the local driver is told: "o=bind" with a device is a directory of the host, whatever the volume is called. */
struct volume_options {
    struct view device;
    bool bind;
};

static void take_volume_option(struct view option, struct volume_options *v)
{
    struct view value = option, key;

    (void)view_cut(&value, '=', &key);
    if (view_eq_text(key, "device"))
        v->device = value;
    else if (view_eq_text(key, "o"))
        v->bind |= value.size >= 4 && memmem(value.at, value.size, "bind", 4);
}

/* A switch without a value is on; what is no boolean the engine refuses: here it is off. */
static bool is_on(struct view value)
{
    bool on = true;

    return !value.at || (mount_bool(value, &on) && on);
}

/* A field of a line of CSV: one that begins with a quote ends with one, and a quote in it stands twice. */
static bool cut_field(struct run_list *l, struct view *rest, struct view *ret)
{
    STR_AUTO(text);

    if (!rest->at || rest->size == 0 || rest->at[0] != '"')
        return rest->at && view_cut(rest, ',', ret);
    size_t i = 1;
    for (; i < rest->size; i++) {
        if (rest->at[i] == '"' && (i + 1 >= rest->size || rest->at[++i] != '"'))
            break;
        str_add_char(&text, rest->at[i]);
    }
    *ret = view_of(arena_strndup(l->arena, text.at, text.size));
    *rest = i < rest->size && rest->at[i] == ',' ? view_make(rest->at + i + 1, rest->size - i - 1)
                                                 : (struct view){0};
    return true;
}

static void take_mount_word(struct run_list *l, struct view key, struct view value,
                            struct run_mount *m)
{

    if (view_eq_text(key, "type"))
        m->type = mount_type(value);
    else if (view_eq_text(key, "source") || view_eq_text(key, "src"))
        m->source = copy(l, value);
    else if (view_eq_text(key, "target") || view_eq_text(key, "dst") ||
             view_eq_text(key, "destination"))
        m->target = copy(l, value);
    else if (view_eq_text(key, "readonly") || view_eq_text(key, "ro"))
        m->read_only = is_on(value);
    else if (view_eq_text(key, "rw"))
        m->read_only = !is_on(value);
    else if (view_eq_text(key, "bind-propagation"))
        m->propagation = copy(l, value);
}

void run_add_mount_words(struct run_list *l, struct run_facts *f, const char *text,
                         struct run_place at)
{
    struct run_mount m = {.type = RUN_VOLUME, .at = at};
    struct view rest = view_of(text), value, key;
    struct volume_options v = {0};

    while (cut_field(l, &rest, &value)) {
        (void)view_cut(&value, '=', &key);
        if (view_eq_text(key, "volume-opt"))
            take_volume_option(value, &v);
        else
            take_mount_word(l, key, value, &m);
    }
    if (m.type == RUN_VOLUME && v.bind && v.device.size > 0) {
        m.type = RUN_BIND;
        m.source = copy(l, v.device);
    }
    run_add_mount(l, f, &m);
}

/* ---- ports ---- */

static bool read_range(struct view text, uint16_t *ret, uint16_t *ret_end)
{
    struct view rest = text, word;
    uint64_t first, last;

    (void)view_cut(&rest, '-', &word);
    if (!view_to_u64(word, &first) || first > 65535)
        return false;
    last = first;
    if (rest.at && (!view_to_u64(rest, &last) || last > 65535 || last < first))
        return false;
    *ret = (uint16_t)first;
    *ret_end = (uint16_t)last;
    return true;
}

static bool cut_last_colon(struct view *rest, struct view *ret)
{
    const char *colon = rest->size ? memrchr(rest->at, ':', rest->size) : NULL;

    if (!colon)
        return false;
    *ret = view_make(colon + 1, rest->size - (size_t)(colon - rest->at) - 1);
    rest->size = (size_t)(colon - rest->at);
    return true;
}

static struct view unbracket(struct view v)
{
    if (v.size > 1 && v.at[0] == '[' && v.at[v.size - 1] == ']')
        return view_make(v.at + 1, v.size - 2);
    return v;
}

int run_add_port(struct run_list *l, struct run_facts *f, const char *text, struct run_place at,
                 struct error *err)
{
    struct view rest = view_of(text), protocol, container, host = {0};
    struct run_port p = {.at = at};

    if (strchr(text, '$'))
        return 0; /* nobody knows */
    struct view ports;
    (void)view_cut(&rest, '/', &ports);
    protocol = rest;
    p.udp = view_eq_nocase(protocol, "udp");
    container = ports;
    if (cut_last_colon(&ports, &container)) {
        if (!cut_last_colon(&ports, &host)) {
            host = ports;
            ports = (struct view){0};
        }
        p.address = copy(l, unbracket(ports));
    }
    if (!read_range(container, &p.container, &p.container_end) ||
        (host.size > 0 && !read_range(host, &p.host, &p.host_end)))
        return error_set(err, -EINVAL, "'%.80s' is no port", text);
    if (run_list_count(l))
        vec_push(&f->ports, p);
    return 0;
}

/* ---- words with an own form ---- */

/* "key=value", "key:value", "key" (value at NULL). */
static struct view cut_key(struct view text, struct view *ret_value)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.at[i] == '=' || text.at[i] == ':') {
            *ret_value = view_make(text.at + i + 1, text.size - i - 1);
            return view_make(text.at, i);
        }
    *ret_value = (struct view){0};
    return text;
}

/* "disable", "type:spc_t"; levels and users leave it on. */
static void take_label(struct run_list *l, struct run_facts *f, struct view value,
                       struct run_place at)
{
    struct view type = {0};
    const struct view key = cut_key(value, &type);

    if (view_eq_nocase(value, "disable"))
        f->selinux = run_word("disable", at);
    else if (view_eq_text(key, "type"))
        f->selinux = run_word(copy(l, type), at);
}

void run_add_security(struct run_list *l, struct run_facts *f, const char *text,
                      struct run_place at)
{
    struct view value;
    const struct view key = cut_key(view_of(text), &value);

    if (view_eq_text(key, "no-new-privileges"))
        f->no_new_privileges = (struct run_flag){is_on(value) ? RUN_YES : RUN_NO, at};
    else if (view_eq_text(key, "seccomp"))
        f->seccomp = run_word(copy(l, value), at);
    else if (view_eq_text(key, "apparmor"))
        f->apparmor = run_word(copy(l, value), at);
    else if (view_eq_text(key, "label"))
        take_label(l, f, value, at);
    else if ((view_eq_text(key, "systempaths") && view_eq_text(value, "unconfined")) ||
             (view_eq_text(key, "unmask") && value.size > 0))
        f->unmasked = (struct run_flag){RUN_YES, at};
}

void run_set_restart(struct run_list *l, struct run_facts *f, const char *text, struct run_place at)
{
    struct view rest = view_of(text), policy;
    uint64_t max = 0;

    (void)view_cut(&rest, ':', &policy);
    if (rest.at && !view_to_u64(rest, &max))
        max = 0;
    f->restart = run_word(copy(l, policy), at);
    f->restart_max = (int64_t)MIN(max, (uint64_t)INT64_MAX);
}
