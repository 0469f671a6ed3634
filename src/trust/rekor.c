#include "trust/rekor.h"

#include <errno.h>

#include "trust/rekor_internal.h"

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

/* Numbers that all readers of JSON write alike. */
static bool is_possible(int64_t time_s, int64_t index)
{
    return time_s > 0 && index >= 0 && MAX(time_s, index) < INT64_C(1) << 53;
}

/* Texts that need no escapes and small numbers: then sorted and without blanks is canonical. */
static int read_payload(json_t *payload, struct rekor_entry *e, struct error *err)
{
    static const char *const keys[] = {"body", "integratedTime", "logIndex", "logID"};
    int64_t index = -1;
    const char *log = NULL;
    struct digest id;
    int r = need_keys(payload, keys, ARRAY_SIZE(keys), err);

    if (r == 0)
        r = rekor_read_base64(payload, "body", &e->body, err);
    if (r == 0)
        r = doc_need_int(payload, "integratedTime", &e->time_s, err);
    if (r == 0)
        r = doc_need_int(payload, "logIndex", &index, err);
    if (r == 0)
        r = doc_need_text(payload, "logID", &log, err);
    if (r == 0)
        r = digest_parse_hex(log, &id, err);
    if (r == 0 && !is_possible(e->time_s, index))
        r = bad(err, "its time or index is impossible");
    if (r < 0)
        return r;
    doc_print_sorted(payload, &e->payload);
    return rekor_read_body(e, err);
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
        r = rekor_read_base64(doc, keys[0], &e->promise, err);
    if (r == 0)
        r = doc_need_object(doc, keys[1], &payload, err);
    return r < 0 ? r : read_payload(payload, e, err);
}

static int give(struct rekor_entry *e, int r, struct rekor_entry *ret)
{
    if (r < 0)
        return r == -ENOENT ? -EINVAL : r;
    *ret = *e;
    *e = REKOR_INIT;
    return 0;
}

int rekor_read(struct view text, struct rekor_entry *ret, struct error *err)
{
    REKOR_AUTO(e);

    return give(&e, read_entry(text, &e, err), ret);
}

/* ---- of a bundle ---- */

/* As the log signed it. */
static int print_payload(const json_t *doc, struct rekor_entry *e, struct error *err)
{
    cleanup_doc json_t *payload = json_object();
    const char *id = json_string_value(json_object_get(json_object_get(doc, "logId"), "keyId"));
    char hex[DIGEST_HEX_MAX];
    struct digest log;
    int64_t index = 0;
    STR_AUTO(bytes);
    STR_AUTO(body);
    const int r = doc_int64(doc, "logIndex", &index, err);

    if (r < 0)
        return r;
    if (!is_possible(e->time_s, index))
        return bad(err, "its time or index is impossible");
    if (!id || !str_add_unbase64(&bytes, view_of(id)) || bytes.size != sizeof(log.sha256))
        return bad(err, "its log is not named by a SHA-256");
    memcpy(log.sha256, bytes.at, bytes.size);
    str_add_base64(&body, str_view(&e->body));
    doc_set_text(payload, "body", body.at);
    doc_set_int(payload, "integratedTime", e->time_s);
    doc_set_int(payload, "logIndex", index);
    doc_set_text(payload, "logID", digest_hex(&log, hex));
    doc_print_sorted(payload, &e->payload);
    return 0;
}

static int read_promise(const json_t *doc, struct rekor_entry *e, struct error *err)
{
    json_t *promise = NULL;
    int r = doc_object(doc, "inclusionPromise", &promise, err);

    if (r < 0 || json_object_size(promise) == 0) /* an empty one is none, as protobuf has it */
        return r;
    r = rekor_read_base64(promise, "signedEntryTimestamp", &e->promise, err);
    if (r == 0)
        r = doc_int64(doc, "integratedTime", &e->time_s, err);
    return r < 0 ? r : print_payload(doc, e, err);
}

static int read_bundled(const json_t *doc, struct rekor_entry *e, struct error *err)
{
    json_t *proof = NULL;
    const char *body = NULL;
    int r = doc_need_text(doc, "canonicalizedBody", &body, err);

    if (r == 0 && strlen(body) > 2 * (size_t)REKOR_SIZE_MAX)
        r = error_set(err, -EDQUOT, "an entry of a log has more than %u bytes", REKOR_SIZE_MAX);
    if (r == 0)
        r = rekor_read_base64(doc, "canonicalizedBody", &e->body, err);
    if (r == 0)
        r = rekor_read_body(e, err);
    if (r == 0)
        r = read_promise(doc, e, err);
    if (r == 0)
        r = doc_object(doc, "inclusionProof", &proof, err);
    if (r < 0 || json_object_size(proof) == 0)
        return r;
    r = inclusion_read(proof, &e->proof, err);
    e->has_proof = r == 0;
    return r;
}

int rekor_read_entry(const json_t *doc, struct rekor_entry *ret, struct error *err)
{
    REKOR_AUTO(e);

    return give(&e, read_bundled(doc, &e, err), ret);
}

/* ---- the verdict ---- */

void rekor_done(struct rekor_entry *e)
{
    str_done(&e->payload);
    str_done(&e->promise);
    str_done(&e->body);
    inclusion_done(&e->proof);
    str_done(&e->signature);
    str_done(&e->signer);
}

static int verify_log(const struct rekor_entry *e, const struct trust_key *log, struct error *err)
{
    int r = 0;

    if (e->promise.size == 0 && !e->has_proof)
        return error_set(err, -EBADMSG, "no log has promised it or proves that it has it");
    if (e->promise.size > 0)
        r = trust_key_verify(log, str_view(&e->payload), str_view(&e->promise), err);
    if (r < 0)
        return error_wrap(err, r, "the promise of the log");
    return e->has_proof ? inclusion_verify(&e->proof, str_view(&e->body), log, err) : 0;
}

int rekor_verify(const struct rekor_entry *e, const struct trust_key *log, struct view signer,
                 struct view data, struct view signature, struct error *err)
{
    struct digest hash;
    const int r = verify_log(e, log, err);

    if (r < 0)
        return r;
    digest_of(data, &hash);
    if (!digest_eq(&e->hash, &hash) || !view_eq(str_view(&e->signature), signature) ||
        !view_eq(str_view(&e->signer), signer))
        return error_set(err, -EBADMSG, "the log has another signature");
    return 0;
}
