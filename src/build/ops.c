/* The rows of the op kinds: what counts in their keys, and how they begin. */
#include "build/internal.h"

#include <errno.h>

#include "base/doc.h"
#include "build/missing.h"
#include "build/source_images.h"
#include "layer/chmod.h"
#include "net/url.h"
#include "sandbox/passwd.h"

int build_trees(struct build *b, struct op_ref root, struct digest **ret, size_t *ret_count,
                struct error *err)
{
    const struct op *base = solver_base(b->solver, root);
    cleanup_free struct result_layer *own = NULL;
    const struct digest *below = NULL;
    size_t count = 0;

    if (base) {
        const int r = source_image_trees(&b->tools, base->u.image.image, &below, &count, err);
        if (r < 0)
            return r;
    }
    const size_t own_count = solver_layers(b->solver, root, &own);
    struct digest *trees = xcalloc(count + own_count + 1, sizeof(*trees));
    if (count)
        memcpy(trees, below, count * sizeof(*trees));
    for (size_t i = 0; i < own_count; i++)
        trees[count + i] = own[i].tree;
    *ret = trees;
    *ret_count = count + own_count;
    return 0;
}

static int nothing_to_run(void *ctx, const struct op *op, struct error *err)
{
    struct build *b = ctx;

    return solver_finish(b->solver, op, NULL, err);
}

/* ---- images ---- */

/* By the layers alone: what its configuration does is in the fields of the steps above. */
static int image_key(void *ctx, const struct op *op, struct key *k, struct error *err)
{
    const struct source_image *image = op->u.image.image;

    for (size_t i = 0; i < image->layer_count; i++)
        key_add_digest(k, "layer of the image",
                       image->packed ? &image->config->diff_ids.at[i] : &image->layers[i]);
    return 0;
}

static int image_run(void *ctx, const struct op *op, struct error *err)
{
    struct build *b = ctx;
    const struct digest *trees;
    size_t count;
    const int r = source_image_trees(&b->tools, op->u.image.image, &trees, &count, err);

    return r < 0 ? r : solver_finish(b->solver, op, NULL, err);
}

static int local_key(void *ctx, const struct op *op, struct key *k, struct error *err)
{
    return 0;
}

/* ---- remote sources ---- */

static int remote_key(void *ctx, const struct op *op, struct key *k, struct error *err)
{
    const struct op_source_remote *s = &op->u.remote;
    const struct remote *r = s->remote;

    if (s->tree) {
        key_add_digest(k, "tree", s->tree);
    } else if (r->kind == REMOTE_URL) {
        key_add_digest(k, "body", &r->body);
        key_add_text(k, "file name", r->name);
        if (!r->has_checksum) /* which says all that is to be known */
            key_add_u64(k, "time", (uint64_t)r->time_s);
    } else {
        key_add_text(k, "commit", r->commit);
        key_add_text(k, "directory", r->git.subdir);
        key_add_u64(k, "keep .git", r->keep_git_dir);
        key_add_u64(k, "submodules", r->git.submodules != GIT_NO);
        key_add_u64(k, "time of checkout", r->git.checkout_time);
        /* submodules are looked for beside the repository, and .git names it */
        if (r->keep_git_dir || r->git.submodules != GIT_NO) {
            cleanup_free char *shown = url_public(r->git.remote); /* its text is kept */
            key_add_text(k, "repository", shown);
        }
    }
    return 0;
}

static int remote_run(void *ctx, const struct op *op, struct error *err)
{
    return run_remote(ctx, op, err);
}

/* ---- RUN ---- */

static int exec_key(void *ctx, const struct op *op, struct key *k, struct error *err)
{
    const struct op_exec *e = &op->u.exec;
    const struct build *b = ctx;

    key_add_texts(k, "command", e->argv, e->argc);
    key_add_pairs(k, "env", e->env, e->env_count);
    key_add_text(k, "working directory", e->cwd);
    key_add_text(k, "user", e->user);
    key_add_u64(k, "network", e->network);
    key_add_text(k, "host name", e->hostname);
    /* addresses change from network to network and are no reason to run again */
    for (size_t i = 0; i < e->add_host_count; i++)
        key_add(k, "added host", view_make(e->add_hosts[i], strcspn(e->add_hosts[i], "=:")));
    if (e->insecure)
        key_add_text(k, "security", "insecure");
    vec_each (limit, &b->options->ulimits)
        key_add_text(k, "ulimit", *limit);
    if (b->options->shm_size)
        key_add_u64(k, "size of /dev/shm", b->options->shm_size);
    for (size_t i = 0; i < e->file_count; i++) {
        key_add_text(k, "file path", e->files[i].path);
        key_add(k, "file", e->files[i].data);
        key_add_u64(k, "file mode", e->files[i].mode);
    }
    key_add_text(k, "what this user may do", b->degraded);
    return mounts_key(b, e, k, err);
}

