/* image/attest.h - statements about an image that go with it. */
#pragma once

#include "image/export_internal.h"

/* Puts the artifacts of all images into the bundle, and what names them on the list. */
MUST_CHECK int export_attestations(const struct export_set *set, struct bundle *b, json_t *entries,
                                   struct error *err);
