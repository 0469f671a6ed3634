/* TOML: what is taken is a document that prints as JSON and reads again as the same. */
#include <assert.h>

#include "base/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_doc json_t *doc = NULL, *again = NULL;
    STR_AUTO(text);

    if (toml_parse(view_make(data, size), 1 << 16, "fuzz", &doc, NULL) < 0)
        return 0;
    assert(json_is_object(doc));
    doc_print(doc, true, &text);
    assert(doc_parse(str_view(&text), SIZE_MAX, "printed", &again, NULL) == 0);
    assert(json_equal(doc, again));
    return 0;
}