/* All layers of the root: the image's, and one digest for those since. */
static int root_content(struct build *b, const struct op *op, struct key *k, struct error *err)
{
    const struct op_ref root = op->kind == OP_FILE ? op_file_root(op) : op->inputs[0];
    const struct op *base = solver_base(b->solver, root);
    const struct digest chain = solver_chain(b->solver, root);
    const struct digest *trees = NULL;
    size_t count = 0;
    int r = 0;

    if (base)
        r = source_image_trees(&b->tools, base->u.image.image, &trees, &count, err);
    for (size_t i = 0; r >= 0 && i < count; i++)
        key_add_digest(k, "layer of the image", &trees[i]);
    key_add_digest(k, "layers below", &chain);
    return r;
}

static int exec_content_key(void *ctx, const struct op *op, struct key *k, struct error *err)
{
    int r = exec_key(ctx, op, k, err);

    if (r >= 0)
        r = root_content(ctx, op, k, err);
    if (r >= 0)
        r = mounts_content_key(ctx, op, k, err);
    return r < 0 ? r : 1;
}

static int exec_run(void *ctx, const struct op *op, struct error *err)
{
    return run_exec(ctx, op, err);
}

/* ---- COPY, ADD, WORKDIR ---- */

/* Modes that --chmod replaces are no reason to copy again; symbolic ones build on them. */
static int counting_parts(const struct file_action *a)
{
    const bool octal = *a->mode && strspn(a->mode, "01234567") == strlen(a->mode);
    int parts = CONTENT_ALL;

    if (octal)
        parts &= ~CONTENT_MODE;
    if (a->portable)
        parts |= CONTENT_PORTABLE;
    if (*a->owner || !a->keep_owner)
        parts &= ~CONTENT_OWNER;
    return parts;
}

static void action_key(const struct file_action *a, struct key *k)
{
    key_add_u64(k, "action", a->kind);
    key_add_text(k, "destination", a->dest);
    key_add_u64(k, "destination is a directory", a->dest_is_dir);
    key_add_u64(k, "unpack", a->unpack);
    key_add_u64(k, "keep owner", a->keep_owner);
    key_add_text(k, "chown", a->owner);
    key_add_text(k, "chmod", a->mode);
    if (a->whole)
        key_add_u64(k, "whole", 1);
    if (a->parents)
        key_add_text(k, "parents", a->include);
    if (a->exclude_count)
        key_add_texts(k, "exclude", a->excludes, a->exclude_count);
    if (a->kind == FILE_WRITE) {
        key_add_text(k, "file name", a->source);
        key_add(k, "file", a->data);
    }
    if (a->kind == FILE_WRITE || a->kind == FILE_MKDIR)
        key_add_u64(k, "mode", a->write_mode);
}

/* What a copy of the whole directory takes of it itself: not a part of its content. */
static void add_own_mode(const struct tree_view *v, const struct file_action *a,
                         const struct file_match *match, struct key *k)
{
    const struct context_entry *e =
        a->whole && v->context ? context_find(v->context, view_of(match->path)) : NULL;

    if (e && match->type == ENTRY_DIR)
        key_add_u64(k, "mode of the directory",
                    a->portable ? chmod_portable(e->mode, true) : e->mode & 07777);
}

/* The content of everything that matches, under the names it gets. */
static int content_of_matches(const struct tree_view *v, const struct op *source,
                              const struct file_action *a, struct key *k, struct error *err)
{
    FILE_FILTER_AUTO(filter);
    FILE_MATCHES_AUTO(matches);
    int r = file_match(v, a, &matches, err);

    if (r < 0)
        return missing_explain(source, a, v, r, err);
    if ((r = file_filter_init(&filter, a->include, a->excludes, a->exclude_count, err)) < 0)
        return r;
    vec_each (match, &matches.list) {
        struct digest content = {0};
        STR_AUTO(name);
        r = view_content(v, view_of(match->path), counting_parts(a), &filter, &content, err);
        if (r < 0)
            return error_wrap(err, r, "read '%s'", match->path);
        str_printf(&name, "content of '%s'", match->path);
        key_add_u64(k, "type", match->type);
        key_add_text(k, "name", match->name);
        add_own_mode(v, a, match, k);
        key_add_digest(k, name.at, &content);
    }
    return 0;
}

