/* build/check.h - which findings count: "# check=skip=RULE,RULE;error=true" and its build argument. */
#pragma once

#include "build/outline.h"

struct check {
    struct view skip; /* of the Dockerfile or the build argument */
    bool error;
};
/* The argument BUILDKIT_DOCKERFILE_CHECK=... takes the place of the directive. */
MUST_CHECK int check_read(const struct dockerfile *d, const struct strings *build_args,
                          struct check *ret, struct error *err);
/* Takes out what is to be skipped and sorts the rest. */
void check_filter(const struct check *c, const struct dockerfile *d, struct findings *f);
/* -EINVAL when error=true makes one of them an error; only rules of BuildKit's can. */
MUST_CHECK int check_verdict(const struct check *c, const struct findings *f, struct error *err);
