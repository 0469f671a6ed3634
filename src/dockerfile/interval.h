/* dockerfile/interval.h - "1m30s" as HEALTHCHECK has it (Go's time.ParseDuration). */
#pragma once

#include "base/str.h"

/* Nanoseconds. -EINVAL: malformed or negative; -ERANGE: more than 292 years. */
MUST_CHECK int interval_parse(struct view text, int64_t *ret_ns, struct error *err);
/* Appends the text that Go prints: "1m30s", "1.5ms", "0s". */
void interval_format(int64_t ns, struct str *ret);
