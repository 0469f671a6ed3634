#include "run/run.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/frame.h"
#include "image/guard.h"
#include "image/image.h"
#include "run/internal.h"

/* ---- the plan: the image's configuration, then what was asked for ---- */

static void set_env(struct strings *env, const char *text)
{
    const char *equals = strchr(text, '=');
    const size_t size = equals ? (size_t)(equals - text) : strlen(text);
    const char *ours = equals ? NULL : getenv(text);

    if (!equals && !ours)
        return;
    char *whole = equals ? xstrdup(text) : xasprintf("%s=%s", text, ours);
    for (size_t i = 0; i < env->size; i++)
        if (strncmp(env->at[i], text, size) == 0 && env->at[i][size] == '=') {
            free(env->at[i]);
            env->at[i] = whole;
            return;
        }
    strings_take(env, whole);
}

static void add_all(struct strings *to, const struct strings *from)
{
    vec_each (text, from)
        strings_add(to, *text);
}

/* An entrypoint given here drops the image's command too, as docker's does. */
static void set_argv(struct spawn_plan *p, const struct run_options *o,
                     const struct image_config *c)
{
    if (o->entrypoint && *o->entrypoint)
        strings_add(&p->argv, o->entrypoint);
    else if (!o->entrypoint && c)
        add_all(&p->argv, &c->entrypoint);
    if (o->command.size > 0)
        add_all(&p->argv, &o->command);
    else if (!o->entrypoint && c)
        add_all(&p->argv, &c->cmd);
}

static int set_capabilities(struct spawn_plan *p, const struct run_options *o, struct error *err)
{
    uint64_t bits;
    int r = 0;

    vec_each (name, &o->cap_drop) {
        if ((r = spawn_capability_parse(*name, &bits, err)) < 0)
            return r;
        p->capabilities &= ~bits;
    }
    vec_each (name, &o->cap_add) {
        if ((r = spawn_capability_parse(*name, &bits, err)) < 0)
            return r;
        p->capabilities |= bits;
    }
    return 0;
}

static int set_security(struct spawn_plan *p, const struct run_options *o, struct error *err)
{
    p->no_new_privs = true;
    vec_each (text, &o->security) {
        if (strcmp(*text, "no-new-privileges=false") == 0 ||
            strcmp(*text, "no-new-privileges:false") == 0)
            p->no_new_privs = false;
        else if (strcmp(*text, "seccomp=unconfined") == 0 ||
                 strcmp(*text, "seccomp:unconfined") == 0)
            p->seccomp = false;
        else if (strncmp(*text, "no-new-privileges", 17) != 0)
            return error_set(err, -EINVAL, "security option '%.80s' is unknown", *text);
    }
    return 0;
}

static int make_plan(struct spawn_plan *p, const struct run_options *o,
                     const struct image_config *c, struct error *err)
{
    int r;

    spawn_plan_init(p);
    set_argv(p, o, c);
    if (p->argv.size == 0) {
        r = error_set(err, -EINVAL, "'%s' says no program to run", o->image ? o->image : o->rootfs);
        return error_hint(err, r, "give one: cooper run %s PROGRAM", o->image ? o->image : "...");
    }
    if (c)
        add_all(&p->env, &c->env);
    vec_each (text, &o->env)
        set_env(&p->env, *text);
    vec_each (text, &o->hosts) {
        char *line = NULL;

        if ((r = spawn_host_parse(*text, &line, err)) < 0)
            return r;
        strings_take(&p->hosts, line);
    }
    vec_each (text, &o->ulimits) {
        struct spawn_ulimit ignored;

        if ((r = spawn_ulimit_parse(*text, &ignored, err)) < 0)
            return r;
        strings_add(&p->ulimits, *text);
    }
    p->cwd = o->workdir ? o->workdir : c && c->workdir && *c->workdir ? c->workdir : NULL;
    p->make_cwd = true; /* as docker does for -w */
    p->user = o->user ? o->user : c ? c->user : NULL;
    p->hostname = o->hostname;
    p->network_required = true;
    p->read_only = o->read_only;
    p->shm_size = o->shm_size;
    p->tty = o->tty;
    p->init = !o->no_init;
    if (o->network && (r = spawn_network_parse(o->network, &p->network, err)) < 0)
        return r;
    if (p->network != SPAWN_NETWORK_HOST)
        add_all(&p->ports, &o->ports);
    if ((r = set_capabilities(p, o, err)) < 0)
        return r;
    return set_security(p, o, err);
}

/* Top first, as overlay wants them, and each once, for it takes none twice: what a tree has below
 * others is hidden by what it has above them. */
