/* build/remote_work.h - one remote source on its way into the store: between the files of remote.h. */
#pragma once

#include "build/remote_memory.h"
#include "net/fetch.h"

enum remote_phase { PHASE_ASK, PHASE_FETCH, PHASE_ADOPT };

struct remote_work {
    struct image_tools *t;
    const struct secrets *secrets;
    struct remote *remote;
    struct progress_step *shown;
    bool whole;
    bool is_shared; /* of a URL: somebody else fetches item, with others */
    enum remote_phase phase;
    struct remote_answer old; /* of a URL, where its body is still there */
    bool has_old;
    struct fetch item;
    struct fetching *fetching;
    struct git_work *git;
    struct store_tree *tree; /* in the making */
    int file;                /* of a URL: the body in it */
    struct job *job;
};

/* As remote_begin(). With is_shared a URL that has to be fetched is left at that, in PHASE_FETCH. */
MUST_CHECK int remote_work_begin(struct image_tools *t, const struct secrets *secrets,
                                 struct remote *r, bool whole, bool is_shared,
                                 struct progress_step *shown, struct remote_work **ret,
                                 struct error *err);
/* Its item has its answer, and nobody holds its descriptor: goes on as remote_step() does. */
MUST_CHECK int remote_work_fetched(struct remote_work *w, struct error *err);
