/* cli/lint_settings.h - where the settings of the rules come from. */
#pragma once

#include "base/env.h"
#include "base/vec.h"
#include "lint/config.h"
#include "lint/exceptions.h"

/* HADOLINT_* variables, then the file: path, or the first that is found where hadolint looks. */
MUST_CHECK int lint_settings_read(const struct env *env, const char *path, struct lint_config *c,
                                  struct error *err);
/* .cooperignore: path, or the one here; *ret is NULL without one. */
MUST_CHECK int lint_settings_exceptions(const struct env *env, const char *path,
                                        struct lint_exceptions **ret, struct error *err);
/* With --verbose: its lines that took nothing. */
void lint_settings_unused(const struct env *env, const struct lint_exceptions *e);
/* --exit-code; text NULL: EXIT_FINDINGS. */
MUST_CHECK int lint_settings_status(const char *text, int *ret, struct error *err);

/* Rules that options switch and move: of `cooper lint` and `cooper audit`. A level counts for a rule that is enabled
 * beside it, --ignore above all. */
struct lint_choices {
    struct strings ignore, enable, error, warning, info, style;
};
/* -EINVAL for an --enable that names no rule; c has the rest all the same. */
MUST_CHECK int lint_settings_choose(const struct lint_choices *choices, struct lint_config *c,
                                    struct error *err);
/* Prints the page of a rule; "all": the whole reference. */
MUST_CHECK int lint_rule_explain(const struct env *env, const char *name, struct error *err);
