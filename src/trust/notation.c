#include "trust/notation.h"

#include <errno.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "oci/config.h"
#include "trust/cbor.h"
#include "trust/notation_internal.h"
#include "trust/pem.h"
#include "trust/timestamp.h"

#define CTY "application/vnd.cncf.notary.payload.v1+json"
#define PREFIX NOTATION_PREFIX
#define SECURITY_BITS_MIN 112 /* RSA of 2048 bits, SHA-224 */

static void envelope_done(struct envelope *e)
{
    doc_unref(e->protected);
    doc_unref(e->payload);
    str_done(&e->signed_bytes);
    str_done(&e->signature);
    str_done(&e->stamp);
    for (size_t i = 0; i < e->count; i++) {
        e->c->X509_free(e->chain[i]);
        str_done(&e->der[i]);
    }
}

int notation_bad(struct error *err, const char *what)
{
    return error_set(err, -EBADMSG, "%s", what);
}

int envelope_add_certificate(struct envelope *e, struct str take_der, struct error *err)
{
    const unsigned char *at = (const unsigned char *)take_der.at;

    if (e->count == NOTATION_CHAIN_MAX) {
        str_done(&take_der);
        return error_set(err, -EBADMSG, "it has more than %d certificates", NOTATION_CHAIN_MAX);
    }
    X509 *x = e->c->d2i_X509(NULL, &at, (long)take_der.size);
    e->der[e->count] = take_der;
    e->chain[e->count++] = x;
    if (!x || at != (const unsigned char *)take_der.at + take_der.size)
        return notation_bad(err, "a certificate is damaged");
    return 0;
}

/* ---- integrity ---- */

static const struct {
    const char *alg;
    int kind, bits;
} algorithms[] = {
    {"PS256", EVP_PKEY_RSA, 2048}, {"PS384", EVP_PKEY_RSA, 3072}, {"PS512", EVP_PKEY_RSA, 4096},
    {"ES256", EVP_PKEY_EC, 256},   {"ES384", EVP_PKEY_EC, 384},   {"ES512", EVP_PKEY_EC, 521},
};

static void add_integer(struct str *to, const char *at, size_t size)
{
    while (size > 1 && *at == 0)
        at++, size--;
    const bool pad = (*at & 0x80) != 0;
    str_add_char(to, 2);
    str_add_char(to, (char)(size + pad));
    if (pad)
        str_add_char(to, 0);
    str_add(to, view_make(at, size));
}

/* r and s side by side, as JOSE has them, to ASN.1. */
static void der_of(struct view raw, struct str *ret)
{
    STR_AUTO(body);

    add_integer(&body, raw.at, raw.size / 2);
    add_integer(&body, raw.at + raw.size / 2, raw.size / 2);
    str_add_char(ret, 0x30);
    if (body.size > 127)
        str_add_char(ret, (char)0x81);
    str_add_char(ret, (char)body.size);
    str_add(ret, str_view(&body));
}

static const EVP_MD *hash_of_alg(const struct crypto *c, const char *alg)
{
    return strcmp(alg + 2, "256") == 0   ? c->EVP_sha256()
           : strcmp(alg + 2, "384") == 0 ? c->EVP_sha384()
                                         : c->EVP_sha512();
}

static bool verify_bytes(const struct envelope *e, EVP_PKEY *key, const char *alg,
                         struct view signature)
{
    const struct crypto *c = e->c;
    EVP_MD_CTX *context = c->EVP_MD_CTX_new();
    EVP_PKEY_CTX *options = NULL;
    bool good =
        context && c->EVP_DigestVerifyInit(context, &options, hash_of_alg(c, alg), NULL, key) == 1;

    if (good && *alg == 'P')
        good = c->EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
               c->EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1;
    good = good && c->EVP_DigestVerify(context, (const unsigned char *)signature.at, signature.size,
                                       (const unsigned char *)e->signed_bytes.at,
                                       e->signed_bytes.size) == 1;
    c->EVP_MD_CTX_free(context);
    c->ERR_clear_error();
    return good;
}

