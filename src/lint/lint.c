/* lint.c - from options to what each rule does, from a text to its sorted findings. */
#include "lint/lint.h"

#include "lint/facts_host.h"
#include "lint/facts_run.h"
#include <ctype.h>

#include "lint/exceptions.h"
#include "lint/internal.h"
#include "lint/recipe.h"

static const char *const level_names[] = {"ignore", "style", "info", "warning", "error"};

const char *lint_level_name(enum lint_level level)
{
    return level_names[level];
}

bool lint_level_find(struct view name, enum lint_level *ret)
{
    for (size_t i = 0; i < ARRAY_SIZE(level_names); i++) {
        if (!view_eq_nocase(name, level_names[i]))
            continue;
        *ret = (enum lint_level)i;
        return true;
    }
    return false;
}

void lint_report_done(struct lint_report *r)
{
    vec_done(r);
    dockerfile_free(r->dockerfile);
    arena_free(r->arena);
    *r = (struct lint_report){0};
}

/* ---- the linter ---- */

static struct view lower(struct view name, struct str *ret)
{
    str_clear(ret);
    str_add(ret, name);
    for (size_t i = 0; i < ret->size; i++)
        ret->at[i] = (char)tolower((unsigned char)ret->at[i]);
    return str_view(ret);
}

static const struct pick *pick_of(const struct linter *l, const char *name)
{
    STR_AUTO(key);

    return name && l->named.size > 0 ? map_get(&l->named, lower(view_of(name), &key)) : NULL;
}

/* DL9999 of a list that was written for another version is harmless, as in hadolint. */
static void read_overrides(struct linter *l)
{
    STR_AUTO(key);

    for (size_t i = 0; i < l->options.override_count; i++) {
        const struct lint_override *o = &l->options.overrides[i];
        struct pick *p = map_get(&l->named, lower(view_of(o->name), &key));

        if (!p) {
            p = xcalloc(1, sizeof(*p));
            map_set(&l->named, str_view(&key), p);
        }
        p->last = i + 1;
        if (!o->on)
            p->level = i + 1;
        if (!o->on && o->level == LINT_IGNORE)
            p->off = i + 1;
    }
}

/* The latest override of any of the row's names; off: of those that switch it off. */
static size_t latest(const struct linter *l, const struct lint_row *row, bool off)
{
    const struct pick *p[2 + ARRAY_SIZE(row->aliases)] = {pick_of(l, row->id),
                                                          pick_of(l, row->name)};
    size_t ret = 0;

    for (size_t i = 0; i < ARRAY_SIZE(row->aliases); i++)
        p[2 + i] = pick_of(l, row->aliases[i]);
    for (size_t i = 0; i < ARRAY_SIZE(p); i++)
        if (p[i])
            ret = MAX(ret, off ? p[i]->off : p[i]->last);
    return ret;
}

/* Whoever switches a rule off does so with the one that it covers. */
static void apply_overrides(struct linter *l)
{
    const struct lint_row *row;

    read_overrides(l);
    for (size_t i = 0; l->named.size > 0 && (row = lint_row_at(i)); i++) {
        const struct lint_row *cover = lint_row_cover(row);
        const size_t own = latest(l, row, false), covered = cover ? latest(l, cover, true) : 0,
                     number = MAX(own, covered);

        if (number == 0)
            continue;
        const struct lint_override *o = &l->options.overrides[number - 1];
        l->levels[i] = o->on ? row->level : o->level;
    }
}

static void sort_checks(struct linter *l)
{
    const struct lint_row *row;

    /* a row that is off may be set free by a file's own "# check=experimental=" */
    for (size_t i = 0; (row = lint_row_at(i)); i++) {
        if (row->file)
            vec_push(&l->files, row);
        if (row->stage)
            vec_push(&l->stages, row);
        if (row->instruction)
            vec_push(&l->instructions, row);
        if (row->run)
            vec_push(&l->runs, row);
    }
}

static bool is_of_bench(const struct lint_row *row)
{
    for (size_t i = 0; i < ARRAY_SIZE(row->aliases); i++)
        if (row->aliases[i] && strncmp(row->aliases[i], "DB-", 3) == 0)
            return true;
    return false;
}

struct linter *linter_new(const struct lint_options *options)
{
    struct linter *l = xcalloc(1, sizeof(*l));
    const struct lint_row *row;

    l->options = *options;
    l->levels = xcalloc(lint_row_count(), sizeof(*l->levels));
    for (size_t i = 0; (row = lint_row_at(i)); i++)
        l->levels[i] = row->off && !(options->audit && is_of_bench(row)) ? LINT_IGNORE : row->level;
    apply_overrides(l);
    sort_checks(l);
    return l;
}

void linter_free(struct linter *l)
{
    if (!l)
        return;
    free(l->levels);
    map_each (item, &l->named)
        free(item->value);
    map_done(&l->named);
    vec_done(&l->files);
    vec_done(&l->stages);
    vec_done(&l->instructions);
    vec_done(&l->runs);
    free(l);
}

