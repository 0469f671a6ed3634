#include "distro/closure.h"

#include <errno.h>

void closure_init(struct closure *c, struct packages *set)
{
    *c = (struct closure){.set = set, .taken = xcalloc(packages_count(set) + 1, sizeof(bool))};
}

void closure_done(struct closure *c)
{
    free(c->taken);
    vec_done(c);
    c->taken = NULL;
}

static bool is_taken(const struct closure *c, const struct package *p)
{
    return c->taken[packages_number(c->set, p)];
}

bool closure_has(const struct closure *c, struct view name)
{
    const struct package *p = packages_find(c->set, name);

    return p && is_taken(c, p);
}

static void take(struct closure *c, const struct package *p, bool automatic)
{
    c->taken[packages_number(c->set, p)] = true;
    vec_push(c, (struct choice){p, automatic, c->phase});
}

static void drop_to(struct closure *c, size_t size)
{
    while (c->size > size)
        c->taken[packages_number(c->set, c->at[--c->size].package)] = false;
}

/* ---- does a package answer a term ---- */

/* "foo:any" is answered by a package that says it may be used by other architectures; another
 * architecture's name never, for there is but one. */
static bool qualifier_fits(const struct closure *c, const struct term *t, const struct package *p)
{
    if (t->qualifier.size == 0 || view_eq_text(t->qualifier, "native"))
        return true;
    if (view_eq_text(t->qualifier, "any"))
        return view_eq_text(p->multi_arch, "allowed");
    return view_eq_text(t->qualifier, packages_architecture(c->set));
}

static bool itself_answers(const struct closure *c, const struct term *t, const struct package *p)
{
    return view_eq(p->name, t->name) && qualifier_fits(c, t, p) &&
           version_satisfies(p->version, t->relation, t->version);
}

/* A bound is only answered by a provision with a version (policy 7.5). */
static bool provision_answers(const struct term *t, const struct package *p)
{
    struct view rest = p->provides, group;
    struct term have;

    if (t->qualifier.size != 0)
        return false;
    while (relation_next(&rest, &group)) {
        if (relation_term(&group, &have, NULL) <= 0 || !view_eq(have.name, t->name))
            continue;
        if (t->relation == VERSION_ANY ||
            (have.relation == VERSION_EQUAL &&
             version_satisfies(have.version, t->relation, t->version)))
            return true;
    }
    return false;
}

/* ---- what excludes what ---- */

/* The first chosen package that field of p rules out, or NULL. A package never excludes itself, so
 * that "Provides: mta, Conflicts: mta" works. */
static const struct package *excluded_by_field(const struct closure *c, const struct package *p,
                                               struct view field)
{
    struct view group;
    struct term t;

    while (relation_next(&field, &group)) {
        if (relation_term(&group, &t, NULL) <= 0)
            continue;
        const struct package *q = packages_find(c->set, t.name);
        const uint32_t *who;

        if (q && q != p && is_taken(c, q) && itself_answers(c, &t, q))
            return q;
        const size_t n = packages_providers(c->set, t.name, &who);
        for (size_t i = 0; i < n; i++) {
            q = packages_at(c->set, who[i]);
            if (q != p && is_taken(c, q) && provision_answers(&t, q))
                return q;
        }
    }
    return NULL;
}

static const struct package *excluded_by(const struct closure *c, const struct package *p)
{
    const struct package *q = excluded_by_field(c, p, p->conflicts);

    return q ? q : excluded_by_field(c, p, p->breaks);
}

static bool field_excludes(const struct closure *c, struct view field, const struct package *p)
{
    struct view group;
    struct term t;

    while (relation_next(&field, &group))
        if (relation_term(&group, &t, NULL) > 0 &&
            (itself_answers(c, &t, p) || provision_answers(&t, p)))
            return true;
    return false;
}

/* The chosen package that p cannot be beside, or NULL. */
static const struct package *excluded(const struct closure *c, const struct package *p)
{
    const struct package *q = excluded_by(c, p);

    for (size_t i = 0; !q && i < c->size; i++) {
        const struct package *o = c->at[i].package;

        if (o != p && (field_excludes(c, o->conflicts, p) || field_excludes(c, o->breaks, p)))
            q = o;
    }
    return q;
}

