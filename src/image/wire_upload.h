/* image/wire_upload.h - how far uploads came, in the store, for a process after this one. */
#pragma once

#include "registry/registry.h"
#include "store/store.h"

struct wire_upload;
/* NULL: it cannot be noted; somebody else is at it. */
struct wire_upload *wire_upload_open(struct store *s, const struct registry_session *to,
                                     const char *repository, const struct registry_blob *blob);
struct registry_keeper *wire_upload_keeper(struct wire_upload *u);
int wire_upload_fd(const struct wire_upload *u);
void wire_upload_free(struct wire_upload *u); /* NULL is fine; what was noted stays */