void linter_next(struct linter *l, const struct ignore *ignore, const struct lint_context *sent,
                 const char *path)
{
    l->options.ignore = ignore;
    l->options.sent = sent;
    l->options.path = path;
}

/* ---- findings ---- */

static struct lint_finding *add(struct lint *l, struct span span, const char *fmt, va_list ap)
{
    STR_AUTO(text);

    if (l->report->size >= LINT_FINDINGS_MAX) {
        l->report->cut = true;
        return NULL;
    }
    str_vprintf(&text, fmt, ap);
    vec_push(l->report,
             (struct lint_finding){
                 .row = l->row,
                 .code = lint_row_code(l->row),
                 .level = l->levels[lint_row_number(l->row)],
                 .span = span,
                 .stage = l->stage && l->stage->from ? (uint32_t)l->stage->index : l->unit,
                 .text = arena_strndup(l->arena, text.at, text.size),
             });
    return vec_last(l->report);
}

void lint_add(struct lint *l, struct span span, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)add(l, span, fmt, ap);
    va_end(ap);
}

void lint_add_place(struct lint *l, const char *place, struct span span, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    struct lint_finding *f = add(l, span, fmt, ap);
    va_end(ap);
    if (f)
        f->place = arena_strdup(l->arena, place);
}

void lint_add_edit(struct lint *l, struct span span, struct span replace, const char *text,
                   const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    struct lint_finding *f = add(l, span, fmt, ap);
    va_end(ap);
    if (!f)
        return;
    struct lint_edit *edit = arena_new_object(l->arena, struct lint_edit);
    *edit = (struct lint_edit){replace, arena_strdup(l->arena, text)};
    f->edits = edit;
    f->edit_count = 1;
}

/* Only overrides know codes that are no rows. */
static enum lint_level level_of_code(const struct lint *l, const char *code, enum lint_level level)
{
    const struct pick *p = pick_of(l->linter, code);

    return p && p->level ? l->options->overrides[p->level - 1].level : level;
}

void lint_add_code(struct lint *l, struct span span, const char *code, enum lint_level level,
                   const char *fmt, ...)
{
    const enum lint_level moved = level_of_code(l, code, level);
    va_list ap;

    if (moved == LINT_IGNORE)
        return;
    va_start(ap, fmt);
    struct lint_finding *f = add(l, span, fmt, ap);
    va_end(ap);
    if (!f)
        return;
    f->code = arena_strdup(l->arena, code);
    f->level = moved;
}

static int compare(const void *a, const void *b)
{
    const struct lint_finding *x = a, *y = b;

    if (x->place && y->place) {
        if (x->level != y->level)
            return x->level > y->level ? -1 : 1;
        const int code = strcmp(x->code, y->code);
        if (code)
            return code;
    }
    if (x->span.line != y->span.line)
        return x->span.line < y->span.line ? -1 : 1;
    if (x->span.column != y->span.column)
        return x->span.column < y->span.column ? -1 : 1;
    int r = strcmp(x->code, y->code);
    if (r == 0 && x->place && y->place)
        r = strcmp(x->place, y->place);
    return r ? r : strcmp(x->text, y->text);
}

/* The rule that says it better fired in the same stage. */
static bool is_covered(const struct lint_report *r, const struct lint_finding *f)
{
    if (!f->row->covered_by[0])
        return false;
    vec_each (x, r)
        for (size_t i = 0; i < ARRAY_SIZE(f->row->covered_by) && f->row->covered_by[i]; i++)
            if (x->stage == f->stage && strcmp(x->row->id, f->row->covered_by[i]) == 0)
                return true;
    return false;
}

static void drop_covered(struct lint_report *r)
{
    bool *covered = xcalloc(r->size + 1, sizeof(*covered));
    size_t kept = 0;

    for (size_t i = 0; i < r->size; i++)
        covered[i] = is_covered(r, &r->at[i]);
    for (size_t i = 0; i < r->size; i++)
        if (!covered[i])
            r->at[kept++] = r->at[i];
    r->size = kept;
    free(covered);
}

static void drop_taken(const struct linter *l, struct lint_report *r)
{
    const struct view path = view_of(l->options.path ? l->options.path : "");
    size_t kept = 0;

    for (size_t i = 0; i < r->size; i++)
        if (!lint_exceptions_take(l->options.exceptions, path, &r->at[i]))
            r->at[kept++] = r->at[i];
    r->size = kept;
}

/* Behind all others, and in a place of its own. */
static void tell_cut(const struct linter *l, struct lint_report *r)
{
    const struct lint_row *row = lint_row_find(VIEW("CP100"));
    const enum lint_level level = l->levels[lint_row_number(row)];

    if (level == LINT_IGNORE)
        return;
    vec_push(r, (struct lint_finding){
                    .row = row,
                    .code = row->id,
                    .level = level,
                    .stage = UINT32_MAX,
                    .text = arena_printf(r->arena,
                                         "there are more than %d findings: the others are not "
                                         "shown",
                                         LINT_FINDINGS_MAX),
                });
}

