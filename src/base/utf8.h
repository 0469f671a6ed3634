/* base/utf8.h - characters as UTF-8 (RFC 3629): no form longer than it must be, no surrogates, nothing beyond U+10FFFF. */
#pragma once

#include "base/str.h"

#define UTF8_NONE UINT32_MAX

/* The character at the beginning of v, which is not empty, and how many bytes it has; UTF8_NONE and one byte where there is none. */
uint32_t utf8_char(struct view v, size_t *ret_size);
void utf8_add(struct str *to, uint32_t c);
