/* cli/lint_context.h - the build context of a Dockerfile that is linted. */
#pragma once

#include "base/env.h"
#include "dockerfile/ignore.h"
#include "lint/context.h"

struct lint_directory {
    const char *
        named; /* --context, which is looked through; NULL: the file's directory, for its .dockerignore alone */
    /* ours: what was read last */
    char *file; /* of the patterns; NULL: there is none */
    struct ignore *ignore;
    struct lint_context *sent;
    bool read; /* of the named one */
};

/* As in a build: NAME.dockerignore beside the file, else .dockerignore of the context. p holds until the next call. */
MUST_CHECK int lint_context_read(const struct env *env, struct lint_directory *p, const char *file,
                                 struct error *err);
void lint_directory_done(struct lint_directory *p);
