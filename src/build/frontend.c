#include "build/frontend.h"

#include <errno.h>

#include "build/frontend_internal.h"
#include "dockerfile/syntax.h"

/* ['a'] or ["a" is no JSON: then it is a line for the shell, which nobody means. A test begins "[ ". */
static void warn_of_near_json(struct frontend *fe, const struct instruction *in)
{
    const bool runs = in->kind == INSTRUCTION_RUN || in->kind == INSTRUCTION_CMD ||
                      in->kind == INSTRUCTION_ENTRYPOINT;

    if (!runs || in->json || in->word_count == 0)
        return;
    const struct view text = in->words[0].text;
    if (text.size > 1 && text.at[0] == '[' && strchr("\"'", text.at[1]))
        fe_warn(
            fe, in->span,
            "this looks like a list but is no JSON, so the shell gets it; write [\"a\", \"b\"]");
}

static int run_command(struct frontend *fe, struct fe_stage *s, const struct fe_command *c,
                       struct error *err)
{
    warn_of_near_json(fe, c->in);
    if (c->in->kind == INSTRUCTION_RUN)
        return fe_run(fe, s, c, err);
    if (c->in->kind == INSTRUCTION_COPY || c->in->kind == INSTRUCTION_ADD)
        return fe_copy(fe, s, c, err);
    return fe_metadata(c->in->kind)(fe, s, c,
                                    err); /* the check has refused what is none of these */
}

static int build_stage(struct frontend *fe, struct fe_stage *s, struct error *err)
{
    int r = fe_begin_stage(fe, s, err);

    for (size_t i = 0; r == 0 && i < s->commands.size; i++)
        r = run_command(fe, s, &s->commands.at[i], err);
    return r;
}

static void add_stage(struct frontend *fe, const struct fe_stage *s)
{
    if (s == fe->target)
        vec_push(&fe->g->targets, (uint32_t)fe->g->stages.size);
    vec_push(&fe->g->stages, (struct stage){s->name, s->index, s->root, s->config});
}

static int build_stages(struct frontend *fe, struct error *err)
{
    for (size_t i = 0; i <= fe->target->index; i++) {
        struct fe_stage *s = fe->stages[i];

        if (!s->needed)
            continue;
        const int r = build_stage(fe, s, err);
        if (s->config)
            add_stage(fe, s); /* on failure too: the graph frees the configuration */
        if (r < 0)
            return r;
    }
    return 0;
}

static void set_labels(struct frontend *fe)
{
    const struct strings *labels = fe->o->labels;

    for (size_t i = 0; labels && i < labels->size; i++) {
        struct view rest = view_of(labels->at[i]), name;

        if (!view_cut(&rest, '=', &name))
            continue;
        cleanup_free char *key = view_dup(name);
        pairs_set(&fe->target->config->labels, key, rest.at ? rest.at : "");
    }
}

static bool is_builtin(const char *name)
{
    return strncmp(name, "BUILDKIT_", 9) == 0 || strcmp(name, "SOURCE_DATE_EPOCH") == 0;
}

static void warn_unused_args(struct frontend *fe)
{
    STR_AUTO(list);

    vec_each (arg, &fe->build_args)
        if (!map_has(&fe->used_args, view_of(arg->key)) && !is_builtin(arg->key))
            str_printf(&list, "%s%s", list.size > 0 ? " " : "", arg->key);
    if (list.size > 0)
        fe_warn(fe, (struct span){0}, "one or more build-args [%s] were not consumed", list.at);
}

/* Of "# syntax=", or the build argument. */
static int read_syntax(struct frontend *fe, struct error *err)
{
    const char *given = pairs_get(&fe->build_args, "BUILDKIT_SYNTAX");
    const struct directive *at = NULL;
    STR_AUTO(warning);

    for (size_t i = 0; i < fe->d->directive_count; i++)
        if (view_eq_text(fe->d->directives[i].name, "syntax"))
            at = &fe->d->directives[i];
    if (!given && !at)
        return 0;
    const int r = syntax_check(given ? view_of(given) : at->value, &warning, err);
    if (r < 0)
        return given ? r : source_error_at(err, r, fe->d->name, at->span);
    if (r > 0)
        fe_warn(fe, given ? (struct span){0} : at->span, "%s", warning.at);
    return 0;
}

static int plan(struct frontend *fe, struct error *err)
{
    int r = fe_read_build_args(fe, err);

    if (r == 0)
        r = read_syntax(fe, err);
    for (size_t i = 0; i < fe->d->warning_count; i++)
        fe_warn(fe, fe->d->warnings[i].span, "%s: %s", fe->d->warnings[i].rule,
                fe->d->warnings[i].text);
    fe_read_proxies(fe);
    if (r == 0)
        r = fe_read_epoch(fe, err);
    if (r == 0)
        r = fe_read_header(fe, err);
    if (r == 0)
        r = fe_read_header_epoch(fe, err);
    if (r == 0)
        r = fe_read_stages(fe, err);
    if (r == 0)
        r = fe_pick_target(fe, err);
    if (r == 0)
        r = fe_mark_needed(fe, err);
    if (r == 0)
        r = build_stages(fe, err);
    if (r < 0)
        return r;
    set_labels(fe);
    warn_unused_args(fe);
    if (fe->o->looks && !fe->g->outline) /* of several platforms the first */
        fe->g->outline = fe_outline(fe);
    return 0;
}

static int plan_platform(const struct dockerfile *d, const struct frontend_options *o,
                         const struct source_resolver *sources, struct graph *g, struct error *err)
{
    struct frontend fe = {.d = d, .o = o, .sources = sources, .g = g, .arena = g->arena};
    const int r = plan(&fe, err);

    for (size_t i = 0; i < fe.stage_count; i++)
        fe_free_stage(fe.stages[i]);
    vec_each (trigger, &fe.triggers)
        dockerfile_free(*trigger);
    vec_done(&fe.triggers);
    pairs_done(&fe.build_args);
    pairs_done(&fe.header);
    pairs_done(&fe.bare);
    map_done(&fe.used_args);
    map_done(&fe.named);
    return r;
}

int frontend_plan(const struct dockerfile *d, const struct frontend_options *o,
                  const struct source_resolver *sources, struct graph **ret, struct error *err)
{
    CLEANUP(graph_freep) struct graph *g = graph_new();
    struct frontend_options one = *o;
    int r = dockerfile_check(d, err);

    for (size_t i = 0; r == 0 && i < MAX(o->platform_count, (size_t)1); i++) {
        if (o->platform_count > 0)
            one.platform = o->platforms[i];
        r = plan_platform(d, &one, sources, g, err);
    }
    if (r < 0)
        return r;
    if (o->platform_count > 1)
        graph_merge(g);
    *ret = steal(g);
    return 0;
}
