/* trust/timestamp.h - when a signature was there, by the word of an authority of time (RFC 3161), checked offline: bundles
 * have its whole answers (TimeStampResp), envelopes of notation the token in them alone. */
#pragma once

#include "trust/certificate.h"

#define TIMESTAMP_SIZE_MAX (64u << 10) /* bytes; with a chain of RSA 8 KiB are usual */

/* -EBADMSG: not of that authority, or about something else. data: what was shown to the authority, mostly a signature's bytes.
 * *ret_s: the time in it, at which the certificates of the authority were valid. */
MUST_CHECK int timestamp_verify(struct view answer, const struct authority *a, struct view data,
                                int64_t *ret_s, struct error *err);

/* Between which moments, ends included: the clock says how exact it is. */
struct timestamp {
    int64_t from_ms, to_ms;
    bool
        may_be_revoked; /* a certificate in it names a list or responder, of whom nobody was asked */
};
/* As timestamp_verify(), with a token (TimeStampToken). */
MUST_CHECK int timestamp_verify_token(struct view token, const struct authority *a,
                                      struct view data, struct timestamp *ret, struct error *err);
