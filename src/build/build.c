#include "build/build.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include "base/doc.h"
#include "base/fd.h"
#include "build/input.h"
#include "build/internal.h"
#include "image/keep.h"
#include "registry/proxies.h"

#define KEY_WAIT_MS 20  /* between looks at a key that another process works on */
#define JOBS_DEFAULT 16 /* steps mostly wait; what they compute is shared out by the kernel */

/* ---- the solver's hooks ---- */

/* A result as the cache keeps it: the tree, its time (8 bytes, little endian), what was below, the content key. */
#define RECORD_SIZE 104

static void result_print(const struct result *r, uint8_t ret[static RECORD_SIZE])
{
    memcpy(ret, r->layer.tree.sha256, 32);
    for (size_t i = 0; i < 8; i++)
        ret[32 + i] = (uint8_t)((uint64_t)r->layer.created_s >> (8 * i));
    memcpy(ret + 40, r->below.sha256, 32);
    memcpy(ret + 72, r->content.sha256, 32);
}

static void result_parse(const uint8_t bytes[static RECORD_SIZE], struct result *ret)
{
    uint64_t time = 0;

    for (size_t i = 8; i-- > 0;)
        time = time << 8 | bytes[32 + i];
    ret->layer.created_s = (int64_t)time;
    memcpy(ret->layer.tree.sha256, bytes, 32);
    memcpy(ret->below.sha256, bytes + 40, 32);
    memcpy(ret->content.sha256, bytes + 72, 32);
}

static int put_result(struct build *b, const struct digest *key, const struct result *result,
                      struct error *err)
{
    uint8_t value[RECORD_SIZE];

    result_print(result, value);
    return cache_put(b->tools.cache, key, view_make(value, sizeof(value)), &result->layer.tree, 1,
                     err);
}

/* From then on it is ours. */
static int take_import(struct build *b, const struct digest *key, struct result *ret,
                       struct error *err)
{
    int r = cache_imports_find(b, key, ret, err);

    if (r <= 0)
        return r;
    r = put_result(b, key, ret, err);
    return r < 0 ? r : 1;
}

static int hook_lookup(void *ctx, const struct op *op, const struct digest *key, struct result *ret,
                       struct error *err)
{
    struct build *b = ctx;
    STR_AUTO(value);
    const int r = cache_get(b->tools.cache, key, &value, err);

    if (r < 0)
        return r;
    if (r == 0 || value.size != RECORD_SIZE)
        return b->imports ? take_import(b, key, ret, err) : 0;
    result_parse((const uint8_t *)value.at, ret);
    return 1;
}

static int hook_record(void *ctx, const struct op *op, const struct digest *key,
                       const struct result *result, struct error *err)
{
    struct build *b = ctx;
    const int r = explain_remember(b, op, &result->layer.tree, err);
    if (r < 0)
        return r;
    return put_result(b, key, result, err);
}

static int hook_lock(void *ctx, const struct op *op, const struct digest *key, struct error *err)
{
    struct build *b = ctx;
    const int r = store_key_lock(b->tools.store, key, false, &b->locks[op->id], err);

    return r == -EAGAIN ? 0 : r < 0 ? r : 1;
}

static void hook_unlock(void *ctx, const struct op *op)
{
    struct build *b = ctx;

    store_key_unlock(b->locks[op->id]);
    b->locks[op->id] = NULL;
}

/* The steps below a known one were not even looked up; people want to see them all the same. */
static void hook_hit(void *ctx, const struct op *op)
{
    struct build *b = ctx;
    cleanup_free bool *needed = xcalloc(b->graph->ops.size + 1, sizeof(*needed));

    graph_needed(b->graph, (struct op_ref){b->graph->ops.at[op->id], 0}, needed);
    for (size_t i = 0; i <= op->id; i++) {
        const struct op *below = b->graph->ops.at[i];
        if (!needed[i] || b->was_shown[i] || build_rows[below->kind].is_source)
            continue;
        b->was_shown[i] = true;
        b->cached_count++;
        progress_finish(progress_begin(b->env->progress, below->title), PROGRESS_CACHED, NULL);
    }
}

