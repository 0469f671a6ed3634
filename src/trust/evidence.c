#include "trust/evidence.h"

#include <errno.h>
#include <inttypes.h>

static const struct {
    enum evidence_form form;
    const char *media_type, *name;
    uint64_t size_max;
} forms[] = {
    {EVIDENCE_SIMPLE, MEDIA_COSIGN_SIMPLE, "simple", SIMPLE_SIZE_MAX},
    {EVIDENCE_DSSE, MEDIA_DSSE, "dsse", DSSE_SIZE_MAX},
    {EVIDENCE_BUNDLE, MEDIA_SIGSTORE, "bundle", DSSE_SIZE_MAX},
};

enum evidence_form evidence_form_of(const struct descriptor *layer)
{
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
        if (strcmp(layer->media_type, forms[i].media_type) == 0)
            return forms[i].form;
    return EVIDENCE_NONE;
}

const char *evidence_form_name(enum evidence_form form)
{
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
        if (forms[i].form == form)
            return forms[i].name;
    return "none";
}

uint64_t evidence_size_max(enum evidence_form form)
{
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
        if (forms[i].form == form)
            return forms[i].size_max;
    return 0;
}

/* ---- reading ---- */

static char *annotation(const struct descriptor *layer, const char *key)
{
    const char *text = descriptor_annotation(layer, key);

    return text ? xstrdup(text) : NULL;
}

/* As Go reads it: `openssl base64` breaks lines, and whoever attaches a signature of another tool leaves them in. */
static bool read_signature(const char *text, struct str *ret)
{
    STR_AUTO(whole);

    for (; *text; text++)
        if (*text != '\n' && *text != '\r')
            str_add_char(&whole, *text);
    return str_add_unbase64(ret, str_view(&whole));
}

static void read_annotations(const struct descriptor *layer, struct evidence *e)
{
    e->certificate = annotation(layer, ANNOTATION_COSIGN_CERTIFICATE);
    e->chain = annotation(layer, ANNOTATION_COSIGN_CHAIN);
    e->log = annotation(layer, ANNOTATION_COSIGN_LOG);
    e->stamp = annotation(layer, ANNOTATION_COSIGN_STAMP);
}

static int read_simple(const struct descriptor *layer, struct evidence *e, struct error *err)
{
    const char *text = descriptor_annotation(layer, ANNOTATION_COSIGN_SIGNATURE);

    if (!text)
        return error_set(err, -EINVAL, "its layer has no annotation " ANNOTATION_COSIGN_SIGNATURE);
    if (!read_signature(text, &e->signature))
        return error_set(err, -EINVAL, "its signature is not base64");
    read_annotations(layer, e);
    return simple_read(str_view(&e->bytes), &e->simple, err);
}

static int read_envelope(struct evidence *e, struct error *err)
{
    cleanup_doc json_t *doc = NULL;
    int r = doc_parse(str_view(&e->bytes), DSSE_SIZE_MAX, "envelope", &doc, err);

    e->bundle.has_envelope = true;
    return r < 0 ? r : dsse_read(doc, &e->bundle.envelope, err);
}

static int read_statement(struct evidence *e, struct error *err)
{
    const struct dsse *d = &e->bundle.envelope;

    if (strcmp(d->type, MEDIA_IN_TOTO) != 0)
        return error_set(err, -ENOTSUP, "its envelope holds '%.80s', not an in-toto statement",
                         d->type);
    const int r = statement_read(str_view(&d->payload), DSSE_SIZE_MAX, &e->statement, err);
    e->has_statement = r == 0;
    return r;
}

