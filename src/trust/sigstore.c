#include "trust/sigstore.h"

#include <errno.h>

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
