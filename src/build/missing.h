/* build/missing.h - what to say of a source that is not there: the words of issue trackers ("failed to compute cache key") help
 * nobody. */
#pragma once

#include "build/graph.h"
#include "build/view.h"

/* What the place is called where source is looked for. */
const char *missing_from(const struct op *source);
/* Adds the nearest name to err, when there is one. */
void missing_hint(const struct tree_view *v, struct view name, int code, struct error *err);
/* code: what file_match() on v answered for the action, which copies from source; err has its text and gets a better one, with the
 * line of .dockerignore that did it or the nearest name that is there. */
MUST_CHECK int missing_explain(const struct op *source, const struct file_action *a,
                               const struct tree_view *v, int code, struct error *err);
