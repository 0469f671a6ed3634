/* cli/lint_files.h - which files `cooper lint` reads. */
#pragma once

#include "base/env.h"
#include "base/vec.h"

/* Dockerfile, Containerfile, Dockerfile.*, *.dockerfile and their like; .dockerignore files are none. */
bool lint_is_dockerfile(struct view name);
/* A file as it is; a directory as all the Dockerfiles below it, in order. No argument: the one here. Links are not followed below a
 * directory, and .git is passed over. */
MUST_CHECK int lint_files(const struct env *env, char *const *arguments, struct strings *ret,
                          struct error *err);
