#include "trust/timestamp.h"

#include <errno.h>

#include "trust/certificate_internal.h"
#include "trust/dsse.h"

#define PARTS_MAX INT64_C(1000000) /* of how exact a clock is: eleven days will do */

static int bad(struct error *err, const char *what)
{
    return error_set(err, -EBADMSG, "its time stamp: %s", what);
}

static bool is_strong_hash(const struct crypto *c, const X509_ALGOR *a)
{
    const int nid = a ? c->OBJ_obj2nid(a->algorithm) : NID_undef;

    return nid == NID_sha256 || nid == NID_sha384 || nid == NID_sha512;
}

/* Of what is stamped, and of what the authority signs. */
static bool is_strong(const struct crypto *c, TS_RESP *answer, TS_TST_INFO *info)
{
    const PKCS7 *token = c->TS_RESP_get_token(answer);
    const bool is_signed =
        token && c->OBJ_obj2nid(token->type) == NID_pkcs7_signed && token->d.sign;
    const OPENSSL_STACK *signers =
        is_signed ? (const OPENSSL_STACK *)token->d.sign->signer_info : NULL;

    for (int i = 0; signers && i < c->OPENSSL_sk_num(signers); i++) {
        const PKCS7_SIGNER_INFO *signer = c->OPENSSL_sk_value(signers, i);

        if (!is_strong_hash(c, signer->digest_alg))
            return false;
    }
    return signers &&
           is_strong_hash(c, c->TS_MSG_IMPRINT_get_algo(c->TS_TST_INFO_get_msg_imprint(info)));
}

/* "20250121091746.641Z": what stands behind the second. */
static int64_t fraction_ms(const struct crypto *c, const ASN1_GENERALIZEDTIME *t, bool *ret_more)
{
    const struct view text =
        view_make(c->ASN1_STRING_get0_data(t), (size_t)c->ASN1_STRING_length(t));
    const char *point = memchr(text.at, '.', text.size);
    int64_t ms = 0, unit = 100;

    *ret_more = false;
    for (const char *at = point; at && ++at < text.at + text.size && *at >= '0' && *at <= '9';) {
        ms += (*at - '0') * unit;
        *ret_more = *ret_more || (unit == 0 && *at != '0');
        unit /= 10;
    }
    return ms;
}

/* How exact the clock is; where it does not say, a second by ETSI's policy for all (EN 319 421), else exactly. */
static int64_t accuracy_ms(const struct crypto *c, TS_TST_INFO *info)
{
    const TS_ACCURACY *a = c->TS_TST_INFO_get_accuracy(info);
    const ASN1_INTEGER *parts[] = {a ? c->TS_ACCURACY_get_seconds(a) : NULL,
                                   a ? c->TS_ACCURACY_get_millis(a) : NULL,
                                   a ? c->TS_ACCURACY_get_micros(a) : NULL};
    static const int64_t units[] = {1000000, 1000, 1};
    char policy[32] = "";
    int64_t us = 0;

    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        const int64_t n = parts[i] ? c->ASN1_INTEGER_get(parts[i]) : 0;

        us += (n < 0 || n > PARTS_MAX ? PARTS_MAX : n) * units[i]; /* -1: more than a long */
    }
    (void)c->OBJ_obj2txt(policy, sizeof(policy), c->TS_TST_INFO_get_policy_id(info), 1);
    if (us == 0 && strcmp(policy, "0.4.0.2023.1.1") == 0)
        return 1000;
    return (us + 999) / 1000;
}

static int read_time(const struct crypto *c, TS_RESP *answer, int64_t *ret_s, struct timestamp *ret,
                     struct error *err)
{
    TS_TST_INFO *info = c->TS_RESP_get_tst_info(answer);
    struct tm tm = {0};
    bool more;

    if (!info)
        return bad(err, "the authority of time has refused it");
    if (!is_strong(c, answer, info))
        return bad(err, "it is over a hash that is too weak");
    if (c->ASN1_TIME_to_tm(c->TS_TST_INFO_get_time(info), &tm) != 1)
        return bad(err, "it has no time");
    *ret_s = (int64_t)timegm(&tm);
    ret->from_ms = *ret_s * 1000 + fraction_ms(c, c->TS_TST_INFO_get_time(info), &more);
    ret->to_ms = ret->from_ms + more + accuracy_ms(c, info);
    ret->from_ms -= accuracy_ms(c, info);
    return 0;
}

static bool names_responder(const struct crypto *c, TS_RESP *answer)
{
    const PKCS7 *token = c->TS_RESP_get_token(answer);
    const OPENSSL_STACK *certificates =
        token && token->d.sign ? (const OPENSSL_STACK *)token->d.sign->cert : NULL;

    for (int i = 0; certificates && i < c->OPENSSL_sk_num(certificates); i++) {
        const X509 *x = c->OPENSSL_sk_value(certificates, i);

        if (c->X509_get_ext_by_NID(x, NID_crl_distribution_points, -1) >= 0 ||
            c->X509_get_ext_by_NID(x, NID_info_access, -1) >= 0)
            return true;
    }
    return false;
}

