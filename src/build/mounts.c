/* RUN --mount on main's side: what counts in keys, what the container is given, what the job is told. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/doc.h"
#include "base/fd.h"
#include "base/frame.h"
#include "build/internal.h"
#include "build/missing.h"

#define VARIABLE_SIZE_MAX (128u << 10) /* Linux: MAX_ARG_STRLEN, the name and the NUL included */

static uint32_t mode_or(const struct mount_spec *m, uint32_t otherwise)
{
    return m->has_mode ? (uint32_t)m->mode & 07777 : otherwise;
}

/* ---- keys ---- */

/* Of a secret whether it is there; with cache-key=content also a hash that only this store can make. */
static int secret_key(const struct build *b, const struct exec_mount *m, struct key *k,
                      struct error *err)
{
    uint8_t salt[STORE_SALT_SIZE], digest[32];
    struct hash h;
    STR_AUTO(name);

    str_printf(&name, "%s '%s' is given", mount_type_name(m->spec.type), m->id);
    key_add_u64(k, name.at, m->given);
    if (!m->given || m->spec.type != MOUNT_SECRET || !secrets_in_key(b->secrets, m->id))
        return 0;
    const int r = store_salt(b->tools.store, salt, err);
    if (r < 0)
        return r;
    hash_init(&h);
    hash_add(&h, salt, sizeof(salt));
    hash_add_field(&h, secrets_value(b->secrets, m->id));
    hash_done(&h, digest);
    str_clear(&name);
    str_printf(&name, "content of secret '%s'", m->id);
    key_add(k, name.at, view_make(digest, sizeof(digest)));
    return 0;
}

/* Neither the bytes of a secret nor what is in a cache. */
int mounts_key(const struct build *b, const struct op_exec *e, struct key *k, struct error *err)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < e->mount_count; i++) {
        const struct exec_mount *m = &e->mounts[i];
        STR_AUTO(rest);
        STR_AUTO(name);

        str_printf(&rest, "%s %s %s %d %d %u", mount_type_name(m->spec.type), m->id, m->spec.env,
                   m->spec.sharing, m->spec.readonly, m->input);
        str_printf(&rest, " %llu", (unsigned long long)m->spec.size);
        if (m->spec.has_mode)
            str_printf(&rest, " mode %llo", (unsigned long long)m->spec.mode);
        if (m->spec.has_uid)
            str_printf(&rest, " uid %llu", (unsigned long long)m->spec.uid);
        if (m->spec.has_gid)
            str_printf(&rest, " gid %llu", (unsigned long long)m->spec.gid);
        str_printf(&name, "mount %s", *m->target ? m->target : m->spec.env);
        key_add(k, name.at, str_view(&rest));
        key_add_text(k, "mounted path", m->source);
        if (m->spec.type == MOUNT_SECRET || m->spec.type == MOUNT_SSH)
            r = secret_key(b, m, k, err);
    }
    return r;
}

/* A directory that is mounted shows its own mode and owner, which are not a part of its content. */
static void add_own_attributes(const struct tree_view *v, struct view path, struct key *k)
{
    struct merge_file file;

    if (merge_lookup(v->merge, path, &file) < 0 || !file.entry || file.entry->type != ENTRY_DIR)
        return;
    key_add_u64(k, "mode of what is mounted", file.entry->mode);
    key_add_u64(k, "uid of what is mounted", file.entry->uid);
    key_add_u64(k, "gid of what is mounted", file.entry->gid);
}

static int mount_content(struct build *b, const struct op *op, const struct exec_mount *m,
                         struct key *k, struct error *err)
{
    const struct op_ref root = op->inputs[m->input];
    CLEANUP(root_closep) struct root *opened = NULL;
    enum entry_type type;
    struct digest content;
    STR_AUTO(path);
    int r = root_open(b->roots, root, &opened, err);

    if (r < 0)
        return r;
    const struct tree_view v = {.merge = root_merge(opened)};
    ERROR_AUTO(why);
    r = view_resolve(&v, view_of(m->source), &path, &type, &why);
    if (r < 0) {
        (void)error_set(err, r, "mount '%s': '%s' is not in '%s'", m->target, m->source,
                        missing_from(root.op));
        missing_hint(&v, view_of(m->source), r, err);
        return r;
    }
    r = view_content(&v, str_view(&path), CONTENT_ALL, NULL, &content, err);
    if (r >= 0) {
        key_add_u64(k, "type of what is mounted", type);
        key_add_digest(k, "content of what is mounted", &content);
        add_own_attributes(&v, str_view(&path), k);
    }
    return r;
}

int mounts_content_key(struct build *b, const struct op *op, struct key *k, struct error *err)
{
    const struct op_exec *e = &op->u.exec;
    int r = 0;

    for (size_t i = 0; r >= 0 && i < e->mount_count; i++)
        if (e->mounts[i].input)
            r = mount_content(b, op, &e->mounts[i], k, err);
    return r < 0 ? build_error_at(b, err, r, op) : 0;
}

