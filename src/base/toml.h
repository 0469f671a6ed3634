/* base/toml.h - TOML 1.0 as configuration files have it, read into a JSON document.
 *
 * Tables become objects, arrays of tables arrays of objects, so that the getters of doc.h read
 * them. Strict: duplicate keys, tables defined twice and control characters are refused. Floats,
 * dates and times are refused too: no file that cooper reads has them. */
#pragma once

#include "base/doc.h"

#define TOML_DEPTH_MAX 32 /* parts of a key; arrays and inline tables within each other */

/* Parses all of text; what names it in messages, with line and column. More than limit bytes is
 * -EDQUOT, too deep as well, malformed -EINVAL. */
MUST_CHECK int toml_parse(struct view text, size_t limit, const char *what, json_t **ret,
                          struct error *err);
