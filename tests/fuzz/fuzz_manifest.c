#include <assert.h>

#include "oci/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct view text = view_make(data, size);
    CLEANUP(manifest_freep) struct manifest *m = NULL;
    CLEANUP(image_index_freep) struct image_index *x = NULL;
    const struct platform p = platform_host();
    const struct descriptor *d;
    enum media kind;

    if (manifest_parse(text, &m, NULL) == 0)
        assert(manifest_kind(text, &kind, NULL) == 0 && kind == MEDIA_MANIFEST);
    if (image_index_parse(text, &x, NULL) == 0) {
        (void)!image_index_select(x, &p, &d, NULL);
        (void)!layout_select(x, "latest", &d, NULL);
    }
    (void)!layout_parse(text, NULL);
    return 0;
}