static json_t *trees_of(const struct image *image)
{
    json_t *trees = json_array();
    char hex[DIGEST_HEX_MAX];

    for (size_t i = image->record.layers.size; i-- > 0;) {
        const struct digest *tree = &image->record.layers.at[i].tree;
        bool above = false;

        for (size_t n = i + 1; n < image->record.layers.size && !above; n++)
            above = digest_eq(&image->record.layers.at[n].tree, tree);
        if (!above)
            doc_push(trees, doc_new_text(digest_hex(tree, hex)));
    }
    return trees;
}

/* ---- the job ---- */

struct start {
    struct image_tools *tools;
    const struct image *image; /* NULL: rootfs */
    int rootfs;
};

static int submit(void *ctx, const struct spawn_plan *p, struct job **ret, struct error *err)
{
    const struct start *s = ctx;
    cleanup_doc json_t *request = json_object();
    json_t *plan = NULL;
    int fds[FRAME_FDS_MAX], r;
    size_t count = 0;

    if ((r = spawn_plan_pack(p, &plan, fds, &count, err)) < 0)
        return r;
    doc_set(request, "plan", plan);
    if (s->rootfs >= 0 && count + 1 < FRAME_FDS_MAX) {
        doc_set_int(request, "rootfs", (int64_t)count);
        fds[count++] = s->rootfs;
    }
    if (s->image)
        doc_set(request, "trees", trees_of(s->image));
    return holder_submit(s->tools->holder, "run", request, fds, count, ret, err);
}

static int attach(const struct env *env, bool interactive, struct spawn_plan *p,
                  int (*begin)(void *ctx, const struct spawn_plan *p, struct job **ret,
                               struct error *err),
                  void *ctx, json_t **ret_answer, struct error *err)
{
    struct run_io io;
    struct job *job = NULL;
    int r = run_io_open(p->tty, interactive, &io, err);

    if (r < 0)
        return r;
    p->console_fd = io.console_other;
    p->stdio_fds[0] = io.in;
    p->stdio_fds[1] = io.out;
    p->stdio_fds[2] = io.err;
    r = begin(ctx, p, &job, err);
    run_io_sent(&io);
    if (r == 0 && (r = run_io_loop(env, &io, job, err)) < 0)
        job_cancel(job);
    else if (r == 0)
        r = job_finish(job, ret_answer, err);
    run_io_close(&io);
    return r;
}

int run_attached(const struct env *env, struct spawn_plan *p,
                 int (*begin)(void *ctx, const struct spawn_plan *p, struct job **ret,
                              struct error *err),
                 void *ctx, json_t **ret_answer, struct error *err)
{
    return attach(env, true, p, begin, ctx, ret_answer, err);
}

static int run_plan(struct start *s, struct spawn_plan *p, bool interactive, int *ret_status,
                    struct error *err)
{
    const struct env *env = s->tools->env;
    cleanup_doc json_t *answer = NULL;
    struct spawn_result result;
    int r = attach(env, interactive, p, submit, s, &answer, err);

    if (r == 0)
        r = spawn_result_parse(answer, &result, err);
    if (r < 0)
        return r;
    *ret_status = result.status;
    vec_each (note, &result.notes)
        if (strncmp(*note, "exec ", 5) != 0) /* that it said itself */
            env_warn(env, "%s", *note);
    spawn_result_done(&result);
    return 0;
}

static int open_image(struct image_tools *t, const char *name, struct image **ret,
                      struct error *err)
{
    const int r = image_open(t, name, ret, err);

    return r < 0 ? r : guard_present(t->env, *ret, name, err);
}

int run_foreground(struct image_tools *t, const struct run_options *o, int *ret_status,
                   struct error *err)
{
    CLEANUP(image_freep) struct image *image = NULL;
    CLEANUP(run_mounts_done) struct run_mounts mounts = {0};
    CLEANUP(spawn_plan_done) struct spawn_plan p;
    cleanup_close int rootfs = -1;
    struct holder *holder;
    int r;

    spawn_plan_init(&p);
    if ((r = image_holder(t, &holder, err)) < 0) /* it starts while we read */
        return r;
    if (o->rootfs)
        r = rootfs = fd_open(AT_FDCWD, o->rootfs, O_RDONLY | O_DIRECTORY, 0, err);
    else
        r = open_image(t, o->image, &image, err);
    if (r < 0 || (r = make_plan(&p, o, image ? &image->config : NULL, err)) < 0 ||
        (r = run_mounts_parse(o, &mounts, err)) < 0)
        return r;
    if (p.network == SPAWN_NETWORK_HOST && o->ports.size > 0)
        env_warn(t->env, "on the host's network ports are not published: all of them are there");
    p.mount_count = mounts.list.size;
    p.mounts = steal(mounts.list.at);
    struct start start = {t, image, rootfs};
    r = run_plan(&start, &p, o->interactive, ret_status, err);
    mounts.list.at = steal(p.mounts);
    p.mount_count = 0;
    return r;
}
