/* What parses must print and parse again to the same. */
#include <assert.h>

#include "oci/platform.h"
#include "oci/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_free char *text = xstrndup((const char *)data, size);
    REFERENCE_AUTO(ref);
    REFERENCE_AUTO(again);
    struct platform p, q;
    char buf[PLATFORM_TEXT_MAX];

    if (reference_parse(text, &ref, NULL) == 0) {
        cleanup_free char *familiar = reference_familiar(&ref), *full = reference_format(&ref);

        assert(reference_parse(familiar, &again, NULL) == 0);
        cleanup_free char *same = reference_format(&again);
        assert(strcmp(full, same) == 0);
    }
    if (platform_parse(text, &p, NULL) == 0) {
        assert(platform_parse(platform_format(&p, buf), &q, NULL) == 0);
        assert(platform_eq(&p, &q));
    }
    return 0;
}
