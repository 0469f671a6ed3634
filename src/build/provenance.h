/* build/provenance.h - --provenance: how an image came to be. */
#pragma once

#include <jansson.h>

#include "base/error.h"
#include "base/vec.h"

struct build;
struct stage;

enum provenance { PROVENANCE_NONE, PROVENANCE_MIN, PROVENANCE_MAX };
/* "min", "max", "true", "false", "" (min), or fields: "mode=max", "disabled=true", with BuildKit's other names for what
 * is so anyway; NULL: none. attests: the same with "type=provenance", each over those before it. -EINVAL. */
MUST_CHECK int provenance_parse(const char *text, const struct strings *attests,
                                enum provenance *ret, struct error *err);

/* The predicate of type PREDICATE_SLSA for one platform's image. */
#define PREDICATE_SLSA "https://slsa.dev/provenance/v1"
json_t *provenance_predicate(const struct build *b, const struct stage *target,
                             enum provenance mode);
