/* The graph as JSON, for --print plan. Empty fields are left out, so that a plan reads like its
 * Dockerfile. */
#include "build/graph.h"

#include "base/doc.h"
#include "build/source.h"
#include "oci/config.h"

static void set_text(json_t *obj, const char *key, const char *text)
{
    if (text && *text)
        doc_set_text(obj, key, text);
}

static void set_texts(json_t *obj, const char *key, const char *const *texts, size_t count)
{
    if (!count)
        return;
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        doc_push(list, doc_new_text(texts[i]));
    doc_set(obj, key, list);
}

static void set_bytes(json_t *obj, const char *key, struct view data)
{
    cleanup_free char *text = view_dup(data);

    doc_set_text(obj, key, text);
}

static void set_mode(json_t *obj, uint32_t mode)
{
    char text[16];

    snprintf(text, sizeof(text), "%04o", mode);
    doc_set_text(obj, "mode", text);
}

static void print_image(const struct op *op, json_t *obj)
{
    char text[DIGEST_TEXT_MAX];

    set_text(obj, "name", op->u.image.name);
    if (op->u.image.image)
        doc_set_text(obj, "id", digest_format(&op->u.image.image->id, text));
}

static void print_local(const struct op *op, json_t *obj)
{
    set_text(obj, "name", op->u.local.name);
    set_text(obj, "ignore", op->u.local.ignore_name);
}

static void print_remote(const struct op *op, json_t *obj)
{
    char text[DIGEST_TEXT_MAX];

    set_text(obj, "name", op->u.remote.name);
    if (op->u.remote.tree)
        doc_set_text(obj, "tree", digest_format(op->u.remote.tree, text));
}

static void print_mount(const struct exec_mount *m, json_t *obj)
{
    static const char *const sharing[] = {
        [MOUNT_SHARED] = "", [MOUNT_PRIVATE] = "private", [MOUNT_LOCKED] = "locked"};

    doc_set_text(obj, "type", mount_type_name(m->spec.type));
    set_text(obj, "target", m->target);
    set_text(obj, "id", m->id);
    set_text(obj, "env", m->spec.env);
    if (m->input)
        doc_set_int(obj, "input", m->input);
    set_text(obj, "source", m->source);
    set_text(obj, "sharing", sharing[m->spec.sharing]);
    if (m->spec.readonly)
        doc_set_bool(obj, "readonly", true);
    if (m->spec.type == MOUNT_SECRET || m->spec.type == MOUNT_SSH)
        doc_set_bool(obj, "given", m->given);
    if (m->spec.size)
        doc_set_int(obj, "size", (int64_t)m->spec.size);
    if (m->spec.has_mode)
        set_mode(obj, (uint32_t)m->spec.mode);
    if (m->spec.has_uid)
        doc_set_int(obj, "uid", (int64_t)m->spec.uid);
    if (m->spec.has_gid)
        doc_set_int(obj, "gid", (int64_t)m->spec.gid);
}

static json_t *print_mounts(const struct op_exec *e)
{
    json_t *list = json_array();

    for (size_t i = 0; i < e->mount_count; i++) {
        json_t *obj = json_object();
        print_mount(&e->mounts[i], obj);
        doc_push(list, obj);
    }
    return list;
}

static void print_exec(const struct op *op, json_t *obj)
{
    static const char *const networks[] = {
        [EXEC_NETWORK_DEFAULT] = "", [EXEC_NETWORK_NONE] = "none", [EXEC_NETWORK_HOST] = "host"};
    const struct op_exec *e = &op->u.exec;

    set_texts(obj, "argv", e->argv, e->argc);
    set_texts(obj, "env", e->env, e->env_count);
    set_text(obj, "cwd", e->cwd);
    set_text(obj, "user", e->user);
    set_text(obj, "network", networks[e->network]);
    set_text(obj, "hostname", e->hostname);
    set_texts(obj, "addHosts", e->add_hosts, e->add_host_count);
    if (e->mount_count)
        doc_set(obj, "mounts", print_mounts(e));
    if (!e->file_count)
        return;
    json_t *files = json_array();
    for (size_t i = 0; i < e->file_count; i++) {
        json_t *file = json_object();
        set_text(file, "path", e->files[i].path);
        set_mode(file, e->files[i].mode);
        set_bytes(file, "data", e->files[i].data);
        doc_push(files, file);
    }
    doc_set(obj, "files", files);
}

