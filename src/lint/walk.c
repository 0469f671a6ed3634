/* walk.c - the stages and what holds in them, and the one walk that calls every check. */
#include <ctype.h>

#include "dockerfile/mount.h"
#include "lint/internal.h"
#include "lint/run.h"

#define VARS_MAX                                                                                   \
    4096 /* a look-up goes no further back: nobody declares more, and each asks in turn */

const struct lint_var *lint_var_find(const struct lint_scope *scope, struct view name)
{
    size_t left = VARS_MAX;

    for (const struct lint_var *v = scope->vars; v && left > 0; v = v->before, left--)
        if (view_eq(v->name, name))
            return v;
    return NULL;
}

static void lower_name(struct view name, struct str *ret)
{
    str_clear(ret);
    str_add(ret, name);
    for (size_t i = 0; i < ret->size; i++)
        ret->at[i] = (char)tolower((unsigned char)ret->at[i]);
}

const struct lint_stage *lint_stage_find(const struct lint *l, struct view name, size_t before)
{
    uint64_t number;
    STR_AUTO(lower);

    before = MIN(before, l->stage_count);
    if (view_to_u64(name, &number))
        return number < before ? &l->stages[number] : NULL;
    lower_name(name, &lower);
    const struct lint_stage *s = map_get(&l->names, str_view(&lower));
    while (s && s->index >= before)
        s = s->namesake;
    return s;
}

const struct image_config *lint_stored_base(const struct lint *l, const struct lint_stage *s)
{
    while (s->parent)
        s = s->parent;
    if (!l->options->stored || !s->from || lint_has_variable(s->image) ||
        view_eq_text(s->image, "scratch"))
        return NULL;
    return l->options->stored(l->options->stored_ctx, s->image);
}

struct view lint_unquote(struct view v)
{
    if (v.size >= 2 && (v.at[0] == '"' || v.at[0] == '\'') && v.at[v.size - 1] == v.at[0])
        return view_make(v.at + 1, v.size - 2);
    return v;
}

bool lint_has_variable(struct view v)
{
    return v.size > 0 && memchr(v.at, '$', v.size);
}

bool lint_view_in(struct view v, const char *const *names)
{
    for (; *names; names++)
        if (view_eq_nocase(v, *names))
            return true;
    return false;
}

struct span lint_flag_span(const struct instruction *in, const char *name)
{
    for (size_t i = 0; i < in->flag_count; i++)
        if (view_eq_text(in->flags[i].name, name))
            return in->flags[i].span;
    return in->keyword_span;
}

const struct mount_spec *lint_mounts(const struct lint *l, const struct instruction *in,
                                     size_t *ret_count)
{
    struct mount_spec *list = arena_alloc(l->arena, (in->flag_count + 1) * sizeof(*list));

    *ret_count = 0;
    for (size_t i = 0; i < in->flag_count; i++)
        if (view_eq_text(in->flags[i].name, "mount") &&
            mount_parse(in->flags[i].value, NULL, l->arena, &list[*ret_count], NULL) == 0)
            ++*ret_count;
    return list;
}

/* ---- what stages hand on ---- */

static void mark(const struct lint *l, bool *marks, size_t reader, struct view name)
{
    const struct lint_stage *from = name.size > 0 ? lint_stage_find(l, name, reader) : NULL;

    if (from && marks[reader])
        marks[from->index] = true;
}

void lint_stages_with(const struct lint *l,
                      bool (*has)(const struct lint_stage *s, const void *ctx), const void *ctx,
                      bool *ret)
{
    bool *below = xcalloc(l->stage_count + 1, sizeof(*below));

    for (size_t i = 0; i < l->stage_count; i++)
        ret[i] = below[i] =
            has(&l->stages[i], ctx) || (l->stages[i].parent && ret[l->stages[i].parent->index]);
    for (size_t i = l->stage_count; i-- > 0;) {
        const struct lint_stage *s = &l->stages[i];
        if (s->parent && below[i])
            below[s->parent->index] = true;
        for (size_t k = 0; k < s->count; k++)
            if (s->at[k].kind == INSTRUCTION_COPY && instruction_flag(&s->at[k], "from").at)
                mark(l, below, i, instruction_flag(&s->at[k], "from"));
    }
    for (size_t i = 0; i < l->stage_count; i++)
        ret[i] |= below[i];
    free(below);
}

