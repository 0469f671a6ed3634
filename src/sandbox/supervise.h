/* sandbox/supervise.h - what one id cannot do, done on paper: the supervisor of IDENTITY_SINGLE.
 *
 * The container's process installs a filter (filter_install_listener()) that suspends chown-like
 * calls, mknod of devices, set*id and security.capability, and hands us the listener. We record
 * what was asked for (base/owned.h: an extended attribute on the file, a table for symbolic links)
 * and answer 0. Nothing is done that the container's process could not do itself: paths are
 * resolved in its own root and directory, by a process that has entered them; a swap of the path
 * between check and use gains nothing. */
#pragma once

#include "base/proc.h"

#define SUPERVISED_MAX 32

extern const size_t supervised_call_count;
uint32_t supervised_call(size_t i); /* system call number */

/* Starts the supervisor in a process of its own, which ends with the last task under the filter.
 * Takes over listener. links_fd: the table of symbolic links' owners, O_APPEND, or -1. */
MUST_CHECK int supervise_start(int take_listener, int links_fd, struct process *ret,
                               struct error *err);
