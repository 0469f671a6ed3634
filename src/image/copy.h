/* image/copy.h - images from one place to another as they are, beside the store: registries, layouts, archives of layouts
 * and skopeo's directories. Bytes, and so digests, stay what they were, unless the form or the list of platforms is to be
 * another one; layers always do. */
#pragma once

#include "image/wire.h"
#include "oci/platform.h"

enum copy_form { COPY_AS_IS, COPY_OCI, COPY_V2S2 }; /* OCI's documents, or docker's schema 2 */

struct copy_options {
    const char *from, *to; /* as image/place.h has them; not the store, nor docker's archive */
    const char *from_name,
        *to_name;       /* what messages call them, where they are ours; NULL: as they are */
    bool all_platforms; /* of an index everything, not only the image of one platform */
    bool index_only;    /* of an index nothing but itself: its images are there already */
    const struct platform *platforms; /* of an index one image, or a shorter index of several */
    size_t platform_count;            /* 0: this machine's */
    /* signatures, attestations and what else speaks of it, by referrers or by tag */
    bool referrers;
    enum copy_form form;
    bool preserve;  /* no manifest is written in another form: -EINVAL */
    bool immutable; /* a tag that has something else is not moved: -EEXIST */
    bool own;       /* from is ours, in between: the policy was asked about what it is of */
    bool foreign;   /* layers that may not be passed on are sent to registries, too */
};
/* What is there is not copied. ret: the manifest or index that got the name. */
MUST_CHECK int image_copy(struct wire *w, const struct copy_options *o, struct digest *ret,
                          struct error *err);