/* ---- stages ---- */

static void read_from(struct lint_stage *s, const struct instruction *from)
{
    s->from = from;
    if (from->word_count > 0)
        s->image = lint_unquote(from->words[0].text);
    if (from->word_count >= 3 && view_eq_nocase(from->words[1].text, "as"))
        s->name = from->words[2].text;
}

/* The first is what stands before the first FROM. */
static void cut_stages(struct lint *l)
{
    const struct dockerfile *d = l->d;
    size_t count = 0;

    for (size_t i = 0; i < d->instruction_count; i++)
        count += d->instructions[i].kind == INSTRUCTION_FROM;
    struct lint_stage *all = arena_alloc(l->arena, (count + 1) * sizeof(*all)), *s = all;
    s->index = SIZE_MAX;
    s->at = d->instructions;
    for (size_t i = 0; i < d->instruction_count; i++) {
        const struct instruction *in = &d->instructions[i];
        if (in->kind != INSTRUCTION_FROM) {
            s->count++;
            continue;
        }
        s++;
        s->index = (size_t)(s - all) - 1;
        s->at = in + 1;
        read_from(s, in);
    }
    s->final = s->used = true;
    l->preamble = all;
    l->stages = all + 1;
    l->stage_count = count;
}

/* A number is no name in FROM (BuildKit). */
static void name_stages(struct lint *l)
{
    STR_AUTO(lower);
    uint64_t number;

    for (size_t i = 0; i < l->stage_count; i++) {
        struct lint_stage *s = &l->stages[i];

        if (!view_to_u64(s->image, &number))
            s->parent = lint_stage_find(l, s->image, i);
        if (s->name.size == 0)
            continue;
        lower_name(s->name, &lower);
        s->namesake = map_get(&l->names, str_view(&lower));
        map_set(&l->names, str_view(&lower), s);
    }
}

static void use(struct lint *l, struct view name, size_t before)
{
    const struct lint_stage *s = name.size > 0 ? lint_stage_find(l, name, before) : NULL;

    if (s)
        l->stages[s->index].used = true;
}

/* From the last stage up: what nothing of them needs is never built. */
static void mark_used(struct lint *l)
{
    for (size_t i = l->stage_count; i-- > 0;) {
        struct lint_stage *s = &l->stages[i];

        if (s->parent)
            l->stages[s->parent->index].extended = true;
        if (!s->used)
            continue;
        if (s->parent)
            l->stages[s->parent->index].used = true;
        for (size_t j = 0; j < s->count; j++) {
            size_t count = 0;
            if (s->at[j].kind == INSTRUCTION_COPY)
                use(l, instruction_flag(&s->at[j], "from"), i);
            if (s->at[j].kind != INSTRUCTION_RUN || s->at[j].flag_count == 0)
                continue;
            const struct mount_spec *mounts = lint_mounts(l, &s->at[j], &count);
            for (size_t k = 0; k < count; k++)
                use(l, view_of(mounts[k].from), i);
        }
    }
}

/* ---- what an instruction changes ---- */

static void declare(struct lint *l, struct lint_scope *scope, const struct instruction *in,
                    struct view name, struct view value)
{
    struct lint_var *v = arena_new_object(l->arena, struct lint_var);

    *v = (struct lint_var){name, value, in, in->kind == INSTRUCTION_ARG, scope->vars};
    scope->vars = v;
}

static void declare_args(struct lint *l, struct lint_scope *scope, const struct instruction *in)
{
    for (size_t i = 0; i < in->word_count; i++) {
        struct view value = in->words[i].text, name;

        (void)view_cut(&value, '=', &name);
        declare(l, scope, in, lint_unquote(name), value);
    }
}

