#include <assert.h>

#include "trust/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads PEM of public and plain private keys; what is read prints and reads again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct crypto *c;
    const struct view pem = view_make(data, size);
    CLEANUP(trust_key_freep) struct trust_key *k = NULL, *again = NULL;
    STR_AUTO(text);

    if (!c && crypto_open(&c, NULL) < 0)
        return 0;
    if (!trust_key_is_encrypted(pem)) /* scrypt takes 0.15 s */
        if (trust_key_open(c, pem, VIEW(""), &k, NULL) == 0)
            trust_key_free(steal(k));
    if (trust_key_read(c, pem, &k, NULL) == 0) {
        trust_key_print_public(k, &text);
        assert(trust_key_read(c, str_view(&text), &again, NULL) == 0);
        assert(digest_eq(trust_key_id(k), trust_key_id(again)));
        assert(trust_key_verify(k, pem, pem, NULL) < 0);
    }
    return 0;
}
