/* image/place.h - where an image is, as users write it: with skopeo's names of transports, or a
 * reference.
 *
 *     docker://REF, REF             a registry; pull, push and copy take short forms, as everywhere
 *     oci:DIR[:TAG|@DIGEST]         a layout directory
 *     oci-archive:FILE[:TAG]        the same in an archive
 *     docker-archive:FILE[:REF|@N]  what docker save writes
 *     dir:DIR                       skopeo's directory of plain files
 *     store:NAME                    cooper's own store */
#pragma once

#include "image/wire.h"
#include "oci/reference.h"

enum place_kind {
    PLACE_REGISTRY,
    PLACE_OCI,
    PLACE_OCI_ARCHIVE,
    PLACE_DOCKER_ARCHIVE,
    PLACE_DIR,
    PLACE_STORE, /* path: the name */
};

struct place {
    enum place_kind kind;
    struct reference reference; /* of a registry */
    char *path, *tag;           /* of the others; tag may be NULL */
};
/* -EINVAL with the reason; docker-daemon: and the like are not ours. */
MUST_CHECK int place_parse(const char *text, struct place *ret, struct error *err);
void place_done(struct place *p);
#define PLACE_AUTO(name) CLEANUP(place_done) struct place name = {0}

/* "docker://": a registry is meant, whatever the store has. */
bool place_is_explicit(const char *text);

/* What containers-policy.json(5) calls it: "docker" is a registry. */
const char *place_transport(const struct place *p);

/* The word of --tls-verify; NULL: not given. */
MUST_CHECK int place_tls(const char *text, enum wire_tls *ret, struct error *err);
