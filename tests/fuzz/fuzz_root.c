#include <assert.h>

#include "base/vec.h"
#include "trust/root.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is read is whole: no log without its key, no authority without a certificate, no time before 1970. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct crypto *c;
    struct trusted_root root = {0};

    if ((!c && crypto_open(&c, NULL) < 0) ||
        trusted_root_parse(c, view_make(data, size), &root, NULL) < 0)
        return 0;
    assert(root.logs.size <= TRUSTED_ROOT_EACH_MAX && root.clocks.size <= TRUSTED_ROOT_EACH_MAX);
    vec_each (k, &root.logs)
        assert(k->key && k->valid.start_s >= 0 && k->valid.end_s >= 0);
    vec_each (a, &root.authorities)
        assert(a->authority && a->valid.start_s >= 0 && a->valid.end_s >= 0);
    trusted_root_done(&root);
    return 0;
}
