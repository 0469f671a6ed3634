#include <assert.h>

#include "base/vec.h"
#include "trust/root.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is read is whole: no log without its key, no authority without a certificate, no time before 1970. */
static void check(const struct crypto *c, struct view text)
{
    struct trusted_root root = {0};

    if (trusted_root_parse(c, text, &root, NULL) < 0)
        return;
    assert(root.logs.size <= TRUSTED_ROOT_EACH_MAX && root.clocks.size <= TRUSTED_ROOT_EACH_MAX);
    vec_each (k, &root.logs)
        assert(k->key && k->valid.start_s >= 0 && k->valid.end_s >= 0);
    vec_each (a, &root.authorities)
        assert(a->authority && a->valid.start_s >= 0 && a->valid.end_s >= 0);
    trusted_root_done(&root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct crypto *c;
    struct view rest = view_make(data, size), text;

    if (!c && crypto_open(&c, NULL) < 0)
        return 0;
    for (size_t i = 0; i < TRUSTED_ROOTS_MAX && trusted_root_next(&rest, &text); i++) {
        assert(text.size > 0 && rest.size + text.size <= size);
        check(c, text);
    }
    return 0;
}
