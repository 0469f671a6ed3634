/* cli/lint_stored.h - what the store knows of the images that Dockerfiles start from. */
#pragma once

#include "base/env.h"
#include "lint/lint.h"

/* Nothing is opened before a rule asks, and nothing is made where there is no store. */
struct lint_stored;
struct lint_stored *lint_stored_new(const struct env *env);
void lint_stored_free(struct lint_stored *s); /* NULL is fine */
DEFINE_CLEANUP(struct lint_stored *, lint_stored_free)
/* Borrowed by o, and the linters made of it. */
void lint_stored_use(struct lint_stored *s, struct lint_options *o);
