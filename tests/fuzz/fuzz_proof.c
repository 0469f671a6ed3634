#include <assert.h>

#include "../unit/keyless.h"
#include "trust/rekor.h"
#include "trust/timestamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct crypto *c;
static struct trust_key *k;

static void try_promise(struct view text)
{
    struct rekor_entry e;

    if (rekor_read(text, &e, NULL) < 0)
        return;
    assert(rekor_verify(&e, k, str_view(&e.signer), VIEW(""), str_view(&e.signature), NULL) < 0);
    rekor_done(&e);
}

static void try_entry(struct view text)
{
    cleanup_doc json_t *doc = NULL;
    struct rekor_entry e;

    if (doc_parse(text, REKOR_SIZE_MAX, "x", &doc, NULL) < 0 || rekor_read_entry(doc, &e, NULL) < 0)
        return;
    assert(rekor_verify(&e, k, str_view(&e.signer), VIEW(""), str_view(&e.signature), NULL) < 0);
    rekor_done(&e);
}

/* Of an authority that exists, over what it has not seen. */
static void try_stamp(struct view der)
{
    static struct authority *a;
    int64_t time;

    if (!a && authority_read(c, view_of(keyless_root), VIEW(""), &a, NULL) < 0)
        return;
    assert(timestamp_verify(der, a, VIEW("not stamped"), &time, NULL) < 0);
}

/* The certificate is its own authority, so that its identity is looked at. */
static void try_certificate(struct view pem)
{
    const struct certificate_identity who = {"https://issuer.example", "a@example.com",
                                             "example.com"};
    CLEANUP(certificate_freep) struct certificate *x = NULL;
    CLEANUP(authority_freep) struct authority *a = NULL;
    struct trust_key *ret;

    if (certificate_read(c, pem, &x, NULL) == 0 && authority_read(c, pem, pem, &a, NULL) == 0 &&
        certificate_verify(x, a, pem, &who, 1674247893, &ret, NULL) == 0)
        trust_key_free(ret);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!c && (crypto_open(&c, NULL) < 0 || trust_key_new(c, &k, NULL) < 0))
        return 0;
    if (size > 0 && *data == '{') {
        try_promise(view_make(data, size));
        try_entry(view_make(data, size));
    } else if (size > 0 && *data == 0x30) {
        try_stamp(view_make(data, size));
    } else {
        try_certificate(view_make(data, size));
    }
    return 0;
}