static void sort(const struct linter *l, struct lint_report *r)
{
    if (l->options.exceptions)
        drop_taken(l, r);
    if (!l->options.raw)
        drop_covered(r);
    if (r->size > 0)
        qsort(r->at, r->size, sizeof(*r->at), compare);
    if (r->cut)
        tell_cut(l, r);
}

static void tidy(const struct linter *l, struct pragmas *p, struct lint_report *r)
{
    size_t kept = 0;

    for (size_t i = 0; i < r->size; i++)
        if (!pragmas_ignore(p, &r->at[i]))
            r->at[kept++] = r->at[i];
    r->size = kept;
    sort(l, r);
}

/* ---- a file ---- */

/* The rules as this file has them: "# check=experimental=" sets some free. */
static const enum lint_level *levels_of(const struct linter *l, const struct pragmas *p,
                                        struct arena *arena)
{
    const struct lint_row *row;
    enum lint_level *copy = NULL;

    for (size_t i = 0; (row = lint_row_at(i)); i++) {
        if (l->levels[i] != LINT_IGNORE || !row->off || !pragmas_switch_on(p, row))
            continue;
        if (!copy) {
            copy = arena_alloc(arena, lint_row_count() * sizeof(*copy));
            memcpy(copy, l->levels, lint_row_count() * sizeof(*copy));
        }
        copy[i] = row->level;
    }
    return copy ? copy : l->levels;
}

void lint_dockerfile(const struct linter *l, const struct dockerfile *d, struct lint_report *ret)
{
    if (!ret->arena)
        ret->arena = arena_new();
    struct pragmas *p = pragmas_read(d, &l->options, ret->arena);
    struct lint walk = {
        .d = d,
        .linter = l,
        .options = &l->options,
        .arena = ret->arena,
        .levels = levels_of(l, p, ret->arena),
        .unit = UINT32_MAX,
        .report = ret,
    };
    lint_walk(&walk, l);
    tidy(l, p, ret);
}

/* What stops the parser, at its place. */
static void add_failure(const struct linter *l, const struct error *e, const char *name,
                        struct lint_report *ret)
{
    static const char code[] = "DL1000";
    struct lint walk = {.linter = l,
                        .options = &l->options,
                        .levels = l->levels,
                        .unit = UINT32_MAX,
                        .arena = ret->arena,
                        .report = ret,
                        .row = lint_row_find(VIEW("DL1000"))};
    struct span span = {1, 1, 1, 1};

    if (e->where)
        (void)!source_where(e->where, name, &span);
    if (l->levels[lint_row_number(walk.row)] != LINT_IGNORE)
        lint_add_code(&walk, span, code, l->levels[lint_row_number(walk.row)], "%s%s%s", e->text,
                      e->hint ? "; " : "", e->hint ? e->hint : "");
    sort(l, ret);
}

void lint_text(const struct linter *l, struct view text, const char *name, struct lint_report *ret)
{
    ERROR_AUTO(e);

    ret->arena = arena_new();
    if (dockerfile_parse(text, name, &ret->dockerfile, &e) < 0)
        add_failure(l, &e, name, ret);
    else
        lint_dockerfile(l, ret->dockerfile, ret);
}

/* ---- an audit ---- */

/* A check passed unless it found something, or answered why it did not look. */
static void ask_host(struct lint *l, const struct lint_row *row, const struct host_facts *f)
{
    struct host_answer *a = f->answers ? &f->answers[lint_row_number(row)] : NULL;
    const size_t before = l->report->size;

    if (a)
        *a = (struct host_answer){.verdict = HOST_PASSED};
    row->host(l, f);
    if (a && l->report->size > before)
        *a = (struct host_answer){.verdict = HOST_FAILED};
}

static void ask(struct lint *l, const struct lint_row *row, const struct lint_facts *f)
{
    l->row = row;
    if (row->image && f->image)
        row->image(l, f->image);
    if (row->runtime && f->run && (!f->run->exec || (row->where & LINT_EXEC)))
        row->runtime(l, f->run);
    if (row->host && f->host)
        ask_host(l, row, f->host);
}

void lint_audit(const struct linter *l, const struct lint_facts *facts, size_t count,
                struct lint_report *ret)
{
    struct lint walk = {.linter = l, .options = &l->options, .levels = l->levels, .report = ret};
    const struct lint_row *row;

    if (!ret->arena)
        ret->arena = arena_new();
    walk.arena = ret->arena;
    for (size_t i = 0; i < count; i++) {
        walk.unit = (uint32_t)i;
        if (facts[i].image)
            lint_recipe(&walk, l, facts[i].image);
        for (size_t k = 0; (row = lint_row_at(k)); k++)
            if (l->levels[k] != LINT_IGNORE)
                ask(&walk, row, &facts[i]);
    }
    sort(l, ret);
}
