/* cli/lint_build.h - the rules of lint for a build. */
#pragma once

#include "build/build.h"

/* build_options.lint. With ask->full the settings that `cooper lint` would find here count. */
MUST_CHECK int lint_for_build(const struct env *env, const struct build_lint *ask,
                              struct error *err);
