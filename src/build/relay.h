/* build/relay.h - an agent's socket inside a container: a process of ours listens there and hands on what may be asked,
 * as BuildKit does: which keys there are, and to sign with one. Adding, removing, locking and extensions are answered
 * with a failure (RFC draft-miller-ssh-agent, 5.1).
 *
 * Agents look at who connects (SO_PEERCRED), and to them that is us, not a user of the container. */
#pragma once

#include <sys/types.h>

#include "base/error.h"

/* Listens at name in dirfd; every connection becomes one to the socket behind agent_fd (O_PATH, borrowed). The
 * process ends with its parent. */
MUST_CHECK int relay_start(int dirfd, const char *name, int agent_fd, pid_t *ret,
                           struct error *err);
