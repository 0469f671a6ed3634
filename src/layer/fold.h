/* layer/fold.h - two adjacent layers as the index of one, which means the same above any other: whiteouts and opaque
 * directories stay. For looking things up; a hard link becomes the file it stands for, and whose fs/ directory has a
 * file is no longer told. */
#pragma once

#include "layer/index.h"

MUST_CHECK int index_fold(const struct index *upper, const struct index *lower, struct index **ret,
                          struct error *err);
