/* distro/select.h - from indexes to the packages of a variant. Pure but for its memory. */
#pragma once

#include "distro/packages.h"
#include "distro/plan.h"

/* What comes from the command line besides the variant. */
struct selection {
    enum variant variant;
    const struct strings *include; /* names; NULL: none */
};

/* Fills ret's packages (name, version, digest, source = package.suite ...) in the order of
 * installing. */
MUST_CHECK int select_packages(struct packages *set, const struct selection *s, struct plan *ret,
                               struct error *err);
