/* trust/rekor_internal.h - private to logs. */
#pragma once

#include "trust/rekor.h"

/* rekor_body.c: what the log has, out of e->body. */
MUST_CHECK int rekor_read_body(struct rekor_entry *e, struct error *err);
/* The bytes of a text that must be there, in place of what ret has. */
MUST_CHECK int rekor_read_base64(const json_t *doc, const char *key, struct str *ret,
                                 struct error *err);