static int read_form(const struct descriptor *layer, struct evidence *e, struct error *err)
{
    int r = 0;

    switch (e->form) {
    case EVIDENCE_SIMPLE:
        return read_simple(layer, e, err);
    case EVIDENCE_DSSE:
        read_annotations(layer, e);
        r = read_envelope(e, err);
        break;
    case EVIDENCE_BUNDLE:
        r = sigstore_read(str_view(&e->bytes), &e->bundle, err);
        e->certificate = steal(e->bundle.certificate);
        e->chain = steal(e->bundle.chain);
        break;
    case EVIDENCE_NONE:
        return error_set(err, -ENOTSUP, "a layer of the type '%.80s' is no evidence",
                         layer->media_type);
    }
    return r == 0 && e->bundle.has_envelope ? read_statement(e, err) : r;
}

static int check_blob(const struct descriptor *layer, struct view blob, struct error *err)
{
    const uint64_t limit = evidence_size_max(evidence_form_of(layer));
    struct digest digest;
    int r = descriptor_need_sha256(layer, err);

    if (r < 0)
        return r;
    if (limit > 0 && blob.size > limit)
        return error_set(err, -EDQUOT, "it has more than %" PRIu64 " bytes", limit);
    digest_of(blob, &digest);
    if (blob.size != layer->size || !digest_eq(&digest, &layer->digest))
        return error_set(err, -EPROTO, "its bytes are not those of %s", layer->digest_text);
    return 0;
}

int evidence_read(const struct descriptor *layer, struct view blob, struct evidence *ret,
                  struct error *err)
{
    struct evidence e = {.form = evidence_form_of(layer),
                         .bytes = STR_INIT,
                         .signature = STR_INIT,
                         .bundle = {.envelope = {.payload = STR_INIT}, .signature = STR_INIT}};
    int r = check_blob(layer, blob, err);

    if (r == 0) {
        str_add(&e.bytes, blob);
        r = read_form(layer, &e, err);
    }
    if (r < 0) {
        evidence_done(&e);
        return r;
    }
    *ret = e;
    return 0;
}

void evidence_done(struct evidence *e)
{
    simple_done(&e->simple);
    sigstore_done(&e->bundle);
    statement_done(&e->statement);
    if (e->bytes.at)
        str_done(&e->bytes);
    if (e->signature.at)
        str_done(&e->signature);
    mem_freep(&e->certificate);
    mem_freep(&e->chain);
    mem_freep(&e->log);
    mem_freep(&e->stamp);
    e->has_statement = false;
}

/* ---- what it says ---- */

bool evidence_is_signature(const struct evidence *e)
{
    return !e->has_statement || strcmp(e->statement.predicate_type, PREDICATE_COSIGN_SIGN) == 0;
}

bool evidence_time(const struct evidence *e, int64_t *ret_s)
{
    if (e->has_statement)
        return statement_time(&e->statement, ret_s);
    if (e->form != EVIDENCE_SIMPLE || !e->simple.has_time)
        return false;
    *ret_s = e->simple.time_s;
    return true;
}

const char *evidence_reference(const struct evidence *e)
{
    return e->form == EVIDENCE_SIMPLE ? e->simple.reference : NULL;
}

/* ---- the verdict ---- */

static int about_another(struct error *err)
{
    return error_set(err, -EBADMSG, "it is about another image");
}

static int verify_message(const struct evidence *e, const struct evidence_subject *s,
                          const struct trust_key *k, struct error *err)
{
    const int r = trust_key_verify(k, s->manifest, str_view(&e->bundle.signature), err);

    if (r < 0 || digest_eq(&e->bundle.digest, &s->digest))
        return r;
    return about_another(err);
}

int evidence_verify(const struct evidence *e, const struct evidence_subject *s,
                    const struct trust_key *k, struct error *err)
{
    int r;

    if (e->form == EVIDENCE_SIMPLE) {
        r = trust_key_verify(k, str_view(&e->bytes), str_view(&e->signature), err);
        return r < 0 || digest_eq(&e->simple.digest, &s->digest) ? r : about_another(err);
    }
    if (!e->bundle.has_envelope)
        return verify_message(e, s, k, err);
    r = dsse_verify(&e->bundle.envelope, k, err);
    return r < 0 || statement_is_about(&e->statement, &s->digest) ? r : about_another(err);
}
