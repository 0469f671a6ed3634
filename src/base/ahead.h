/* base/ahead.h - the disk begins with what a long job makes while the job still makes it.
 *
 * The kernel keeps new files in memory for half a minute; whoever then syncs waits for all of them. Here a thread calls
 * syncfs() every AHEAD_BYTES, so that disk and processors work at the same time. It promises nothing: who needs
 * something on the disk syncs as before, and finds less to do. Jobs that write less start no thread. */
#pragma once

#include "base/mem.h"

#define AHEAD_BYTES                                                                                \
    (UINT64_C(128) << 20) /* each sync writes some tables of the file system again */

struct ahead;
/* For the file system of fd, of which it keeps a copy. */
struct ahead *ahead_begin(int fd);
/* Any thread may tell that it has written so much. */
void ahead_wrote(struct ahead *a, uint64_t bytes);
/* All is written: begins with the rest, if it is worth a thread (AHEAD_LAST_BYTES), and does not wait. NULL is fine. */
#define AHEAD_LAST_BYTES (UINT64_C(16) << 20)
void ahead_end(struct ahead *a);
DEFINE_CLEANUP(struct ahead *, ahead_end)
