/* build/provenance.h - --provenance: how an image came to be. */
#pragma once

#include <jansson.h>

#include "base/error.h"

struct build;
struct stage;

enum provenance { PROVENANCE_NONE, PROVENANCE_MIN, PROVENANCE_MAX };
/* "mode=min", "mode=max", "true", "false", "" (min); NULL: none. */
MUST_CHECK int provenance_parse(const char *text, enum provenance *ret, struct error *err);

/* The predicate of type PREDICATE_SLSA for one platform's image. */
#define PREDICATE_SLSA "https://slsa.dev/provenance/v1"
json_t *provenance_predicate(const struct build *b, const struct stage *target,
                             enum provenance mode);