static void hook_keyed(void *ctx, const struct op *op, const struct key *definition)
{
    explain_keyed(ctx, op, definition);
}

static void hook_miss(void *ctx, const struct op *op, const struct key *definition)
{
    struct build *b = ctx;

    b->was_shown[op->id] = true;
    b->run_count++;
    if (b->options->explain)
        explain_miss(b, op, definition);
    if (definition)
        explain_keyed(b, op, definition);
}

static bool hook_has_slot(void *ctx)
{
    return ((struct build *)ctx)->slots > 0;
}

/* ---- driving it ---- */

int build_error_at(const struct build *b, struct error *err, int code, const struct op *op)
{
    struct span span;
    STR_AUTO(lines);

    if (!op->where)
        return code;
    (void)error_at(err, code, "%s", op->where);
    if (!source_where(err && err->where ? err->where : op->where, b->dockerfile->name, &span))
        return code;
    source_excerpt(b->dockerfile->source, span, &lines);
    if (err && err->excerpt) {
        str_add_text(&lines, err->excerpt);
        free(err->excerpt);
        err->excerpt = NULL;
    }
    return error_excerpt(err, code, lines.at);
}

static void on_signal(void *ctx, int signo)
{
    struct build *b = ctx;

    b->interrupted = signo;
    loop_stop(b->loop);
}

/* A terminal that goes away ends the build too, but for one that nohup started. */
static int listen_to_signals(struct build *b, struct error *err)
{
    struct sigaction now;
    int r = loop_add_signal(b->loop, SIGINT, on_signal, b, err);

    if (r >= 0)
        r = loop_add_signal(b->loop, SIGTERM, on_signal, b, err);
    if (r >= 0 && sigaction(SIGHUP, NULL, &now) == 0 && now.sa_handler != SIG_IGN)
        r = loop_add_signal(b->loop, SIGHUP, on_signal, b, err);
    b->listening = true;
    return r;
}

static void on_timer(void *ctx)
{
    struct build *b = ctx;

    b->timer_fired = true;
    loop_stop(b->loop);
}

/* Sleeps until something happened; at most until the next redraw, or the next look at a busy key. */
static int wait_for_steps(struct build *b, bool busy, struct error *err)
{
    int delay = progress_delay_ms(b->env->progress);

    if (busy && (delay < 0 || delay > KEY_WAIT_MS))
        delay = KEY_WAIT_MS;
    struct loop_watch *timer = delay >= 0 ? loop_add_timer(b->loop, delay, on_timer, b) : NULL;
    b->timer_fired = false;
    const int r = loop_run(b->loop, err);
    if (timer && !b->timer_fired)
        loop_remove(b->loop, timer);
    progress_tick(b->env->progress);
    return r;
}

static int solve(struct build *b, struct error *err)
{
    bool busy = false;
    int r = 1;

    while (r > 0) {
        r = solver_advance(b->solver, &busy, err);
        if (r <= 0)
            break;
        assert(b->step_count || busy);
        if (!b->listening) {
            emulators_check(b);
            r = listen_to_signals(b, err);
            if (r < 0)
                break;
        }
        r = wait_for_steps(b, busy, err);
        if (r < 0)
            break;
        if (b->failed.code)
            r = error_move(err, &b->failed);
        else if (b->interrupted)
            r = error_set(err, -EINTR, "interrupted by SIG%s", sigabbrev_np(b->interrupted));
        else
            r = 1;
    }
    if (b->step_count) {
        steps_cancel(b);
        image_end_jobs(&b->tools);
    }
    return r < 0 && b->failed_step.op ? failure_end(b, r, err) : r;
}

