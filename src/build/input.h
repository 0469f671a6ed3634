/* build/input.h - which Dockerfile, which context: files, standard input, an archive on it. */
#pragma once

#include "build/build.h"
#include "image/tools.h"

/* A plain value with owned members. */
struct input {
    struct str text;   /* of the Dockerfile */
    char *name;        /* for messages: "Dockerfile" */
    char *path;        /* of the file, for its own .dockerignore; NULL: there is none */
    char *context;     /* directory, or NULL */
    bool is_temporary; /* the context came as an archive and lives in the store's tmp/ */
    int tmp_fd;        /* keeps it alive */
};
#define INPUT_AUTO(var) CLEANUP(input_done) struct input var = {.text = STR_INIT, .tmp_fd = -1}
void input_done(struct input *in);

MUST_CHECK int input_read(struct image_tools *t, const struct build_options *o, struct input *ret,
                          struct error *err);
