#include "trust/sigstore.h"

#include <errno.h>

#include "trust/certificate.h"
#include "trust/pem.h"

static bool is_bundle(const char *type)
{
    return strcmp(type, MEDIA_SIGSTORE) == 0 ||
           strcmp(type, "application/vnd.dev.sigstore.bundle+json;version=0.3") == 0 ||
           strcmp(type, "application/vnd.dev.sigstore.bundle+json;version=0.2") == 0 ||
           strcmp(type, "application/vnd.dev.sigstore.bundle+json;version=0.1") == 0;
}

static int read_bytes(const json_t *doc, const char *key, struct str *ret, struct error *err)
{
    const char *text = NULL;
    const int r = doc_need_text(doc, key, &text, err);

    if (r < 0 || str_add_unbase64(ret, view_of(text)))
        return r;
    return error_set(err, -EINVAL, "%s is not base64", key);
}

static int read_message(const json_t *message, struct sigstore *s, struct error *err)
{
    json_t *digest = NULL;
    const char *algorithm = NULL;
    STR_AUTO(bytes);
    int r = doc_need_object(message, "messageDigest", &digest, err);

    if (r == 0)
        r = doc_need_text(digest, "algorithm", &algorithm, err);
    if (r == 0)
        r = read_bytes(digest, "digest", &bytes, err);
    if (r == 0)
        r = read_bytes(message, "signature", &s->signature, err);
    if (r < 0)
        return r;
    if (strcmp(algorithm, "SHA2_256") != 0)
        return error_set(err, -ENOTSUP, "the digest is of the kind '%.40s', not SHA2_256",
                         algorithm);
    if (bytes.size != sizeof(s->digest.sha256))
        return error_set(err, -EINVAL, "a SHA-256 has 32 bytes, not %zu", bytes.size);
    memcpy(s->digest.sha256, bytes.at, bytes.size);
    return 0;
}

/* ---- what proves it ---- */

static int add_certificate(const json_t *doc, struct str *pem, struct error *err)
{
    STR_AUTO(der);
    const int r = read_bytes(doc, "rawBytes", &der, err);

    if (r == 0)
        pem_add(pem, "CERTIFICATE", str_view(&der));
    return r;
}

/* Bundles before 0.3 have a chain, the one that signed first. */
static int read_chain(const json_t *list, struct sigstore *s, struct error *err)
{
    const json_t *item;
    size_t i;
    STR_AUTO(own);
    STR_AUTO(others);

    if (json_array_size(list) == 0 || json_array_size(list) > CERTIFICATE_CHAIN_MAX)
        return error_set(err, -EINVAL, "a chain has 1 to %d certificates", CERTIFICATE_CHAIN_MAX);
    json_array_foreach(list, i, item)
    {
        const int r = add_certificate(item, i == 0 ? &own : &others, err);
        if (r < 0)
            return r;
    }
    s->certificate = xstrdup(own.at);
    s->chain = xstrdup(others.at);
    return 0;
}

static int read_certificate(const json_t *material, struct sigstore *s, struct error *err)
{
    json_t *one = NULL, *chain = NULL, *list = NULL;
    STR_AUTO(pem);
    int r = doc_object(material, "certificate", &one, err);

    if (r == 0)
        r = doc_object(material, "x509CertificateChain", &chain, err);
    if (r == 0 && chain)
        r = doc_need_array(chain, "certificates", &list, err);
    if (r < 0)
        return r;
    if (chain)
        return one ? error_set(err, -EINVAL, "a bundle has one certificate or one chain")
                   : read_chain(list, s, err);
    r = one ? add_certificate(one, &pem, err) : 0;
    if (r == 0 && one)
        s->certificate = xstrdup(pem.at);
    return r;
}

static int read_proofs(const json_t *doc, const char *key, json_t **ret, struct error *err)
{
    json_t *list = NULL;
    const int r = doc_array(doc, key, &list, err);

    if (r < 0)
        return r;
    if (json_array_size(list) > SIGSTORE_PROOFS_MAX)
        return error_set(err, -EDQUOT, "%s has more than %d items", key, SIGSTORE_PROOFS_MAX);
    *ret = json_incref(list);
    return 0;
}

static int read_material(const json_t *doc, struct sigstore *s, struct error *err)
{
    json_t *material = NULL, *times = NULL;
    int r = doc_object(doc, "verificationMaterial", &material, err);

    if (r < 0 || !material)
        return r;
    r = read_certificate(material, s, err);
    if (r == 0)
        r = read_proofs(material, "tlogEntries", &s->entries, err);
    if (r == 0)
        r = doc_object(material, "timestampVerificationData", &times, err);
    return r == 0 && times ? read_proofs(times, "rfc3161Timestamps", &s->stamps, err) : r;
}

/* ---- all of it ---- */

static int read_content(const json_t *doc, struct sigstore *s, struct error *err)
{
    json_t *message = NULL, *envelope = NULL;
    const char *type = NULL;
    int r = doc_need_text(doc, "mediaType", &type, err);

    if (r == 0 && !is_bundle(type))
        r = error_set(err, -ENOTSUP, "it is of the type '%.80s', which is no bundle known here",
                      type);
    if (r == 0)
        r = doc_object(doc, "messageSignature", &message, err);
    if (r == 0)
        r = doc_object(doc, "dsseEnvelope", &envelope, err);
    if (r < 0)
        return r;
    if (!message == !envelope)
        return error_set(err, -EINVAL, "a bundle has either a messageSignature or a dsseEnvelope");
    s->has_envelope = envelope != NULL;
    return envelope ? dsse_read(envelope, &s->envelope, err) : read_message(message, s, err);
}

int sigstore_read(struct view bytes, struct sigstore *ret, struct error *err)
{
    struct sigstore s = {.envelope = {.payload = STR_INIT}, .signature = STR_INIT};
    cleanup_doc json_t *doc = NULL;
    int r = doc_parse(bytes, DSSE_SIZE_MAX, "bundle", &doc, err);

    if (r == 0)
        r = read_content(doc, &s, err);
    if (r == 0)
        r = read_material(doc, &s, err);
    if (r < 0) {
        sigstore_done(&s);
        return r == -ENOENT ? -EINVAL : r;
    }
    *ret = s;
    return 0;
}

void sigstore_done(struct sigstore *s)
{
    dsse_done(&s->envelope);
    if (s->signature.at)
        str_done(&s->signature);
    mem_freep(&s->certificate);
    mem_freep(&s->chain);
    doc_unref(s->entries);
    doc_unref(s->stamps);
    s->entries = s->stamps = NULL;
    s->has_envelope = false;
}

void sigstore_print(json_t *take_envelope, const struct trust_key *k, struct str *ret)
{
    cleanup_doc json_t *doc = json_object();
    json_t *material = json_object(), *key = json_object();
    STR_AUTO(hint);

    str_add_base64(&hint, view_make(trust_key_id(k)->sha256, sizeof(trust_key_id(k)->sha256)));
    doc_set_text(key, "hint", hint.at);
    doc_set(material, "publicKey", key);
    doc_set_text(doc, "mediaType", MEDIA_SIGSTORE);
    doc_set(doc, "verificationMaterial", material);
    doc_set(doc, "dsseEnvelope", take_envelope);
    doc_print(doc, true, ret);
}
