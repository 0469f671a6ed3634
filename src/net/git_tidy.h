/* net/git_tidy.h - what git left in a checkout, and nobody is to see. */
#pragma once

#include <time.h>

#include "base/error.h"

struct git_tidy {
    struct timespec times[2]; /* of all files */
    const char *keep;         /* ".git" of the top: stays; NULL: goes */
};
MUST_CHECK int git_tidy(int take_fd, const struct git_tidy *t, struct error *err);

/* Of a .git that is kept, those of submodules in it included: what tells when and from where it was fetched. */
MUST_CHECK int git_remove_traces(int git_dir, struct error *err);
