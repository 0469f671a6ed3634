#include "trust/certificate.h"

#include <errno.h>

#include "base/vec.h"
#include "trust/certificate_internal.h"
#include "trust/pem.h"

/* ---- reading ---- */

void certificate_free(struct certificate *x)
{
    if (!x)
        return;
    x->c->X509_free(x->x509);
    str_done(&x->der);
    free(x);
}

static void list_done(struct certificate_list *l)
{
    vec_each (x, l)
        certificate_free(*x);
    vec_done(l);
}

static int read_der(const struct crypto *c, struct str take_der, struct certificate **ret,
                    struct error *err)
{
    CLEANUP(certificate_freep) struct certificate *x = xcalloc(1, sizeof(*x));
    const unsigned char *at = (const unsigned char *)take_der.at;

    *x = (struct certificate){.c = c, .der = take_der};
    x->x509 = c->d2i_X509(NULL, &at, (long)take_der.size);
    c->ERR_clear_error();
    if (!x->x509 || at != (const unsigned char *)take_der.at + take_der.size)
        return error_set(err, -EINVAL, "a certificate is damaged");
    *ret = steal(x);
    return 0;
}

/* Blocks of other kinds are passed over. */
static int read_list(const struct crypto *c, struct view pem, size_t max,
                     struct certificate_list *ret, struct error *err)
{
    char label[PEM_LABEL_MAX];

    if (pem.size > CERTIFICATE_PEM_MAX)
        return error_set(err, -EDQUOT, "certificates of more than %u bytes", CERTIFICATE_PEM_MAX);
    for (;;) {
        struct str der = STR_INIT;
        struct certificate *x = NULL;
        int r = pem_next(&pem, label, &der, err);

        if (r <= 0 || strcmp(label, "CERTIFICATE") != 0) {
            str_done(&der);
            if (r <= 0)
                return r;
            continue;
        }
        r = read_der(c, der, &x, err);
        if (r < 0)
            return r;
        vec_push(ret, x);
        if (ret->size > max)
            return error_set(err, -EDQUOT, "more than %zu certificates", max);
    }
}

int certificate_read(const struct crypto *c, struct view pem, struct certificate **ret,
                     struct error *err)
{
    CLEANUP(list_done) struct certificate_list l = {0};
    const int r = read_list(c, pem, 1, &l, err);

    if (r < 0)
        return r;
    if (l.size != 1)
        return error_set(err, -EINVAL, "there is no certificate in it");
    *ret = steal(l.at[0]);
    return 0;
}

struct view certificate_der(const struct certificate *x)
{
    return str_view(&x->der);
}

void authority_free(struct authority *a)
{
    if (!a)
        return;
    list_done(&a->roots);
    list_done(&a->between);
    free(a);
}

const struct crypto *authority_crypto(const struct authority *a)
{
    return a->c;
}

int authority_read(const struct crypto *c, struct view roots, struct view between,
                   struct authority **ret, struct error *err)
{
    CLEANUP(authority_freep) struct authority *a = xcalloc(1, sizeof(*a));
    int r;

    a->c = c;
    r = read_list(c, roots, CERTIFICATE_STORE_MAX, &a->roots, err);
    if (r == 0)
        r = read_list(c, between, CERTIFICATE_STORE_MAX, &a->between, err);
    if (r < 0)
        return r;
    if (a->roots.size == 0)
        return error_set(err, -EINVAL, "there is no certificate in it");
    *ret = steal(a);
    return 0;
}

/* ---- the chain ---- */

static int bad(struct error *err, const char *what)
{
    return error_set(err, -EBADMSG, "%s", what);
}

static void add_untrusted(const struct crypto *c, OPENSSL_STACK *to,
                          const struct certificate_list *l)
{
    for (size_t i = 0; i < l->size; i++)
        (void)c->OPENSSL_sk_push(to, l->at[i]->x509);
}

/* As Go's verifier has it, which podman and cosign use: no certificate of the chain is for other purposes alone. */
static bool signs_code(const struct crypto *c, const OPENSSL_STACK *chain)
{
    if (!(c->X509_get_key_usage(c->OPENSSL_sk_value(chain, 0)) & KU_DIGITAL_SIGNATURE))
        return false;
    for (int i = 0; i < c->OPENSSL_sk_num(chain); i++) {
        X509 *x = c->OPENSSL_sk_value(chain, i);

        if ((c->X509_get_extension_flags(x) & EXFLAG_XKUSAGE) &&
            !(c->X509_get_extended_key_usage(x) & (XKU_CODE_SIGN | XKU_ANYEKU)))
            return false;
    }
    return true;
}

static int check_chain(const struct crypto *c, X509_STORE_CTX *context, struct error *err)
{
    if (c->X509_verify_cert(context) != 1)
        return error_set(err, -EBADMSG, "its certificate: %s",
                         c->X509_verify_cert_error_string(c->X509_STORE_CTX_get_error(context)));
    return signs_code(c, (const OPENSSL_STACK *)c->X509_STORE_CTX_get0_chain(context))
               ? 0
               : bad(err, "its certificate is not one that signs code");
}

void certificate_verify_at(const struct crypto *c, X509_VERIFY_PARAM *p, int64_t at_s)
{
    const int level = 2;

    c->X509_VERIFY_PARAM_set_time(p, (time_t)at_s);
    c->X509_VERIFY_PARAM_set_auth_level(p, level);
    (void)c->X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_PARTIAL_CHAIN);
}

static int build_chain(const struct certificate *x, const struct authority *a,
                       const struct certificate_list *came, int64_t at_s, struct error *err)
{
    const struct crypto *c = a->c;
    X509_STORE *store = c->X509_STORE_new();
    X509_STORE_CTX *context = c->X509_STORE_CTX_new();
    OPENSSL_STACK *untrusted = c->OPENSSL_sk_new_null();
    int r = -ENOMEM;

    for (size_t i = 0; store && i < a->roots.size; i++)
        (void)c->X509_STORE_add_cert(store, a->roots.at[i]->x509);
    if (untrusted) {
        add_untrusted(c, untrusted, &a->between);
        add_untrusted(c, untrusted, came);
    }
    if (store && context && untrusted &&
        c->X509_STORE_CTX_init(context, store, x->x509, (STACK_OF(X509) *)untrusted) == 1) {
        certificate_verify_at(c, c->X509_STORE_CTX_get0_param(context), at_s);
        r = check_chain(c, context, err);
    } else {
        r = error_set(err, -EIO, "libcrypto cannot check certificates");
    }
    c->X509_STORE_CTX_free(context);
    c->X509_STORE_free(store);
    c->OPENSSL_sk_free(untrusted);
    c->ERR_clear_error();
    return r;
}

int certificate_verify(const struct certificate *x, const struct authority *a, struct view chain,
                       const struct certificate_identity *who, int64_t at_s, struct trust_key **ret,
                       struct error *err)
{
    CLEANUP(list_done) struct certificate_list came = {0};
    int r = read_list(a->c, chain, CERTIFICATE_CHAIN_MAX, &came, err);

    if (r == 0)
        r = build_chain(x, a, &came, at_s, err);
    if (r == 0)
        r = certificate_check_identity(x, who, err);
    a->c->ERR_clear_error();
    return r < 0 ? r : trust_key_take(a->c, a->c->X509_get_pubkey(x->x509), false, ret, err);
}
