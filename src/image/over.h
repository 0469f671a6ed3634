/* image/over.h - private to image: the layers of a source straight into a directory. The store gets
 * nothing of them: each byte is read, hashed and written once. */
#pragma once

#include "image/source.h"
#include "image/tools.h"

/* The files of the image, layers applied, into a directory that is made when absent, else empty. They
 * are there when every digest was right, not before; what failed leaves nothing. Owners are kept
 * when we are root. 1: done; 0: not done, as there are too many files, or some are elsewhere. */
MUST_CHECK int over_unpack(struct image_tools *t, const struct image_source_image *from,
                           const char *directory, struct error *err);