/* ---- what needs no job ---- */

/* A variable ends at its first NUL, and nobody would see the rest missing. */
static int set_variable(struct build *b, const struct exec_mount *m, struct spawn_plan *plan,
                        struct error *err)
{
    const struct view value = secrets_value(b->secrets, m->id);

    if (strlen(m->spec.env) + value.size + 2 > VARIABLE_SIZE_MAX) {
        (void)error_set(err, -EDQUOT, "secret '%s' has %zu bytes, too many for the variable %s",
                        m->id, value.size, m->spec.env);
        return error_hint(err, -EDQUOT, "mount it as a file: target=PATH instead of env=%s",
                          m->spec.env);
    }
    if (memchr(value.at, '\0', value.size))
        return error_set(err, -EINVAL, "secret '%s' has a NUL and cannot be a variable", m->id);
    strings_take(&plan->env, xasprintf("%s=%.*s", m->spec.env, VIEW_ARG(value)));
    return 0;
}

static int add_secret(struct build *b, const struct exec_mount *m, struct spawn_plan *plan,
                      struct error *err)
{
    if (!m->given)
        return 0;
    if (*m->target)
        plan->mounts[plan->mount_count++] =
            (struct spawn_mount){.kind = SPAWN_MOUNT_FILE,
                                 .source_fd = -1,
                                 .target = m->target,
                                 .data = secrets_value(b->secrets, m->id),
                                 .mode = mode_or(&m->spec, 0400),
                                 .uid = (uint32_t)m->spec.uid,
                                 .gid = (uint32_t)m->spec.gid,
                                 .read_only = true,
                                 .no_exec = true};
    return *m->spec.env ? set_variable(b, m, plan, err) : 0;
}

static bool has_variable(const struct spawn_plan *plan, const char *name)
{
    const size_t size = strlen(name);

    for (size_t i = 0; i < plan->env.size; i++)
        if (strncmp(plan->env.at[i], name, size) == 0 && plan->env.at[i][size] == '=')
            return true;
    return false;
}

#define EMPTY_MODE 0755 /* of from=scratch: nothing is in it */

/* mode 0: that of what lies below. */
static void add_tmpfs(const char *target, uint64_t size, uint32_t mode, bool read_only,
                      struct spawn_plan *plan)
{
    plan->mounts[plan->mount_count++] = (struct spawn_mount){.kind = SPAWN_MOUNT_TMPFS,
                                                             .source_fd = -1,
                                                             .target = target,
                                                             .size = size,
                                                             .mode = mode,
                                                             .read_only = read_only};
}

int mounts_plan_add(struct build *b, const struct op_exec *e, struct spawn_plan *plan,
                    struct error *err)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < e->mount_count; i++) {
        const struct exec_mount *m = &e->mounts[i];

        if (m->spec.type == MOUNT_TMPFS)
            add_tmpfs(m->target, m->spec.size, 0, m->spec.readonly, plan);
        else if (m->spec.type == MOUNT_BIND && !m->input)
            add_tmpfs(m->target, 0, EMPTY_MODE, m->spec.readonly, plan);
        else if (m->spec.type == MOUNT_SECRET)
            r = add_secret(b, m, plan, err);
        else if (m->spec.type == MOUNT_SSH && m->given && !has_variable(plan, "SSH_AUTH_SOCK"))
            strings_take(&plan->env, xasprintf("SSH_AUTH_SOCK=%s", m->target));
    }
    return r;
}

/* ---- what the job opens ---- */

static int add_layers(struct build *b, const struct op *op, const struct exec_mount *m, json_t *obj,
                      struct hash *h, struct error *err)
{
    cleanup_free struct digest *trees = NULL;
    json_t *list = json_array();
    char hex[DIGEST_HEX_MAX];
    size_t count = 0;
    const int r = build_trees(b, op->inputs[m->input], &trees, &count, err);

    for (size_t i = 0; r >= 0 && i < count; i++) {
        doc_push(list, doc_new_text(digest_hex(&trees[i], hex)));
        if (h)
            hash_add(h, trees[i].sha256, sizeof(trees[i].sha256));
    }
    doc_set(obj, "layers", list);
    doc_set_text(obj, "source", m->source);
    return r;
}

/* Whose a new cache is: what was asked for, else the user of the step, who is to write into it. */
static int add_owner(struct build *b, const struct op *op, const struct exec_mount *m, json_t *obj,
                     struct error *err)
{
    const bool asked = m->spec.has_uid || m->spec.has_gid;
    const char *user = op->u.exec.user;
    uint32_t uid = (uint32_t)m->spec.uid, gid = (uint32_t)m->spec.gid;
    int r = 0;

