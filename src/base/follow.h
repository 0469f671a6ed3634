/* base/follow.h - a file that one process writes while another one reads it: an eventfd between them says when there is
 * more of it.
 *
 * The writer adds to the file and then tells FOLLOW_MORE; who takes back what it wrote tells FOLLOW_AGAIN afterwards, and
 * everything that was read before counts for nothing. FOLLOW_END comes from whoever knows that all is there. The words
 * are numbers that the kernel adds up, so none is ever lost, and whoever takes the end has taken what was told before it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define FOLLOW_MORE 1ull
#define FOLLOW_AGAIN (1ull << 32)
#define FOLLOW_END (1ull << 48)

/* A descriptor for both sides. */
MUST_CHECK int follow_open(struct error *err);
void follow_tell(int fd, uint64_t word);

struct follow {
    int fd; /* -1: the file is all there */
    bool ended, again;
};
/* Takes what was told, and does not wait: ended stays, again is the caller's to clear. */
void follow_take(struct follow *f);
/* Until it ended or began anew. */
MUST_CHECK int follow_wait(struct follow *f, struct error *err);
