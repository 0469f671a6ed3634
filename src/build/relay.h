/* build/relay.h - an agent's socket inside a container: a process of ours listens there and hands bytes on.
 *
 * Agents look at who connects (SO_PEERCRED), and to them that is us, not a user of the container. */
#pragma once

#include <sys/types.h>

#include "base/error.h"

/* Listens at name in dirfd; every connection becomes one to the socket behind agent_fd (O_PATH, borrowed). The
 * process ends with its parent. */
MUST_CHECK int relay_start(int dirfd, const char *name, int agent_fd, pid_t *ret,
                           struct error *err);