/* libcrypto frees the list with what is in it. */
static void add_shared(const struct crypto *c, OPENSSL_STACK *to, const struct certificate_list *l)
{
    for (size_t i = 0; i < l->size; i++)
        if (c->X509_up_ref(l->at[i]->x509) == 1)
            (void)c->OPENSSL_sk_push(to, l->at[i]->x509);
}

static X509_STORE *make_store(const struct authority *a, int64_t at_s)
{
    const struct crypto *c = a->c;
    X509_STORE *store = c->X509_STORE_new();

    for (size_t i = 0; store && i < a->roots.size; i++)
        (void)c->X509_STORE_add_cert(store, a->roots.at[i]->x509);
    if (store)
        certificate_verify_at(c, c->X509_STORE_get0_param(store), at_s);
    return store;
}

static int verify_answer(TS_RESP *answer, const struct authority *a, struct view data, int64_t at_s,
                         struct error *err)
{
    const struct crypto *c = a->c;
    TS_VERIFY_CTX *context = c->TS_VERIFY_CTX_new();
    OPENSSL_STACK *certificates = c->OPENSSL_sk_new_null();
    X509_STORE *store = make_store(a, at_s);
    BIO *bytes = c->BIO_new_mem_buf(data.at, (int)data.size);
    int r = -EIO;

    if (context && certificates && store && bytes) {
        add_shared(c, certificates, &a->roots);
        add_shared(c, certificates, &a->between);
        (void)c->TS_VERIFY_CTX_set_flags(context, TS_VFY_SIGNATURE | TS_VFY_VERSION | TS_VFY_DATA);
        (void)c->TS_VERIFY_CTX_set_certs(context, (STACK_OF(X509) *)certificates);
        (void)c->TS_VERIFY_CTX_set_store(context, store);
        (void)c->TS_VERIFY_CTX_set_data(context, bytes);
        r = c->TS_RESP_verify_response(context, answer) == 1
                ? 0
                : bad(err, "it is not one of the named authority over this signature");
    } else {
        r = error_set(err, r, "libcrypto cannot check time stamps");
    }
    c->TS_VERIFY_CTX_free(context); /* and all that was given to it */
    return r;
}

static int verify(struct view answer, const struct authority *a, struct view data, int64_t *ret_s,
                  struct timestamp *ret, struct error *err)
{
    const struct crypto *c = a->c;
    const unsigned char *at = (const unsigned char *)answer.at;
    int64_t time_s = 0;
    int r;

    if (answer.size > TIMESTAMP_SIZE_MAX || data.size > DSSE_SIZE_MAX)
        return error_set(err, -EDQUOT, "a time stamp of more than %u bytes", TIMESTAMP_SIZE_MAX);
    TS_RESP *doc = c->d2i_TS_RESP(NULL, &at, (long)answer.size);
    if (!doc || at != (const unsigned char *)answer.at + answer.size)
        r = bad(err, "it is damaged");
    else
        r = read_time(c, doc, &time_s, ret, err);
    if (r == 0)
        r = verify_answer(doc, a, data, time_s, err);
    ret->may_be_revoked = r == 0 && names_responder(c, doc);
    c->TS_RESP_free(doc);
    c->ERR_clear_error();
    if (r == 0)
        *ret_s = time_s;
    return r;
}

int timestamp_verify(struct view answer, const struct authority *a, struct view data,
                     int64_t *ret_s, struct error *err)
{
    struct timestamp ignored;

    return verify(answer, a, data, ret_s, &ignored, err);
}

/* DER: an answer is a sequence of a status, 0 for granted, and the token. */
int timestamp_verify_token(struct view token, const struct authority *a, struct view data,
                           struct timestamp *ret, struct error *err)
{
    static const char granted[] = {0x30, 0x03, 0x02, 0x01, 0x00};
    const size_t size = token.size + sizeof(granted);
    int64_t time_s;
    STR_AUTO(answer);

    if (token.size > TIMESTAMP_SIZE_MAX - 16)
        return error_set(err, -EDQUOT, "a time stamp of more than %u bytes", TIMESTAMP_SIZE_MAX);
    str_add_char(&answer, 0x30);
    str_add_char(&answer, (char)0x83);
    for (int shift = 16; shift >= 0; shift -= 8)
        str_add_char(&answer, (char)(size >> shift));
    str_add(&answer, view_make(granted, sizeof(granted)));
    str_add(&answer, token);
    return verify(str_view(&answer), a, data, &time_s, ret, err);
}
