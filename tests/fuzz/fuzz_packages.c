/* A Packages index: what is taken of it can be chosen from, and every relation in it reads the same twice. */
#include <assert.h>

#include "distro/closure.h"
#include "distro/select.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void choose(struct packages *set, enum variant v)
{
    const struct selection s = {v, NULL};
    PLAN_AUTO(plan);

    if (select_packages(set, &s, &plan, NULL) == 0)
        vec_each (p, &plan)
            assert(packages_find(set, view_of(p->name)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(packages_freep) struct packages *set = packages_new("amd64");

    if (packages_add(set, view_make(data, size), 0, 500, NULL) < 0)
        return 0;
    for (size_t i = 0; i < packages_count(set); i++) {
        CLEANUP(closure_done) struct closure c;

        closure_init(&c, set);
        if (closure_add(&c, &packages_at(set, i)->name, 1, NULL) == 0)
            (void)!closure_check(&c, NULL);
    }
    choose(set, VARIANT_MINBASE);
    choose(set, VARIANT_STATIC);
    return 0;
}
