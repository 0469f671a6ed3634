/* cli/images.h - what the commands about images share. */
#pragma once

#include "base/doc.h"
#include "image/image.h"

/* image_open_for() with the text of --platform, or NULL. */
MUST_CHECK int image_open_platform(struct image_tools *t, const char *name, const char *platform,
                                   struct image **ret, struct error *err);
/* Every image of an index, or the one for the text of --platform: a list of *ret_count, both owned. */
MUST_CHECK int image_open_some(struct image_tools *t, const char *name, const char *platform,
                               struct image ***ret, size_t *ret_count, struct error *err);
/* "3 hours ago", or "N/A" for a time that is not known. */
void image_age(const struct env *env, const char *created, struct str *ret);
/* What an exit status is after an error: a usage error for words that cannot be meant. */
int image_exit(int r);
/* Prints one JSON document and a line end. */
void image_print_doc(const struct env *env, const json_t *doc);
/* Completes the id; where that cannot be done (no user namespaces), warns and leaves it. */
void image_try_finish(struct image_tools *t, struct image *i);
/* An image around a record of a list, which it takes over. */
MUST_CHECK int image_of_record(struct store_image *take_record, struct image **ret,
                               struct error *err);

struct copy_options; /* image/copy.h */
struct wire_access;  /* image/wire.h */
/* Copies, and says so: the exit status. */
int copy_images(const struct env *env, const struct copy_options *o,
                const struct wire_access *access, struct error *err);
