/* layer/gitmode.h - modes that are no more than the umask of who cloned.
 *
 * git keeps of a mode whether a file may be executed; the rest of it is what the umask left of 0666 and 0777 when
 * somebody cloned. So that one commit is the same files everywhere, modes that a checkout made are taken as one under
 * umask 022 makes them, 0644 and 0755. Every other mode somebody has set, and it stays. */
#pragma once

#include <sys/stat.h>

#include "base/error.h"

#define GITMODE_KNOWN                                                                              \
    01000 /* with it the low bits are the umask of a checkout; 0: modes are as they are */

/* Of the checkout that the directory is or lies in, as .git shows it; 0: there is none. */
mode_t gitmode_of(int dirfd);
/* mode: type and permissions. */
mode_t gitmode_apply(mode_t gitmode, mode_t mode);
