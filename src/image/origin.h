/* image/origin.h - where an image of the store came from, as its record remembers it for the policy.
 *
 *     made here      "made": true, "from": what it was made of that came from elsewhere
 *     came           "from": one, where it was
 *     (neither)      a record of an older cooper: nobody knows */
#pragma once

#include "image/image.h"

struct image_origin {
    char *transport;      /* as containers-policy.json(5) calls it: "docker", "oci", ... */
    char *name;           /* docker: a reference; else an absolute path, "" for a pipe */
    char *tag;            /* of a layout, or NULL */
    struct digest digest; /* what signatures speak of: a manifest or index; zero: none had one */
    struct digest image; /* that is used of an index: others speak of it; zero: there is no index */
    bool whole;          /* all of an index is used; in no record */
};
void image_origin_done(struct image_origin *o);
#define IMAGE_ORIGIN_AUTO(name) CLEANUP(image_origin_done) struct image_origin name = {0}

/* One of a file or directory; path "-": a pipe. */
void image_origin_of_file(struct image_origin *o, const char *transport, const char *path,
                          const char *tag, const struct digest *d);
/* One of a registry, by what was asked for. */
void image_origin_of_reference(struct image_origin *o, const struct reference *asked,
                               const struct digest *d);
/* The manifest that is used of it; "": it has none. */
void image_origin_set_image(struct image_origin *o, struct view manifest);

void image_origin_copy(const struct image_origin *o, struct image_origin *ret);

struct image_origins {
    struct image_origin *at;
    size_t size, cap;
    bool known, made;
};
void image_origins_done(struct image_origins *l);
/* Copies; one that is there already is there once. */
void image_origins_add(struct image_origins *l, const struct image_origin *o);
/* What a record says; what cannot be read is not known. */
void image_origins_read(const struct store_image *record, struct image_origins *ret);
void image_origins_set(struct store_image *record, const struct image_origins *l);
