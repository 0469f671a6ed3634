/* sandbox/filter.h - the default seccomp filter of containers, made at build time of filter.txt. */
#pragma once

#include "sandbox/supervise.h"

/* Installs it for the calling thread. Without no_new_privs this needs CAP_SYS_ADMIN in the user
 * namespace, so it then comes before capabilities are dropped. */
MUST_CHECK int filter_install(struct error *err);

/* Installs a filter that hands the calls of this kind to a supervisor. Returns the listener descriptor;
 * -EBUSY: a supervisor is around us already. Comes before filter_install(). */
MUST_CHECK int filter_install_listener(enum supervise_kind kind, struct error *err);
