/* trust/statement.h - in-toto statements: something said about things that their digests name
 * (in-toto/attestation, spec v0.1 and v1). */
#pragma once

#include "base/doc.h"
#include "oci/digest.h"

#define STATEMENT_SUBJECTS_MAX 1024
#define PREDICATE_COSIGN_SIGN "https://sigstore.dev/cosign/sign/v1" /* an image's signature */

struct statement {
    json_t *doc; /* owned */
    const char *predicate_type;
    const json_t *predicate; /* or NULL; an object, but for older tools' texts */
    const json_t *subjects;  /* an array, not empty, each with digests */
};
MUST_CHECK int statement_read(struct view payload, size_t limit, struct statement *ret,
                              struct error *err);
void statement_done(struct statement *s);
/* Whether one of the subjects is this one. */
bool statement_is_about(const struct statement *s, const struct digest *digest);
/* When its predicate says that it was made; false where it does not. Known are SLSA provenance (v0.2,
 * v1: the end of the build, else its start), cosign's vulnerability scans and cosign's own. */
bool statement_time(const struct statement *s, int64_t *ret_s);

/* "slsaprovenance", "spdxjson", "cyclonedx", "vuln" and so on stand for URIs, as in cosign; what is a URI already stays.
 * NULL: neither. */
const char *statement_type_of(const char *word);

/* Appends a v1 statement about one thing. */
void statement_print(const char *name, const struct digest *digest, const char *predicate_type,
                     json_t *take_predicate, struct str *ret);
