/* image/copy_internal.h - private to copy: blobs on their way between two sites. */
#pragma once

#include "base/map.h"
#include "image/copy.h"
#include "image/place.h"
#include "image/site.h"

struct blob;
struct copy {
    struct wire *wire;
    const struct copy_options *options;
    struct site *from, *to;
    struct map seen;           /* blobs and manifests, by digest text */
    struct map made;           /* struct copy_made, by the digest of what it was made of */
    VEC(int) files;            /* open until all is over */
    VEC(struct blob *) moving; /* copy_blob.c's */
    size_t blobs;              /* that were begun */
    size_t beside;             /* manifests that speak of it */
};

/* A manifest in another form. */
struct copy_made {
    struct digest digest;
    uint64_t size;
    const char *media_type;
};
/* The manifest in the form that is wanted: false where it is that already, or is no image. Layers that the form has no word
 * for are -ENOTSUP. */
MUST_CHECK int copy_form_manifest(struct copy *c, const struct manifest *m, struct str *ret,
                                  bool *ret_changed, struct error *err);
/* The same of an index, whose manifests were made before. */
bool copy_form_index(struct copy *c, const struct image_index *x, struct str *ret);
/* The index of those platforms alone, with what BuildKit attests of them. */
MUST_CHECK int copy_subset(const struct image_index *x, const struct copy_options *o,
                           struct str *ret, struct error *err);
/* Notes what was made of it. */
void copy_note_made(struct copy *c, const struct digest *of, struct view bytes,
                    const char *media_type);
void copy_made_done(struct copy *c);

/* copy_archive.c: a copy to oci-archive: by way of a layout beside it. */
MUST_CHECK int copy_to_archive(struct wire *w, const struct copy_options *o, const struct place *to,
                               struct digest *ret, struct error *err);
/* True the first time. */
bool copy_is_new(struct copy *c, const struct digest *d);
/* Begins to move a blob; it is there when the wire has nothing more to do. */
MUST_CHECK int copy_blob(struct copy *c, const struct descriptor *d, struct error *err);
/* Once nothing moves any more. */
void copy_blobs_done(struct copy *c);
