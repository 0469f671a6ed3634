/* image/diff.h - two images side by side, from their indexes; nothing is unpacked. */
#pragma once

#include "image/image.h"

enum difference {
    DIFFERENCE_ONLY_A,
    DIFFERENCE_ONLY_B,
    DIFFERENCE_FILE,   /* what: "mode", "owner", "size", "content" ... separated by commas */
    DIFFERENCE_CONFIG, /* path is the field */
};

struct difference_row {
    enum difference kind;
    const char *path; /* "/etc/passwd", or "Env" */
    const char *what;
    const char *a, *b; /* short texts of both sides, or NULL */
};

/* Calls for each difference, paths sorted; returns how many there are. times: mtime counts too. */
MUST_CHECK int image_diff(struct image_tools *t, const struct image *a, const struct image *b,
                          bool times, void (*call)(void *ctx, const struct difference_row *row),
                          void *ctx, size_t *ret_count, struct error *err);
