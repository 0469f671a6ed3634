/* What is a repository may be given to git: nothing in it looks like an option or leaves the
 * tree. */
#include <assert.h>

#include "base/mem.h"
#include "net/git_ref.h"
#include "net/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_free char *text = xstrndup((const char *)data, size);
    cleanup_free char *name = url_file_name(text);
    cleanup_free char *shown = url_public(text);
    GIT_REF_AUTO(g);

    assert(*name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0);
    assert(strlen(shown) <= strlen(text));
    if (git_ref_parse(text, true, &g, NULL) <= 0)
        return 0;
    assert(*g.remote && *g.remote != '-');
    assert(!g.ref || (*g.ref && *g.ref != '-' && !strpbrk(g.ref, " *?[:\n")));
    assert(!g.subdir || (*g.subdir && *g.subdir != '/' && strcmp(g.subdir, "..") != 0 &&
                         strncmp(g.subdir, "../", 3) != 0 && !strstr(g.subdir, "/../")));
    return 0;
}
