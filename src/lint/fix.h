/* lint/fix.h - the edits of findings, put into the text. */
#pragma once

#include "lint/lint.h"

#define LINT_FIX_PASSES 8 /* an edit may make room for another; each pass is a lint of the file */

/* text as the linter's findings mend it, until none of them can: the number of edits made. A pass whose text is no Dockerfile any more
 * is dropped. */
size_t lint_fix(const struct linter *l, struct view text, const char *name, struct str *ret);

/* Appends the lines that differ as a unified diff, with three lines around them; nothing when they are the same. */
void lint_fix_diff(struct view before, struct view after, const char *name, struct str *ret);
