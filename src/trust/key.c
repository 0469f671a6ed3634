#include "trust/key.h"

#include <errno.h>
#include <limits.h>

#include "trust/key_internal.h"
#include "trust/pem.h"

#define RSA_BITS_MIN 2048  /* less has been broken or soon is */
#define RSA_BITS_MAX 16384 /* what verifying may cost */

static const char *const encrypted_labels[] = {"ENCRYPTED SIGSTORE PRIVATE KEY",
                                               "ENCRYPTED COSIGN PRIVATE KEY"};
static const char *const plain_labels[] = {"PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"};

static bool is_one_of(const char *label, const char *const *labels, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(label, labels[i]) == 0)
            return true;
    return false;
}

static int check_kind(const struct crypto *c, const EVP_PKEY *pkey, struct error *err)
{
    const int kind = c->EVP_PKEY_get_base_id(pkey), bits = c->EVP_PKEY_get_bits(pkey);

    if (kind == EVP_PKEY_ED25519 ||
        (kind == EVP_PKEY_EC && (bits == 256 || bits == 384 || bits == 521)))
        return 0;
    if (kind == EVP_PKEY_RSA && bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX)
        return 0;
    (void)error_set(err, -ENOTSUP, "a key of this kind or size (%d bits) is not used here", bits);
    return error_hint(err, -ENOTSUP,
                      "ECDSA on P-256, P-384 and P-521, RSA of %d to %d bits and Ed25519 are",
                      RSA_BITS_MIN, RSA_BITS_MAX);
}

/* What i2d calls allocate, copied. */
static int take_der(const struct crypto *c, unsigned char *der, int size, struct str *ret,
                    struct error *err)
{
    if (size <= 0 || !der)
        return error_set(err, -EIO, "libcrypto cannot write the key");
    str_reserve(ret, (size_t)size);
    str_add(ret, view_make(der, (size_t)size));
    explicit_bzero(der, (size_t)size);
    crypto_free_bytes(c, der);
    return 0;
}

int trust_key_take(const struct crypto *c, EVP_PKEY *take_pkey, bool secret, struct trust_key **ret,
                   struct error *err)
{
    CLEANUP(trust_key_freep) struct trust_key *k = xcalloc(1, sizeof(*k));
    unsigned char *der = NULL;

    *k = (struct trust_key){.c = c, .pkey = take_pkey, .secret = secret, .spki = STR_INIT};
    c->ERR_clear_error();
    if (!take_pkey)
        return error_set(err, -EINVAL, "the key is damaged, or of a kind that libcrypto lacks");
    int r = check_kind(c, take_pkey, err);
    if (r < 0)
        return r;
    const int size = c->i2d_PUBKEY(take_pkey, &der);
    r = take_der(c, der, size, &k->spki, err);
    if (r < 0)
        return r;
    digest_of(str_view(&k->spki), &k->id);
    *ret = steal(k);
    return 0;
}

void trust_key_free(struct trust_key *k)
{
    if (!k)
        return;
    k->c->EVP_PKEY_free(k->pkey);
    str_done(&k->spki);
    free(k);
}

/* ---- reading ---- */

/* The first block whose label is one of them; its label stays in label. */
static int find_block(struct view pem, const char *const *labels, size_t count,
                      char label[static PEM_LABEL_MAX], struct str *ret, struct error *err)
{
    int r = pem.size > KEY_FILE_MAX
                ? error_set(err, -EDQUOT, "a key has at most %u bytes", KEY_FILE_MAX)
                : 1;

    while (r > 0) {
        str_clear(ret);
        r = pem_next(&pem, label, ret, err);
        if (r > 0 && is_one_of(label, labels, count))
            return 0;
    }
    return r < 0 ? r : -ENOENT;
}

int trust_key_read(const struct crypto *c, struct view pem, struct trust_key **ret,
                   struct error *err)
{
    static const char *const labels[] = {"PUBLIC KEY"};
    char label[PEM_LABEL_MAX];
    STR_AUTO(der);
    const int r = find_block(pem, labels, ARRAY_SIZE(labels), label, &der, err);

    if (r == -ENOENT)
        return error_set(err, -EINVAL, "there is no PEM block 'PUBLIC KEY' in it");
    if (r < 0)
        return r;
    const unsigned char *at = (const unsigned char *)der.at;
    EVP_PKEY *pkey = c->d2i_PUBKEY(NULL, &at, (long)der.size);
    if (pkey && at != (const unsigned char *)der.at + der.size) {
        c->EVP_PKEY_free(pkey);
        return error_set(err, -EINVAL, "there are bytes behind the key");
    }
    return trust_key_take(c, pkey, false, ret, err);
}

bool trust_key_is_encrypted(struct view pem)
{
    char label[PEM_LABEL_MAX];
    SECRET_AUTO(text);

    return find_block(pem, encrypted_labels, ARRAY_SIZE(encrypted_labels), label, &text, NULL) == 0;
}

static int open_der(const struct crypto *c, struct view der, struct trust_key **ret,
                    struct error *err)
{
    const unsigned char *at = (const unsigned char *)der.at;

