/* run/run.h - an image, or a directory, run in a container in the foreground; nothing is kept. */
#pragma once

#include "image/tools.h"
#include "sandbox/spawn.h"

struct run_options {
    const char *image;  /* or */
    const char *rootfs; /* a directory, used in place */
    struct strings command;
    const char *entrypoint, *workdir, *user, *hostname, *network; /* NULL: the image's, defaults */
    struct strings env;     /* NAME=value, or NAME: taken from our own environment */
    struct strings volumes; /* SOURCE:TARGET[:ro] */
    struct strings mounts;  /* type=bind,source=S,target=T[,readonly] | type=tmpfs,target=T */
    struct strings tmpfs;   /* TARGET[:size=N,mode=N,...] */
    struct strings cap_add, cap_drop, ports, hosts, security, ulimits;
    uint64_t shm_size;
    bool interactive, tty, read_only, no_init;
};

/* Runs it; *ret_status is the program's (126, 127, 128 + signal as spawn_run() has them). */
MUST_CHECK int run_foreground(struct image_tools *t, const struct run_options *o, int *ret_status,
                              struct error *err);

/* A job that somebody else begins, with our streams, or a new terminal where p->tty says so: fills the
 * plan's streams, has begin() submit it, stays until it has ended. *ret_answer may be NULL. */
MUST_CHECK int run_attached(const struct env *env, struct spawn_plan *p,
                            int (*begin)(void *ctx, const struct spawn_plan *p, struct job **ret,
                                         struct error *err),
                            void *ctx, json_t **ret_answer, struct error *err);

/* "run": the holder's side. */
extern const struct job_row run_jobs[];
extern const size_t run_job_count;
