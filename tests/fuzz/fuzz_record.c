/* Image records: what is read prints to what is read again. */
#include <assert.h>
#include <string.h>

#include "store/images.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct store_image one = {0}, two = {0};
    STR_AUTO(first);
    STR_AUTO(second);

    if (record_parse(view_make(data, size), &one, NULL) < 0)
        return 0;
    record_print(&one, &first);
    const int r = record_parse(str_view(&first), &two, NULL);
    assert(r == 0);
    record_print(&two, &second);
    assert(view_eq(str_view(&first), str_view(&second)));
    store_image_done(&one);
    store_image_done(&two);
    return 0;
}