/* ---- choosing ---- */

struct walk {
    struct closure *c;
    unsigned depth;
};

static int solve(struct walk *w, const struct package *p, struct error *err);

static bool group_answered(const struct closure *c, struct view group)
{
    struct term t;

    while (relation_term(&group, &t, NULL) > 0) {
        const struct package *p = packages_find(c->set, t.name);
        const uint32_t *who;

        if (c->leave_out && c->leave_out(t.name))
            return true;
        if (p && is_taken(c, p) && itself_answers(c, &t, p))
            return true;
        const size_t n = packages_providers(c->set, t.name, &who);
        for (size_t i = 0; i < n; i++) {
            p = packages_at(c->set, who[i]);
            if (is_taken(c, p) && provision_answers(&t, p))
                return true;
        }
    }
    return false;
}

/* Takes p with all it needs, or leaves everything as it was. */
static int try_package(struct walk *w, const struct package *p, struct error *err)
{
    const size_t before = w->c->size;
    const struct package *q = excluded(w->c, p);

    if (q)
        return error_set(err, -EINVAL, "'%.*s' cannot be beside '%.*s'", VIEW_ARG(p->name),
                         VIEW_ARG(q->name));
    take(w->c, p, true);
    const int r = solve(w, p, err);

    if (r < 0)
        drop_to(w->c, before);
    return r;
}

/* Tries one package after the other; the first failure is kept for the message, later ones go. */
static int try_next(struct walk *w, const struct package *p, struct error *first)
{
    ERROR_AUTO(later);

    return try_package(w, p, first->code ? &later : first);
}

static int try_term(struct walk *w, const struct term *t, struct error *first)
{
    const struct package *p = packages_find(w->c->set, t->name);
    const uint32_t *who;
    int r = -ENOENT;

    if (p && itself_answers(w->c, t, p))
        r = try_next(w, p, first);
    if (r >= 0 || r == -EDQUOT)
        return r;
    const size_t n = packages_providers(w->c->set, t->name, &who);
    for (size_t i = 0; r < 0 && r != -EDQUOT && i < n; i++) {
        const struct package *q = packages_at(w->c->set, who[i]);

        if (q != p && provision_answers(t, q))
            r = try_next(w, q, first);
    }
    return r;
}

static int solve_group(struct walk *w, const struct package *p, struct view group,
                       struct error *err)
{
    struct view rest = group;
    struct term t;
    ERROR_AUTO(first);
    int r = -ENOENT, parsed;

    if (group_answered(w->c, group))
        return 0;
    while (r < 0 && r != -EDQUOT && (parsed = relation_term(&rest, &t, err)) != 0) {
        if (parsed < 0)
            return error_wrap(err, parsed, "package '%.*s'", VIEW_ARG(p->name));
        r = try_term(w, &t, &first);
    }
    if (r >= 0)
        return 0;
    if (first.code) {
        error_move(err, &first);
        return error_wrap(err, r == -EDQUOT ? r : -EINVAL, "'%.*s' needs '%.*s'", VIEW_ARG(p->name),
                          (int)MIN(group.size, 120), group.at);
    }
    return error_set(err, -EINVAL, "'%.*s' needs '%.*s', which no source has", VIEW_ARG(p->name),
                     (int)MIN(group.size, 120), group.at);
}

static int solve_field(struct walk *w, const struct package *p, struct view field,
                       struct error *err)
{
    struct view group;
    size_t count = 0;

    while (relation_next(&field, &group)) {
        if (++count > RELATION_TERMS_MAX)
            return error_set(err, -EDQUOT, "'%.*s' has more than %d dependencies",
                             VIEW_ARG(p->name), RELATION_TERMS_MAX);
        const int r = solve_group(w, p, group, err);

        if (r < 0)
            return r;
    }
    return 0;
}

static int solve(struct walk *w, const struct package *p, struct error *err)
{
    if (w->depth >= CLOSURE_DEPTH_MAX)
        return error_set(err, -EDQUOT, "dependencies of '%.*s' are nested deeper than %d",
                         VIEW_ARG(p->name), CLOSURE_DEPTH_MAX);
    w->depth++;
    int r = solve_field(w, p, p->pre_depends, err);

    if (r >= 0)
        r = solve_field(w, p, p->depends, err);
    w->depth--;
    return r;
}

