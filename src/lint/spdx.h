/* lint/spdx.h - licence expressions (SPDX specification, annex "SPDX license expressions"). */
#pragma once

#include "base/str.h"

bool spdx_is_expression(struct view text);
