/* build/input.h - which Dockerfile, which context: files, standard input, an archive on it. */
#pragma once

#include "build/build.h"
#include "build/secrets.h"
#include "image/tools.h"

/* A plain value with owned members. */
struct input {
    struct str text; /* of the Dockerfile */
    char *name;      /* for messages: "Dockerfile" */
    char *path;      /* of the file, for its own .dockerignore; NULL: there is none */
    char *context;   /* directory, or NULL */
    bool has_tree;   /* the context is a tree of the store: an archive, a repository, a URL */
    struct digest tree;
    char *shown; /* the context, for people */
};
#define INPUT_AUTO(var) CLEANUP(input_done) struct input var = {.text = STR_INIT}
void input_done(struct input *in);

MUST_CHECK int input_read(struct image_tools *t, const struct secrets *secrets,
                          const struct build_options *o, struct input *ret, struct error *err);
