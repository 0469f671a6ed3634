/* cli/lint_settings.h - where the settings of the rules come from. */
#pragma once

#include "base/env.h"
#include "lint/config.h"

/* HADOLINT_* variables, then the file: path, or the first that is found where hadolint looks. */
MUST_CHECK int lint_settings_read(const struct env *env, const char *path, struct lint_config *c,
                                  struct error *err);