static int check_signature(const struct envelope *e, struct error *err)
{
    EVP_PKEY *key = e->c->X509_get0_pubkey(e->chain[0]);
    const char *alg = json_string_value(json_object_get(e->protected, "alg"));
    STR_AUTO(der);

    if (!key || !alg)
        return notation_bad(err, "it has no key or no algorithm");
    const int kind = e->c->EVP_PKEY_get_base_id(key), bits = e->c->EVP_PKEY_get_bits(key);
    for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++) {
        if (kind != algorithms[i].kind || bits != algorithms[i].bits)
            continue;
        /* the key chooses the algorithm, not the envelope */
        if (strcmp(alg, algorithms[i].alg) != 0)
            return error_set(err, -EBADMSG, "its algorithm is '%.20s', its key's %s", alg,
                             algorithms[i].alg);
        if (kind == EVP_PKEY_EC && e->signature.size != 2 * (size_t)((bits + 7) / 8))
            return notation_bad(err, "its signature has the wrong length");
        if (kind == EVP_PKEY_EC)
            der_of(str_view(&e->signature), &der);
        return verify_bytes(e, key, alg, str_view(kind == EVP_PKEY_EC ? &der : &e->signature))
                   ? 0
                   : notation_bad(err, "its signature is not of its certificate and these bytes");
    }
    return notation_bad(err, "its key is of a kind or size that is not used");
}

/* What must be understood is: nothing else may be critical. */
static int check_critical(const struct envelope *e, struct error *err)
{
    static const char *const known[] = {PREFIX "signingScheme", PREFIX "authenticSigningTime",
                                        PREFIX "expiry"};
    const json_t *list = json_object_get(e->protected, "crit"), *item;
    bool found[ARRAY_SIZE(known)] = {false};
    size_t i;

    json_array_foreach(list, i, item)
    {
        size_t k = 0;

        while (k < ARRAY_SIZE(known) &&
               (!json_is_string(item) || strcmp(known[k], json_string_value(item)) != 0))
            k++;
        if (k == ARRAY_SIZE(known))
            return notation_bad(err, "something is critical in it that is not known here");
        found[k] = true;
    }
    for (size_t k = 0; k < ARRAY_SIZE(known); k++)
        if (found[k] != (json_object_get(e->protected, known[k]) != NULL))
            return error_set(err, -EBADMSG, "%s is not critical, or not there", known[k]);
    return found[0] ? 0 : notation_bad(err, "its signing scheme is not critical");
}

static int check_attributes(struct envelope *e, struct error *err)
{
    const char *cty = json_string_value(json_object_get(e->protected, "cty"));
    const char *scheme = json_string_value(json_object_get(e->protected, PREFIX "signingScheme"));

    if (!cty || strcmp(cty, CTY) != 0)
        return notation_bad(err, "its payload is of another type");
    if (!scheme ||
        (strcmp(scheme, "notary.x509") != 0 && strcmp(scheme, "notary.x509.signingAuthority") != 0))
        return notation_bad(err, "its signing scheme is not known");
    e->authority = strcmp(scheme, "notary.x509") != 0;
    const char *time = e->authority ? PREFIX "authenticSigningTime" : PREFIX "signingTime";
    const char *text = json_string_value(json_object_get(e->protected, time));
    if (!text || !config_time_parse(text, &e->signed_s))
        return notation_bad(err, "its signing time is missing or malformed");
    return check_critical(e, err);
}

static int check_target(const struct envelope *e, const struct notation_facts *f, struct error *err)
{
    json_t *target = NULL;
    struct descriptor d;
    int r = doc_need_object(e->payload, "targetArtifact", &target, err);

    if (r == 0)
        r = descriptor_read(target, "targetArtifact", &d, err);
    if (r < 0)
        return r;
    return digest_eq(&d.digest, &f->digest) && d.size == f->size
               ? 0
               : notation_bad(err, "it is about another image");
}

/* ---- certificates ---- */

static int64_t time_of(const struct crypto *c, const ASN1_TIME *t)
{
    struct tm tm;

    return t && c->ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : -1;
}

static bool is_valid_at(const struct envelope *e, int64_t now_s)
{
    for (size_t i = 0; i < e->count; i++) {
        const int64_t from = time_of(e->c, e->c->X509_get0_notBefore(e->chain[i]));
        const int64_t to = time_of(e->c, e->c->X509_get0_notAfter(e->chain[i]));

        if (from < 0 || to < 0 || now_s < from || now_s > to)
            return false;
    }
    return true;
}

