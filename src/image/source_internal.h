/* image/source_internal.h - private to the sources: files by name, and the rows of forms. */
#pragma once

#include "image/members.h"
#include "image/source.h"
#include "image/wire.h"
#include "oci/reference.h"

#define SOURCE_DEPTH_MAX 4 /* indexes within indexes; two are seen in the wild */

struct source_form {
    const char *name, *help;
    bool archive;
    const char *marker; /* the file that tells the form */
    int (*open)(struct image_source *s, struct error *err);
    size_t (*count)(const struct image_source *s);
    int (*read)(struct image_source *s, size_t i, const struct platform *p,
                struct image_source_image *ret, struct error *err);
    /* Names of the ith image, as `read` would give them. */
    void (*names)(const struct image_source *s, size_t i, struct strings *ret);
    /* NULL where there are no digests to ask for. The number is for read(); -ENOENT without words. */
    int (*find_digest)(struct image_source *s, const char *text, size_t *ret, struct error *err);
    /* For source_read_manifest(): the checked bytes of a manifest or configuration; where a layer
     * is. */
    int (*document)(struct image_source *s, const struct descriptor *d, size_t limit,
                    struct str *ret, struct error *err);
    int (*layer)(struct image_source *s, const struct descriptor *d, struct image_extent *ret,
                 struct error *err);
};

struct image_source {
    const struct source_form *form;
    int dir;                   /* a layout directory, or -1 */
    int archive;               /* a plain file, or -1 */
    struct members members;    /* of the archive */
    VEC(int) files;            /* opened below dir */
    struct image_index *index; /* index.json of a layout */
    struct descriptor asked;   /* asked for by digest, and not in index */
    char asked_text[DIGEST_TEXT_MAX];
    json_t *manifest;                 /* manifest.json of docker's archive */
    struct wire *wire;                /* of a registry, borrowed */
    struct registry_endpoints places; /* mirrors first */
    size_t place;                     /* the one that has the image */
    struct registry_session *session; /* with it */
    struct reference ref;
};

/* Where a file of the source is; -ENOENT without an error text. */
MUST_CHECK int source_extent(struct image_source *s, const char *name, struct image_extent *ret,
                             struct error *err);
/* Reads a whole small file; -ENOENT with text. */
MUST_CHECK int source_read_file(struct image_source *s, const char *name, size_t limit,
                                struct str *ret, struct error *err);
MUST_CHECK int extent_read(const struct image_extent *x, size_t limit, struct str *ret,
                           struct error *err);
/* Parses config bytes, and checks that there is a layer for each diff id. */
MUST_CHECK int source_take_config(struct image_source_image *image, struct error *err);

/* ret->manifest is one, or an index that leads to one for the platform: reads all that belongs to
 * it. */
MUST_CHECK int source_read_manifest(struct image_source *s, const struct platform *p,
                                    struct image_source_image *ret, struct error *err);

extern const struct source_form source_registry;
extern const struct source_form source_oci_directory, source_oci_archive, source_docker_archive;
