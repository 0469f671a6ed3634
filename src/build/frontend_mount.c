/* frontend_mount.c - RUN --mount: where what is mounted comes from, what counts of it. */
#include <errno.h>

#include "build/frontend_internal.h"

#define SSH_SOCKET "/run/buildkit/ssh_agent.0" /* where BuildKit puts it */

/* ---- sources ---- */

int fe_root_of(struct frontend *fe, const struct fe_stage *s, struct view name, struct op_ref *ret,
               struct error *err)
{
    struct fe_source *fs = NULL;
    struct fe_stage *stage = NULL;
    int r;

    if (name.size == 0) {
        r = fe_context(fe, &fs, err);
    } else {
        cleanup_free char *text = view_dup(name);
        r = fe_find_from(fe, s, name, &stage, err);
        if (r == 0 && !stage && !view_eq_nocase(name, "scratch"))
            r = fe_resolve(fe, text, s->platform_set ? &s->platform : &fe->o->platform, &fs, err);
    }
    if (r < 0)
        return r;
    *ret = stage ? stage->root : fs ? fs->root : (struct op_ref){0};
    return 0;
}

/* Files of the user are seen as a COPY would bring them: without what .dockerignore names, owned by root. The copy
 * is an ordinary step of its own, so that an unchanged directory costs a look. */
static struct op_ref copy_local(struct frontend *fe, const struct fe_stage *s,
                                const struct fe_command *c, struct op_ref from, const char **source)
{
    struct op *op = graph_add(fe->g, OP_FILE);
    const char *what = **source ? *source : ".";

    (void)graph_add_input(fe->g, op, (struct op_ref){0});
    const uint32_t input = graph_add_input(fe->g, op, from);
    struct file_action *a = graph_add_action(fe->g, op, FILE_COPY);
    a->input = input;
    a->source = *source;
    a->dest = "/mount";
    a->whole = **source; /* of the context itself the mode is nobody's business */
    fe_set_portable(fe, a);
    fe_describe_aside(
        fe, s, c, op,
        arena_printf(fe->arena, "--mount: read %s of the %s", what, from.op->u.local.name));
    *source = "mount";
    return (struct op_ref){op, 0};
}

static int set_source(struct frontend *fe, const struct fe_stage *s, const struct fe_command *c,
                      struct exec_mount *m, struct op_ref *root, struct error *err)
{
    const bool needed = m->spec.type == MOUNT_BIND || *m->spec.from;
    STR_AUTO(path);

    fe_join_path("/", m->spec.source, &path);
    m->source = arena_strdup(fe->arena, path.at + 1);
    if (!needed)
        return 0;
    const int r = fe_root_of(fe, s, view_of(m->spec.from), root, err);
    if (r == 0 && root->op && root->op->kind == OP_SOURCE_LOCAL)
        *root = copy_local(fe, s, c, *root, &m->source);
    return r;
}

/* ---- targets and names ---- */

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* The name under which --secret or --ssh gave it. */
static const char *given_name(const struct mount_spec *m)
{
    if (m->type == MOUNT_SSH)
        return *m->id ? m->id : "default";
    if (*m->id)
        return m->id;
    return *m->source ? m->source : last_part(m->target);
}

static const char *default_target(struct frontend *fe, const struct exec_mount *m)
{
    if (*m->spec.target)
        return m->spec.target;
    if (m->spec.type == MOUNT_SSH)
        return SSH_SOCKET;
    if (m->spec.type == MOUNT_SECRET)
        return *m->spec.env ? "" : arena_printf(fe->arena, "/run/secrets/%s", last_part(m->id));
    return "";
}

static int set_target(struct frontend *fe, const struct fe_stage *s, struct exec_mount *m,
                      struct error *err)
{
    const char *workdir = s->config->workdir && *s->config->workdir ? s->config->workdir : "/";
    const char *target = default_target(fe, m);
    STR_AUTO(path);

    if (!*target && m->spec.type == MOUNT_SECRET)
        return 0; /* in the environment only */
    fe_join_path(workdir, target, &path);
    if (strcmp(path.at, "/") == 0) {
        (void)error_set(err, -EINVAL, "invalid mount target '%s'", m->spec.target);
        return error_hint(err, -EINVAL, "name a directory below / with target=");
    }
    m->target = arena_strdup(fe->arena, path.at);
    return 0;
}

