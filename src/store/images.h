/* store/images.h - image records: name -> configuration and layers, one JSON file a name.
 *
 * A record names trees and blobs of the store; all of them exist (store.h, invariant 2). An image
 * that lost its name to a newer one stays as an unnamed record until `prune`. */
#pragma once

#include <jansson.h>

#include "store/store.h"

/* a configuration may have 4 MiB (registries' limit), escaped at worst x2 */
#define RECORD_SIZE_MAX (16u << 20)

struct store_blob {
    struct digest digest;
    uint64_t size;
    char *media_type;
};

/* What times its archive has: those of the tree's files, or what SOURCE_DATE_EPOCH made of them. */
struct layer_times {
    enum layer_times_mode {
        LAYER_TIMES_KEEP,
        LAYER_TIMES_CLAMP, /* none is after the epoch */
        LAYER_TIMES_SET,   /* all are the epoch */
    } mode;
    int64_t epoch_s;
};

struct store_layer {
    struct digest tree;
    struct layer_times times;
    struct digest diff_id;        /* zero: not known yet */
    VEC(struct store_blob) blobs; /* compressed forms that are in the store; none is fine */
    json_t *
        foreign; /* the descriptor of one that must not be passed on, which is one of blobs; or NULL */
};

/* A plain value with owned members; zeroed memory is an empty one. */
struct store_image {
    char *name;                     /* canonical, "docker.io/library/app:1.0"; NULL: unnamed */
    struct digest id;               /* zero: not known yet (a diff id is missing) */
    struct str config;              /* exact bytes of the image configuration: UTF-8 */
    VEC(struct store_layer) layers; /* bottom first */
    int64_t created_s;              /* when the record was made */
    int64_t used_s;                 /* last use; written by the store */
    json_t *extra; /* whatever the image module wants kept (manifest, annotations), or NULL */
};
void store_image_done(struct store_image *i);
/* Its id, or while that is not known a digest of configuration and trees that takes its place. */
void store_image_key(const struct store_image *i, struct digest *ret);

struct store_images {
    struct store_image *at;
    size_t size, cap;
};
void store_images_done(struct store_images *l);

/* All records, sorted by name, unnamed ones last (and only where no name has the same id). A record
 * that cannot be read is left out and told to `damaged` (NULL: silence). */
MUST_CHECK int store_image_list(struct store *s,
                                void (*damaged)(void *ctx, const char *file,
                                                const struct error *why),
                                void *ctx, struct store_images *ret, struct error *err);
/* By exact canonical name; -ENOENT when there is none, -EUCLEAN when a layer of it is gone. Holds
 * its trees and blobs and marks it as used. */
MUST_CHECK int store_image_get(struct store *s, const char *name, struct store_image *ret,
                               struct error *err);
/* By key: "sha256:<hex>", or at least 4 hex digits; -ENOENT, or -ENOTUNIQ when several images begin
 * so. Holds too. */
MUST_CHECK int store_image_find(struct store *s, const char *id_prefix, struct store_image *ret,
                                struct error *err);
/* Writes the record under i->name (NULL: unnamed). Everything it names must be there (-ENOENT) and is held. An equal record
 * is left alone. The image that had the name before stays, unnamed, in the very file that it had. */
MUST_CHECK int store_image_put(struct store *s, const struct store_image *i, struct error *err);
/* Removes the name (or with name NULL the unnamed record of id); its trees stay as build cache.
 * -ENOENT. */
MUST_CHECK int store_image_remove(struct store *s, const char *name, const struct digest *id,
                                  struct error *err);

/* Bytes of a record and back; pure. The reader trusts nothing: -EINVAL says what is wrong. */
MUST_CHECK int record_parse(struct view text, struct store_image *ret, struct error *err);
void record_print(const struct store_image *i, struct str *ret);
