/* layer/hashfile.h - the digest of an open file that must not change meanwhile. */
#pragma once

#include <sys/stat.h>

#include "oci/digest.h"

#define HASH_BUFFER (256u << 10) /* fits the second-level cache with room for the file's pages */

/* A file with more holes costs its maker nothing and us minutes, whoever hashes, exports or loads it. */
#define HASH_HOLES_MAX (UINT64_C(64) << 30)

/* Reads fd from its start. before: what a stat said earlier; a file that is another one, or was
 * written to since, is -EAGAIN. buf holds HASH_BUFFER + 1 bytes. */
MUST_CHECK int hash_file(int fd, const struct stat *before, char *buf, struct digest *ret,
                         struct error *err);
/* -EDQUOT for more than HASH_HOLES_MAX bytes of holes; hash_file() asks too. fd stands at its start
 * then. */
MUST_CHECK int hash_check_holes(int fd, const struct stat *st, struct error *err);
/* -EAGAIN unless fd is still as before. */
MUST_CHECK int hash_check_same(int fd, const struct stat *before, struct error *err);
