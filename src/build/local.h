/* build/local.h - directories of the user as build contexts: what .dockerignore leaves of them, what
 * is known of their files since the last time. */
#pragma once

#include <sys/types.h>

#include "image/tools.h"
#include "layer/context.h"

/* A directory of the user that steps copy from. The walk and the digests are made when first asked for. */
struct local_context {
    char *name; /* "context", or the named context's */
    char *path; /* as given: op_source_local.path points here */
    int fd;
    struct str ignore_text;
    struct ignore *ignore;
    char *ignore_name; /* ".dockerignore"; NULL: there is none */
    struct context_cache *cache;
    struct context *walked;
    mode_t gitmode;   /* layer/gitmode.h */
    struct digest id; /* of its stat cache */
};

/* dockerfile: path of the file, whose own .dockerignore is looked for first, or NULL. */
MUST_CHECK int local_open(const char *name, const char *path, const char *dockerfile,
                          struct local_context **ret, struct error *err);
void local_free(struct local_context *c);
DEFINE_CLEANUP(struct local_context *, local_free)
/* Walks it, once. */
MUST_CHECK int local_walk(struct local_context *c, struct image_tools *tools, struct error *err);
/* Writes its stat cache when that has something new. */
MUST_CHECK int local_save(struct local_context *c, struct image_tools *tools, struct error *err);
