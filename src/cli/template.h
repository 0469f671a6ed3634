/* cli/template.h - the part of Go's templates that people use with inspect: fields, and json. */
#pragma once

#include "base/doc.h"

/* "{{.A.B}}" and "{{json .A}}" in any text; {{index .A "key"}} too. Fields that are not there print as
 * "<no value>"; other actions are -EINVAL. */
MUST_CHECK int template_print(const char *format, const json_t *doc, struct str *ret,
                              struct error *err);
