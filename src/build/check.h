/* build/check.h - which findings count: "# check=skip=RULE,RULE;error=true" and its build argument. */
#pragma once

#include "build/build.h"
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

/* Asks the rule engine where --check, --lint or error=true want it, and adds what it finds: it takes the place of what
 * the front end says by the same rule, but for undefined variables, where that knows the base image. */
MUST_CHECK int check_lint(const struct env *env, const struct build_options *o,
                          const struct check *c, const struct dockerfile *d,
                          const struct ignore *ignore, struct findings *f, struct error *err);
