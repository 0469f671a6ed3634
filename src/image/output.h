/* image/output.h - --output type=T,dest=D,...: where an image goes, as docker buildx writes it. */
#pragma once

#include "base/vec.h"
#include "image/annotation.h"
#include "layer/codec.h"

enum output_type {
    OUTPUT_IMAGE, /* the store */
    OUTPUT_OCI,   /* a layout directory; an archive where dest is a file */
    OUTPUT_OCI_ARCHIVE,
    OUTPUT_DOCKER_ARCHIVE,
    OUTPUT_TAR,       /* the merged files */
    OUTPUT_LOCAL,     /* the same as a directory */
    OUTPUT_CACHEONLY, /* nothing: the steps are in the cache */
    OUTPUT_REGISTRY,
};

struct output {
    enum output_type type;
    char *text;                /* as it was written, for messages and progress */
    char *dest;                /* path; "-" is standard output (archives only); NULL: none */
    struct strings names;      /* name=a,name=b: what the image is called in it */
    const struct codec *codec; /* compression=; NULL: blobs as they are, gzip for new ones */
    int level;                 /* compression-level= */
    bool force;                /* force-compression=: blobs of another form are compressed again */
    bool docker_types;         /* oci-mediatypes=false */
    bool directory;            /* tar=false: an OCI_ARCHIVE never is, a docker one becomes a layout
                                * with docker's manifest in it */
    bool delete;               /* mode=delete: what the image has not is removed from dest */
    /* platform-split=: directories by platform in tar and local; without a word where there are several */
    enum output_split { OUTPUT_SPLIT_AUTO, OUTPUT_SPLIT_YES, OUTPUT_SPLIT_NO } split;
    bool push;      /* type=image,push=true: to its registry too */
    bool by_digest; /* push-by-digest=true: no tag is made or moved, the store gets nothing */
    /* a manifest that came with the image keeps docker's or OCI's types, as it has them */
    bool own_types;
    bool rewrite_timestamp; /* rewrite-timestamp=: only a build knows which layers are new */
    bool index;             /* not parsed: an index, even of one image */
    bool immutable; /* not parsed: a tag of a registry that has something else is not moved */
    /* not parsed: what all times of tar and local become */
    bool has_epoch;
    int64_t epoch_s;
    struct annotations annotations;
};
struct outputs {
    struct output *at;
    size_t size, cap;
};

/* text: CSV of key=value with Go's quoting; "DIR" alone is type=local,dest=DIR and "-" is
 * type=tar,dest=-. type=docker is docker-archive, without dest the store, as buildx loads it; the
 * other archives go to standard output then. type=oci is an archive with tar=true, dest=-, no dest
 * or one that ends in .tar, where buildx writes one always. Unknown keys and types are -EINVAL with a suggestion. */
MUST_CHECK int output_parse(const char *text, struct output *ret, struct error *err);
void output_done(struct output *o);
/* All of them; -EINVAL when two want standard output. */
MUST_CHECK int outputs_parse(const struct strings *texts, struct outputs *ret, struct error *err);
void outputs_done(struct outputs *o);
/* One of them writes to standard output. */
bool outputs_take_stdout(const struct outputs *o);
/* -EINVAL when it would write to standard output, and that is a terminal. */
MUST_CHECK int output_check_terminal(const struct output *o, struct error *err);
const char *output_type_name(enum output_type type);
/* What can be known before any work, of an image of so many platforms: -EINVAL for a form or annotations that it cannot have;
 * -ENOENT, -EISDIR, -ENOTDIR for a dest that cannot be written. */
MUST_CHECK int output_check(const struct output *o, size_t platforms, struct error *err);
/* "type" values with a line of help each, for --help and the manual. */
extern const struct output_row {
    const char *name;
    enum output_type type;
    const char *help;
} output_rows[];
extern const size_t output_row_count;