static bool has_ended(const struct envelope *e, int64_t now_s)
{
    for (size_t i = 0; i < e->count; i++)
        if (now_s > time_of(e->c, e->c->X509_get0_notAfter(e->chain[i])))
            return true;
    return false;
}

/* Whatever moment the stamp may mean. */
static bool is_valid_within(const struct envelope *e, const struct timestamp *t)
{
    for (size_t i = 0; i < e->count; i++) {
        const int64_t from = time_of(e->c, e->c->X509_get0_notBefore(e->chain[i]));
        const int64_t to = time_of(e->c, e->c->X509_get0_notAfter(e->chain[i]));

        if (from < 0 || to < 0 || t->from_ms < from * 1000 || t->to_ms > to * 1000)
            return false;
    }
    return true;
}

static int read_clocks(const struct notation_facts *f, struct authority **ret, struct error *err)
{
    STR_AUTO(pem);

    for (size_t i = 0; i < f->clock_count; i++)
        pem_add(&pem, "CERTIFICATE", str_view(&f->clocks[i]));
    return authority_read(f->c, str_view(&pem), VIEW(""), ret, err);
}

/* Authentic timestamp of the scheme notary.x509. */
static const char *stamp_complaint(const struct envelope *e, const struct notation_facts *f)
{
    CLEANUP(authority_freep) struct authority *clocks = NULL;
    struct timestamp t;

    if (e->stamp.size == 0)
        return "it has no time stamp";
    if (read_clocks(f, &clocks, NULL) < 0)
        return "the trust store of authorities of time has none";
    if (timestamp_verify_token(str_view(&e->stamp), clocks, str_view(&e->signature), &t, NULL) < 0)
        return "its time stamp is not one of the trust store over this signature";
    if (!is_valid_within(e, &t))
        return "its certificates were not valid at the time of its stamp";
    return t.may_be_revoked && f->statement->action[NOTATION_REVOCATION] == NOTATION_ENFORCE
               ? "whether the certificates of its time stamp were revoked is not looked up"
               : NULL;
}

static const char *time_complaint(const struct envelope *e, const struct notation_facts *f)
{
    const struct notation_statement *s = f->statement;

    if (e->authority)
        return is_valid_at(e, e->signed_s) ? NULL
                                           : "its certificates were not valid when it was signed";
    if (s->stamps && (!s->stamps_when_ended || has_ended(e, f->now_s)))
        return stamp_complaint(e, f);
    return is_valid_at(e, f->now_s) ? NULL : "its certificates are not valid now";
}

/* Certificate Requirements of the specification: who may sign code, and who certificates. */
static bool has_critical_usage(const struct crypto *c, X509 *x)
{
    const int at = c->X509_get_ext_by_NID(x, NID_key_usage, -1);

    return at >= 0 && c->X509_EXTENSION_get_critical(c->X509_get_ext(x, at));
}

static bool is_leaf(const struct crypto *c, X509 *x)
{
    const uint32_t purposes = c->X509_get_extended_key_usage(x), usage = c->X509_get_key_usage(x);
    const uint32_t flags = c->X509_get_extension_flags(x);
    static const uint32_t other_usage = KU_KEY_ENCIPHERMENT | KU_DATA_ENCIPHERMENT |
                                        KU_KEY_AGREEMENT | KU_KEY_CERT_SIGN | KU_CRL_SIGN |
                                        KU_ENCIPHER_ONLY | KU_DECIPHER_ONLY,
                          other_purposes = XKU_ANYEKU | XKU_SSL_SERVER | XKU_SSL_CLIENT |
                                           XKU_SMIME | XKU_TIMESTAMP | XKU_OCSP_SIGN;

    return !(flags & (EXFLAG_CA | EXFLAG_INVALID)) && has_critical_usage(c, x) &&
           (usage & KU_DIGITAL_SIGNATURE) && !(usage & other_usage) &&
           !((flags & EXFLAG_XKUSAGE) && purposes & other_purposes);
}

