/* registry/proxies.h - the proxies that docker's config.json names for builds: "proxies", by the daemon's address or "default". */
#pragma once

#include "base/env.h"
#include "base/vec.h"

/* Appends "HTTP_PROXY=value" and its like, names in capitals. The daemon is $DOCKER_HOST, else docker's usual one. What cannot
 * be read is a warning. */
void proxies_read(const struct env *env, struct strings *ret);
