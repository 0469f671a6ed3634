/* distro/base.h - `cooper base`: a base image out of a distribution's signed packages.
 *
 *     sources (apt.h) -> InRelease, verified (verify.h) -> indexes -> job base-select -> plan
 *     plan or lock    -> packages, as blobs of the store -> job base-make -> tree -> image
 *
 * Indexes and packages are kept as blobs under their SHA-256: what is there is not fetched again,
 * and `prune` takes them as it takes all blobs that no image needs. */
#pragma once

#include "base/vec.h"
#include "distro/plan.h"
#include "image/image.h"

struct base_options {
    enum variant variant;
    const char *suite;             /* "bookworm" */
    const char *apt_root;          /* where apt's configuration is read: "/" */
    const char *keyring;           /* instead of what apt trusts; NULL */
    const char *lock;              /* file, written when absent; NULL */
    const char *user;              /* of the image; NULL */
    const struct strings *mirrors; /* instead of the machine's sources: URL, or "deb ..." lines */
    const struct strings *include;
    bool no_cache; /* choose and make anew, whatever is known */
};

/* Makes the image; it is in no record yet. */
MUST_CHECK int base_make(struct image_tools *t, const struct base_options *o, struct image **ret,
                         struct error *err);

/* Architecture as Debian calls it, for this machine: "amd64"; NULL: none that Debian has. */
const char *base_architecture(void);
