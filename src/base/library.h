/* base/library.h - shared libraries that few commands need, loaded by the first use: linked, each
 * would cost every start of the program 0.1 to 3 ms. */
#pragma once

#include <stddef.h>

#include "base/error.h"

struct library_call {
    const char *name;
    void *at; /* of the pointer to the function */
};

/* Loads the library and fills all pointers; it stays until the process ends. -ENOTSUP: it is not
 * installed (the hint names the Debian package) or lacks a function. */
MUST_CHECK int library_load(const char *name, const char *package, const struct library_call *calls,
                            size_t count, struct error *err);
