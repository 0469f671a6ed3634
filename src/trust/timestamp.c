#include "trust/timestamp.h"

#include <errno.h>

#include "trust/certificate_internal.h"
#include "trust/dsse.h"

static int bad(struct error *err, const char *what)
{
    return error_set(err, -EBADMSG, "its time stamp: %s", what);
}

static bool is_strong(const struct crypto *c, TS_TST_INFO *info)
{
    TS_MSG_IMPRINT *imprint = c->TS_TST_INFO_get_msg_imprint(info);
    const int nid = c->OBJ_obj2nid(c->TS_MSG_IMPRINT_get_algo(imprint)->algorithm);

    return nid == NID_sha256 || nid == NID_sha384 || nid == NID_sha512;
}

static int read_time(const struct crypto *c, TS_RESP *answer, int64_t *ret_s, struct error *err)
{
    TS_TST_INFO *info = c->TS_RESP_get_tst_info(answer);
    struct tm tm = {0};

    if (!info)
        return bad(err, "the authority of time has refused it");
    if (!is_strong(c, info))
        return bad(err, "it is over a hash that is too weak");
    if (c->ASN1_TIME_to_tm(c->TS_TST_INFO_get_time(info), &tm) != 1)
        return bad(err, "it has no time");
    *ret_s = (int64_t)timegm(&tm);
    return 0;
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

int timestamp_verify(struct view answer, const struct authority *a, struct view data,
                     int64_t *ret_s, struct error *err)
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
        r = read_time(c, doc, &time_s, err);
    if (r == 0)
        r = verify_answer(doc, a, data, time_s, err);
    c->TS_RESP_free(doc);
    c->ERR_clear_error();
    if (r == 0)
        *ret_s = time_s;
    return r;
}
