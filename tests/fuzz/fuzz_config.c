/* Printing is stable: what was printed parses, and prints the same. */
#include <assert.h>

#include "oci/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CONFIG_AUTO(c);
    CONFIG_AUTO(again);
    STR_AUTO(text);
    STR_AUTO(same);
    struct image_config copy;

    if (config_parse(view_make(data, size), &c, NULL) < 0)
        return 0;
    config_print(&c, &text);
    assert(config_parse(str_view(&text), &again, NULL) == 0);
    config_clone(&again, &copy);
    config_print(&copy, &same);
    assert(strcmp(text.at, same.at) == 0);
    config_done(&copy);
    return 0;
}
