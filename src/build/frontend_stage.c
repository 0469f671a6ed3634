/* frontend_stage.c - FROM: names, bases, platforms, what the target needs, and triggers. */
#include <ctype.h>
#include <errno.h>

#include "build/frontend_internal.h"
#include "oci/reference.h"

static struct fe_stage *find_stage(const struct frontend *fe, struct view name, size_t below)
{
    for (size_t i = below; i-- > 0;)
        if (*fe->stages[i]->name && view_eq_nocase(name, fe->stages[i]->name))
            return fe->stages[i];
    return NULL;
}

static const struct platform *platform_of(const struct frontend *fe, const struct fe_stage *s)
{
    return s->platform_set ? &s->platform : &fe->o->platform;
}

static bool is_named_context(const struct frontend *fe, const struct fe_stage *s, const char *name)
{
    if (!*name || strcasecmp(name, "scratch") == 0 || strcasecmp(name, "context") == 0)
        return false;
    return fe->sources->is_named &&
           fe->sources->is_named(fe->sources->ctx, name, platform_of(fe, s));
}

static int read_platform(struct frontend *fe, struct fe_stage *s, struct error *err)
{
    for (size_t i = 0; i < s->from->flag_count; i++) {
        const struct flag *f = &s->from->flags[i];
        const struct word w = {f->value, f->span};
        const char *text;

        int r = fe_expand_header(fe, s->from, &w, &text, err);
        if (r < 0)
            return r;
        if (f->value.size == 0)
            continue; /* `--platform=` says nothing */
        if (!*text)
            r = error_set(err, -EINVAL, "empty platform value from expression '%.*s'",
                          (int)MIN(f->value.size, 80u), f->value.at);
        else
            r = platform_parse(text, &s->platform, err);
        if (r < 0 && fe->undeclared)
            (void)error_wrap(err, r, "%s", fe->undeclared);
        if (r < 0)
            return source_error_at(err, r, fe->d->name, f->span);
        s->platform_set = true;
    }
    return 0;
}

/* The stage that a named context stands for; *ret stays where it is none. */
static int find_named_stage(const struct frontend *fe, const struct fe_stage *s, const char *name,
                            struct fe_stage **ret, struct error *err)
{
    const char *stage = fe->sources->stage && is_named_context(fe, s, name)
                            ? fe->sources->stage(fe->sources->ctx, name, platform_of(fe, s))
                            : NULL;
    struct fe_stage *found = stage ? find_stage(fe, view_of(stage), s->index) : NULL;

    if (stage && !found) {
        error_set(err, -EINVAL,
                  "named context '%s' is the stage '%.80s', which is not defined before", name,
                  stage);
        return error_hint(err, -EINVAL, "target:STAGE names an earlier stage of the same file");
    }
    if (found)
        *ret = found;
    return 0;
}

static int read_from(struct frontend *fe, struct fe_stage *s, struct error *err)
{
    const struct instruction *in = s->from;
    const struct word *base = &in->words[0];

    s->name = "";
    if (in->word_count == 3) {
        char *name = arena_strndup(fe->arena, in->words[2].text.at, in->words[2].text.size);
        for (char *c = name; *c; c++)
            *c = (char)tolower((unsigned char)*c);
        s->name = name;
    }
    int r = fe_expand_header(fe, in, base, &s->base_name, err);
    if (r < 0)
        return r;
    if (!*s->base_name) {
        error_set(err, -EINVAL, "base name (%.*s) should not be blank",
                  (int)MIN(base->text.size, 80u), base->text.at);
        error_hint(err, -EINVAL,
                   "FROM sees only ARGs from before the first FROM, with a default or --build-arg");
        if (fe->undeclared)
            (void)error_wrap(err, -EINVAL, "%s", fe->undeclared);
        return source_error_at(err, -EINVAL, fe->d->name, base->span);
    }
    r = read_platform(fe, s, err);
    if (r < 0)
        return r;
    s->replaced = is_named_context(fe, s, s->name);
    s->base = s->replaced ? NULL : find_stage(fe, view_of(s->base_name), s->index);
    r = find_named_stage(fe, s, s->replaced ? s->name : s->base_name, &s->base, err);
    if (r < 0)
        return source_error_at(err, r, fe->d->name, base->span);
    s->scratch = !s->replaced && !s->base && strcmp(s->base_name, "scratch") == 0;
    s->platform_set &=
        !s->scratch; /* nothing is of no platform, what is put there of the target's */
    s->label = *s->name ? s->name : arena_printf(fe->arena, "stage-%u", s->index);
    return 0;
}

