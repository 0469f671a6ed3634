/* distro/release.h - Release files of Debian archives: what a suite is and the digests of its
 * indexes. */
#pragma once

#include "base/str.h"
#include "oci/digest.h"

#define RELEASE_SIZE_MAX (8u << 20) /* Debian's own are 200 KB; Ubuntu's and third parties' less */

struct release { /* borrows the text */
    struct view origin, suite, codename, version;
    struct view sha256; /* the field: "<hex> <size> <path>" lines */
    int64_t date_s;     /* 0: absent */
    int64_t valid_until_s;
    bool by_hash;
    int pin; /* apt's priority: 500; 100 (NotAutomatic, ButAutomaticUpgrades), 1 (NotAutomatic) */
};

/* -EINVAL for what is no Release file. */
MUST_CHECK int release_parse(struct view text, struct release *ret, struct error *err);
/* Digest and size of a file of the suite: "main/binary-amd64/Packages.xz"; -ENOENT when it is not
 * listed. */
MUST_CHECK int release_file(const struct release *r, const char *path, struct digest *ret,
                            uint64_t *ret_size, struct error *err);

/* now_s against Date (at most 10 seconds ahead, as apt has it) and Valid-Until. */
MUST_CHECK int release_check_date(const struct release *r, int64_t now_s, struct error *err);
MUST_CHECK int release_check_valid_until(const struct release *r, int64_t now_s, struct error *err);
/* Whether it speaks for the suite that was asked for: by Suite, Codename, or Codename and the
 * suite's tail. */
MUST_CHECK int release_check_suite(const struct release *r, const char *suite, struct error *err);

/* "Sat, 11 Jul 2026 10:16:37 UTC" (RFC 5322; UTC, GMT, Z or +0000). */
MUST_CHECK bool release_date(struct view text, int64_t *ret_s);

/* The signed text within an InRelease file: -EINVAL unless the file is one signed
 * message and nothing before or behind it, so that nobody reads what nobody signed. *ret_text is
 * the message with its dash escapes undone; plain text is taken as it is when unsigned_too. */
MUST_CHECK int inrelease_text(struct view file, bool unsigned_too, struct str *ret_text,
                              struct error *err);
