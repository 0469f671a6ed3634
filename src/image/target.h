/* image/target.h - private to image: the directory that an unpack is for. It was empty or not there,
 * and is so again when the unpack fails or is interrupted. Only what is killed leaves something: the
 * subdirectory of image/interim.h. */
#pragma once

#include "image/queue.h"

/* Runs item, a job that writes into the request's "interim" of item->fd, for the directory path, and warns of what its
 * answer tells. -ENOTEMPTY: something is in it. SIGINT, SIGTERM and SIGHUP are -EINTR. */
MUST_CHECK int target_unpack(struct image_tools *t, const char *path, struct queue_item *item,
                             struct error *err);
/* Of an answer of image-tree or image-over: what the directory lacks. */
MUST_CHECK int target_tell(const struct env *env, const json_t *answer, struct error *err);
