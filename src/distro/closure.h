/* distro/closure.h - which packages are installed: roots and what they depend on, as apt
 * chooses. */
#pragma once

#include "base/vec.h"
#include "distro/packages.h"

#define CLOSURE_DEPTH_MAX 1000 /* of dependencies below one another: stack; Debian needs some 60 */

struct choice {
    const struct package *package;
    bool automatic; /* nobody asked for it by name */
    unsigned phase; /* of closure_add() */
};
struct closure {
    struct packages *set; /* borrowed */
    struct choice *at;    /* in the order of choosing */
    size_t size, cap;
    bool *taken; /* by number of the package */
    unsigned phase;
    bool (*leave_out)(struct view name); /* dependencies that count as answered; NULL: none */
};

void closure_init(struct closure *c, struct packages *set); /* the set does not grow afterwards */
void closure_done(struct closure *c);

/* Adds the packages named and all that they depend on (Pre-Depends and Depends; no Recommends). Of
 * alternatives, what is chosen already is enough; else the first that can be had: a package of that
 * name before those that provide it, these by priority and name. All names of one call are chosen
 * before any dependency is looked at, as `apt-get install a b c` does. -ENOENT for an unknown name,
 * -EINVAL for a dependency or conflict that cannot be solved; the text names both ends. */
MUST_CHECK int closure_add(struct closure *c, const struct view *names, size_t count,
                           struct error *err);
bool closure_has(const struct closure *c, struct view name);
/* -EINVAL when two of the chosen packages exclude each other. */
MUST_CHECK int closure_check(const struct closure *c, struct error *err);

/* The chosen packages so that what is pre-depended and depended on comes first; cycles are broken
 * at the member met first, starting from names in bytewise order. ret has c->size places. */
void closure_order(const struct closure *c, const struct package **ret);
