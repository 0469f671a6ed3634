/* image/target.h - private to image: the directory that an unpack is for. It was empty or not there,
 * and is so again when the unpack fails or is interrupted. Only what is killed leaves something: the
 * subdirectory of image/interim.h. */
#pragma once

#include "image/queue.h"

struct target {
    char *path;
    size_t before; /* bytes of path that name what was there before us */
    int fd;
};
#define TARGET_INIT ((struct target){NULL, 0, -1})
#define TARGET_AUTO(name) CLEANUP(target_close) struct target name = TARGET_INIT

/* -ENOTEMPTY: something is in it. */
MUST_CHECK int target_open(const char *path, struct target *ret, struct error *err);
/* Runs the job, which writes into the request's "interim" of item->fd, and warns of what its answer
 * tells. SIGINT, SIGTERM and SIGHUP are -EINTR. */
MUST_CHECK int target_fill(struct image_tools *t, struct target *d, struct queue_item *item,
                           struct error *err);
/* Of an answer of image-tree or image-over: what the directory lacks. */
MUST_CHECK int target_tell(const struct env *env, const json_t *answer, struct error *err);
void target_close(struct target *d);
