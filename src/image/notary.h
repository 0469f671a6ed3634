/* image/notary.h - notation's trust policy, asked about an image. */
#pragma once

#include "image/testimony.h"
#include "trust/notation.h"

/* asked: the reference; NULL for a layout, which only the statement of "*" is for: what it calls itself is its maker's
 * word. policy_path: the file that p was read from; its trust store is the directory "truststore" beside it,
 * as notation has it. The image is resolved into *t where signatures are asked for (*ret_read).
 * -EPERM: it must not be used. */
MUST_CHECK int notary_decide(const struct env *env, const struct notation_policy *p,
                             const char *policy_path, const struct reference *asked,
                             struct site *site, struct testimony *t, bool *ret_read,
                             struct error *err);
