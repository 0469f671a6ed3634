/* build/source.h - names in FROM, --from and --build-context, and what they stand for.
 *
 * The front end asks for an image when it needs its configuration; layers are opened only when a
 * step above them has to run. */
#pragma once

#include "build/graph.h"

struct platform; /* oci/platform.h */

/* An image that was found: by its configuration, which names its layers, so by content. Lives in
 * the arena. */
struct source_image {
    /* as found: "docker.io/library/debian:bookworm", "oci-layout:///srv/base:1" */
    const char *name;
    struct digest id;       /* of the configuration */
    struct digest manifest; /* zero where there is none: made here, or out of a docker archive */
    const struct image_config *config;
    /* tree ids, bottom first; all zero: in blobs only, unpacked when needed */
    struct digest *layers;
    size_t layer_count;
    /* found in blobs: the diff ids of its configuration are its identity, else the trees are */
    bool packed;
    void *origin; /* of the resolver: where the blobs are */
};

enum source_kind {
    SOURCE_IMAGE,     /* ret->image */
    SOURCE_DIRECTORY, /* ret->path: a directory of the user, ret->ignore its .dockerignore or
                       * NULL */
    SOURCE_REMOTE,    /* ret->remote, or ret->tree: not a directory of the user, so that owners stay
                       * and .dockerignore is a file like others */
};

struct source {
    enum source_kind kind;
    const struct source_image *image;
    const char *path;
    const struct ignore *ignore;
    const char *ignore_name;
    struct remote *remote;
    const struct digest *tree;
    const char *name; /* of a remote source: for people */
};

/* A source of ADD that is a URL or a repository. */
struct source_remote_request {
    const char *text;
    const char *checksum; /* "" none */
    bool keep_git_dir, has_keep_git_dir;
    bool *ret_in_checksum; /* set where an error is the checksum's */
};

/* What the front end is given: the program's resolver, or a table in tests. */
struct source_resolver {
    void *ctx;
    /* True when --build-context has this name: it then wins over stages and images. */
    bool (*is_named)(void *ctx, const char *name, const struct platform *platform);
    /* Resolves a named context or an image; each name is asked for once or more, the answer stays
     * the same. -ENOENT: neither local nor a named context; the error says so and how to mend
     * it. */
    int (*resolve)(void *ctx, const char *name, const struct platform *platform, struct graph *g,
                   struct source *ret, struct error *err);
    /* The build context itself. -ENOENT when the build has none (`-` with a Dockerfile). */
    int (*context)(void *ctx, struct graph *g, struct source *ret, struct error *err);
    /* When a directory was made: the context (name NULL) or a named one. Of a checkout that is its
     * commit, of an archive its newest file. 1; 0 when it cannot be told. NULL: it never can. */
    int (*epoch)(void *ctx, const char *name, int64_t *ret, struct error *err);
    /* 1: text is remote; 0: it is a path. The same source is the same ret->remote. */
    int (*remote)(void *ctx, const struct source_remote_request *q, struct source *ret,
                  struct error *err);
    /* The stage of this file that a named context of this name stands for (target:STAGE), or
     * NULL. */
    const char *(*stage)(void *ctx, const char *name, const struct platform *platform);
};
