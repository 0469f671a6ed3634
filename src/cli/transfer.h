/* cli/transfer.h - images out of the store into any place, and out of any place into the store: what push, pull and copy
 * share. */
#pragma once

#include "image/copy.h"
#include "image/export.h"
#include "image/load.h"
#include "image/place.h"

/* What is kept of an index whose images are packed anew. */
struct transfer_index {
    bool is_there;
    struct annotations annotations; /* of it, and of its entries by platform */
};
void transfer_index_done(struct transfer_index *x);

struct transfer {
    const char *compression;    /* of all layers; NULL: as they are */
    const char *level;          /* of it; NULL: the form's own */
    const char *form;           /* "oci", "v2s2"; NULL: as it is */
    bool immutable;             /* no tag of a registry is moved */
    struct copy_options choice; /* which images of an index; from and to are not looked at */
    /* written by transfer_in() of all platforms, read by transfer_out(); or NULL */
    struct transfer_index *index;
};

/* The words of compression, level and form. -EINVAL. */
MUST_CHECK int transfer_check(const struct transfer *x, struct error *err);
/* An image to a place, under the names that it has there. All of its platforms where there are several; an archive of
 * docker's gets the first. */
MUST_CHECK int transfer_out(struct image_tools *t, struct image **images, size_t count,
                            const struct transfer *x, const struct place *to, struct digest *ret,
                            struct error *err);
/* name NULL: the names it has; unsaved: none at all, for who exports it at once. All platforms become one name's. */
MUST_CHECK int transfer_in(struct image_tools *t, const char *from, const struct transfer *x,
                           const char *name, bool unsaved, struct load_result *ret,
                           struct error *err);

/* "system", "all", "index-only"; a list of OS/ARCH; "oci", "v2s2". -EINVAL. */
MUST_CHECK int transfer_multi_arch(const char *text, struct copy_options *o, struct error *err);
struct platforms {
    struct platform *at;
    size_t size, cap;
};
void platforms_done(struct platforms *p);
#define PLATFORMS_AUTO(name) CLEANUP(platforms_done) struct platforms name = {0}
MUST_CHECK int transfer_platforms(const char *text, struct platforms *ret, struct error *err);
MUST_CHECK int transfer_form(const char *text, enum copy_form *ret, struct error *err);