static int solve_target(struct build *b, struct error *err)
{
    const struct solver_hooks hooks = {b,         hook_lookup, hook_record,
                                       hook_lock, hook_unlock, hook_hit,
                                       hook_miss, hook_keyed,  hook_has_slot};

    if (b->options->no_cache)
        image_holder_ahead(&b->tools); /* it is ready when the first step is */
    b->loop = loop_new();
    b->locks = xcalloc(b->graph->ops.size + 1, sizeof(struct store_key *));
    b->parts = xcalloc(b->graph->ops.size + 1, sizeof(*b->parts));
    b->was_shown = xcalloc(b->graph->ops.size + 1, sizeof(*b->was_shown));
    b->slots = b->options->jobs > 0 ? (size_t)b->options->jobs : JOBS_DEFAULT;
    b->roots = roots_new(b);
    b->solver = solver_new(b->graph, build_rows, &hooks);
    int r = 0;
    for (size_t i = 0; r >= 0 && i < b->graph->targets.size; i++)
        r = solver_want(b->solver, b->graph->stages.at[b->graph->targets.at[i]].root, false, err);
    if (r >= 0)
        r = solve(b, err);
    loop_free(b->loop); /* what comes now may be interrupted as any program */
    b->loop = NULL;
    return r;
}

/* ---- from options to a graph ---- */

static void warn_of(const struct build *b, const struct finding *x)
{
    STR_AUTO(place);

    if (x->span.line)
        str_printf(&place, "%s:%u: ", b->dockerfile->name, x->span.line);
    env_warn(b->env, "%s%s%s%s", place.at, x->rule ? x->rule : "", x->rule ? ": " : "", x->text);
}

static int print_doc(const struct build *b, json_t *take_doc)
{
    cleanup_doc json_t *doc = take_doc;
    STR_AUTO(text);

    doc_print(doc, false, &text);
    fprintf(b->env->out, "%s\n", text.at);
    return 0;
}

static int print_findings(const struct build *b, const struct findings *f,
                          const struct error *failed, struct error *err)
{
    cleanup_doc json_t *doc = findings_doc(b->dockerfile, f, failed);

    if (b->options->print_json)
        (void)print_doc(b, json_incref(doc));
    else if (f->size > 0 || !failed)
        findings_print(b->env->out, b->dockerfile, f);
    return build_write_result(b, doc, err);
}

/* --check of what cannot be planned: the rules need no plan. The error, failed, follows. */
static void print_rules(const struct build *b, const struct ignore *ignore,
                        const struct error *failed)
{
    CLEANUP(findings_done) struct findings found = {0};
    ERROR_AUTO(e);

    if (check_lint(b->env, b->options, &b->check, b->dockerfile, ignore, &found, &e) < 0)
        return;
    check_filter(&b->check, b->dockerfile, &found);
    (void)print_findings(b, &found, failed, NULL);
}

static int make_graph(struct build *b, struct error *err)
{
    const struct build_options *o = b->options;
    const struct source_resolver resolver = sources_resolver(b->sources);
    CLEANUP(strings_done) struct strings proxies = {0};
    struct frontend_options f = {
        .target = o->target,
        .build_args = &o->build_args,
        .proxies = &proxies,
        .labels = &o->labels,
        .add_hosts = &o->add_hosts,
        .platform = platform_host(),
        .reproducible = o->reproducible,
        .no_cache = o->no_cache,
        .errexit = o->errexit,
        .no_cache_stages = &o->no_cache_filter,
        .secrets = secrets_ids(b->secrets),
        .ssh = secrets_ssh_ids(b->secrets),
        .environ_ = environ,
    };
    proxies_read(b->env, &proxies);
    int r = build_network(o->network, &f.network, err);

    if (r >= 0)
        r = build_platforms(&o->platforms, &b->platforms, err);
    if (r >= 0)
        r = build_allow(&o->allow, &f, err);
    f.platforms = b->platforms.at;
    f.platform_count = b->platforms.size;
    f.looks = o->print == BUILD_PRINT_OUTLINE || o->print == BUILD_PRINT_CHECK ||
              o->print == BUILD_PRINT_PLAN;
    if (r >= 0)
        r = check_read(b->dockerfile, &o->build_args, &b->check, err);
    if (r < 0)
        return r;
    struct local_context *context = sources_main_context(b->sources);
    const struct ignore *ignore = context ? context->ignore : NULL;
    r = frontend_plan(b->dockerfile, &f, &resolver, &b->graph, err);
    if (r < 0 && o->print == BUILD_PRINT_CHECK)
        print_rules(b, ignore, err);
    if (r < 0)
        return r;
    r = check_lint(b->env, o, &b->check, b->dockerfile, ignore, &b->graph->findings, err);
    check_filter(&b->check, b->dockerfile, &b->graph->findings);
    if (r == 0 && (o->print == BUILD_PRINT_CHECK || o->print == BUILD_PRINT_OUTLINE))
        return 0;
    vec_each (x, &b->graph->findings)
        warn_of(b, x);
    if (r < 0)
        return r;
    return check_verdict(&b->check, &b->graph->findings, err);
}

