/* image/annotation.h - what the user wants to be written beside an image: on its manifest, on the
 * descriptor that names it, on the index, on the descriptor of the index (buildx's four places). */
#pragma once

#include "base/doc.h"
#include "base/vec.h"
#include "oci/platform.h"

#define ANNOTATION_KEY_MAX 255 /* bytes; keys are reverse domain names */

enum annotation_place {
    ANNOTATE_MANIFEST,
    ANNOTATE_MANIFEST_DESCRIPTOR,
    ANNOTATE_INDEX,
    ANNOTATE_INDEX_DESCRIPTOR,
};

struct annotation {
    enum annotation_place place;
    bool has_platform; /* of the manifests only those of this platform */
    struct platform platform;
    char *key, *value;
};
struct annotations { /* ordered; the later of two with one key counts */
    struct annotation *at;
    size_t size, cap;
};
void annotations_done(struct annotations *a);
void annotations_add_all(struct annotations *a, const struct annotations *from);

/* --annotation [PLACE[PLATFORM][,PLACE...]:]KEY=VALUE, PLACE as in "index-descriptor", manifest when
 * none is said. -EINVAL. */
MUST_CHECK int annotations_add_text(struct annotations *a, const char *text, struct error *err);
/* The key of an output: "annotation.KEY", "annotation-PLACE[PLATFORM].KEY". 1: it is one, 0: it is
 * something else. */
MUST_CHECK int annotations_add_key(struct annotations *a, const char *key, const char *value,
                                   struct error *err);

/* Whether there is one for this place. */
bool annotations_have(const struct annotations *a, enum annotation_place place);
/* Sets those of a place on the object *to, which is made when it is NULL and one is there. platform
 * (NULL: any) is the manifest's. */
void annotations_set(const struct annotations *a, enum annotation_place place,
                     const struct platform *platform, json_t **to);
