/* The JSON in cosign's encrypted key files (go-securesystemslib, encrypted):
 *
 *     {"kdf":{"name":"scrypt","params":{"N":65536,"r":8,"p":1},"salt":<base64 of 32 bytes>},
 *      "cipher":{"name":"nacl/secretbox","nonce":<base64 of 24 bytes>},
 *      "ciphertext":<base64>} */
#include <errno.h>
#include <inttypes.h>

#include "base/doc.h"
#include "trust/key_internal.h"
#include "trust/secretbox.h"

#define KDF "scrypt"
#define CIPHER "nacl/secretbox"
#define SALT_SIZE 32
#define SCRYPT_N 65536
#define SCRYPT_N_OLD 32768 /* of files older than 2023 */
#define SCRYPT_R 8
#define SCRYPT_P 1
#define SCRYPT_MEMORY_MAX (UINT64_C(80) << 20) /* 128 * N * r and a little */

static int derive(const struct crypto *c, struct view password, struct view salt, uint64_t n,
                  uint8_t ret[static SECRETBOX_KEY_SIZE], struct error *err)
{
    /* an empty password is one, too, but needs an address */
    const char *text = password.size ? password.at : "";

    if (c->EVP_PBE_scrypt(text, password.size, (const unsigned char *)salt.at, salt.size, n,
                          SCRYPT_R, SCRYPT_P, SCRYPT_MEMORY_MAX, ret, SECRETBOX_KEY_SIZE) == 1)
        return 0;
    c->ERR_clear_error();
    return error_set(err, -ENOTSUP, "libcrypto has no scrypt, or no memory for it");
}

static int read_bytes(const json_t *doc, const char *key, size_t size, struct str *ret,
                      struct error *err)
{
    const char *text = NULL;
    const int r = doc_need_text(doc, key, &text, err);

    if (r < 0)
        return r;
    if (!str_add_unbase64(ret, view_of(text)) || (size && ret->size != size))
        return error_set(err, -EINVAL, "%s is not base64 of the right length", key);
    return 0;
}

/* Named things that can be one only. */
static int need_name(const json_t *doc, const char *name, struct error *err)
{
    const char *text = NULL;
    const int r = doc_need_text(doc, "name", &text, err);

    if (r < 0 || strcmp(text, name) == 0)
        return r;
    return error_set(err, -ENOTSUP, "it is encrypted by '%.40s', not by %s", text, name);
}

/* A stranger's numbers would choose how much memory and time we spend. */
static int read_kdf(const json_t *doc, struct str *ret_salt, int64_t *ret_n, struct error *err)
{
    json_t *kdf = NULL, *params = NULL;
    int64_t p = 0, block = 0;
    int r = doc_need_object(doc, "kdf", &kdf, err);

    if (r == 0)
        r = need_name(kdf, KDF, err);
    if (r == 0)
        r = read_bytes(kdf, "salt", SALT_SIZE, ret_salt, err);
    if (r == 0)
        r = doc_need_object(kdf, "params", &params, err);
    if (r == 0)
        r = doc_need_int(params, "N", ret_n, err);
    if (r == 0)
        r = doc_need_int(params, "r", &block, err);
    if (r == 0)
        r = doc_need_int(params, "p", &p, err);
    if (r < 0)
        return r;
    if ((*ret_n != SCRYPT_N && *ret_n != SCRYPT_N_OLD) || block != SCRYPT_R || p != SCRYPT_P)
        return error_set(err, -ENOTSUP,
                         "scrypt's parameters are N %" PRId64 ", r %" PRId64 ", p %" PRId64
                         ", which cosign never writes",
                         *ret_n, block, p);
    return 0;
}

int key_decrypt(const struct crypto *c, struct view json, struct view password, struct str *ret,
                struct error *err)
{
    cleanup_doc json_t *doc = NULL;
    json_t *cipher = NULL;
    uint8_t key[SECRETBOX_KEY_SIZE];
    int64_t n = 0;
    STR_AUTO(salt);
    STR_AUTO(nonce);
    STR_AUTO(box);
    int r = doc_parse(json, KEY_FILE_MAX, "encrypted key", &doc, err);

    if (r == 0)
        r = read_kdf(doc, &salt, &n, err);
    if (r == 0)
        r = doc_need_object(doc, "cipher", &cipher, err);
    if (r == 0)
        r = need_name(cipher, CIPHER, err);
    if (r == 0)
        r = read_bytes(cipher, "nonce", SECRETBOX_NONCE_SIZE, &nonce, err);
    if (r == 0)
        r = read_bytes(doc, "ciphertext", 0, &box, err);
    if (r == 0)
        r = derive(c, password, str_view(&salt), (uint64_t)n, key, err);
    if (r < 0)
        return r;
    r = secretbox_open(c, key, (const uint8_t *)nonce.at, str_view(&box), ret, err);
    explicit_bzero(key, sizeof(key));
    return r == -EBADMSG ? error_set(err, -EACCES, "the password is not that of the key") : r;
}

static void print_box(struct view salt, struct view nonce, struct view box, struct str *ret)
{
    cleanup_doc json_t *doc = json_object();
    json_t *kdf = json_object(), *params = json_object(), *cipher = json_object();
    STR_AUTO(text);

    doc_set_int(params, "N", SCRYPT_N);
    doc_set_int(params, "r", SCRYPT_R);
    doc_set_int(params, "p", SCRYPT_P);
    doc_set_text(kdf, "name", KDF);
    doc_set(kdf, "params", params);
    str_add_base64(&text, salt);
    doc_set_text(kdf, "salt", text.at);
    doc_set(doc, "kdf", kdf);
    doc_set_text(cipher, "name", CIPHER);
    str_clear(&text);
    str_add_base64(&text, nonce);
    doc_set_text(cipher, "nonce", text.at);
    doc_set(doc, "cipher", cipher);
    str_clear(&text);
    str_add_base64(&text, box);
    doc_set_text(doc, "ciphertext", text.at);
    doc_print(doc, true, ret);
}

int key_encrypt(const struct crypto *c, struct view pkcs8, struct view password, struct str *ret,
                struct error *err)
{
    uint8_t salt[SALT_SIZE], nonce[SECRETBOX_NONCE_SIZE], key[SECRETBOX_KEY_SIZE];
    STR_AUTO(box);
    int r = crypto_random(salt, sizeof(salt), err);

    if (r == 0)
        r = crypto_random(nonce, sizeof(nonce), err);
    if (r == 0)
        r = derive(c, password, view_make(salt, sizeof(salt)), SCRYPT_N, key, err);
    if (r < 0)
        return r;
    r = secretbox_seal(c, key, nonce, pkcs8, &box, err);
    explicit_bzero(key, sizeof(key));
    if (r == 0)
        print_box(view_make(salt, sizeof(salt)), view_make(nonce, sizeof(nonce)), str_view(&box),
                  ret);
    return r;
}
