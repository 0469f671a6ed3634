/* Envelopes as COSE_Sign1 (RFC 9052; notaryproject signature-envelope-cose): read into what those of JWS
 * are read into, so that one judge looks at both.
 *
 *     18([protected: bytes of a map, unprotected: map, payload: bytes, signature: bytes]) */
#include <errno.h>

#include "oci/config.h"
#include "trust/cbor.h"
#include "trust/notation_internal.h"

#define TAG_SIGN1 18
#define TAG_EPOCH 1
#define LABEL_ALG 1
#define LABEL_CRIT 2
#define LABEL_CONTENT_TYPE 3
#define LABEL_X5CHAIN 33

static const struct {
    uint64_t label; /* -1 - it */
    const char *alg;
} algorithms[] = {{36, "PS256"}, {37, "PS384"}, {38, "PS512"},
                  {6, "ES256"},  {34, "ES384"}, {35, "ES512"}};

static bool set_text(json_t *to, const char *key, struct view text)
{
    json_t *value = json_stringn(text.at, text.size); /* NULL: not UTF-8 */

    if (!value || json_object_get(to, key)) {
        doc_unref(value);
        return false;
    }
    doc_set(to, key, value);
    return true;
}

static bool read_alg(struct view *rest, json_t *to)
{
    struct cbor_item item;

    if (!cbor_expect(rest, CBOR_NINT, &item))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++)
        if (item.value == algorithms[i].label)
            return set_text(to, "alg", view_of(algorithms[i].alg));
    return false;
}

/* Labels that are numbers stay numbers, which nobody here knows as critical. */
static bool read_critical(struct view *rest, json_t *to)
{
    json_t *list = json_array();
    struct cbor_item head, item;
    bool good = cbor_expect(rest, CBOR_ARRAY, &head) && !json_object_get(to, "crit");

    for (uint64_t i = 0; good && i < head.value; i++) {
        good = cbor_next(rest, &item) && (item.kind == CBOR_TEXT || item.kind == CBOR_UINT);
        json_t *value = !good                    ? NULL
                        : item.kind == CBOR_TEXT ? json_stringn(item.bytes.at, item.bytes.size)
                                                 : json_integer(0);
        good = value != NULL;
        if (good)
            doc_push(list, value);
    }
    if (good)
        doc_set(to, "crit", list);
    else
        doc_unref(list);
    return good;
}

static bool read_time(struct view *rest, json_t *to, const char *key)
{
    struct cbor_item item;
    char text[CONFIG_TIME_MAX];

    if (!cbor_expect(rest, CBOR_TAG, &item) || item.value != TAG_EPOCH ||
        !cbor_expect(rest, CBOR_UINT, &item) || item.value > UINT32_MAX * 4ull)
        return false;
    return set_text(to, key, view_of(config_time_format((int64_t)item.value, text)));
}

static bool read_number_label(struct view *rest, uint64_t label, json_t *to)
{
    struct cbor_item item;

    switch (label) {
    case LABEL_ALG:
        return read_alg(rest, to);
    case LABEL_CRIT:
        return read_critical(rest, to);
    case LABEL_CONTENT_TYPE:
        return cbor_expect(rest, CBOR_TEXT, &item) && set_text(to, "cty", item.bytes);
    default:
        return cbor_skip(rest);
    }
}

/* What is not known here is passed over: unless it is critical, it may be there. */
static bool read_text_label(struct view *rest, struct view label, json_t *to)
{
    static const char *const times[] = {NOTATION_PREFIX "signingTime",
                                        NOTATION_PREFIX "authenticSigningTime",
                                        NOTATION_PREFIX "expiry"};
    struct cbor_item item;

    for (size_t i = 0; i < ARRAY_SIZE(times); i++)
        if (view_eq_text(label, times[i]))
            return read_time(rest, to, times[i]);
    if (!view_eq_text(label, NOTATION_PREFIX "signingScheme"))
        return cbor_skip(rest);
    return cbor_expect(rest, CBOR_TEXT, &item) &&
           set_text(to, NOTATION_PREFIX "signingScheme", item.bytes);
}

static bool read_protected(struct view bytes, json_t *to)
{
    struct cbor_item map, label;
    bool good = cbor_expect(&bytes, CBOR_MAP, &map);

    for (uint64_t i = 0; good && i < map.value; i++) {
        good = cbor_next(&bytes, &label);
        if (good && label.kind == CBOR_UINT)
            good = read_number_label(&bytes, label.value, to);
        else if (good && label.kind == CBOR_TEXT)
            good = read_text_label(&bytes, label.bytes, to);
        else
            good = false;
    }
    return good && bytes.size == 0;
}

