/* fuzz_ignore.c - any bytes as a .dockerignore, NUL, a path: what a walker prunes is left out without it too. */
#include <assert.h>

#include "dockerfile/ignore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(ignore_freep) struct ignore *ig = NULL;
    const uint8_t *nul = size > 0 ? memchr(data, '\0', size) : NULL;
    unsigned line = 0;

    if (!nul || ignore_parse(view_make(data, (size_t)(nul - data)), ".dockerignore", &ig, NULL) < 0)
        return 0;
    const struct view path = view_make(nul + 1, size - (size_t)(nul + 1 - data));
    const bool ignored = ignore_match_line(ig, path, &line);
    assert(!ignored || line > 0);
    for (size_t i = 1; i < path.size; i++) {
        const struct view parent = view_make(path.at, i);

        if (path.at[i] != '/' || path.at[i - 1] == '/' || path.at[0] == '/' || i + 1 == path.size)
            continue;
        if (ignore_match(ig, parent) && !ignore_may_reach_below(ig, parent))
            assert(ignored);
    }
    return 0;
}
