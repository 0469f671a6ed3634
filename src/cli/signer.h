/* cli/signer.h - what `sign` and `attest` begin with: a key, and an image that stays put meanwhile. */
#pragma once

#include "image/testimony.h"
#include "trust/key.h"

struct signer {
    struct crypto *crypto;
    struct trust_key *key;
    struct site *site;      /* locked */
    struct testimony image; /* resolved once; nothing collected */
};
#define SIGNER_AUTO(name) CLEANUP(signer_done) struct signer name = {.image.manifest = STR_INIT}

MUST_CHECK int signer_open(struct wire *w, const char *reference, const char *key,
                           struct signer *ret, struct error *err);
void signer_done(struct signer *s);