static void add_command(struct fe_stage *s, const struct instruction *in, bool trigger)
{
    const enum instruction_kind k = in->kind;

    vec_push(&s->commands, (struct fe_command){in, trigger});
    s->step_count += k == INSTRUCTION_RUN || k == INSTRUCTION_COPY || k == INSTRUCTION_ADD ||
                     k == INSTRUCTION_WORKDIR;
}

/* Titles of steps of several platforms say which. */
static void name_platform(struct frontend *fe, struct fe_stage *s)
{
    char text[PLATFORM_TEXT_MAX];

    s->label = arena_printf(fe->arena, "%s%s%s", platform_format(&fe->o->platform, text),
                            *s->label ? " " : "", s->label);
}

/* As BuildKit lists them, "a,b", or by number; a stage without a name is "stage-1" too. */
static void mark_no_cache(struct frontend *fe, const char *list)
{
    struct view rest = view_of(list), word;

    while (rest.at && view_cut(&rest, ',', &word)) {
        const struct view name = view_trim(word);
        uint64_t number;
        const bool is_number = view_to_u64(name, &number);
        bool found = name.size == 0;

        for (size_t i = 0; i < fe->stage_count; i++) {
            struct fe_stage *s = fe->stages[i];
            const bool is_it = view_eq_nocase(name, s->label) || (is_number && number == i);
            s->no_cache |= is_it;
            found |= is_it;
        }
        if (!found)
            fe_warn(fe, (struct span){0}, "--no-cache-filter: there is no stage '%.*s'",
                    VIEW_ARG(name));
    }
}

int fe_read_stages(struct frontend *fe, struct error *err)
{
    const struct dockerfile *d = fe->d;
    struct fe_stage *s = NULL;

    fe->stages = arena_alloc(fe->arena, (d->instruction_count + 1) * sizeof(struct fe_stage *));
    for (size_t i = 0; i < d->instruction_count; i++) {
        const struct instruction *in = &d->instructions[i];

        if (in->kind != INSTRUCTION_FROM) {
            if (s && !s->replaced)
                add_command(s, in, false);
            continue;
        }
        s = arena_new_object(fe->arena, struct fe_stage);
        s->from = in;
        s->index = (uint32_t)fe->stage_count;
        fe->stages[fe->stage_count++] = s;
        const int r = read_from(fe, s, err);
        if (r < 0)
            return r;
        s->step_count += !s->base && !s->scratch;
    }
    for (size_t i = 0; fe->o->no_cache_stages && i < fe->o->no_cache_stages->size; i++)
        mark_no_cache(fe, fe->o->no_cache_stages->at[i]);
    if (fe->stage_count == 1)
        fe->stages[0]->label = "";
    for (size_t i = 0; fe->o->platform_count > 1 && i < fe->stage_count; i++)
        name_platform(fe, fe->stages[i]);
    return 0;
}

static int no_such_target(const struct frontend *fe, const char *target, struct error *err)
{
    VEC(const char *) names = {0};

    error_set(err, -ENOENT, "target stage '%.80s' could not be found", target);
    for (size_t i = 0; i < fe->stage_count; i++)
        if (*fe->stages[i]->name)
            vec_push(&names, fe->stages[i]->name);
    const char *near = source_nearest(view_of(target), names.at, names.size);
    if (near) {
        error_hint(err, -ENOENT, "did you mean %s?", near);
    } else if (names.size > 0) {
        STR_AUTO(list);
        for (size_t i = 0; i < names.size && list.size < 200; i++)
            str_printf(&list, "%s%s", i > 0 ? ", " : "", names.at[i]);
        error_hint(err, -ENOENT, "%s has %s", fe->d->name, list.at);
    }
    vec_done(&names);
    return -ENOENT;
}

int fe_pick_target(struct frontend *fe, struct error *err)
{
    const char *target = fe->o->target;
    uint64_t index;

    if (!target || !*target) {
        fe->target = fe->stages[fe->stage_count - 1];
        return 0;
    }
    fe->target = find_stage(fe, view_of(target), fe->stage_count);
    if (!fe->target && view_to_u64(view_of(target), &index) && index < fe->stage_count)
        fe->target = fe->stages[index];
    return fe->target ? 0 : no_such_target(fe, target, err);
}

/* ---- sources ---- */