static int add_certificate(struct envelope *e, struct view bytes, struct error *err)
{
    struct str der = STR_INIT;

    str_add(&der, bytes);
    return envelope_add_certificate(e, der, err);
}

/* One certificate alone, or a list of them. */
static int read_chain(struct envelope *e, struct view *rest, struct error *err)
{
    struct cbor_item head, item;
    int r = 0;

    if (e->count > 0 || !cbor_next(rest, &head))
        return notation_bad(err, "its certificates are malformed");
    if (head.kind == CBOR_BYTES)
        return add_certificate(e, head.bytes, err);
    if (head.kind != CBOR_ARRAY)
        return notation_bad(err, "its certificates are malformed");
    for (uint64_t i = 0; r == 0 && i < head.value; i++)
        r = cbor_expect(rest, CBOR_BYTES, &item)
                ? add_certificate(e, item.bytes, err)
                : notation_bad(err, "its certificates are malformed");
    return r;
}

static int read_stamp(struct envelope *e, struct view *rest, struct error *err)
{
    struct cbor_item item;

    if (e->stamp.size > 0 || !cbor_expect(rest, CBOR_BYTES, &item))
        return notation_bad(err, "its time stamp is malformed");
    str_add(&e->stamp, item.bytes);
    return 0;
}

static int read_unprotected(struct envelope *e, struct view *rest, struct error *err)
{
    struct cbor_item map, label;
    int r = cbor_expect(rest, CBOR_MAP, &map) ? 0 : notation_bad(err, "it has no second map");

    for (uint64_t i = 0; r == 0 && i < map.value; i++) {
        if (!cbor_next(rest, &label))
            r = notation_bad(err, "its second map ends early");
        else if (label.kind == CBOR_UINT && label.value == LABEL_X5CHAIN)
            r = read_chain(e, rest, err);
        else if (label.kind == CBOR_TEXT && view_eq_text(label.bytes, NOTATION_STAMP))
            r = read_stamp(e, rest, err);
        else if ((label.kind != CBOR_UINT && label.kind != CBOR_NINT && label.kind != CBOR_TEXT) ||
                 !cbor_skip(rest))
            r = notation_bad(err, "its second map is malformed");
    }
    if (r == 0 && e->count == 0)
        r = notation_bad(err, "it has no certificates");
    return r;
}

/* Sig_structure (RFC 9052, 4.4), without bytes from elsewhere. */
static void make_signed_bytes(struct envelope *e, struct view protected, struct view payload)
{
    cbor_add(&e->signed_bytes, CBOR_ARRAY, 4);
    cbor_add_string(&e->signed_bytes, CBOR_TEXT, VIEW("Signature1"));
    cbor_add_string(&e->signed_bytes, CBOR_BYTES, protected);
    cbor_add_string(&e->signed_bytes, CBOR_BYTES, VIEW(""));
    cbor_add_string(&e->signed_bytes, CBOR_BYTES, payload);
}

int envelope_read_cose(struct envelope *e, struct view bytes, struct error *err)
{
    struct cbor_item tag, list, protected, payload, signature;
    int r;

    if (bytes.size > NOTATION_ENVELOPE_MAX)
        return error_set(err, -EDQUOT, "it has more than %u bytes", NOTATION_ENVELOPE_MAX);
    if (!cbor_expect(&bytes, CBOR_TAG, &tag) || tag.value != TAG_SIGN1 ||
        !cbor_expect(&bytes, CBOR_ARRAY, &list) || list.value != 4 ||
        !cbor_expect(&bytes, CBOR_BYTES, &protected))
        return notation_bad(err, "it is no COSE_Sign1");
    e->protected = json_object();
    if (!read_protected(protected.bytes, e->protected))
        return notation_bad(err, "its protected headers are malformed");
    r = read_unprotected(e, &bytes, err);
    if (r < 0)
        return r;
    if (!cbor_expect(&bytes, CBOR_BYTES, &payload) ||
        !cbor_expect(&bytes, CBOR_BYTES, &signature) || bytes.size != 0)
        return notation_bad(err, "it is no COSE_Sign1");
    make_signed_bytes(e, protected.bytes, payload.bytes);
    str_add(&e->signature, signature.bytes);
    return doc_parse(payload.bytes, NOTATION_ENVELOPE_MAX, "payload", &e->payload, err);
}
