/* layer/names.h - the names in a directory, sorted by bytes. */
#pragma once

#include "base/str.h"

struct name {
    const char *text;
    unsigned char type; /* DT_DIR..., or DT_UNKNOWN */
};

struct names {
    struct name *at;
    size_t size, cap;
    char *texts;
};

/* Reads a directory from its start, without "." and "..". Everything that names holds is
 * replaced. */
MUST_CHECK int names_read(int fd, struct names *ret, struct error *err);
void names_done(struct names *n);
