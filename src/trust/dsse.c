#include "trust/dsse.h"

#include <errno.h>

/* Both alphabets are allowed by the specification. */
static int read_base64(const json_t *doc, const char *key, struct str *ret, struct error *err)
{
    const char *text = NULL;
    const int r = doc_need_text(doc, key, &text, err);

    if (r < 0)
        return r;
    if (str_add_unbase64(ret, view_of(text)) || str_add_unbase64url(ret, view_of(text)))
        return 0;
    return error_set(err, -EINVAL, "%s is not base64", key);
}

static int read_signatures(const json_t *doc, struct dsse *d, struct error *err)
{
    json_t *list = NULL;
    const json_t *item;
    size_t i;
    int r = doc_need_array(doc, "signatures", &list, err);

    if (r < 0)
        return r;
    if (json_array_size(list) == 0 || json_array_size(list) > DSSE_SIGNATURES_MAX)
        return error_set(err, json_array_size(list) ? -EDQUOT : -EINVAL,
                         "an envelope has 1 to %d signatures, not %zu", DSSE_SIGNATURES_MAX,
                         json_array_size(list));
    json_array_foreach(list, i, item)
    {
        vec_push(&d->signatures, STR_INIT);
        r = read_base64(item, "sig", vec_last(&d->signatures), err);
        if (r < 0)
            return error_wrap(err, r, "signatures[%zu]", i);
    }
    return 0;
}

int dsse_read(const json_t *doc, struct dsse *ret, struct error *err)
{
    struct dsse d = {.payload = STR_INIT};
    const char *type = NULL;
    int r = doc_need_text(doc, "payloadType", &type, err);

    if (r == 0)
        r = read_base64(doc, "payload", &d.payload, err);
    if (r == 0)
        r = read_signatures(doc, &d, err);
    if (r < 0) {
        dsse_done(&d);
        return r == -ENOENT ? -EINVAL : r;
    }
    d.type = xstrdup(type);
    *ret = d;
    return 0;
}

void dsse_done(struct dsse *d)
{
    vec_each (s, &d->signatures)
        str_done(s);
    vec_done(&d->signatures);
    if (d->payload.at)
        str_done(&d->payload);
    free(d->type);
    *d = (struct dsse){.payload = STR_INIT};
}

void dsse_pae(const char *type, struct view payload, struct str *ret)
{
    str_reserve(ret, payload.size + strlen(type) + 64);
    str_printf(ret, "DSSEv1 %zu %s %zu ", strlen(type), type, payload.size);
    str_add(ret, payload);
}

int dsse_verify(const struct dsse *d, const struct trust_key *k, struct error *err)
{
    STR_AUTO(pae);

    dsse_pae(d->type, str_view(&d->payload), &pae);
    vec_each (s, &d->signatures)
        if (trust_key_verify(k, str_view(&pae), str_view(s), NULL) == 0)
            return 0;
    return error_set(err, -EBADMSG, "none of the envelope's signatures is of this key");
}

int dsse_sign(const char *type, struct view payload, const struct trust_key *k, json_t **ret,
              struct error *err)
{
    STR_AUTO(pae);
    STR_AUTO(signature);
    STR_AUTO(text);

    dsse_pae(type, payload, &pae);
    const int r = trust_key_sign(k, str_view(&pae), &signature, err);
    if (r < 0)
        return r;
    json_t *doc = json_object(), *list = json_array(), *one = json_object();
    doc_set_text(doc, "payloadType", type);
    str_add_base64(&text, payload);
    doc_set_text(doc, "payload", text.at);
    str_clear(&text);
    str_add_base64(&text, str_view(&signature));
    doc_set_text(one, "keyid", "");
    doc_set_text(one, "sig", text.at);
    doc_push(list, one);
    doc_set(doc, "signatures", list);
    *ret = doc;
    return 0;
}