static int local_content(struct build *b, const struct op *op, const struct file_action *a,
                         struct key *k, struct error *err)
{
    const struct op *source = op->inputs[a->input].op;
    struct local_context *c = sources_local(b->sources, source);
    const int r = local_walk(c, &b->tools, err);

    if (r < 0)
        return r;
    if (context_has_unread(c->walked)) /* then there is hardly a result to be found */
        image_holder_ahead(&b->tools);
    const struct tree_view v = {.context = c->walked};
    return content_of_matches(&v, source, a, k, err);
}

static bool is_local(const struct op *op)
{
    return op && op->kind == OP_SOURCE_LOCAL;
}

static void link_key(const struct op *op, struct key *k)
{
    if (op->linked)
        key_add_u64(k, "link", 1);
}

static int file_key(void *ctx, const struct op *op, struct key *k, struct error *err)
{
    struct build *b = ctx;
    int r = 0;

    link_key(op, k);
    for (size_t i = 0; r >= 0 && i < op->u.file.action_count; i++) {
        const struct file_action *a = &op->u.file.actions[i];
        action_key(a, k);
        if (a->kind != FILE_COPY)
            continue;
        if (is_local(op->inputs[a->input].op))
            r = local_content(b, op, a, k, err);
        else
            key_add_text(k, "source", a->source);
    }
    return r < 0 ? build_error_at(b, err, r, op) : 0;
}

/* That what is copied from the context is there. */
static int file_check(void *ctx, const struct op *op, struct error *err)
{
    struct build *b = ctx;
    int r = 0;

    for (size_t i = 0; r >= 0 && i < op->u.file.action_count; i++) {
        const struct file_action *a = &op->u.file.actions[i];
        const struct op *source = a->kind == FILE_COPY ? op->inputs[a->input].op : NULL;
        FILE_MATCHES_AUTO(matches);
        if (!is_local(source))
            continue;
        struct local_context *c = sources_local(b->sources, source);
        r = local_walk(c, &b->tools, err);
        if (r < 0)
            break;
        const struct tree_view v = {.context = c->walked};
        r = file_match(&v, a, &matches, err);
        if (r < 0)
            r = missing_explain(source, a, &v, r, err);
    }
    return r < 0 ? build_error_at(b, err, r, op) : 0;
}

/* ---- plans of FILE ops ---- */

static int look_up_user(struct root *root, const char *text, struct passwd_user *ret,
                        struct error *err)
{
    struct view passwd, group;
    int r = root_read(root, "etc/passwd", &passwd, err);

    if (r >= 0)
        r = root_read(root, "etc/group", &group, err);
    return r < 0 ? r : passwd_lookup(passwd, group, text, ret, err);
}

static int owner_numbers(void *ctx, const char *text, uint32_t *ret_uid, uint32_t *ret_gid,
                         struct error *err)
{
    struct passwd_user user = {0};
    struct view gid = view_of(text), uid;
    uint64_t number[2];

    (void)view_cut(&gid, ':', &uid);
    /* nothing has to be read for numbers, whatever the stage has there; one alone is the group too */
    if (view_to_u64(uid, &number[0]) && number[0] < UINT32_MAX &&
        view_to_u64(gid.at ? gid : uid, &number[1]) && number[1] < UINT32_MAX) {
        *ret_uid = (uint32_t)number[0];
        *ret_gid = (uint32_t)number[1];
        return 0;
    }
    /* root is 0 everywhere, also where there is no passwd yet (USER root above scratch) */
    if (strcmp(text, "root") == 0 || strcmp(text, "root:root") == 0) {
        *ret_uid = *ret_gid = 0;
        return 0;
    }
    const int r = look_up_user(ctx, text, &user, err);
    if (r < 0)
        return error_wrap(err, r, "look up owner '%s' in the stage", text);
    *ret_uid = user.uid;
    *ret_gid = user.gid;
    passwd_user_done(&user);
    return 0;
}