static bool is_issuer(const struct crypto *c, X509 *x, size_t below)
{
    const uint32_t flags = c->X509_get_extension_flags(x);
    const long length = c->X509_get_pathlen(x);

    return (flags & EXFLAG_CA) && !(flags & EXFLAG_INVALID) && has_critical_usage(c, x) &&
           (c->X509_get_key_usage(x) & KU_KEY_CERT_SIGN) && (length < 0 || (size_t)length >= below);
}

static bool signed_by(const struct crypto *c, X509 *x, X509 *issuer)
{
    const bool good =
        c->X509_NAME_cmp(c->X509_get_issuer_name(x), c->X509_get_subject_name(issuer)) == 0 &&
        c->X509_verify(x, c->X509_get0_pubkey(issuer)) == 1;

    c->ERR_clear_error();
    return good;
}

int notation_store_check(const struct crypto *c, enum notation_store kind, struct view der,
                         struct error *err)
{
    const unsigned char *at = (const unsigned char *)der.at;
    X509 *x = c->d2i_X509(NULL, &at, (long)der.size);
    const bool whole = x && at == (const unsigned char *)der.at + der.size;
    const bool own = whole && signed_by(c, x, x);
    const bool issues = whole && is_issuer(c, x, 0);
    const bool may = kind == NOTATION_STORE_TSA
                         ? own && issues
                         : own || (whole && c->X509_get_extension_flags(x) & EXFLAG_CA);

    c->X509_free(x);
    c->ERR_clear_error();
    if (!whole)
        return error_set(err, -EINVAL, "a certificate is damaged");
    return may ? 0
               : error_set(err, -EINVAL,
                           kind == NOTATION_STORE_TSA
                               ? "a certificate is not one of a root that signs others"
                               : "a certificate neither signs others nor is signed by itself");
}

/* As Go's verifier has it, which notation uses: nobody signs by SHA-1, for whoever finds a collision has the signature, too. */
static bool is_strong(const struct crypto *c, X509 *x)
{
    EVP_PKEY *key = c->X509_get0_pubkey(x);
    int bits = 0;

    return c->X509_get_signature_info(x, NULL, NULL, &bits, NULL) == 1 &&
           bits >= SECURITY_BITS_MIN && key &&
           c->EVP_PKEY_get_security_bits(key) >= SECURITY_BITS_MIN;
}

static const char *chain_complaint(const struct envelope *e)
{
    const struct crypto *c = e->c;

    if (!is_leaf(c, e->chain[0]))
        return "its certificate is not one that signs code";
    for (size_t i = 0; i < e->count; i++) {
        X509 *issuer = e->chain[i + 1 < e->count ? i + 1 : i];

        if (!signed_by(c, e->chain[i], issuer))
            return "its certificates are no chain up to a root";
        if (!is_strong(c, e->chain[i]))
            return "one of its certificates has a key or a signature that is too weak";
        if (i > 0 && !is_issuer(c, e->chain[i], i - 1))
            return "one of its certificates must not sign others";
    }
    return NULL;
}

static bool is_in_store(const struct envelope *e, const struct notation_facts *f)
{
    const struct str *store = e->authority ? f->authority : f->ca;
    const size_t count = e->authority ? f->authority_count : f->ca_count;

    for (size_t i = 0; i < e->count; i++)
        for (size_t k = 0; k < count; k++)
            if (view_eq(str_view(&e->der[i]), str_view(&store[k])))
                return true;
    return false;
}

static int attribute_of(const struct crypto *c, const X509_NAME *name, int i)
{
    return c->OBJ_obj2nid(c->X509_NAME_ENTRY_get_object(c->X509_NAME_get_entry(name, i)));
}

/* Whoever has one attribute twice could be two, of whom the policy names one. */
static bool is_plain_name(const struct crypto *c, const X509_NAME *name)
{
    for (int i = 0; i < c->X509_NAME_entry_count(name); i++)
        for (int k = 0; k < i; k++)
            if (attribute_of(c, name, i) != NID_undef &&
                attribute_of(c, name, i) == attribute_of(c, name, k))
                return false;
    return true;
}

