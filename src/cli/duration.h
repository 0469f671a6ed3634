/* cli/duration.h - lengths of time as people write them. */
#pragma once

#include <stdint.h>

#include "base/str.h"

/* "24h", "90m", "1h30m", "45s", "7d", "2w": seconds. */
MUST_CHECK int duration_parse(const char *text, int64_t *ret_s, struct error *err);
