/* sandbox/holder.h - the process that owns the store's namespaces, and the jobs it forks.
 *
 * main:   holder_start() -> holder_submit() ... job_fd() readable -> job_step() -> job_finish() ->
 *         holder_stop()
 * holder: holder_main(rows) reads requests from its socket, forks one child a job (or has one that
 *         stayed); the child calls the row's function and answers with one frame. A job that
 *         crashes is an error of that job, nothing else.
 *
 * The holder is PID 1 of a PID namespace and dies with main (socket closed, parent-death signal):
 * the kernel then takes all jobs, containers and mounts along, whatever they did to their own
 * parent-death signals. A job is killed when main closes its side (job_cancel). */
#pragma once

#include <jansson.h>

#include "base/doc.h"
#include "sandbox/identity.h"

struct box;

struct job_context {
    int store_fd; /* the store's directory, writable */
    struct identity_map ids;
    int progress_fd; /* the job's socket to main, or -1: use job_progress() and job_control() */
    /* spawn.c: by network: namespaces that earlier containers of this process left */
    struct box *boxes;
};

struct job_row {
    const char *name; /* "copy", "exec", "unpack", "tar" */
    /* Runs in its own process, which is its own process group. fds are the caller's descriptors in
     * order, and are closed afterwards. *ret is a new object (or NULL). */
    int (*run)(const struct job_context *ctx, const json_t *request, const int *fds,
               size_t fd_count, json_t **ret, struct error *err);
    /* The process does not end: it gets further jobs of such rows, so that a step of a build costs no
     * fork, and keeps its boxes for them. So run leaves nothing open, its process as it was, nothing
     * secret in memory, and answers with less than a socket holds. */
    bool stays;
};

struct holder;
struct job;

/* Starts the holder over an open store directory. Does not wait for it: what kept it from its
 * namespaces is the error of the first holder_submit(). */
MUST_CHECK int holder_start(const struct env *env, int store_fd, const struct identity_map *ids,
                            struct holder **ret, struct error *err);
/* Ends it; jobs still running are killed. NULL is fine. */
void holder_stop(struct holder *h);
DEFINE_CLEANUP(struct holder *, holder_stop)

MUST_CHECK int holder_submit(struct holder *h, const char *name, const json_t *request,
                             const int *fds, size_t fd_count, struct job **ret, struct error *err);
int job_fd(const struct job *j); /* readable when job_step() has something */
/* 1: the job ended, call job_finish(); 0: a progress message was handled (passed to the callback),
 * go on. */
MUST_CHECK int job_step(struct job *j, void (*progress)(void *ctx, const json_t *message),
                        void *ctx, struct error *err);
/* Sends a signal to the program of the container that the job runs; nothing when there is none. */
void job_signal(struct job *j, int signo);
/* Waits for the end, frees j, hands out the answer (NULL when there was none) or the job's error
 * (code, text, where and hint travel). ret may be NULL. */
MUST_CHECK int job_finish(struct job *j, json_t **ret, struct error *err);
/* Kills the job and everything it started, frees j. NULL is fine. */
void job_cancel(struct job *j);
DEFINE_CLEANUP(struct job *, job_cancel)
/* submit + finish. */
MUST_CHECK int holder_call(struct holder *h, const char *name, const json_t *request,
                           const int *fds, size_t fd_count, json_t **ret, struct error *err);

/* The role's main function; argv as proc_spawn_role() gave it. Returns the exit status. */
int holder_main(int argc, char **argv, const struct job_row *rows, size_t row_count);

/* In a job: tells main. A message {"log":text} always arrives; others are dropped while main is
 * behind. */
void job_progress(const struct job_context *ctx, json_t *take_message);
