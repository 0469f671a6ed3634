/* image/interim.h - private to image: a job writes the files of an image into a subdirectory of where
 * they shall be, and moves them up when all are there and right. */
#pragma once

#include <jansson.h>

#include "base/error.h"
#include "layer/entry.h"

/* Makes the request's "interim" in the directory. Returns the descriptor. */
MUST_CHECK int interim_begin(int directory, const json_t *request, struct error *err);
/* Everything moves up. root (or NULL): what the image says of its root, which the directory gets,
 * unless that is not ours: "not_ours" in the answer then. */
MUST_CHECK int interim_end(int directory, int interim, const json_t *request,
                           const struct entry *root, json_t *answer, struct error *err);
