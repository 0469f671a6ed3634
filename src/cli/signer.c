#include "cli/signer.h"

#include "cli/keys.h"

int signer_open(struct wire *w, const char *reference, const char *key, struct signer *ret,
                struct error *err)
{
    int r = site_open(w, reference, true, &ret->site, err);

    if (r == 0)
        r = crypto_open(&ret->crypto, err);
    if (r == 0)
        r = keys_open(ret->crypto, key, &ret->key, err);
    if (r == 0)
        r = ret->site->kind->lock(ret->site, err);
    return r < 0 ? r
                 : ret->site->kind->image(ret->site, &ret->image.digest, &ret->image.manifest, err);
}

void signer_done(struct signer *s)
{
    testimony_done(&s->image);
    site_close(s->site);
    trust_key_free(s->key);
    crypto_close(s->crypto);
}