static struct op *image_op(struct frontend *fe, const char *name, const struct source_image *image)
{
    struct op *op = graph_add(fe->g, OP_SOURCE_IMAGE);

    op->u.image.name = name;
    op->u.image.image = image;
    op->title = arena_printf(fe->arena, "FROM %s", name);
    op->where = op->line = NULL;
    return op;
}

static struct op *local_op(struct frontend *fe, const char *name, const struct source *source)
{
    struct op *op = graph_add(fe->g, OP_SOURCE_LOCAL);

    op->u.local = (struct op_source_local){name, source->path, source->ignore, source->ignore_name};
    op->title = arena_printf(fe->arena, "load %s", name);
    return op;
}

struct op *fe_remote_op(struct frontend *fe, const char *name, const struct source *source)
{
    vec_each (have, &fe->g->ops)
        if ((*have)->kind == OP_SOURCE_REMOTE && (*have)->u.remote.remote == source->remote &&
            (*have)->u.remote.tree == source->tree)
            return *have;
    struct op *op = graph_add(fe->g, OP_SOURCE_REMOTE);
    op->u.remote = (struct op_source_remote){name, source->remote, source->tree};
    op->title = arena_printf(fe->arena, "%s %s", source->tree ? "load" : "fetch", name);
    return op;
}

/* An image without layers is scratch. */
static void add_source_op(struct frontend *fe, const char *name, struct fe_source *fs)
{
    if (fs->source.kind == SOURCE_DIRECTORY)
        fs->root.op = local_op(fe, name, &fs->source);
    else if (fs->source.kind == SOURCE_REMOTE)
        fs->root.op = fe_remote_op(fe, fs->source.name, &fs->source);
    else if (fs->source.image->layer_count > 0)
        fs->root.op = image_op(fe, name, fs->source.image);
}

int fe_resolve(struct frontend *fe, const char *name, const struct platform *p,
               struct fe_source **ret, struct error *err)
{
    char platform[PLATFORM_TEXT_MAX];
    cleanup_free char *key = xasprintf("%s %s", platform_format(p, platform), name);
    struct fe_source *fs = map_get(&fe->named, view_of(key));

    if (!fs) {
        fs = arena_new_object(fe->arena, struct fe_source);
        const int r = fe->sources->resolve(fe->sources->ctx, name, p, fe->g, &fs->source, err);
        if (r < 0)
            return r;
        add_source_op(fe, arena_strdup(fe->arena, name), fs);
        map_set(&fe->named, view_of(key), fs);
    }
    *ret = fs;
    return 0;
}

int fe_context(struct frontend *fe, struct fe_source **ret, struct error *err)
{
    if (!fe->context) {
        struct fe_source *fs = arena_new_object(fe->arena, struct fe_source);
        const int r = fe->sources->context(fe->sources->ctx, fe->g, &fs->source, err);
        if (r < 0)
            return r;
        add_source_op(fe, "context", fs);
        fe->context = fs;
    }
    *ret = fe->context;
    return 0;
}

static void warn_of_platform(struct frontend *fe, const struct fe_stage *s,
                             const struct platform *p)
{
    const struct source *source = &s->source->source;
    char is[PLATFORM_TEXT_MAX], want[PLATFORM_TEXT_MAX];

    if (source->kind != SOURCE_IMAGE || !*source->image->config->platform.architecture ||
        platform_rank(p, &source->image->config->platform) >= 0)
        return;
    fe_warn(fe, s->from->words[0].span,
            "InvalidBaseImagePlatform: Base image %s was pulled with platform \"%s\", expected "
            "\"%s\" for current build",
            s->base_name, platform_format(&source->image->config->platform, is),
            platform_format(p, want));
}

static int resolve_base(struct frontend *fe, struct fe_stage *s, struct error *err)
{
    const struct platform *p = platform_of(fe, s);
    struct fe_source *fs;
    const int r = fe_resolve(fe, s->replaced ? s->name : s->base_name, p, &fs, err);

    if (r < 0)
        return source_error_at(err, r, fe->d->name, s->from->words[0].span);
    s->source = fs;
    warn_of_platform(fe, s, p);
    return 0;
}

/* ---- which stages, and triggers ---- */

int fe_find_from(const struct frontend *fe, const struct fe_stage *s, struct view name,
                 struct fe_stage **ret, struct error *err)
{
    cleanup_free char *text = view_dup(name);
    struct fe_stage *from = NULL;
    uint64_t index;
    const int r = find_named_stage(fe, s, text, &from, err);

