/* image/load.h - images of layouts and archives into the store. */
#pragma once

#include "image/image.h"
#include "image/origin.h"
#include "image/source.h"

struct load_options {
    const char *path;                  /* "-": standard input */
    const struct reference *reference; /* instead of path: from its registry; NULL: path */
    bool allowed;                      /* as image_source_open_registry() has it */
    const struct image_origin *origin; /* with allowed: what was asked about; or NULL */
    const char *dir;  /* path is a layout made of this "dir:", about which was asked; or NULL */
    const char *tag;  /* one image of several; NULL: all of an archive, the only one of a layout */
    const char *name; /* the name it gets, with tag or a single image; NULL: the names it has */
    const struct platform *platform; /* NULL: the host's */
    bool unsaved;                    /* in no record: for who exports it at once */
    const char *
        directory; /* with unsaved: the files of one image go there instead. The result has no image,
                              and the store nothing of it, unless it had all or there are too many layers:
                              then it is for image_unpack() */
    bool unnamed;  /* saved without a name, whatever names it has (a named context of a build) */
};

struct load_result {
    struct image **at;
    size_t size, cap;
    struct strings names; /* that they were saved under, canonical */
};
void load_result_done(struct load_result *r);

/* One layer of source alone, whatever it will lie on: its tree, made when it is not there. -ENOTSUP: it
 * cannot be understood without those below. */
MUST_CHECK int image_load_layer(struct image_tools *t, struct image_source *source,
                                const struct image_source_layer *from, const struct digest *diff_id,
                                struct digest *ret_tree, struct error *err);

/* Every blob is held against its digest and size, every layer against its diff id; on failure
 * nothing stays but layers that were good. Layers known by diff id are not unpacked again. Images
 * without a name are saved unnamed. */
MUST_CHECK int image_load(struct image_tools *t, const struct load_options *o,
                          struct load_result *ret, struct error *err);