static int print_plan(struct build *b)
{
    cleanup_doc json_t *doc = graph_print(b->graph);
    STR_AUTO(text);

    doc_print(doc, false, &text);
    fprintf(b->env->out, "%s\n", text.at);
    return 0;
}

static int print_tree(struct build *b, const struct digest *tree, struct error *err)
{
    IMAGE_VIEW_AUTO(view);
    const int r = image_view_open(b->tools.store, tree, 1, false, &view, err);

    for (size_t i = 0; r >= 0 && i < index_count(view.indexes[0]); i++) {
        const struct entry *e = index_at(view.indexes[0], i);
        if (*e->path)
            fprintf(b->env->out, "%s%s\n", e->path, e->type == ENTRY_DIR ? "/" : "");
    }
    return r;
}

static int print_context(struct build *b, struct error *err)
{
    struct local_context *c = sources_main_context(b->sources);
    const struct digest *tree = sources_main_tree(b->sources);

    if (tree)
        return print_tree(b, tree, err);
    if (!c)
        return error_set(err, -ENOENT, "this build has no context");
    const int r = local_walk(c, &b->tools, err);
    for (size_t i = 0; r >= 0 && i < context_count(c->walked); i++) {
        const struct context_entry *e = context_at(c->walked, i);
        fprintf(b->env->out, "%s%s\n", e->path, S_ISDIR(e->mode) ? "/" : "");
    }
    return r;
}

static int print_ast(struct build *b)
{
    STR_AUTO(text);

    dockerfile_print(b->dockerfile, &text);
    fputs(text.at, b->env->out);
    return 0;
}

static int print_targets(const struct build *b, struct error *err)
{
    cleanup_doc json_t *targets = outline_targets(b->dockerfile);

    if (b->options->print_json)
        (void)print_doc(b, json_incref(targets));
    else
        outline_print_targets(b->env->out, targets);
    return build_write_result(b, targets, err);
}

static int print_outline(const struct build *b, struct error *err)
{
    if (b->options->print_json)
        (void)print_doc(b, json_incref(b->graph->outline));
    else
        outline_print(b->env->out, b->graph->outline);
    return build_write_result(b, b->graph->outline, err);
}

static int print_check(const struct build *b, struct error *err)
{
    const int r = print_findings(b, &b->graph->findings, NULL, err);
    return r < 0 ? r : check_verdict(&b->check, &b->graph->findings, err);
}

static int build_image(struct build *b, struct error *err)
{
    int r = make_graph(b, err);

    if (r < 0)
        return r;
    if (b->options->print == BUILD_PRINT_PLAN)
        return print_plan(b);
    if (b->options->print == BUILD_PRINT_OUTLINE)
        return print_outline(b, err);
    if (b->options->print == BUILD_PRINT_CHECK)
        return print_check(b, err);
    r = build_resolve_remotes(b, err);
    if (r >= 0)
        r = cache_imports_open(b, err);
    if (r >= 0)
        r = solve_target(b, err);
    if (r >= 0)
        r = build_export(b, err);
    if (r >= 0)
        r = cache_write(b, err);
    if (r >= 0)
        r = sources_save(b->sources, err);
    return r;
}