    *ret = from;
    if (r < 0 || from)
        return r;
    if (view_to_u64(name, &index)) {
        if (index >= fe->stage_count)
            return error_set(err, -EINVAL, "invalid stage index %.*s: there are %zu stages",
                             (int)MIN(name.size, 20u), name.at, fe->stage_count);
        from = fe->stages[index];
    } else {
        from = find_stage(fe, name, fe->stage_count);
    }
    if (!from)
        return 0;
    if (from->index >= s->index)
        return error_set(
            err, -EINVAL,
            "cannot copy from stage '%.*s', it needs to be defined before current stage",
            (int)MIN(name.size, 80u), name.at);
    *ret = from;
    return 0;
}

static int add_triggers(struct frontend *fe, struct fe_stage *s, const struct strings *texts,
                        struct error *err)
{
    struct fe_commands own = s->commands;

    if (texts->size == 0)
        return 0;
    s->commands = (struct fe_commands){0};
    for (size_t i = 0; i < texts->size; i++) {
        struct dockerfile *d = NULL;
        ERROR_AUTO(inner);
        int r = dockerfile_parse(view_of(texts->at[i]), "ONBUILD", &d, &inner);

        if (r == 0)
            vec_push(&fe->triggers, d);
        if (r == 0)
            r = d->instruction_count == 1
                    ? instruction_check(&d->instructions[0], "ONBUILD", &inner)
                    : error_set(&inner, -EINVAL, "a trigger must be one instruction");
        if (r == 0 && !d->instructions[0].row->in_onbuild)
            r = error_set(&inner, -EINVAL, "this instruction may not be a trigger");
        if (r < 0) {
            vec_done(&own);
            error_set(err, r, "trigger '%.80s' of the base '%.80s': %s", texts->at[i], s->base_name,
                      inner.text);
            return source_error_at(err, r, fe->d->name, s->from->words[0].span);
        }
        add_command(s, &d->instructions[0], true);
    }
    vec_each (c, &own)
        vec_push(&s->commands, *c);
    vec_done(&own);
    return 0;
}

/* Triggers of a stage in this file are those of its own lines; it hands none of its base's on. */
static int fire_triggers(struct frontend *fe, struct fe_stage *s, struct error *err)
{
    CLEANUP(strings_done) struct strings texts = {0};

    if (s->source && s->source->source.kind == SOURCE_IMAGE && !s->replaced) {
        const struct strings *onbuild = &s->source->source.image->config->onbuild;
        for (size_t i = 0; i < onbuild->size; i++)
            strings_add(&texts, onbuild->at[i]);
    }
    for (size_t i = 0; s->base && i < s->base->commands.size; i++) {
        STR_AUTO(text);

        if (s->base->commands.at[i].in->kind != INSTRUCTION_ONBUILD)
            continue;
        fe_trigger_text(s->base->commands.at[i].in, &text);
        strings_add(&texts, text.at);
    }
    return add_triggers(fe, s, &texts, err);
}

static int mark_sources(struct frontend *fe, struct fe_stage *s, struct error *err)
{
    if (s->base)
        s->base->needed = true;
    vec_each (c, &s->commands) {
        const struct view from = instruction_flag(c->in, "from");
        cleanup_free char *name = from.size > 0 ? view_dup(from) : NULL;
        struct fe_stage *stage;

        int r = c->in->kind == INSTRUCTION_RUN ? fe_mark_mounts(fe, s, c, err) : 0;
        if (r < 0)
            return r;
        if (c->in->kind != INSTRUCTION_COPY || !name)
            continue;
        r = fe_find_from(fe, s, from, &stage, err);
        if (r < 0)
            return fe_at(fe, s, c, fe_flag_span(c->in, "from"), r, err);
        if (stage)
            stage->needed = true;
    }
    return 0;
}

/* What is wrong without a look at anything else is wrong in stages too that nobody needs. */
static int check_names(const struct frontend *fe, const struct fe_stage *s, struct error *err)
{
    const bool image = !s->base && !s->scratch && !s->replaced && !reference_is_id(s->base_name);
    REFERENCE_AUTO(ref);
    int r = image ? reference_parse(s->base_name, &ref, err) : 0;

    if (r < 0)
        return source_error_at(err, r, fe->d->name, s->from->words[0].span);
    vec_each (c, &s->commands) {
        const struct view from = instruction_flag(c->in, "from");
        struct fe_stage *stage;
        uint64_t index;
        if (c->in->kind != INSTRUCTION_COPY || from.size == 0)
            continue;
        const bool number = view_to_u64(from, &index);
        if (number ? index >= fe->stage_count || index == s->index
                   : find_stage(fe, from, fe->stage_count) == s)
            r = fe_find_from(fe, s, from, &stage, err);
        if (r < 0)
            return fe_at(fe, s, c, fe_flag_span(c->in, "from"), r, err);
    }
    return 0;
}

