#include <assert.h>

#include "trust/evidence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte chooses the form, the others are the blob. Nothing that nobody signed holds. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = {MEDIA_COSIGN_SIMPLE, MEDIA_DSSE, MEDIA_SIGSTORE};
    static struct crypto *c;
    static struct trust_key *k;
    const struct evidence_subject subject = {.manifest = VIEW("{}")};
    struct evidence e = {0};
    struct descriptor layer;
    struct digest digest;
    int64_t time;

    if (size == 0 || (!c && (crypto_open(&c, NULL) < 0 || trust_key_new(c, &k, NULL) < 0)))
        return 0;
    const struct view blob = view_make(data + 1, size - 1);
    digest_of(blob, &digest);
    cleanup_doc json_t *doc =
        descriptor_new(types[data[0] % ARRAY_SIZE(types)], &digest, blob.size);
    descriptor_set_annotation(doc, ANNOTATION_COSIGN_SIGNATURE, "MAYCAQECAQE=");
    if (descriptor_read(doc, "layer", &layer, NULL) == 0 &&
        evidence_read(&layer, blob, &e, NULL) == 0) {
        (void)evidence_is_signature(&e);
        (void)evidence_time(&e, &time);
        assert(evidence_verify(&e, &subject, k, NULL) < 0);
        evidence_done(&e);
    }
    return 0;
}
