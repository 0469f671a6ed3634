#include "distro/select.h"

#include <errno.h>

#include "distro/closure.h"
#include "distro/control.h"

struct names {
    struct view *at;
    size_t size, cap;
};

static void roots_of_variant(struct packages *set, enum variant v, struct names *ret)
{
    struct view rest = {0}, word;

    for (size_t i = 0; i < variant_count; i++)
        if (variant_rows[i].variant == v)
            rest = view_of(variant_rows[i].packages);
    while (control_word(&rest, &word)) {
        const bool optional = word.at[0] == '?';

        if (optional)
            word = view_make(word.at + 1, word.size - 1);
        if (!optional || packages_find(set, word))
            vec_push(ret, word);
    }
}

static int name_cmp(const void *a, const void *b)
{
    return view_cmp(*(const struct view *)a, *(const struct view *)b);
}

static void add_where(struct packages *set, bool essential, struct names *ret)
{
    const size_t from = ret->size;

    for (size_t i = 0; i < packages_count(set); i++) {
        const struct package *p = packages_at(set, i);

        if (essential ? p->essential : p->priority == PRIORITY_REQUIRED && !p->essential)
            vec_push(ret, p->name);
    }
    if (ret->size > from)
        qsort(ret->at + from, ret->size - from, sizeof(*ret->at), name_cmp);
}

static void add_included(const struct selection *s, struct names *ret)
{
    if (s->include)
        vec_each (name, s->include)
            vec_push(ret, view_of(*name));
}

/* As mmdebstrap does it: all that is Essential with its dependencies; then, in a second run of apt,
 * apt, what was asked for and what is required. */
static int choose_minbase(struct closure *c, const struct selection *s, struct error *err)
{
    struct names first = {0}, second = {0};
    int r;

    add_where(c->set, true, &first);
    if (first.size == 0)
        r = error_set(err, -EINVAL,
                      "no package of the sources is Essential: this is no complete "
                      "distribution");
    else
        r = closure_add(c, first.at, first.size, err);
    if (r >= 0) {
        roots_of_variant(c->set, VARIANT_MINBASE, &second);
        add_included(s, &second);
        add_where(c->set, false, &second);
        r = closure_add(c, second.at, second.size, err);
    }
    vec_done(&first);
    vec_done(&second);
    return r;
}

/* Packages that others depend on for their scripts only: no script runs here, so they are left out
 * with all that only they need. */
static bool only_for_scripts(struct view name)
{
    static const char *const names[] = {
        "awk",
        "cdebconf",
        "coreutils",
        "dash",
        "debconf",
        "debconf-2.0",
        "dpkg",
        "mawk",
        "openssl",
        "perl-base",
        "init-system-helpers",
        "sensible-utils",
        "ucf",
    };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (view_eq_text(name, names[i]))
            return true;
    return false;
}

static int choose_slim(struct closure *c, const struct selection *s, struct error *err)
{
    struct names roots = {0};

    roots_of_variant(c->set, s->variant, &roots);
    add_included(s, &roots);
    c->leave_out = only_for_scripts;
    const int r = closure_add(c, roots.at, roots.size, err);
    vec_done(&roots);
    return r;
}

/* ---- the plan ---- */

static void add_package(const struct choice *k, struct plan *ret)
{
    const struct package *p = k->package;

    vec_push(ret, (struct plan_package){
                      .name = view_dup(p->name),
                      .version = view_dup(p->version),
                      .architecture = view_dup(p->architecture),
                      .path = view_dup(p->filename),
                      .size = p->size,
                      .sha256 = p->sha256,
                      .essential = p->essential,
                      .automatic = k->automatic && k->phase > 0,
                      .source = p->suite,
                  });
}

/* First what is essential with all it needs: others use it without saying so. */
static void fill_plan(const struct closure *c, struct plan *ret)
{
    const struct package **order = xcalloc(c->size + 1, sizeof(const struct package *));
    const struct choice **by_number = xcalloc(packages_count(c->set) + 1, sizeof(*by_number));

    vec_each (k, c)
        by_number[packages_number(c->set, k->package)] = k;
    closure_order(c, order);
    for (unsigned phase = 0; phase < c->phase; phase++)
        for (size_t i = 0; i < c->size; i++) {
            const struct choice *k = by_number[packages_number(c->set, order[i])];

            if (k->phase == phase)
                add_package(k, ret);
        }
    free(by_number);
    free(order);
}

int select_packages(struct packages *set, const struct selection *s, struct plan *ret,
                    struct error *err)
{
    struct closure c;
    int r;

    closure_init(&c, set);
    r = s->variant == VARIANT_MINBASE ? choose_minbase(&c, s, err) : choose_slim(&c, s, err);
    if (r >= 0)
        r = closure_check(&c, err);
    if (r >= 0)
        fill_plan(&c, ret);
    closure_done(&c);
    return r;
}