int fe_mark_needed(struct frontend *fe, struct error *err)
{
    for (size_t i = 0; i < fe->stage_count; i++) {
        const int r = check_names(fe, fe->stages[i], err);
        if (r < 0)
            return r;
    }
    fe->target->needed = true;
    for (size_t i = fe->target->index + 1; i-- > 0;) {
        struct fe_stage *s = fe->stages[i];
        int r = 0;

        if (!s->needed)
            continue;
        if (!s->base && !s->scratch)
            r = resolve_base(fe, s, err);
        if (r == 0)
            r = fire_triggers(fe, s, err);
        if (r == 0)
            r = mark_sources(fe, s, err);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- the beginning of a stage ---- */

/* A directory as a base: its files in one layer. */
static struct op *copy_all(struct frontend *fe, struct fe_stage *s, struct op_ref from)
{
    struct op *op = graph_add(fe->g, OP_FILE);

    (void)graph_add_input(fe->g, op, (struct op_ref){0});
    const uint32_t input = graph_add_input(fe->g, op, from);
    struct file_action *a = graph_add_action(fe->g, op, FILE_COPY);
    a->input = input;
    a->dest_is_dir = true;
    fe_set_portable(fe, a);
    op->title = arena_printf(fe->arena, "FROM %s", s->base_name);
    op->where = arena_printf(fe->arena, "%s:%u", fe->d->name, s->from->span.line);
    op->no_cache = fe->o->no_cache;
    return op;
}

static void set_vars(struct fe_stage *s)
{
    for (size_t i = 0; i < s->config->env.size; i++) {
        struct view rest = view_of(s->config->env.at[i]), name;

        if (!view_cut(&rest, '=', &name))
            continue;
        cleanup_free char *key = view_dup(name);
        pairs_set(&s->vars, key, rest.at ? rest.at : "");
    }
}

static void inherit_stage(struct fe_stage *s)
{
    const struct fe_stage *b = s->base;

    config_clone(b->config, s->config);
    s->root = b->root;
    s->platform = b->platform;
    vec_each (var, &b->vars)
        pairs_set(&s->vars, var->key, var->value);
    vec_each (arg, &b->args)
        vec_push(&s->args, *arg);
}

static void begin_from_nothing(struct fe_stage *s)
{
    config_init(s->config, &s->platform);
    config_set_text(&s->config->workdir, "/"); /* as BuildKit writes it */
}

static void begin_from_source(struct frontend *fe, struct fe_stage *s)
{
    const struct fe_source *fs = s->source;

    if (fs->source.kind != SOURCE_IMAGE) {
        config_init(s->config, &fe->o->platform);
        if (!s->replaced)
            config_set_text(&s->config->workdir, "/"); /* as from nothing */
        s->root.op = copy_all(fe, s, fs->root);
        config_add_history(s->config, NULL, s->from->line.at, "buildkit.dockerfile.v0", false);
        return;
    }
    config_clone(fs->source.image->config, s->config);
    config_set_text(&s->config->created, NULL);
    s->config->diff_ids.size = 0;
    s->root = fs->root;
}

int fe_begin_stage(struct frontend *fe, struct fe_stage *s, struct error *err)
{
    static const char path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    (void)err;
    s->config = arena_new_object(fe->arena, struct image_config);
    if (!s->platform_set)
        s->platform = fe->o->platform;
    if (s->base)
        inherit_stage(s);
    else if (s->scratch)
        begin_from_nothing(s);
    else
        begin_from_source(fe, s);
    s->step += !s->base && !s->scratch;
    if (s->replaced)
        return 0;
    config_set_list(&s->config->onbuild, NULL, 0);
    if (!config_get_env(s->config, "PATH") && !fe_is_windows(s))
        config_set_env(s->config, "PATH", path);
    set_vars(s); /* over those that the stage below had: an ARG of it hides no ENV here */
    return 0;
}

void fe_free_stage(struct fe_stage *s)
{
    pairs_done(&s->vars);
    vec_done(&s->args);
    vec_done(&s->commands);
}
