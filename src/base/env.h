/* base/env.h - what the program sees of the world: clock, home, streams, words on the screen.
 * Passed down as `const struct env *`; there are no globals, so tests repeat. */
#pragma once

#include <stdio.h>

#include "base/str.h"

struct progress;

struct env {
    const char *home;        /* $HOME, or NULL */
    const char *store_root;  /* --root, $COOPER_ROOT or the default for this user */
    const char *runtime_dir; /* $XDG_RUNTIME_DIR/cooper, /run/cooper, or below the store's tmp */
    FILE *out, *err;         /* results; words */
    int64_t now_s;           /* seconds since 1970 when the command began */
    bool quiet, verbose, color;
    struct progress *progress; /* never NULL in the program; NULL in tests means silence */
};

/* One line for people on env->err: "cooper: warning: ..."; clears and redraws live progress around
 * it. */
void env_warn(const struct env *env, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The same for what is no warning. */
void env_note(const struct env *env, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Only with --verbose. */
void env_debug(const struct env *env, const char *fmt, ...) PRINTF_LIKE(2, 3);
