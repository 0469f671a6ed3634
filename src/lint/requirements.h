/* lint/requirements.h - files that say what a program needs, and whether they leave open which version of it.
 *
 *     requirements*.txt      everything without ==, ===, a hash or an address, unless a file of constraints is named
 *     package.json           ranges, where no lock file of npm, yarn, pnpm or bun is beside it or above it
 *     Gemfile                gems without one exact version, where there is no Gemfile.lock
 *     go.mod                 has exact versions; without go.sum nobody checks what comes for them */
#pragma once

#include "base/map.h"

#define REQUIREMENTS_SIZE_MAX (1u << 20) /* bytes of such a file */

/* By its name; nothing else is worth reading. */
bool requirements_is(struct view path);
/* A file that fixes what such files leave open; its name is to be in the map that requirements_open() looks into. */
bool requirements_is_lock(struct view path);
/* How many requirements of the file are open; *ret: the first, as written. What cannot be parsed has none. */
size_t requirements_open(struct view path, struct view text, const struct map *locks,
                         struct str *ret);
