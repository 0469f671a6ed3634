/* Build caches of strangers: what is read is within the image, and prints to what is read again. */
#include <assert.h>

#include "base/doc.h"
#include "build/cache_doc.h"

#define LAYERS 3
#define SIZE_MAX_HERE (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(cache_doc_done) struct cache_doc one = {0};
    CLEANUP(cache_doc_done) struct cache_doc two = {0};
    cleanup_doc json_t *doc = NULL, *again = NULL;

    if (doc_parse(view_make(data, size), SIZE_MAX_HERE, "cache", &doc, NULL) < 0 ||
        cache_doc_parse(doc, LAYERS, &one, NULL) < 0)
        return 0;
    vec_each (step, &one.steps)
        assert(step->layer < LAYERS);
    vec_each (mount, &one.mounts)
        assert(mount->layer < LAYERS);
    again = cache_doc_new(&one);
    const int r = cache_doc_parse(again, LAYERS, &two, NULL);
    assert(r == 0 && two.steps.size == one.steps.size && two.mounts.size == one.mounts.size);
    return 0;
}
