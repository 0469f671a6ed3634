/* image/copy_internal.h - private to copy: blobs on their way between two sites. */
#pragma once

#include "base/map.h"
#include "image/copy.h"
#include "image/site.h"

struct copy {
    struct wire *wire;
    struct site *from, *to;
    struct map seen; /* blobs and manifests, by digest text */
    VEC(int) files;  /* open until all is over */
};
/* True the first time. */
bool copy_is_new(struct copy *c, const struct digest *d);
/* Begins to move a blob; it is there when the wire has nothing more to do. */
MUST_CHECK int copy_blob(struct copy *c, const struct descriptor *d, struct error *err);