    if (m->spec.type == MOUNT_CACHE && !asked && *user && strcmp(user, "root") != 0)
        r = build_user(b, op->inputs[0], user, &uid, &gid, err);
    doc_set_int(obj, "uid", uid);
    doc_set_int(obj, "gid", gid);
    doc_set_int(obj, "mode", mode_or(&m->spec, m->spec.type == MOUNT_SSH ? 0600 : 0755));
    return r;
}

static void cache_id_begin(const struct exec_mount *m, struct hash *h)
{
    hash_init(h);
    hash_add_field(h, VIEW("cache mount"));
    hash_add_field(h, view_of(m->id));
    hash_add_u64(h, m->spec.has_mode ? 1 + m->spec.mode : 0);
    hash_add_u64(h, m->spec.has_uid ? 1 + m->spec.uid : 0);
    hash_add_u64(h, m->spec.has_gid ? 1 + m->spec.gid : 0);
}

bool mounts_cache_id(const struct exec_mount *m, struct digest *ret)
{
    struct hash h;

    if (m->spec.type != MOUNT_CACHE || m->input)
        return false; /* over a stage it is a difference, which is nothing alone */
    cache_id_begin(m, &h);
    hash_done(&h, ret->sha256);
    return true;
}

bool mounts_cache_exists(const struct build *b, const struct digest *id)
{
    char hex[DIGEST_HEX_MAX];
    cleanup_free char *path = xasprintf("mounts/%s/fs", digest_hex(id, hex));

    return faccessat(store_fd(b->tools.store), path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* As BuildKit: asking for an owner or a mode asks for another cache, and so does another content to begin with. */
static int pack_cache(struct build *b, const struct op *op, const struct exec_mount *m, json_t *obj,
                      struct error *err)
{
    static const char *const sharing[] = {
        [MOUNT_SHARED] = "shared", [MOUNT_PRIVATE] = "private", [MOUNT_LOCKED] = "locked"};
    char hex[DIGEST_HEX_MAX];
    struct digest id;
    struct hash h;
    int r = 0;

    cache_id_begin(m, &h);
    if (m->input)
        r = add_layers(b, op, m, obj, &h, err);
    hash_done(&h, id.sha256);
    doc_set_text(obj, "cache", digest_hex(&id, hex));
    doc_set_text(obj, "sharing", sharing[m->spec.sharing]);
    if (r >= 0)
        r = add_owner(b, op, m, obj, err);
    return r < 0 || m->input ? r : cache_imports_fill(b, &id, obj, err);
}

static int pack_agent(struct build *b, const struct op *op, const struct exec_mount *m, json_t *obj,
                      int *fds, size_t *fd_count, struct error *err)
{
    if (*fd_count == FRAME_FDS_MAX)
        return error_set(err, -EDQUOT, "a step has more than %d mounts", FRAME_FDS_MAX);
    const int fd = fd_open(AT_FDCWD, secrets_socket(b->secrets, m->id), O_PATH, 0, err);
    if (fd < 0)
        return fd;
    doc_set_int(obj, "agent", (int64_t)*fd_count);
    fds[(*fd_count)++] = fd;
    return add_owner(b, op, m, obj, err);
}

/* Caches come in one order everywhere: two steps that want the same ones alone never wait for each
 * other. */
static int by_cache(const void *a, const void *b)
{
    const char *x = json_string_value(json_object_get(*(json_t *const *)a, "cache"));
    const char *y = json_string_value(json_object_get(*(json_t *const *)b, "cache"));

    return strcmp(x ? x : "", y ? y : "");
}

static void set_sorted(json_t *request, json_t **mounts, size_t count)
{
    json_t *list = json_array();

    qsort(mounts, count, sizeof(*mounts), by_cache);
    for (size_t i = 0; i < count; i++)
        doc_push(list, mounts[i]);
    doc_set(request, "mounts", list);
}

int mounts_pack(struct build *b, const struct op *op, json_t *request, int *fds, size_t *fd_count,
                struct error *err)
{
    const struct op_exec *e = &op->u.exec;
    cleanup_free json_t **mounts = xcalloc(e->mount_count + 1, sizeof(json_t *));
    size_t count = 0;
    int r = 0;

    for (size_t i = 0; r >= 0 && i < e->mount_count; i++) {
        const struct exec_mount *m = &e->mounts[i];
        const bool bind = m->spec.type == MOUNT_BIND && m->input;
        const bool agent = m->spec.type == MOUNT_SSH && m->given;

        if (!bind && !agent && m->spec.type != MOUNT_CACHE)
            continue;
        json_t *obj = mounts[count++] = json_object();
        doc_set_text(obj, "target", m->target);
        doc_set_bool(obj, "readonly", m->spec.readonly && !agent);
        r = bind    ? add_layers(b, op, m, obj, NULL, err)
            : agent ? pack_agent(b, op, m, obj, fds, fd_count, err)
                    : pack_cache(b, op, m, obj, err);
    }
    set_sorted(request, mounts, count);
    return r;
}
