/* What a log has of a signature: the kinds of entries that are met beside images. */
#include <errno.h>

#include "trust/pem.h"
#include "trust/rekor_internal.h"

static int bad(struct error *err, const char *what)
{
    return error_set(err, -EINVAL, "the log's entry: %s", what);
}

int rekor_read_base64(const json_t *doc, const char *key, struct str *ret, struct error *err)
{
    const char *text = json_string_value(json_object_get(doc, key));

    str_clear(ret);
    if (text && *text && str_add_unbase64(ret, view_of(text)))
        return 0;
    return error_set(err, -EINVAL, "the log's entry: '%s' is not base64", key);
}

/* A key or certificate, alone in its armour. */
static int read_signer(const json_t *doc, const char *key, struct str *ret, struct error *err)
{
    char label[PEM_LABEL_MAX];
    STR_AUTO(pem);
    STR_AUTO(more);
    int r = rekor_read_base64(doc, key, &pem, err);

    if (r < 0)
        return r;
    struct view rest = str_view(&pem);
    r = pem_next(&rest, label, ret, err);
    if (r == 0)
        return bad(err, "its key is no PEM");
    if (r > 0 && pem_next(&rest, label, &more, NULL) != 0)
        return bad(err, "there is something behind its key");
    return MIN(r, 0);
}

static int read_hash(const json_t *hash, struct digest *ret, struct error *err)
{
    const char *algorithm = json_string_value(json_object_get(hash, "algorithm"));
    const char *value = json_string_value(json_object_get(hash, "value"));

    if (!algorithm || strcmp(algorithm, "sha256") != 0 || !value)
        return bad(err, "its hash is not SHA-256");
    return digest_parse_hex(value, ret, err);
}

static int read_hashedrekord(const json_t *spec, struct rekor_entry *e, struct error *err)
{
    const json_t *signature = json_object_get(spec, "signature");
    int r = read_hash(json_object_get(json_object_get(spec, "data"), "hash"), &e->hash, err);

    if (r == 0)
        r = rekor_read_base64(signature, "content", &e->signature, err);
    return r < 0 ? r
                 : read_signer(json_object_get(signature, "publicKey"), "content", &e->signer, err);
}

/* With more signatures than one it would have to be said which of them is meant. */
static int only_signature(const json_t *list, const json_t **ret, struct error *err)
{
    *ret = json_array_get(list, 0);
    return json_array_size(list) == 1 ? 0 : bad(err, "it has not one signature");
}

static int read_dsse(const json_t *spec, struct rekor_entry *e, struct error *err)
{
    const json_t *one = NULL;
    int r = only_signature(json_object_get(spec, "signatures"), &one, err);

    if (r == 0)
        r = read_hash(json_object_get(spec, "payloadHash"), &e->hash, err);
    if (r == 0)
        r = rekor_read_base64(one, "signature", &e->signature, err);
    return r < 0 ? r : read_signer(one, "verifier", &e->signer, err);
}

/* Its signature is in base64 twice. */
static int read_intoto(const json_t *spec, struct rekor_entry *e, struct error *err)
{
    const json_t *content = json_object_get(spec, "content"), *one = NULL;
    const json_t *envelope = json_object_get(content, "envelope");
    STR_AUTO(once);
    int r = only_signature(json_object_get(envelope, "signatures"), &one, err);

    if (r == 0)
        r = read_hash(json_object_get(content, "payloadHash"), &e->hash, err);
    if (r == 0)
        r = rekor_read_base64(one, "sig", &once, err);
    if (r == 0 && !str_add_unbase64(&e->signature, str_view(&once)))
        r = bad(err, "its signature is not base64 twice");
    return r < 0 ? r : read_signer(one, "publicKey", &e->signer, err);
}

static const struct {
    const char *kind, *version;
    int (*read)(const json_t *spec, struct rekor_entry *e, struct error *err);
} kinds[] = {
    {"hashedrekord", "0.0.1", read_hashedrekord},
    {"dsse", "0.0.1", read_dsse},
    {"intoto", "0.0.2", read_intoto},
};

int rekor_read_body(struct rekor_entry *e, struct error *err)
{
    cleanup_doc json_t *doc = NULL;
    const char *kind = NULL, *version = NULL;
    int r = doc_parse(str_view(&e->body), REKOR_SIZE_MAX, "entry", &doc, err);

    if (r == 0 && !json_is_object(doc))
        r = bad(err, "it is no object");
    if (r == 0)
        r = doc_need_text(doc, "kind", &kind, err);
    if (r == 0)
        r = doc_need_text(doc, "apiVersion", &version, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (strcmp(kinds[i].kind, kind) == 0 && strcmp(kinds[i].version, version) == 0)
            return kinds[i].read(json_object_get(doc, "spec"), e, err);
    return error_set(err, -ENOTSUP, "an entry '%.40s' %.20s of a log is not read", kind, version);
}
