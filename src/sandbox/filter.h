/* sandbox/filter.h - the default seccomp filter of containers, made at build time of filter.txt. */
#pragma once

#include "base/error.h"

/* Installs it for the calling thread. Without no_new_privs this needs CAP_SYS_ADMIN in the user
 * namespace, so it then comes before capabilities are dropped. */
MUST_CHECK int filter_install(struct error *err);

/* Installs a filter that hands the calls which one id cannot do to a supervisor (supervise.h).
 * Returns the listener descriptor. Comes before filter_install(). */
MUST_CHECK int filter_install_listener(struct error *err);
