#include "image/output.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_free char *text = xstrndup((const char *)data, size);
    struct output o;

    struct annotations a = {0};

    if (output_parse(text, &o, NULL) == 0)
        output_done(&o);
    (void)!annotations_add_text(&a, text, NULL);
    annotations_done(&a);
    return 0;
}
