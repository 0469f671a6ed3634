/* build/mount_job.h - in the job of a RUN: its mounts become mounts of the container. */
#pragma once

#include "base/vec.h"
#include "build/file_job.h"
#include "sandbox/spawn.h"

struct open_cache {
    struct digest id;
    int fd;
};

/* A plain value with owned members; lives until the container has ended. */
struct step_mounts {
    const struct job_context *ctx;
    struct store *store;
    int tmp_fd;   /* of the store: writes that are thrown away, sockets; -1 until needed */
    VEC(int) fds; /* closed at the end: cache mounts are flocked by them */
    VEC(struct lowers) views;
    VEC(pid_t) relays; /* processes that hand an agent's words on */
    VEC(struct open_cache) caches;
};
void step_mounts_done(struct step_mounts *m);
/* A new cache belongs to "uid", "gid", "mode" of obj. */
MUST_CHECK int mount_set_owner(const struct job_context *ctx, const json_t *obj, int dir,
                               const char *name, struct error *err);

/* Adds what request.mounts asks for to plan. Sleeps while another step has a cache mount alone. */
MUST_CHECK int step_mounts_open(struct step_mounts *m, const json_t *request, const int *fds,
                                size_t fd_count, struct spawn_plan *plan, struct error *err);
