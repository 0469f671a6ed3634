/* tests/unit/frontend_fixture.h - plans out of a resolver of few images, and what is in them as text. */
#pragma once

#include "build/frontend.h"

#include "base/fd.h"
#include "build/remote.h"
#include "oci/config.h"
#include "unit.h"

#define HEX64 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* ---- a resolver of three images ---- */

struct world {
    struct image_config config; /* of "base": Env, Cmd, WorkingDir, triggers */
    struct image_config plain;  /* of "plain" and "empty": nothing */
    size_t asked;               /* images that were resolved */
    bool any;                   /* every name is an image */
    struct remote *remotes[8];
    size_t remote_count;
};

static inline bool is_named(void *ctx, const char *name, const struct platform *platform)
{
    (void)platform;
    (void)ctx;
    return strcmp(name, "ctx") == 0 || strcmp(name, "swapped") == 0 || strcmp(name, "early") == 0 ||
           strcmp(name, "gone") == 0;
}

/* --build-context early=target:a, gone=target:nowhere */
static const char *named_stage(void *ctx, const char *name, const struct platform *platform)
{
    (void)platform;
    (void)ctx;
    return strcmp(name, "early") == 0 ? "a" : strcmp(name, "gone") == 0 ? "nowhere" : NULL;
}

static inline int remote(void *ctx, const struct source_remote_request *q, struct source *ret,
                         struct error *err)
{
    struct world *w = ctx;
    struct remote *r = NULL;
    int code = remote_new(q->text, false, &r, err);

    if (code <= 0)
        return code;
    for (size_t i = 0; i < w->remote_count; i++)
        if (remote_eq(w->remotes[i], r)) {
            remote_free(r);
            r = w->remotes[i];
            *ret = (struct source){.kind = SOURCE_REMOTE, .remote = r, .name = r->shown};
            return 1;
        }
    assert_true(w->remote_count < ARRAY_SIZE(w->remotes));
    w->remotes[w->remote_count++] = r;
    code = *q->checksum ? remote_set_checksum(r, q->checksum, err) : 0;
    *ret = (struct source){.kind = SOURCE_REMOTE, .remote = r, .name = r->shown};
    return code < 0 ? code : 1;
}

static inline int resolve(void *ctx, const char *name, const struct platform *platform,
                          struct graph *g, struct source *ret, struct error *err)
{
    struct world *w = ctx;
    struct source_image *image = arena_new_object(g->arena, struct source_image);

    (void)platform;
    w->asked++;
    if (strcmp(name, "ctx") == 0) {
        *ret = (struct source){.kind = SOURCE_DIRECTORY, .path = "/ctx"};
        return 0;
    }
    if (!w->any && strcmp(name, "base") != 0 && strcmp(name, "plain") != 0 &&
        strcmp(name, "swapped") != 0 && strcmp(name, "empty") != 0)
        return error_set(err, -ENOENT, "image '%s' is not here", name);
    image->name = arena_strdup(g->arena, name);
    image->config = strcmp(name, "base") == 0 ? &w->config : &w->plain;
    image->layer_count = strcmp(name, "empty") == 0 ? 0 : 1;
    *ret = (struct source){.kind = SOURCE_IMAGE, .image = image};
    return 0;
}

static inline int context(void *ctx, struct graph *g, struct source *ret, struct error *err)
{
    (void)ctx;
    (void)g;
    (void)err;
    *ret = (struct source){
        .kind = SOURCE_DIRECTORY, .path = "/context", .ignore_name = ".dockerignore"};
    return 0;
}

static inline int no_epoch(void *ctx, const char *name, int64_t *ret, struct error *err)
{
    (void)ctx, (void)name, (void)ret, (void)err;
    return 0;
}

static const struct platform amd64 = {"linux", "amd64", "", ""};

static inline void world_init(struct world *w)
{
    static const char *const cmd[] = {"base-cmd"};
    static const char *const triggers[] = {"RUN on-build", "COPY a /b"};

    *w = (struct world){0};
    config_init(&w->config, &amd64);
    config_init(&w->plain, &amd64);
    config_set_env(&w->config, "PATH", "/base/bin");
    config_set_env(&w->config, "FROM_BASE", "yes");
    config_set_list(&w->config.cmd, cmd, 1);
    w->config.cmd_set = true;
    config_set_text(&w->config.workdir, "/base");
    config_set_list(&w->config.onbuild, triggers, 2);
}

static inline void world_done(struct world *w)
{
    config_done(&w->config);
    config_done(&w->plain);
    for (size_t i = 0; i < w->remote_count; i++)
        remote_free(w->remotes[i]);
}

static inline int make_plan(struct world *w, const char *text, const char *args, const char *target,
                            struct graph **ret, struct error *err)
{
    CLEANUP(dockerfile_freep) struct dockerfile *d = NULL;
    CLEANUP(strings_done) struct strings build_args = {0}, labels = {0}, given = {0}, fresh = {0};
    char *environ_[] = {(char[]){"CALLER=from caller"}, (char[]){"https_proxy=http://proxy:1"},
                        NULL};
    const struct source_resolver sources = {w,        is_named, resolve,    context,
                                            no_epoch, remote,   named_stage};
    struct view rest = view_of(args), arg;

