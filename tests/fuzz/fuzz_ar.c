/* tests/fuzz/fuzz_ar.c - any bytes as an ar archive. */
#include <assert.h>

#include "layer/ar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_view(void *ctx, void *buf, size_t size, struct error *err)
{
    struct view *v = ctx;
    const size_t n = MIN(size, v->size);

    (void)err;
    memcpy(buf, v->at, n);
    *v = view_make(v->at + n, v->size - n);
    return (int)n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view left = view_make(data, size);
    struct ar_reader r;
    struct ar_member m;
    char buf[7];

    ar_init_source(&r, read_view, &left);
    while (ar_next(&r, &m, NULL) > 0) {
        uint64_t sum = 0;
        int n = 1;

        while (m.size % 3 != 0 && (n = ar_read(&r, buf, sizeof(buf), NULL)) > 0)
            sum += (uint64_t)n;
        assert(n != 0 || sum == m.size);
        assert(m.name[0] != '\0' && strlen(m.name) <= AR_NAME_MAX);
    }
    return 0;
}
