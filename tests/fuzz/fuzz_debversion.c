/* Debian versions: "a\nb": the order is antisymmetric and reflexive, whatever the bytes. */
#include <assert.h>

#include "distro/version.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view rest = view_make(data, size), a, b;

    if (!view_cut(&rest, '\n', &a) || !view_cut(&rest, '\n', &b))
        return 0;
    const int x = version_cmp(a, b), y = version_cmp(b, a);

    assert((x < 0) == (y > 0) && (x > 0) == (y < 0));
    assert(version_cmp(a, a) == 0 && version_cmp(b, b) == 0);
    (void)version_valid(a);
    return 0;
}