/* A name that only others provide means its one provider, as apt-get has it. */
static int find_root(const struct closure *c, struct view name, const struct package **ret,
                     struct error *err)
{
    const uint32_t *who;

    *ret = packages_find(c->set, name);
    if (*ret)
        return 0;
    const size_t n = packages_providers(c->set, name, &who);

    if (n == 1) {
        *ret = packages_at(c->set, who[0]);
        return 0;
    }
    error_set(err, -ENOENT,
              n ? "package '%.*s' is provided by several others: name one of them"
                : "package '%.*s' is in none of the sources",
              (int)MIN(name.size, 80), name.at);
    return -ENOENT;
}

int closure_add(struct closure *c, const struct view *names, size_t count, struct error *err)
{
    const size_t begin = c->size;
    struct walk w = {c, 0};

    for (size_t i = 0; i < count; i++) {
        const struct package *p;
        int r = find_root(c, names[i], &p, err);

        if (r < 0)
            return r;
        if (is_taken(c, p))
            continue;
        const struct package *q = excluded(c, p);
        if (q)
            return error_set(err, -EINVAL, "'%.*s' cannot be beside '%.*s'", VIEW_ARG(p->name),
                             VIEW_ARG(q->name));
        take(c, p, false);
    }
    const size_t roots = c->size;

    for (size_t i = begin; i < roots; i++) {
        const int r = solve(&w, c->at[i].package, err);

        if (r < 0)
            return r;
    }
    c->phase++;
    return 0;
}

int closure_check(const struct closure *c, struct error *err)
{
    for (size_t i = 0; i < c->size; i++) {
        const struct package *q = excluded_by(c, c->at[i].package);

        if (q)
            return error_set(err, -EINVAL, "'%.*s' cannot be beside '%.*s'",
                             VIEW_ARG(c->at[i].package->name), VIEW_ARG(q->name));
    }
    return 0;
}

/* ---- order ---- */

struct ordering {
    const struct closure *c;
    const struct package **out;
    size_t count;
    bool *met; /* by number */
};

static void visit(struct ordering *o, const struct package *p, unsigned depth);

static void visit_field(struct ordering *o, struct view field, unsigned depth)
{
    struct view group;
    struct term t;

    while (relation_next(&field, &group))
        while (relation_term(&group, &t, NULL) > 0) {
            const struct package *p = packages_find(o->c->set, t.name);
            const uint32_t *who;

            if (p && is_taken(o->c, p) && itself_answers(o->c, &t, p))
                visit(o, p, depth);
            const size_t n = packages_providers(o->c->set, t.name, &who);
            for (size_t i = 0; i < n; i++) {
                p = packages_at(o->c->set, who[i]);
                if (is_taken(o->c, p) && provision_answers(&t, p))
                    visit(o, p, depth);
            }
        }
}

static void visit(struct ordering *o, const struct package *p, unsigned depth)
{
    bool *met = &o->met[packages_number(o->c->set, p)];

    if (*met || depth > CLOSURE_DEPTH_MAX)
        return;
    *met = true;
    visit_field(o, p->pre_depends, depth + 1);
    visit_field(o, p->depends, depth + 1);
    o->out[o->count++] = p;
}

static int by_name(const void *a, const void *b)
{
    const struct package *const *x = a, *const *y = b;

    return view_cmp((*x)->name, (*y)->name);
}

void closure_order(const struct closure *c, const struct package **ret)
{
    struct ordering o = {c, ret, 0, xcalloc(packages_count(c->set) + 1, sizeof(bool))};
    const struct package **start = xcalloc(c->size + 1, sizeof(const struct package *));

    for (size_t i = 0; i < c->size; i++)
        start[i] = c->at[i].package;
    qsort(start, c->size, sizeof(const struct package *), by_name);
    for (size_t i = 0; i < c->size; i++)
        visit(&o, start[i], 0);
    free(start);
    free(o.met);
}
