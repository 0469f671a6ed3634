/* build/redact.h - takes secrets out of bytes before they are kept.
 *
 * What is found: each secret as it is, each of its lines, and the base64 of it, also where it is a
 * part of what was encoded ("user:secret"). What a program made of a secret otherwise is not. */
#pragma once

#include "base/str.h"

#define REDACT_SIZE_MIN 4 /* bytes: shorter ones are in every text */

struct redactor;
struct redactor *redactor_new(void);
void redactor_free(struct redactor *r); /* wipes; NULL is fine */
DEFINE_CLEANUP(struct redactor *, redactor_free)

void redactor_add(struct redactor *r, struct view secret);
/* Appends to ret what of the stream may be kept by now; what may be the beginning of a secret waits
 * for the next bytes. */
void redactor_pass(struct redactor *r, struct view bytes, struct str *ret);
void redactor_end(struct redactor *r, struct str *ret);