int build_user(struct build *b, struct op_ref root, const char *user, uint32_t *ret_uid,
               uint32_t *ret_gid, struct error *err)
{
    CLEANUP(root_closep) struct root *opened = NULL;
    struct passwd_user found = {0};
    int r = root_open(b->roots, root, &opened, err);

    if (r >= 0)
        r = look_up_user(opened, user, &found, err);
    if (r < 0)
        return error_wrap(err, r, "look up user '%s' in the stage", user);
    *ret_uid = found.uid;
    *ret_gid = found.gid;
    passwd_user_done(&found);
    return 0;
}

/* Opened inputs of a FILE op. */
struct open_inputs {
    struct root **roots;
    struct tree_view *views;
    size_t count;
};

static void close_inputs(struct open_inputs *in)
{
    for (size_t i = 0; i < in->count; i++)
        root_close(in->roots[i]);
    free(in->roots);
    free(in->views);
}

static int open_input(struct build *b, const struct op *op, size_t i, struct open_inputs *in,
                      struct error *err)
{
    int r;

    if (i > 0 && is_local(op->inputs[i].op)) {
        struct local_context *c = sources_local(b->sources, op->inputs[i].op);
        r = local_walk(c, &b->tools, err);
        in->views[i].context = c->walked;
        return r;
    }
    r = root_open(b->roots, i > 0 ? op->inputs[i] : op_file_root(op), &in->roots[i], err);
    if (r >= 0)
        in->views[i].merge = root_merge(in->roots[i]);
    return r;
}

static int open_inputs(struct build *b, const struct op *op, struct open_inputs *in,
                       struct error *err)
{
    int r = 0;

    in->roots = xcalloc(op->input_count, sizeof(struct root *));
    in->views = xcalloc(op->input_count, sizeof(*in->views));
    for (size_t i = 0; r >= 0 && i < op->input_count; i++) {
        r = open_input(b, op, i, in, err);
        in->count = i + 1;
    }
    return r;
}

static int plan_of_inputs(const struct op *op, const struct open_inputs *in, struct file_plan *ret,
                          struct key *seen, struct error *err)
{
    const struct file_plan_input input = {in->views[0].merge, in->views, owner_numbers,
                                          in->roots[0]};

    return file_plan_make(op, &input, ret, seen, err);
}

int build_file_plan(struct build *b, const struct op *op, struct file_plan *ret, struct key *seen,
                    struct error *err)
{
    struct open_inputs in = {0};
    int r = open_inputs(b, op, &in, err);

    if (r >= 0)
        r = plan_of_inputs(op, &in, ret, seen, err);
    close_inputs(&in);
    return r;
}

static int file_contents(struct build *b, const struct op *op, const struct open_inputs *in,
                         struct key *k, struct error *err)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < op->u.file.action_count; i++) {
        const struct file_action *a = &op->u.file.actions[i];
        action_key(a, k);
        if (a->kind == FILE_COPY)
            r = content_of_matches(&in->views[a->input], op->inputs[a->input].op, a, k, err);
    }
    return r;
}

/* An ADD may unpack an archive onto anything that is below, so all of that counts. */
static bool may_unpack(const struct op *op)
{
    for (size_t i = 0; i < op->u.file.action_count; i++)
        if (op->u.file.actions[i].unpack)
            return true;
    return false;
}

static int file_content_key(void *ctx, const struct op *op, struct key *k, struct error *err)
{
    struct build *b = ctx;
    struct open_inputs in = {0};
    FILE_PLAN_AUTO(plan);
    int r = open_inputs(b, op, &in, err);

    link_key(op, k);
    if (r >= 0 && may_unpack(op))
        r = root_content(b, op, k, err);
    if (r >= 0)
        r = file_contents(b, op, &in, k, err);
    if (r >= 0)
        r = plan_of_inputs(op, &in, &plan, k, err);
    close_inputs(&in);
    return r < 0 ? build_error_at(b, err, r, op) : 1;
}

static int file_run(void *ctx, const struct op *op, struct error *err)
{
    return run_file(ctx, op, err);
}

const struct op_row build_rows[OP_KIND_COUNT] = {
    [OP_SOURCE_IMAGE] = {.key = image_key, .run = image_run, .is_source = true},
    [OP_SOURCE_LOCAL] = {.key = local_key,
                         .run = nothing_to_run,
                         .is_source = true,
                         .is_local = true},
    [OP_SOURCE_REMOTE] = {.key = remote_key, .run = remote_run},
    [OP_EXEC] = {.key = exec_key, .content_key = exec_content_key, .run = exec_run},
    [OP_FILE] = {.key = file_key,
                 .check = file_check,
                 .content_key = file_content_key,
                 .run = file_run},
};
