/* trust/pem.h - text armour of keys and certificates (RFC 7468). */
#pragma once

#include "base/str.h"

#define PEM_LABEL_MAX 64

/* Cuts the next block off *rest: its label ("PUBLIC KEY") and, appended to ret, its bytes; what
 * stands between blocks is passed over. 1: got one, 0: there is none, -EINVAL: it is damaged. */
MUST_CHECK int pem_next(struct view *rest, char label[static PEM_LABEL_MAX], struct str *ret,
                        struct error *err);
void pem_add(struct str *to, const char *label, struct view bytes);