static json_t *print_action(const struct file_action *a)
{
    static const char *const names[] = {[FILE_COPY] = "copy",
                                        [FILE_MKDIR] = "mkdir",
                                        [FILE_WRITE] = "write",
                                        [FILE_REMOVE] = "remove"};
    json_t *obj = json_object();

    doc_set_text(obj, "action", names[a->kind]);
    if (a->kind == FILE_COPY) {
        doc_set_int(obj, "input", a->input);
        doc_set_text(obj, "source", a->source);
    }
    doc_set_text(obj, "dest", a->dest);
    if (a->dest_is_dir)
        doc_set_bool(obj, "destIsDir", true);
    if (a->wildcards)
        doc_set_bool(obj, "wildcards", true);
    if (a->unpack)
        doc_set_bool(obj, "unpack", true);
    if (a->whole)
        doc_set_bool(obj, "whole", true);
    if (a->keep_owner)
        doc_set_bool(obj, "keepOwner", true);
    set_text(obj, "owner", a->owner);
    set_text(obj, "chmod", a->mode);
    if (a->parents) {
        doc_set_bool(obj, "parents", true);
        doc_set_text(obj, "include", a->include);
    }
    set_texts(obj, "excludes", a->excludes, a->exclude_count);
    if (a->kind == FILE_WRITE || a->kind == FILE_MKDIR)
        set_mode(obj, a->write_mode);
    if (a->kind == FILE_WRITE)
        set_bytes(obj, "data", a->data);
    return obj;
}

static void print_file(const struct op *op, json_t *obj)
{
    json_t *actions = json_array();

    for (size_t i = 0; i < op->u.file.action_count; i++)
        doc_push(actions, print_action(&op->u.file.actions[i]));
    if (op->linked)
        doc_set_bool(obj, "link", true);
    doc_set(obj, "actions", actions);
}

static void (*const printers[OP_KIND_COUNT])(const struct op *, json_t *) = {
    [OP_SOURCE_IMAGE] = print_image,
    [OP_SOURCE_LOCAL] = print_local,
    [OP_SOURCE_REMOTE] = print_remote,
    [OP_EXEC] = print_exec,
    [OP_FILE] = print_file,
};

static json_t *print_ref(struct op_ref ref)
{
    return ref.op ? json_integer(ref.op->id) : doc_new_text("scratch");
}

json_t *graph_print_op(const struct op *op)
{
    json_t *obj = json_object();

    doc_set_int(obj, "op", op->id);
    doc_set_text(obj, "kind", op_kind_name(op->kind));
    set_text(obj, "title", op->title);
    set_text(obj, "where", op->where);
    if (op->input_count) {
        json_t *inputs = json_array();
        for (size_t i = 0; i < op->input_count; i++)
            doc_push(inputs, print_ref(op->inputs[i]));
        doc_set(obj, "inputs", inputs);
    }
    if (op->no_cache)
        doc_set_bool(obj, "noCache", true);
    printers[op->kind](op, obj);
    return obj;
}

static json_t *print_stage(const struct stage *st)
{
    json_t *obj = json_object();

    doc_set_int(obj, "stage", st->index);
    set_text(obj, "name", st->name);
    doc_set(obj, "root", print_ref(st->root));
    STR_AUTO(config);
    config_print(st->config, &config);
    doc_set(obj, "config", json_loadb(config.at, config.size, 0, NULL));
    return obj;
}

json_t *graph_print(const struct graph *g)
{
    json_t *obj = json_object(), *stages = json_array(), *ops = json_array();
    cleanup_free bool *needed = xcalloc(g->ops.size + 1, sizeof(*needed));

    vec_each (target, &g->targets) {
        const struct stage *stage = &g->stages.at[*target];
        graph_needed(g, stage->root, needed);
        doc_set_int(obj, "target", stage->index);
        doc_push(stages, print_stage(stage));
    }
    doc_set(obj, "stages", stages);
    for (size_t i = 0; i < g->ops.size; i++)
        if (needed[i])
            doc_push(ops, graph_print_op(g->ops.at[i]));
    doc_set(obj, "ops", ops);
    return obj;
}
