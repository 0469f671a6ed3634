/* image/copy.h - images from one place to another as they are, beside the store: registries and layout
 * directories. Bytes, and so digests, stay what they were. */
#pragma once

#include "image/wire.h"
#include "oci/platform.h"

struct copy_options {
    const char *from, *to; /* as image/place.h has them */
    bool all_platforms;    /* of an index everything, not only the image of one platform */
    const struct platform *platform; /* NULL: this machine's */
    bool
        referrers; /* signatures, attestations and what else speaks of it, by referrers or by tag */
};
/* What is there is not copied. ret: the manifest or index that got the name. */
MUST_CHECK int image_copy(struct wire *w, const struct copy_options *o, struct digest *ret,
                          struct error *err);
