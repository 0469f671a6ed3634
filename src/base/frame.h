/* base/frame.h - messages between our own processes: length-prefixed bytes over a Unix stream
 * socket or pipe, descriptors beside them (SCM_RIGHTS, sockets only). The sender's bytes are data,
 * never trusted. */
#pragma once

#include "base/str.h"

#define FRAME_SIZE_MAX (64u << 20) /* a plan of 100,000 paths is about 20 MiB */
#define FRAME_FDS_MAX 64           /* below the kernel's SCM_MAX_FD of 253 */

MUST_CHECK int frame_send(int fd, struct view data, const int *fds, size_t fd_count,
                          struct error *err);
/* 1 with a frame, 0 at the end of the stream. ret_fds holds FRAME_FDS_MAX (NULL: none are
 * expected). */
MUST_CHECK int frame_recv(int fd, struct str *ret, int *ret_fds, size_t *ret_fd_count,
                          struct error *err);
