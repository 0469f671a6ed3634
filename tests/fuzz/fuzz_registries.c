/* registries.conf: where images come from. Every place has a host and a repository, the last one is no
 * mirror. */
#include <assert.h>

#include "registry/registries.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const images[] = {"example.com/foo/image:latest", "debian",
                                         "a.b.io:5000/x/y:1"};
    CLEANUP(registries_freep) struct registries *r = registries_new();

    if (registries_add(r, view_make(data, size), "fuzz", NULL) < 0)
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(images); i++) {
        CLEANUP(registry_endpoints_done) struct registry_endpoints list = {0};
        REFERENCE_AUTO(ref);

        if (reference_parse(images[i], &ref, NULL) < 0 || registries_pull(r, &ref, &list, NULL) < 0)
            continue;
        assert(list.size > 0 && !vec_last(&list)->mirror);
        vec_each (e, &list)
            assert(*e->host && *e->repository && !strchr(e->host, '/'));
    }
    return 0;
}
