/* build/file_work.h - what a request of file_job() names, opened: between the files of that job. */
#pragma once

#include "base/vec.h"
#include "dockerfile/ignore.h"
#include "image/image.h"
#include "layer/context_check.h"
#include "layer/copy.h"

/* What one input is in the job. */
struct file_input {
    int dir; /* a context: borrowed from the job; else -1 */
    struct ignore *ignore;
    struct context_check *check; /* of a context */
    mode_t gitmode;
    struct image_view image;
};

struct file_work {
    const struct job_context *ctx;
    const json_t *request;
    const int *fds;
    size_t fd_count;
    enum owner_mode owner;
    struct store *store;
    struct store_tree *tree;
    struct image_view below; /* all layers, or one index of what matters of them */
    struct digest *chain;    /* the layers */
    size_t chain_size;
    struct file_input *inputs;
    size_t input_count;
    struct index *before; /* of the layer that the step made the last time, or NULL */
    int before_fs;
    struct copy *copy;
    struct view data;             /* bytes of WRITE steps, mapped */
    VEC(struct index *) archives; /* that were unpacked; the copy borrows from them until its end */
};

/* ctx, request and its descriptors are there, before_fs is -1; all else but tree, copy and archives is opened. */
MUST_CHECK int file_work_open(struct file_work *w, struct error *err);
void file_work_done(struct file_work *w);
