/* Envelopes as flattened JSON (notaryproject signature-envelope-jws, RFC 7515). */
#include <errno.h>

#include "trust/notation_internal.h"

static int read_part(const char *text, const char *what, json_t **ret, struct error *err)
{
    STR_AUTO(bytes);

    if (!str_add_unbase64url(&bytes, view_of(text)))
        return error_set(err, -EBADMSG, "%s is not base64url", what);
    return doc_parse(str_view(&bytes), NOTATION_ENVELOPE_MAX, what, ret, err);
}

static int read_chain(struct envelope *e, const json_t *outer, struct error *err)
{
    const json_t *list = json_object_get(json_object_get(outer, "header"), "x5c"), *item;
    size_t i;

    if (json_array_size(list) == 0 || json_array_size(list) > NOTATION_CHAIN_MAX)
        return error_set(err, -EBADMSG, "x5c has %zu certificates, not 1 to %d",
                         json_array_size(list), NOTATION_CHAIN_MAX);
    json_array_foreach(list, i, item)
    {
        const char *text = json_string_value(item);
        struct str der = STR_INIT;

        if (!text || !str_add_unbase64(&der, view_of(text))) {
            str_done(&der);
            return notation_bad(err, "a certificate is not base64");
        }
        const int r = envelope_add_certificate(e, der, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_stamp(struct envelope *e, const json_t *outer, struct error *err)
{
    const json_t *stamp = json_object_get(json_object_get(outer, "header"), NOTATION_STAMP);
    const char *text = json_string_value(stamp);

    if (!stamp || json_is_null(stamp))
        return 0;
    return text && str_add_unbase64(&e->stamp, view_of(text))
               ? 0
               : notation_bad(err, "its time stamp is not base64");
}

int envelope_read_jws(struct envelope *e, struct view bytes, struct error *err)
{
    const char *protected = NULL, *payload = NULL, *signature = NULL;
    cleanup_doc json_t *outer = NULL;
    int r = doc_parse(bytes, NOTATION_ENVELOPE_MAX, "envelope", &outer, err);

    if (r == 0)
        r = doc_need_text(outer, "protected", &protected, err);
    if (r == 0)
        r = doc_need_text(outer, "payload", &payload, err);
    if (r == 0)
        r = doc_need_text(outer, "signature", &signature, err);
    if (r < 0)
        return r;
    str_printf(&e->signed_bytes, "%s.%s", protected, payload);
    if (!str_add_unbase64url(&e->signature, view_of(signature)))
        return notation_bad(err, "the signature is not base64url");
    r = read_part(protected, "protected", &e->protected, err);
    if (r == 0)
        r = read_part(payload, "payload", &e->payload, err);
    if (r == 0)
        r = read_stamp(e, outer, err);
    return r < 0 ? r : read_chain(e, outer, err);
}
