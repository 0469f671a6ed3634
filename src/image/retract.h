/* image/retract.h - a tag of a registry is taken away, and no other with it.
 *
 * Deleting a digest removes every tag that has it, and breaks every index that lists it; so a digest is deleted only
 * where nothing else leads to it. In this order, until one does:
 *   1  the registry deletes the tag (distribution-spec 1.1, "Deleting tags")
 *   2  the tag is moved to a manifest that nobody else can have, and that one is deleted by its digest
 *   3  no other tag has the digest, by itself or in an index: it is deleted
 *   4  -ENOTSUP, and nothing has changed */
#pragma once

#include "image/wire.h"

/* By tag, or by digest where ref has one: then -EBUSY names a tag that leads to it. -ENOENT: there is none. */
MUST_CHECK int image_retract(struct wire *w, const struct reference *ref, struct error *err);
