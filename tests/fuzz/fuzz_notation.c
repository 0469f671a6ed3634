#include <assert.h>

#include "trust/notation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A trust policy or an envelope, both ways. Without certificates in a store nothing is trusted. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char strict[] =
        "{\"version\":\"1.0\",\"trustPolicies\":[{\"name\":\"n\",\"registryScopes\":[\"*\"],"
        "\"signatureVerification\":{\"level\":\"strict\"},\"trustStores\":[\"ca:n\"],"
        "\"trustedIdentities\":[\"*\"]}]}";
    static struct crypto *c;
    CLEANUP(notation_policy_freep) struct notation_policy *p = NULL, *own = NULL;
    CLEANUP(strings_done) struct strings log = {0};
    const struct view text = view_make(data, size);

    if (!c && crypto_open(&c, NULL) < 0)
        return 0;
    if (notation_policy_parse(text, &p, NULL) == 0)
        (void)notation_find(p, "registry.example/team/app");
    assert(notation_policy_parse(view_of(strict), &own, NULL) == 0);
    const struct notation_facts f = {
        .c = c, .statement = notation_find(own, "registry.example/a"), .now_s = 1790000000};
    assert(notation_verify(&f, text, &log, NULL) < 0);
    return 0;
}
