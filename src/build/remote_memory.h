/* build/remote_memory.h - what the store knows of remote sources: between the files of remote.h. */
#pragma once

#include "build/remote.h"

/* What a server said of a URL. */
struct remote_answer {
    char *etag;     /* or NULL */
    int64_t time_s; /* Last-Modified, or -1 */
    struct digest body;
};
void remote_answer_done(struct remote_answer *a);
#define REMOTE_ANSWER_AUTO(name) CLEANUP(remote_answer_done) struct remote_answer name = {0}

/* 1: known, 0: not. */
MUST_CHECK int remote_recall_answer(struct image_tools *t, const char *url,
                                    struct remote_answer *ret, struct error *err);
/* Forgotten with the tree that the body is in. */
MUST_CHECK int remote_remember_answer(struct image_tools *t, const char *url,
                                      const struct remote_answer *a, const struct digest *tree,
                                      struct error *err);
/* The tree of r, by its body and name or by its commit; held. 1: there. Of a checksum the time of an
 * earlier answer, too. */
MUST_CHECK int remote_recall_tree(struct image_tools *t, struct remote *r, struct error *err);
MUST_CHECK int remote_remember_tree(struct image_tools *t, const struct remote *r,
                                    struct error *err);
/* A descriptor of a file of this body, under whatever name it is in the store, and its time:
 * -ENOENT. */
MUST_CHECK int remote_open_body(struct image_tools *t, const struct digest *body,
                                int64_t *ret_time_s, struct error *err);
