/* run/internal.h - private to run. */
#pragma once

#include "run/run.h"

/* Fills the plan's mounts from --volume, --mount and --tmpfs; descriptors and texts are in *ret,
 * which must outlive the plan. */
struct run_mounts {
    VEC(struct spawn_mount) list;
    struct strings texts;
};
void run_mounts_done(struct run_mounts *m);
MUST_CHECK int run_mounts_parse(const struct run_options *o, struct run_mounts *ret,
                                struct error *err);

/* The terminal, or the pipes, between us and the container while it runs. */
struct run_io {
    int console, console_other; /* tty: our and the container's end of the console socket */
    int in, out, err;           /* what the container is given; -1: nothing */
    int relays[2];              /* pipes to read for stdout and stderr, or -1 */
    int given[2];               /* their other ends, to close once they were sent */
};
MUST_CHECK int run_io_open(bool tty, bool interactive, struct run_io *ret, struct error *err);
void run_io_sent(struct run_io *io); /* closes what the container has by now */
void run_io_close(struct run_io *io);
/* Until the job has ended: moves bytes, forwards signals and window sizes. */
MUST_CHECK int run_io_loop(const struct env *env, struct run_io *io, struct job *j,
                           struct error *err);
