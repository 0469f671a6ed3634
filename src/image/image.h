/* image/image.h - one image of the store: found, made, completed, written down.
 *
 *     image_open() -------------------------------.
 *     image_new() --image_save(name)--> a record   >--image_finish()--> all diff ids are known,
 *                                                                       and so is the image id
 *
 * A built image is saved without diff ids: nobody has to write its layers as archives until
 * somebody exports it or asks for its id. */
#pragma once

#include "base/fd.h"
#include "image/tools.h"
#include "layer/merge.h"
#include "oci/config.h"
#include "oci/reference.h"

struct image {
    /* layers bottom first; config bytes as they are (or will be) hashed */
    struct store_image record;
    /* the same, to read; diff_ids has the known ones as soon as all are known */
    struct image_config config;
};

/* name: a reference (any short form; with a digest, whatever has it), or an id or its beginning.
 * -ENOENT with a hint. Holds what it names. */
MUST_CHECK int image_open(struct image_tools *t, const char *name, struct image **ret,
                          struct error *err);
void image_free(struct image *i);
DEFINE_CLEANUP(struct image *, image_free)

struct image_layer {
    struct digest tree;
    struct layer_times times;
    /* the same one in another image, whose blobs it keeps; or NULL */
    const struct store_layer *old;
};
/* An image of layers (bottom first) that is in no record yet. config is copied; its diff_ids, if
 * any, are those that the first layers were loaded with, and are kept where their blobs are there. */
MUST_CHECK int image_new(struct image_tools *t, const struct image_config *config,
                         const struct image_layer *layers, size_t layer_count, struct image **ret,
                         struct error *err);
/* Writes the record under a name in any form (NULL: unnamed). An image of several names is saved
 * once each. */
MUST_CHECK int image_save(struct image_tools *t, struct image *i, const char *name,
                          struct error *err);
/* The same for an image of several platforms: this machine's, or else the first, has the name; the
 * others have it with their platform behind. An unnamed one is saved as so many images. */
MUST_CHECK int image_save_all(struct image_tools *t, struct image *const *images, size_t count,
                              const char *name, struct error *err);
/* As image_open(), for a platform (NULL: the one that has the name); -ENOENT says which there are. */
MUST_CHECK int image_open_for(struct image_tools *t, const char *name, const struct platform *p,
                              struct image **ret, struct error *err);
/* All platforms of a named image, the one that has the name first; an unnamed one is alone. The
 * caller frees the images and the list. */
MUST_CHECK int image_open_all(struct image_tools *t, const char *name, struct image ***ret,
                              size_t *ret_count, struct error *err);
void images_free(struct image **images, size_t count);
/* The names of the records of a named image's other platforms. */
void image_other_names(const struct store_image *record, struct strings *ret);
/* "docker.io/library/app:1 linux/arm64": what is behind the blank, or NULL. */
const char *image_name_platform(const char *name);
/* A statement about the image: its record keeps it, and whoever exports the image writes it beside
 * the manifest. One an image. */
void image_attest(struct image *i, const char *predicate_type, json_t *take_predicate);
/* That statement's predicate, or NULL. Borrowed. */
json_t *image_attestation(const struct image *i, const char *predicate_type);
/* Computes the diff ids that are missing, on all processors, and the id; the record, where there is
 * one under record.name, is brought up to date. Free when nothing is missing. */
MUST_CHECK int image_finish(struct image_tools *t, struct image *i, struct error *err);

/* "docker.io/library/app:1" of any short form; digests are no names of ours (-EINVAL). Caller
 * frees. */
MUST_CHECK int image_name_canonical(const char *name, char **ret, struct error *err);
/* "app:1" for people; text that is no reference stays. Caller frees. */
char *image_name_familiar(const char *canonical);

/* --- the files of an image, by the indexes of its layers; nothing is mounted or unpacked --- */
struct image_view {
    size_t count;
    struct index **indexes; /* top first, as struct merge has them */
    int *fs;                /* the fs/ directories, or NULL when they were not wanted */
    struct merge *merge;
};
/* trees: bottom first. with_fs: descriptors of the contents too, which ordinary users have in jobs
 * only. */
MUST_CHECK int image_view_open(struct store *s, const struct digest *trees, size_t tree_count,
                               bool with_fs, struct image_view *ret, struct error *err);
void image_view_done(struct image_view *v);
#define IMAGE_VIEW_AUTO(name) CLEANUP(image_view_done) struct image_view name = {0}
/* Bytes of all files of all layers: what `cooper images` calls SIZE. */
MUST_CHECK int image_size(struct image_tools *t, const struct image *i, uint64_t *ret,
                          struct error *err);
