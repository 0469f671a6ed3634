/* cli/lint_settings.h - where the settings of the rules come from. */
#pragma once

#include "base/env.h"
#include "base/vec.h"
#include "lint/config.h"

/* HADOLINT_* variables, then the file: path, or the first that is found where hadolint looks. */
MUST_CHECK int lint_settings_read(const struct env *env, const char *path, struct lint_config *c,
                                  struct error *err);
/* -EINVAL for a name that is no rule's; option is what has the list. */
MUST_CHECK int lint_rules_check(const struct strings *names, const char *option, struct error *err);
/* Prints the page of a rule; "all": the whole reference. */
MUST_CHECK int lint_rule_explain(const struct env *env, const char *name, struct error *err);
