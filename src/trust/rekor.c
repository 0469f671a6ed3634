#include "trust/rekor.h"

#include <errno.h>

#include "trust/pem.h"

static int bad(struct error *err, const char *what)
{
    return error_set(err, -EINVAL, "the log's promise: %s", what);
}

/* All of these keys and no others: nobody has signed for what they would mean. */
static int need_keys(const json_t *doc, const char *const *keys, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++)
        if (!json_object_get(doc, keys[i]))
            return error_set(err, -EINVAL, "the log's promise has no '%s'", keys[i]);
    return json_object_size(doc) == count ? 0 : bad(err, "it has keys that it should not have");
}

static int read_base64(const json_t *doc, const char *key, struct str *ret, struct error *err)
{
    const char *text = json_string_value(json_object_get(doc, key));

    str_clear(ret);
    if (text && *text && str_add_unbase64(ret, view_of(text)))
        return 0;
    return error_set(err, -EINVAL, "the log's promise: '%s' is not base64", key);
}

/* A key or certificate, alone in its armour. */
static int read_signer(const json_t *signature, struct str *ret, struct error *err)
{
    const json_t *key = json_object_get(signature, "publicKey");
    char label[PEM_LABEL_MAX];
    STR_AUTO(pem);
    STR_AUTO(more);
    int r = read_base64(key, "content", &pem, err);

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

static int read_hash(const json_t *spec, struct digest *ret, struct error *err)
{
    const json_t *hash = json_object_get(json_object_get(spec, "data"), "hash");
    const char *algorithm = json_string_value(json_object_get(hash, "algorithm"));
    const char *value = json_string_value(json_object_get(hash, "value"));

    if (!algorithm || strcmp(algorithm, "sha256") != 0 || !value)
        return bad(err, "its hash is not SHA-256");
    return digest_parse_hex(value, ret, err);
}

static int read_body(struct view text, struct rekor_entry *e, struct error *err)
{
    cleanup_doc json_t *doc = NULL;
    const char *kind = NULL, *version = NULL;
    int r = doc_parse(text, REKOR_SIZE_MAX, "entry", &doc, err);

    if (r == 0 && !json_is_object(doc))
        r = bad(err, "its entry is no object");
    if (r == 0)
        r = doc_need_text(doc, "kind", &kind, err);
    if (r == 0)
        r = doc_need_text(doc, "apiVersion", &version, err);
    if (r < 0)
        return r;
    if (strcmp(kind, "hashedrekord") != 0 || strcmp(version, "0.0.1") != 0)
        return error_set(err, -ENOTSUP, "an entry '%.40s' %.20s of a log is not read", kind,
                         version);
    const json_t *spec = json_object_get(doc, "spec");
    const json_t *signature = json_object_get(spec, "signature");
    r = read_hash(spec, &e->hash, err);
    if (r == 0)
        r = read_base64(signature, "content", &e->signature, err);
    return r < 0 ? r : read_signer(signature, &e->signer, err);
}

/* Texts that need no escapes and small numbers: then sorted and without blanks is canonical. */
static int read_payload(json_t *payload, struct rekor_entry *e, struct error *err)
{
    static const char *const keys[] = {"body", "integratedTime", "logIndex", "logID"};
    int64_t index = -1;
    const char *log = NULL;
    struct digest id;
    STR_AUTO(body);
    int r = need_keys(payload, keys, ARRAY_SIZE(keys), err);

    if (r == 0)
        r = read_base64(payload, "body", &body, err);
    if (r == 0)
        r = doc_need_int(payload, "integratedTime", &e->time_s, err);
    if (r == 0)
        r = doc_need_int(payload, "logIndex", &index, err);
    if (r == 0)
        r = doc_need_text(payload, "logID", &log, err);
    if (r == 0)
        r = digest_parse_hex(log, &id, err);
    if (r == 0 && (e->time_s <= 0 || index < 0 || MAX(e->time_s, index) >= INT64_C(1) << 53))
        r = bad(err, "its time or index is impossible");
    if (r < 0)
        return r;
    doc_print_sorted(payload, &e->payload);
    return read_body(str_view(&body), e, err);
}

static int read_entry(struct view text, struct rekor_entry *e, struct error *err)
{
    static const char *const keys[] = {"SignedEntryTimestamp", "Payload"};
    cleanup_doc json_t *doc = NULL;
    json_t *payload = NULL;
    int r = doc_parse(text, REKOR_SIZE_MAX, "promise of a log", &doc, err);

    if (r == 0)
        r = need_keys(doc, keys, ARRAY_SIZE(keys), err);
    if (r == 0)
        r = read_base64(doc, keys[0], &e->promise, err);
    if (r == 0)
        r = doc_need_object(doc, keys[1], &payload, err);
    return r < 0 ? r : read_payload(payload, e, err);
}

int rekor_read(struct view text, struct rekor_entry *ret, struct error *err)
{
    REKOR_AUTO(e);
    const int r = read_entry(text, &e, err);

    if (r < 0)
        return r == -ENOENT ? -EINVAL : r;
    *ret = e;
    e = (struct rekor_entry){
        .payload = STR_INIT, .promise = STR_INIT, .signature = STR_INIT, .signer = STR_INIT};
    return 0;
}

void rekor_done(struct rekor_entry *e)
{
    str_done(&e->payload);
    str_done(&e->promise);
    str_done(&e->signature);
    str_done(&e->signer);
}

int rekor_verify(const struct rekor_entry *e, const struct trust_key *log, struct view signer,
                 struct view data, struct view signature, struct error *err)
{
    struct digest hash;
    const int r = trust_key_verify(log, str_view(&e->payload), str_view(&e->promise), err);

    if (r < 0)
        return error_wrap(err, r, "the promise of the log");
    digest_of(data, &hash);
    if (!digest_eq(&e->hash, &hash) || !view_eq(str_view(&e->signature), signature) ||
        !view_eq(str_view(&e->signer), signer))
        return error_set(err, -EBADMSG, "the log has another signature");
    return 0;
}
