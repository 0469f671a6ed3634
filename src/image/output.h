/* image/output.h - --output type=T,dest=D,...: where an image goes, as docker buildx writes it. */
#pragma once

#include "base/vec.h"
#include "layer/codec.h"
#include "oci/config.h"

enum output_type {
    OUTPUT_IMAGE, /* the store */
    OUTPUT_OCI,   /* a layout directory */
    OUTPUT_OCI_ARCHIVE,
    OUTPUT_DOCKER_ARCHIVE,
    OUTPUT_TAR,   /* the merged files */
    OUTPUT_LOCAL, /* the same as a directory */
    OUTPUT_REGISTRY,
};

struct output {
    enum output_type type;
    char *dest;                /* path; "-" is standard output (archives only); NULL: OUTPUT_IMAGE,
                 * OUTPUT_REGISTRY */
    struct strings names;      /* name=a,name=b: what the image is called in it */
    const struct codec *codec; /* compression=; NULL: blobs as they are, gzip for new ones */
    int level;                 /* compression-level= */
    bool force;                /* force-compression=: blobs of another form are compressed again */
    bool docker_types;         /* oci-mediatypes=false */
    struct pairs annotations;  /* annotation.KEY=VALUE */
};

/* text: CSV of key=value with Go's quoting; "DIR" alone is type=local,dest=DIR and "-" is
 * type=tar,dest=-. type=docker means docker-archive; type=oci with tar=true or dest=- means
 * oci-archive. Unknown keys and types are -EINVAL with a suggestion. */
MUST_CHECK int output_parse(const char *text, struct output *ret, struct error *err);
void output_done(struct output *o);
const char *output_type_name(enum output_type type);
/* "type" values with a line of help each, for --help and the manual. */
extern const struct output_row {
    const char *name;
    enum output_type type;
    const char *help;
} output_rows[];
extern const size_t output_row_count;
