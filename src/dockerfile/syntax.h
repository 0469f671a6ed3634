/* dockerfile/syntax.h - what "# syntax=" asks for. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#define SYNTAX_MAJOR 1 /* the newest docker/dockerfile that is known */
#define SYNTAX_MINOR 20

/* No front end is ever fetched. 0: docker/dockerfile of a version that is known; 1: *ret_warning (the caller's) says
 * what is not; -ENOTSUP: another language. */
MUST_CHECK int syntax_check(struct view text, struct str *ret_warning, struct error *err);