/* Whether the leaf's subject has the attribute. */
static bool has_attribute(const struct envelope *e, const char *key, const char *value)
{
    const struct crypto *c = e->c;
    const X509_NAME *name = c->X509_get_subject_name(e->chain[0]);

    for (int i = 0; i < c->X509_NAME_entry_count(name); i++) {
        const X509_NAME_ENTRY *entry = c->X509_NAME_get_entry(name, i);
        const char *is = c->OBJ_nid2sn(attribute_of(c, name, i));
        unsigned char *text = NULL;
        const int size = c->ASN1_STRING_to_UTF8(&text, c->X509_NAME_ENTRY_get_data(entry));
        const bool same = size >= 0 && is && strcmp(is, key) == 0 &&
                          view_eq_text(view_make(text, (size_t)size), value);

        if (text)
            crypto_free_bytes(c, text);
        if (same)
            return true;
    }
    return false;
}

static bool is_trusted(const struct envelope *e, const struct notation_statement *s)
{
    const bool plain = is_plain_name(e->c, e->c->X509_get_subject_name(e->chain[0]));

    vec_each (n, &s->identities) {
        bool all = plain || n->keys.size == 0;

        for (size_t i = 0; i < n->keys.size; i++)
            all = all && has_attribute(e, n->keys.at[i], n->values.at[i]);
        if (all)
            return true;
    }
    return false;
}

static bool may_be_revoked(const struct envelope *e)
{
    for (size_t i = 0; i < e->count; i++)
        if (e->c->X509_get_ext_by_NID(e->chain[i], NID_crl_distribution_points, -1) >= 0 ||
            e->c->X509_get_ext_by_NID(e->chain[i], NID_info_access, -1) >= 0)
            return true;
    return false;
}

/* ---- the verdict ---- */

static const char *complaint_of(enum notation_check check, const struct envelope *e,
                                const struct notation_facts *f)
{
    const char *expiry = json_string_value(json_object_get(e->protected, PREFIX "expiry"));
    int64_t end;

    switch (check) {
    case NOTATION_AUTHENTICITY:
        if (!is_in_store(e, f))
            return "none of its certificates is in a trust store that is named";
        return is_trusted(e, f->statement) ? NULL : "its subject is no identity that is trusted";
    case NOTATION_TIMESTAMP:
        return time_complaint(e, f);
    case NOTATION_EXPIRY:
        if (!json_object_get(e->protected, PREFIX "expiry"))
            return NULL;
        return expiry && config_time_parse(expiry, &end) && f->now_s < end ? NULL
                                                                           : "it has expired";
    case NOTATION_REVOCATION:
        return may_be_revoked(e) ? "whether its certificates were revoked is not looked up" : NULL;
    case NOTATION_CHECKS:
        break;
    }
    return NULL;
}

static int judge(const struct envelope *e, const struct notation_facts *f, struct strings *ret_log,
                 struct error *err)
{
    for (enum notation_check i = 0; i < NOTATION_CHECKS; i++) {
        const enum notation_action action = f->statement->action[i];
        const char *why = action == NOTATION_SKIP ? NULL : complaint_of(i, e, f);

        if (why && action == NOTATION_ENFORCE)
            return notation_bad(err, why);
        if (why)
            strings_add(ret_log, why);
    }
    return 0;
}

int notation_verify(const struct notation_facts *f, struct view envelope, struct strings *ret_log,
                    struct error *err)
{
    CLEANUP(envelope_done)
    struct envelope e = {
        .c = f->c, .signed_bytes = STR_INIT, .signature = STR_INIT, .stamp = STR_INIT};
    /* JSON never begins with a tag of CBOR */
    const bool cose = envelope.size > 0 && ((unsigned char)*envelope.at >> 5) == CBOR_TAG;
    int r = cose ? envelope_read_cose(&e, envelope, err) : envelope_read_jws(&e, envelope, err);

    f->c->ERR_clear_error();
    if (r == 0)
        r = check_signature(&e, err);
    if (r == 0)
        r = check_attributes(&e, err);
    if (r == 0)
        r = check_target(&e, f, err);
    const char *why = r == 0 ? chain_complaint(&e) : NULL;
    if (why)
        r = notation_bad(err, why);
    return r < 0 ? r : judge(&e, f, ret_log, err);
}
