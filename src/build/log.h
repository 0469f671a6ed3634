/* build/log.h - all that a step prints, kept in the store's logs/ without the secrets of the build.
 *
 * Nothing is made before the first byte. A log that cannot be written fails no build. */
#pragma once

#include "build/redact.h"

struct build;
struct op;

/* Zeroed memory is an empty one. */
struct step_log {
    char *path; /* for people; NULL: nothing was printed, or there is no place */
    int fd;     /* where path is set */
    struct redactor *redactor;
    bool cut; /* not all of it could be written */
};

void log_write(struct step_log *l, struct build *b, const struct op *op, struct view bytes);
void log_end(struct step_log *l); /* what was held back is written, the file closed */
void log_done(struct step_log *l);
