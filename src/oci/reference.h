/* oci/reference.h - names of images, with docker's grammar and docker's short forms.
 *
 * "debian" is docker.io/library/debian:latest. The part before the first '/' is a host when it has
 * a '.', a
 * ':' or a capital, or is "localhost" (distribution/reference, normalize.go). */
#pragma once

#include "oci/digest.h"

#define REFERENCE_NAME_MAX 255 /* host and repository together (distribution/reference) */
#define REFERENCE_TAG_MAX 128

struct reference {
    char *host;       /* "docker.io", "localhost:5000", "[::1]:5000" */
    char *repository; /* "library/debian" */
    char *tag;        /* NULL: none, then there is a digest */
    bool has_digest;  /* the digest decides, a tag beside it is a word only */
    struct digest digest;
};
#define REFERENCE_AUTO(name) CLEANUP(reference_done) struct reference name = {0}

/* -EINVAL with the reason. Without tag and digest the tag is "latest". 64 hex digits alone, or
 * behind "sha256:", are an image id and refused. */
MUST_CHECK int reference_parse(const char *text, struct reference *ret, struct error *err);
void reference_done(struct reference *r);
void reference_copy(const struct reference *r, struct reference *ret);

/* All return text that the caller frees. */
char *reference_format(
    const struct reference *r); /* "docker.io/library/debian:latest", "...@sha256:..." */
char *reference_familiar(const struct reference *r);      /* "debian:latest" */
char *reference_name(const struct reference *r);          /* "docker.io/library/debian" */
char *reference_familiar_name(const struct reference *r); /* "debian" */

/* True when text is an image id or the beginning of one: 4 to 64 hex digits, "sha256:" before them
 * or not. */
bool reference_is_id(const char *text);
/* The grammar of a tag alone. */
bool reference_tag_valid(struct view tag);
