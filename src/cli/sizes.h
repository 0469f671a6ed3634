/* cli/sizes.h - sizes and times as people write them. */
#pragma once

#include "base/str.h"

#define SIZE_TEXT_MAX 24

/* "1.23GB", decimal units as docker prints them. Returns buf. */
char *size_text(uint64_t bytes, char buf[static SIZE_TEXT_MAX]);
/* "24h", "90m", "1h30m", "45s", "7d": seconds. */
MUST_CHECK int duration_parse(const char *text, int64_t *ret_s, struct error *err);