static void build_done(struct build *b)
{
    roots_free(b->roots);
    cache_imports_free(b->imports);
    solver_free(b->solver);
    for (size_t i = 0; b->locks && i < b->graph->ops.size; i++)
        store_key_unlock(b->locks[i]);
    for (size_t i = 0; b->parts && i < b->graph->ops.size; i++)
        free(b->parts[i]);
    free(b->parts);
    free(b->locks);
    free(b->was_shown);
    free(b->steps);
    loop_free(b->loop);
    graph_free(b->graph);
    sources_close(b->sources);
    secrets_close(b->secrets);
    outputs_done(&b->outputs);
    image_tools_done(&b->tools);
    dockerfile_free(b->dockerfile);
    strings_done(&b->notes);
    vec_done(&b->platforms);
    error_done(&b->failed);
    free(b->failed_step.not_kept);
    fd_closep(&b->log_dir);
    free(b->identity);
    free(b->degraded);
}

static int set_identity(struct build *b, const struct input *in, struct error *err)
{
    struct identity_map ids;
    const int r = identity_detect(&ids, err);

    if (r < 0)
        return r;
    /* one id cannot switch users for good: what RUN saw then is not what others see */
    b->degraded = xstrdup(ids.kind == IDENTITY_SINGLE ? identity_name(ids.kind) : "");
    b->identity = xasprintf("%s\n%s", in->shown ? in->shown : "", in->name);
    return 0;
}

static int build_with(struct build *b, struct input *in, struct error *err)
{
    int r = dockerfile_parse(str_view(&in->text), in->name, &b->dockerfile, err);

    if (r >= 0 && b->options->print == BUILD_PRINT_AST)
        return print_ast(b);
    if (r >= 0)
        r = dockerfile_check(b->dockerfile, err);
    if (r < 0 && b->dockerfile && b->options->print == BUILD_PRINT_CHECK &&
        check_read(b->dockerfile, &b->options->build_args, &b->check, NULL) == 0)
        print_rules(b, NULL, err);
    if (r >= 0 && b->options->print == BUILD_PRINT_TARGETS)
        return print_targets(b, err);
    if (r >= 0)
        r = set_identity(b, in, err);
    const struct main_context main = {in->context, in->path, in->has_tree ? &in->tree : NULL,
                                      in->shown};
    if (r >= 0)
        r = sources_open(&b->tools, &main, &b->options->build_contexts, b->options->pull,
                         &b->sources, err);
    if (r < 0)
        return r;
    return b->options->print == BUILD_PRINT_CONTEXT ? print_context(b, err) : build_image(b, err);
}

/* Errors of the language say where; the line itself is added here, once. */
static int show_line(const struct build *b, const struct input *in, struct error *err, int code)
{
    struct span span;
    STR_AUTO(lines);

    if (code >= 0 || !err || !err->where || err->excerpt || !in->name ||
        !source_where(err->where, in->name, &span))
        return code;
    (void)b;
    source_excerpt(str_view(&in->text), span, &lines);
    return lines.size ? error_excerpt(err, code, lines.at) : code;
}

int build_run(const struct env *env, const struct build_options *o, struct error *err)
{
    CLEANUP(build_done) struct build b = {.env = env, .options = o, .log_dir = -1};
    INPUT_AUTO(in);
    int r = build_check_options(o, err);

    if (r >= 0)
        r = build_outputs(o, &b.outputs, err);
    if (r >= 0 && o->print == BUILD_PRINT_NOTHING)
        r = build_check_outputs(o, &b.outputs, err);
    /* as docker: after a failure no file of an earlier build is taken for ours */
    if (r >= 0) {
        build_forget_file(o->iidfile);
        build_forget_file(o->metadata_file);
    }
    if (r >= 0)
        r = image_tools_open(env, &b.tools, err);
    b.tools.access = o->access;
    if (r >= 0)
        r = secrets_open(&o->secrets, &o->ssh, environ, &b.secrets, err);
    if (r >= 0)
        r = input_read(&b.tools, b.secrets, o, &in, err);
    if (r >= 0)
        r = build_with(&b, &in, err);
    return show_line(&b, &in, err, r);
}
