/* lint/label.h - the types of a label schema (.hadolint.yaml's label-schema). */
#pragma once

#include "lint/lint.h"

bool label_is(enum lint_label type, struct view value);
/* "semver"; false: no type of that name. */
MUST_CHECK bool label_type_find(struct view name, enum lint_label *ret);
