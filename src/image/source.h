/* image/source.h - where images come from: one row a form; the rest of the program sees manifests
 * and blobs.
 *
 *     row              probe            gives
 *     oci              directory        a layout directory: oci-layout, index.json, blobs/
 *     oci-archive      archive          the same in a tar archive
 *     docker-archive   archive          manifest.json as docker, podman and skopeo save it,
 *                                       or the older "repositories"
 *     registry         by reference     distribution-spec; layers are fetched when they are wanted
 *
 * Archives are read in place by an index of their members when they are plain files; pipes and
 * compressed archives are first spooled to a file without a name in the store. */
#pragma once

#include "base/env.h"
#include "base/vec.h"
#include "oci/config.h"
#include "oci/manifest.h"
#include "oci/reference.h"

#define SOURCE_IMAGES_MAX 1024     /* in one archive */
#define SOURCE_MEMBERS_MAX 1000000 /* of an archive that holds images: 3 a layer are usual */

/* Where bytes are: [offset, offset + size) of fd, which the source owns. fd -1: elsewhere, until
 * image_source_fetch(). */
struct image_extent {
    int fd;
    uint64_t offset, size;
};

struct image_source_layer {
    struct digest digest;   /* of the blob as it is; zero: only its diff id is known */
    const char *media_type; /* or NULL: recognised by its bytes */
    struct strings urls;    /* where else it is: of layers that must not be passed on */
    struct image_extent extent;
};

/* One image for one platform, verified as far as its documents go: the config matches its
 * digest. */
struct image_source_image {
    struct strings names; /* as the source calls it; may be none */
    struct str config;    /* exact bytes */
    struct image_config parsed;
    struct str manifest; /* exact bytes, empty where the form has none */
    /* of what its name stands for: the manifest or an index above it; zero: none */
    struct digest root;
    struct image_source_layer *layers; /* bottom first, as many as diff ids */
    size_t layer_count;
};

/* How pipes and compressed archives become plain files. */
struct image_spool {
    int dir_fd; /* where files without a name are made */
    /* Decompresses in to out, in a process of its own in the program; NULL: here and now. */
    int (*copy)(void *ctx, int in, int out, struct error *err);
    void *ctx;
};

struct image_source;
struct wire;
/* One image of a registry; ref is copied. The policy of this machine is asked first; not where it is allowed, since the
 * policy was asked already about the name, or the index, that led to the digest in ref. platform: that will be read. */
MUST_CHECK int image_source_open_registry(struct wire *w, const struct reference *ref,
                                          const struct platform *platform, bool allowed,
                                          struct image_source **ret, struct error *err);
/* Begins to fetch a layer that is elsewhere into fd, which is the caller's and has the first `have`
 * bytes already, by the wire. Its size is right when it is ready; its digest is not checked. f lives until then. */
struct image_fetch {
    bool ready;
    int told_fd; /* who follows the file (base/follow.h); -1: nobody */
};
void image_source_fetch(struct image_source *s, const struct image_source_layer *layer, int fd,
                        uint64_t have, struct image_fetch *f);
/* path: a directory or file; "-": fd 0. */
MUST_CHECK int image_source_open(const char *path, const struct image_spool *spool,
                                 struct image_source **ret, struct error *err);
void image_source_close(struct image_source *s);
DEFINE_CLEANUP(struct image_source *, image_source_close)
const char *image_source_form(const struct image_source *s); /* the row's name */

/* How many images there are to choose from; names are in (i)th's own. */
size_t image_source_count(const struct image_source *s);
/* Reads the ith image, for the platform where it is an index. */
MUST_CHECK int image_source_read(struct image_source *s, size_t i, const struct platform *p,
                                 struct image_source_image *ret, struct error *err);
void image_source_image_done(struct image_source_image *i);
/* The number of the image with this tag, name or, in a layout, digest (NULL: the only one); -ENOENT names what there is.
 * A digest counts wherever it is among the blobs. */
MUST_CHECK int image_source_find(struct image_source *s, const char *tag, size_t *ret,
                                 struct error *err);
