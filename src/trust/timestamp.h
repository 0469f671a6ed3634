/* trust/timestamp.h - when a signature was there, by the word of an authority of time (RFC 3161), checked offline: bundles
 * have its whole answers (TimeStampResp). */
#pragma once

#include "trust/certificate.h"

#define TIMESTAMP_SIZE_MAX (64u << 10) /* bytes; with a chain of RSA 8 KiB are usual */

/* -EBADMSG: not of that authority, or about something else. data: what was shown to the authority, mostly a signature's bytes.
 * *ret_s: the time in it, at which the certificates of the authority were valid. */
MUST_CHECK int timestamp_verify(struct view answer, const struct authority *a, struct view data,
                                int64_t *ret_s, struct error *err);