    return trust_key_take(c, c->d2i_AutoPrivateKey(NULL, &at, (long)der.size), true, ret, err);
}

int trust_key_open(const struct crypto *c, struct view pem, struct view password,
                   struct trust_key **ret, struct error *err)
{
    char label[PEM_LABEL_MAX];
    SECRET_AUTO(bytes);
    SECRET_AUTO(der);
    int r = find_block(pem, plain_labels, ARRAY_SIZE(plain_labels), label, &bytes, err);

    if (r == 0)
        return open_der(c, str_view(&bytes), ret, err);
    if (r == -ENOENT)
        r = find_block(pem, encrypted_labels, ARRAY_SIZE(encrypted_labels), label, &bytes, err);
    if (r == -ENOENT)
        return error_set(err, -EINVAL, "there is no private key in it");
    if (r == 0)
        r = key_decrypt(c, str_view(&bytes), password, &der, err);
    return r < 0 ? r : open_der(c, str_view(&der), ret, err);
}

int trust_key_new(const struct crypto *c, struct trust_key **ret, struct error *err)
{
    return trust_key_take(c, c->EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), true, ret, err);
}

/* ---- printing ---- */

const struct digest *trust_key_id(const struct trust_key *k)
{
    return &k->id;
}

void trust_key_print_der(const struct trust_key *k, struct str *ret)
{
    str_add(ret, str_view(&k->spki));
}

void trust_key_print_public(const struct trust_key *k, struct str *ret)
{
    pem_add(ret, "PUBLIC KEY", str_view(&k->spki));
}

int trust_key_print_encrypted(const struct trust_key *k, struct view password, struct str *ret,
                              struct error *err)
{
    const struct crypto *c = k->c;
    PKCS8_PRIV_KEY_INFO *info = c->EVP_PKEY2PKCS8(k->pkey);
    unsigned char *der = NULL;
    SECRET_AUTO(pkcs8);
    STR_AUTO(json);
    const int size = info ? c->i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;
    int r = take_der(c, der, size, &pkcs8, err);

    c->PKCS8_PRIV_KEY_INFO_free(info);
    if (r == 0)
        r = key_encrypt(c, str_view(&pkcs8), password, &json, err);
    if (r == 0)
        pem_add(ret, encrypted_labels[0], str_view(&json));
    return r;
}

/* ---- signing and verifying ---- */

/* The hash of a curve's own size; NULL where there is no second one. */
static const EVP_MD *larger_hash(const struct trust_key *k)
{
    if (k->c->EVP_PKEY_get_base_id(k->pkey) != EVP_PKEY_EC)
        return NULL;
    switch (k->c->EVP_PKEY_get_bits(k->pkey)) {
    case 384:
        return k->c->EVP_sha384();
    case 521:
        return k->c->EVP_sha512();
    default:
        return NULL;
    }
}

static const EVP_MD *usual_hash(const struct trust_key *k)
{
    return k->c->EVP_PKEY_get_base_id(k->pkey) == EVP_PKEY_ED25519 ? NULL : k->c->EVP_sha256();
}

static bool verify(const struct trust_key *k, const EVP_MD *hash, struct view data,
                   struct view signature)
{
    const struct crypto *c = k->c;
    EVP_MD_CTX *context = c->EVP_MD_CTX_new();
    const bool good =
        context && c->EVP_DigestVerifyInit(context, NULL, hash, NULL, k->pkey) == 1 &&
        c->EVP_DigestVerify(context, (const unsigned char *)signature.at, signature.size,
                            (const unsigned char *)data.at, data.size) == 1;

    c->EVP_MD_CTX_free(context);
    c->ERR_clear_error();
    return good;
}

int trust_key_verify(const struct trust_key *k, struct view data, struct view signature,
                     struct error *err)
{
    const EVP_MD *larger = larger_hash(k);

    if (signature.size == 0 || signature.size > KEY_SIGNATURE_MAX)
        return error_set(err, -EBADMSG, "a signature of %zu bytes is none", signature.size);
    if (verify(k, usual_hash(k), data, signature) || (larger && verify(k, larger, data, signature)))
        return 0;
    return error_set(err, -EBADMSG, "the signature is not of this key and these bytes");
}

int trust_key_sign(const struct trust_key *k, struct view data, struct str *ret, struct error *err)
{
    const struct crypto *c = k->c;
    unsigned char signature[KEY_SIGNATURE_MAX];
    size_t size = sizeof(signature);

    if (!k->secret)
        return error_set(err, -EINVAL, "a public key cannot sign");
    EVP_MD_CTX *context = c->EVP_MD_CTX_new();
    const bool good =
        context && c->EVP_DigestSignInit(context, NULL, usual_hash(k), NULL, k->pkey) == 1 &&
        c->EVP_DigestSign(context, signature, &size, (const unsigned char *)data.at, data.size) ==
            1;

    c->EVP_MD_CTX_free(context);
    c->ERR_clear_error();
    if (!good)
        return error_set(err, -EIO, "libcrypto cannot sign with this key");
    str_add(ret, view_make(signature, size));
    return 0;
}