    while (rest.at && view_cut(&rest, ';', &arg))
        if (arg.size > 0)
            strings_take(&build_args, view_dup(arg));
    strings_add(&labels, "cli=1");
    strings_add(&given, "given");
    strings_add(&fresh, "fresh,7");
    const struct frontend_options o = {.target = target,
                                       .build_args = &build_args,
                                       .labels = &labels,
                                       .platform = amd64,
                                       .secrets = &given,
                                       .ssh = &given,
                                       .no_cache_stages = strstr(text, "fresh") ? &fresh : NULL,
                                       .environ_ = environ_};
    int r = dockerfile_parse(view_of(text), "D", &d, err);
    if (r == 0)
        r = frontend_plan(d, &o, &sources, ret, err);
    return r;
}

/* ---- what came out, as text ---- */

static inline void add_list(struct str *s, const char *name, const struct strings *list)
{
    if (list->size == 0)
        return;
    str_printf(s, "%s=", name);
    for (size_t i = 0; i < list->size; i++)
        str_printf(s, "%s%s", i > 0 ? "," : "", list->at[i]);
    str_add_char(s, '\n');
}

static inline void add_text(struct str *s, const char *name, const char *text)
{
    if (text && *text)
        str_printf(s, "%s=%s\n", name, text);
}

static inline void describe_config(const struct image_config *c, struct str *s)
{
    add_list(s, "env", &c->env);
    add_list(s, "entrypoint", &c->entrypoint);
    add_list(s, "cmd", &c->cmd);
    add_list(s, "shell", &c->shell);
    add_list(s, "onbuild", &c->onbuild);
    add_list(s, "ports", &c->ports);
    add_list(s, "volumes", &c->volumes);
    add_list(s, "health", &c->healthcheck.test);
    add_text(s, "user", c->user);
    if (c->workdir && strcmp(c->workdir, "/") != 0) /* scratch has that one */
        add_text(s, "workdir", c->workdir);
    add_text(s, "signal", c->stop_signal);
    add_text(s, "author", c->author);
    vec_each (label, &c->labels)
        if (strcmp(label->key, "cli") != 0)
            str_printf(s, "label %s=%s\n", label->key, label->value);
}

static inline void describe_action(const struct file_action *a, struct str *s)
{
    static const char *const names[] = {"copy", "mkdir", "write", "remove"};

    str_printf(s, " %s", names[a->kind]);
    if (a->kind == FILE_COPY || a->kind == FILE_WRITE)
        str_printf(s, " %s'%s'", a->kind == FILE_COPY && a->keep_owner ? "from " : "", a->source);
    str_printf(s, " > '%s%s'", a->dest, a->dest_is_dir ? "/" : "");
    if (a->unpack)
        str_add_text(s, " unpack");
    if (*a->owner)
        str_printf(s, " owner=%s", a->owner);
    if (*a->mode)
        str_printf(s, " mode=%s", a->mode);
    if (a->kind == FILE_WRITE)
        str_printf(s, " data=%.*s", VIEW_ARG(a->data));
    str_add_char(s, '\n');
}

static inline void describe_mount(const struct op *op, const struct exec_mount *m, struct str *s)
{
    str_printf(s, " %s '%s'", mount_type_name(m->spec.type), m->target);
    if (*m->id)
        str_printf(s, " id=%s%s", m->id, m->given ? " given" : "");
    if (m->input)
        str_printf(s, " < '%s' of '%s'", m->source, op->inputs[m->input].op->title);
    str_printf(s, "%s\n", m->spec.readonly ? " ro" : "");
}

static inline void describe_op(const struct op *op, struct str *s)
{
    if (op->kind == OP_SOURCE_IMAGE || op->kind == OP_SOURCE_LOCAL ||
        op->kind == OP_SOURCE_REMOTE) {
        str_printf(s, "%s %s\n", op_kind_name(op->kind),
                   op->kind == OP_SOURCE_IMAGE   ? op->u.image.name
                   : op->kind == OP_SOURCE_LOCAL ? op->u.local.name
                                                 : op->u.remote.name);
        return;
    }
    str_printf(s, "%s\n", op->title);
    if (op->kind == OP_FILE) {
        for (size_t i = 0; i < op->u.file.action_count; i++)
            describe_action(&op->u.file.actions[i], s);
        return;
    }
    const struct op_exec *e = &op->u.exec;
    str_printf(s, " in %s as '%s':", e->cwd, e->user);
    for (size_t i = 0; i < e->argc; i++)
        str_printf(s, " '%s'", e->argv[i]);
    str_add_text(s, "\n with");
    for (size_t i = 0; i < e->env_count; i++)
        if (strncmp(e->env[i], "PATH=", 5) != 0)
            str_printf(s, " %s", e->env[i]);
    str_add_char(s, '\n');
    for (size_t i = 0; i < e->file_count; i++)
        str_printf(s, " file %s: %.*s", e->files[i].path, VIEW_ARG(e->files[i].data));
    for (size_t i = 0; i < e->mount_count; i++)
        describe_mount(op, &e->mounts[i], s);
}

static inline void describe_ops(const struct graph *g, struct str *s)
{
    const struct op_ref root = g->stages.at[g->targets.at[0]].root;
    bool needed[100] = {0};

    assert_true(g->ops.size < ARRAY_SIZE(needed));
    graph_needed(g, root, needed);
    for (size_t i = 0; i < g->ops.size; i++)
        if (needed[i])
            describe_op(g->ops.at[i], s);
}

static inline void describe_history(const struct image_config *c, struct str *s)
{
    vec_each (h, &c->history)
        str_printf(s, "%s%s\n", h->empty_layer ? "" : "* ", h->created_by);
}

/* ---- the rules, one a row ---- */

#define PATH_ENV "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
