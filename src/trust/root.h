/* trust/root.h - sigstore's trusted_root.json: whose certificates, logs and clocks are believed, and from when to when
 * (protobuf-specs, sigstore_trustroot.proto 0.1 and 0.2, as protobuf's JSON).
 *
 *     {"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
 *      "tlogs": [{"publicKey": {"rawBytes": SPKI, "keyDetails": D, "validFor": {"start": T, "end": T}}, "logId": ...}],
 *      "certificateAuthorities": [{"certChain": {"certificates": [{"rawBytes": DER}]}, "validFor": ...}],
 *      "ctlogs": as tlogs, "timestampAuthorities": as certificateAuthorities}
 *
 * Several of them, one a line, are several worlds: what is proven is proven by what one of them names.
 *
 * A chain's last certificate is trusted, those before it lead there. The file is the user's own; even so a key that nobody knows
 * the meaning of is an error, for it could be the one that ends a trust. */
#pragma once

#include "trust/certificate.h"

#define TRUSTED_ROOT_SIZE_MAX (512u << 10) /* bytes; sigstore's own has 7 KiB */
#define TRUSTED_ROOTS_MAX 16               /* documents of one file */
#define TRUSTED_ROOT_EACH_MAX 64           /* logs, or authorities, or clocks: each is tried */

/* When something may be believed, both ends included; all zero: at any time. */
struct window {
    int64_t start_s, end_s; /* end_s 0: it has not ended */
};
bool window_holds(const struct window *w, int64_t at_s);

struct trusted_key {
    struct trust_key *key;
    struct window valid;
};
struct trusted_authority {
    struct authority *authority;
    struct window valid;
};
struct trusted_keys {
    struct trusted_key *at;
    size_t size, cap;
};
struct trusted_authorities {
    struct trusted_authority *at;
    size_t size, cap;
};
void trusted_authorities_done(struct trusted_authorities *l);

struct trusted_root {
    struct trusted_keys logs, ct_logs;
    struct trusted_authorities authorities, clocks;
};
/* Logs whose keys are of a kind that we do not have (keyDetails) are left out: they prove nothing then. c must live as long. */
MUST_CHECK int trusted_root_parse(const struct crypto *c, struct view text,
                                  struct trusted_root *ret, struct error *err);
void trusted_root_done(struct trusted_root *root);
/* The next document of a file: each of its lines, where the first one is a whole document (`gh attestation trusted-root`), else
 * all of it. False: there is no more. */
bool trusted_root_next(struct view *rest, struct view *ret);