/* As BuildKit: by default the cache is known by its target as written. */
static void set_cache_id(const struct frontend *fe, struct exec_mount *m)
{
    const char *ns = pairs_get(&fe->build_args, "BUILDKIT_CACHE_MOUNT_NS");
    STR_AUTO(clean);

    if (*m->spec.id) {
        str_add_text(&clean, m->spec.id);
    } else {
        fe_join_path("/", m->spec.target, &clean);
    }
    const char *id = clean.at + (!*m->spec.id && *m->spec.target != '/');
    m->id = arena_printf(fe->arena, "%s/%s", ns ? ns : "", id);
}

static bool is_given(const struct strings *names, const char *name)
{
    for (size_t i = 0; names && i < names->size; i++)
        if (strcmp(names->at[i], name) == 0)
            return true;
    return false;
}

/* A step without a secret that it can do without is another step than one with it. */
static int look_for(const struct frontend *fe, struct exec_mount *m, struct error *err)
{
    const bool ssh = m->spec.type == MOUNT_SSH;

    m->given = is_given(ssh ? fe->o->ssh : fe->o->secrets, m->id);
    if (m->given || !m->spec.required || fe->o->looks)
        return 0;
    (void)error_set(err, -ENOENT, "%s '%s' is required and was not given", ssh ? "ssh" : "secret",
                    m->id);
    return ssh ? error_hint(err, -ENOENT, "give the agent's socket with --ssh %s=SOCKET", m->id)
               : error_hint(err, -ENOENT, "give it with --secret id=%s,src=FILE or env=VARIABLE",
                            m->id);
}

/* ---- the mounts of a RUN ---- */

static int fill_mount(struct frontend *fe, const struct fe_stage *s, const struct fe_command *c,
                      struct exec_mount *m, struct op_ref *root, struct error *err)
{
    const bool asked = m->spec.type == MOUNT_SECRET || m->spec.type == MOUNT_SSH;
    int r = 0;

    m->id = m->source = m->target = "";
    if (asked) {
        m->id = given_name(&m->spec);
        r = look_for(fe, m, err);
    } else if (m->spec.type == MOUNT_CACHE) {
        set_cache_id(fe, m);
    }
    if (r == 0)
        r = set_target(fe, s, m, err);
    if (r == 0 && !asked && m->spec.type != MOUNT_TMPFS)
        r = set_source(fe, s, c, m, root, err);
    return r;
}

static size_t count_mounts(const struct instruction *in)
{
    size_t n = 0;

    for (size_t i = 0; i < in->flag_count; i++)
        n += view_eq_text(in->flags[i].name, "mount");
    return n;
}

int fe_read_mounts(struct frontend *fe, const struct fe_stage *s, const struct fe_command *c,
                   struct fe_mounts *ret, struct error *err)
{
    const size_t count = count_mounts(c->in);

    ret->at = arena_alloc(fe->arena, (count + 1) * sizeof(*ret->at));
    ret->roots = arena_alloc(fe->arena, (count + 1) * sizeof(*ret->roots));
    for (size_t i = 0; i < c->in->flag_count; i++) {
        const struct flag *f = &c->in->flags[i];
        struct exec_mount *m = &ret->at[ret->count];
        struct op_ref *root = &ret->roots[ret->count];

        if (!view_eq_text(f->name, "mount"))
            continue;
        *m = (struct exec_mount){0};
        *root = (struct op_ref){0};
        int r = fe_parse_mount(fe, s, c, f, &m->spec, err);
        if (r == 0)
            r = fill_mount(fe, s, c, m, root, err);
        if (r < 0)
            return fe_at(fe, s, c, f->span, r, err);
        ret->count++;
    }
    return 0;
}

void fe_add_mounts(struct frontend *fe, const struct fe_mounts *mounts, struct op *op)
{
    struct op_exec *e = &op->u.exec;

    for (size_t i = 0; i < mounts->count; i++)
        if (mounts->roots[i].op)
            mounts->at[i].input = graph_add_input(fe->g, op, mounts->roots[i]);
    e->mounts = mounts->at;
    e->mount_count = mounts->count;
}

int fe_mark_mounts(struct frontend *fe, const struct fe_stage *s, const struct fe_command *c,
                   struct error *err)
{
    for (size_t i = 0; i < c->in->flag_count; i++) {
        const struct flag *f = &c->in->flags[i];
        struct fe_stage *stage = NULL;
        struct mount_spec m;

        if (!view_eq_text(f->name, "mount"))
            continue;
        int r = mount_parse(f->value, NULL, fe->arena, &m, err);
        if (r == 0 && *m.from)
            r = fe_find_from(fe, s, view_of(m.from), &stage, err);
        if (r < 0)
            return fe_at(fe, s, c, f->span, r, err);
        if (stage)
            stage->needed = true;
    }
    return 0;
}