bool lint_path_is_absolute(struct view path)
{
    path = lint_unquote(path);
    if (path.size > 0 && (path.at[0] == '"' || path.at[0] == '\''))
        path = view_make(path.at + 1, path.size - 1);
    if (path.size > 0 && (path.at[0] == '/' || path.at[0] == '\\' || path.at[0] == '$'))
        return true;
    return path.size > 1 && isalpha((unsigned char)path.at[0]) && path.at[1] == ':';
}

static void advance(struct lint *l, struct lint_stage *s, const struct instruction *in)
{
    struct lint_scope *scope = &s->scope;

    switch ((int)in->kind) {
    case INSTRUCTION_ARG:
        declare_args(l, scope, in);
        break;
    case INSTRUCTION_ENV:
        for (size_t i = 0; i + 2 < in->word_count; i += 3)
            declare(l, scope, in, lint_unquote(in->words[i].text), in->words[i + 1].text);
        break;
    case INSTRUCTION_ONBUILD:
        if (in->trigger && in->trigger->kind == INSTRUCTION_WORKDIR)
            scope->workdir = in->trigger; /* of the triggers that come behind it */
        break;
    case INSTRUCTION_WORKDIR:
        scope->workdir = in;
        scope->workdir_absolute |= in->word_count > 0 && lint_path_is_absolute(in->words[0].text);
        break;
    case INSTRUCTION_USER:
        scope->user = in;
        break;
    case INSTRUCTION_SHELL:
        scope->shell = in;
        scope->pragma_shell = VIEW("");
        break;
    case INSTRUCTION_CMD:
        s->cmd = in;
        break;
    case INSTRUCTION_ENTRYPOINT:
        s->entrypoint = in;
        break;
    case INSTRUCTION_HEALTHCHECK:
        s->health = in;
        break;
    default:
        break;
    }
}

/* ---- the walk ---- */

static bool take(struct lint *l, const struct lint_row *row)
{
    l->row = row;
    return l->levels[lint_row_number(row)] != LINT_IGNORE;
}

void lint_walk_run(struct lint *l, const struct linter *linter, const struct lint_stage *s,
                   const struct instruction *in)
{
    const struct lint_run *run = lint_run_get(l, s, in);

    for (size_t i = 0; i < linter->runs.size; i++)
        if (take(l, linter->runs.at[i]))
            linter->runs.at[i]->run(l, run);
}

static void call_checks(struct lint *l, const struct linter *linter, struct lint_stage *s,
                        const struct instruction *in)
{
    const struct instruction *inner = in->trigger ? in->trigger : in;
    const unsigned kinds = 1u << in->kind | 1u << inner->kind;
    const struct view shell = pragmas_shell(in);

    if (shell.size > 0)
        s->scope.pragma_shell = shell;
    for (size_t i = 0; i < linter->instructions.size; i++) {
        const struct lint_row *row = linter->instructions.at[i];
        if ((row->kinds & kinds) && take(l, row))
            row->instruction(l, s, row->kinds & 1u << in->kind ? in : inner);
    }
    if (inner->kind == INSTRUCTION_RUN)
        lint_walk_run(l, linter, s, in);
}

static void walk_stage(struct lint *l, const struct linter *linter, struct lint_stage *s)
{
    l->stage = s;
    if (s->parent)
        s->scope = s->parent->scope;
    if (s->from)
        call_checks(l, linter, s, s->from);
    for (size_t i = 0; i < s->count; i++) {
        call_checks(l, linter, s, &s->at[i]);
        advance(l, s, &s->at[i]);
    }
    for (size_t i = 0; i < linter->stages.size; i++)
        if (take(l, linter->stages.at[i]))
            linter->stages.at[i]->stage(l, s);
}

void lint_walk(struct lint *l, const struct linter *linter)
{
    cut_stages(l);
    name_stages(l);
    mark_used(l);
    walk_stage(l, linter, l->preamble);
    for (size_t i = 0; i < l->stage_count; i++)
        walk_stage(l, linter, &l->stages[i]);
    l->stage = NULL;
    for (size_t i = 0; i < linter->files.size; i++)
        if (take(l, linter->files.at[i]))
            linter->files.at[i]->file(l);
    map_done(&l->names);
    map_done(&l->args);
}
