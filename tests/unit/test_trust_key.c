#include "conformance.h"
#include "crypto_fixture.h"
#include "trust/key_internal.h"
#include "trust/pem.h"
#include "trust/secretbox.h"

#define COSIGN "oci/cosign/cooper/"

static void bytes_of(const char *hex, uint8_t *ret)
{
    for (size_t i = 0; hex[i]; i += 2)
        sscanf(hex + i, "%2hhx", &ret[i / 2]);
}

/* "Cryptography in NaCl", sections 8 and 10 */
#define SHARED "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
#define FIRST "1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389"
#define SECOND "dc908dda0b9344a953629b733820778880f3ceb421bb61b91cbd4c3e66256ce4"
#define NONCE "69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37"
#define TEXT                                                                                       \
    "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e"   \
    "6c61296cdc3c01233561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a83" \
    "8f21af1fde048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f937763848645e0705"
#define BOX                                                                                        \
    "f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1" \
    "186ac0dfc17c98dce87b4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab93216"   \
    "4548e526ae90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de56244a9e88d5f9b37973f622a43d14a659" \
    "9b1f654cb45a74e355a5"

static void salsa20_is_salsa20(void **state)
{
    /* ECRYPT, Salsa20 256 bits, set 1, vector 0: blocks 0 and 7 */
    static const struct {
        uint64_t block;
        const char *stream;
    } rows[] = {{0, "e3be8fdd8beca2e3ea8ef9475b29a6e7003951e1097a5c38d23b7a5fad9f6844"
                    "b22c97559e2723c7cbbd3fe4fc8d9a0744652a83e72a9c461876af4d7ef1a117"},
                {7, "696afcfd0cddcc83c7e77f11a649d79acdc3354e9635ff137e929933a0bd6f53"
                    "77efa105a3a4266b7c0d089d08f1e855cc32b15b93784a36e56a76cc64bc8477"}};
    uint8_t key[32] = {0x80}, nonce[8] = {0}, got[64], want[64], out[32], in[16] = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        memset(got, 0, sizeof(got));
        bytes_of(rows[i].stream, want);
        salsa20_xor(key, nonce, rows[i].block, got, sizeof(got));
        assert_memory_equal(got, want, sizeof(got));
    }
    bytes_of(SHARED, key);
    hsalsa20(key, in, out);
    bytes_of(FIRST, want);
    assert_memory_equal(out, want, 32);
    bytes_of(NONCE, got);
    hsalsa20(out, got, key);
    bytes_of(SECOND, want);
    assert_memory_equal(key, want, 32);
}

static void boxes_open_with_their_key_only(void **state)
{
    uint8_t key[32], nonce[24], text[sizeof(TEXT) / 2], box[sizeof(BOX) / 2];
    STR_AUTO(sealed);

    (void)state;
    bytes_of(FIRST, key);
    bytes_of(NONCE, nonce);
    bytes_of(TEXT, text);
    bytes_of(BOX, box);
    assert_int_equal(
        secretbox_seal(crypto, key, nonce, view_make(text, sizeof(text)), &sealed, NULL), 0);
    assert_int_equal(sealed.size, sizeof(box));
    assert_memory_equal(sealed.at, box, sizeof(box));
    for (size_t cut = 0; cut <= sealed.size; cut++) {
        STR_AUTO(got);
        const struct view v = view_make(sealed.at, sealed.size - cut);
        const int r = secretbox_open(crypto, key, nonce, v, &got, NULL);

        assert_int_equal(r, cut ? -EBADMSG : 0);
        assert_int_equal(got.size, cut ? 0 : sizeof(text));
    }
    for (size_t i = 0; i < sealed.size; i++) {
        STR_AUTO(got);

        sealed.at[i] ^= 1;
        assert_int_equal(secretbox_open(crypto, key, nonce, str_view(&sealed), &got, NULL),
                         -EBADMSG);
        sealed.at[i] ^= 1;
    }
}

static void read_key(const char *name, struct trust_key **ret)
{
    STR_AUTO(pem);
    ERROR_AUTO(err);

    conformance_read(name, &pem);
    if (trust_key_read(crypto, str_view(&pem), ret, &err) < 0)
        fail_msg("%s: %s", name, err.text);
}

static void cosign_s_key_file_is_read(void **state)
{
    CLEANUP(trust_key_freep) struct trust_key *open = NULL, *public = NULL;
    STR_AUTO(pem);
    STR_AUTO(password);
    STR_AUTO(der);
    STR_AUTO(json);
    STR_AUTO(plain);
    char label[PEM_LABEL_MAX];
    ERROR_AUTO(err);

    (void)state;
    conformance_read(COSIGN "cosign.key", &pem);
    conformance_read(COSIGN "password.txt", &password);
    conformance_read(COSIGN "cosign-key-plaintext.pkcs8.der", &der);
    read_key(COSIGN "cosign.pub", &public);
    const struct view word = view_trim(str_view(&password));
    struct view rest = str_view(&pem);
    assert_int_equal(pem_next(&rest, label, &json, NULL), 1);
    assert_int_equal(key_decrypt(crypto, str_view(&json), word, &plain, &err), 0);
    assert_true(view_eq(str_view(&plain), str_view(&der)));
    assert_true(trust_key_is_encrypted(str_view(&pem)));
    assert_int_equal(trust_key_open(crypto, str_view(&pem), word, &open, &err), 0);
    assert_true(digest_eq(trust_key_id(open), trust_key_id(public)));
    trust_key_free(steal(open));
    assert_int_equal(trust_key_open(crypto, str_view(&pem), VIEW("other"), &open, &err), -EACCES);
    assert_null(open);
    str_clear(&pem);
    pem_add(&pem, "PRIVATE KEY", str_view(&der));
    assert_false(trust_key_is_encrypted(str_view(&pem)));
    assert_int_equal(trust_key_open(crypto, str_view(&pem), VIEW(""), &open, NULL), 0);
    assert_true(digest_eq(trust_key_id(open), trust_key_id(public)));
}

static void new_keys_sign_and_come_back(void **state)
{
    CLEANUP(trust_key_freep) struct trust_key *k = NULL, *again = NULL, *public = NULL;
    STR_AUTO(pem);
    STR_AUTO(public_pem);
    STR_AUTO(signature);

    (void)state;
    assert_int_equal(trust_key_new(crypto, &k, NULL), 0);
    trust_key_print_public(k, &public_pem);
    assert_int_equal(trust_key_print_encrypted(k, VIEW(""), &pem, NULL), 0);
    assert_int_equal(trust_key_open(crypto, str_view(&pem), VIEW(""), &again, NULL), 0);
    assert_int_equal(trust_key_read(crypto, str_view(&public_pem), &public, NULL), 0);
    assert_int_equal(trust_key_sign(again, VIEW("text"), &signature, NULL), 0);
    assert_int_equal(trust_key_verify(public, VIEW("text"), str_view(&signature), NULL), 0);
    assert_int_equal(trust_key_verify(public, VIEW("test"), str_view(&signature), NULL), -EBADMSG);
    assert_int_equal(trust_key_sign(public, VIEW("text"), &signature, NULL), -EINVAL);
}

/* ---- what is no key ---- */

#define P256 "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"
#define PUB(text) "-----BEGIN PUBLIC KEY-----\n" text "\n-----END PUBLIC KEY-----\n"

static void what_is_no_key_is_refused(void **state)
{
    static const struct {
        const char *name, *text, *complaint;
    } rows[] = {
        {"nothing", "", "no PEM block"},
        {"other label", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
         "no PEM block"},
        {"not ended", "-----BEGIN PUBLIC KEY-----\nAAAA\n", "damaged"},
        {"ended as another", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END RSA-----\n", "damaged"},
        {"not base64", PUB("A*AA"), "damaged"},
        {"not a key", PUB("AAAA"), "damaged"},
        {"cut", PUB(P256), "damaged"},
        {"no label", "-----BEGIN -----\nAAAA\n-----END -----\n", "no usable label"},
        {"RSA of 512 bits",
         PUB("MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBALSJWjHsFoSGVzvUTfTuiiPUq1MrA3zc\n"
             "VDOCrJKGW52xzRMbnNBnOW0sz7rbbypZiTngMxZwIMpJhekseZmnyakCAwEAAQ=="),
         "kind or size"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct trust_key *k = NULL;
        ERROR_AUTO(err);

        print_message("# %s\n", rows[i].name);
        assert_true(trust_key_read(crypto, view_of(rows[i].text), &k, &err) < 0);
        assert_null(k);
        if (!err.text || !strstr(err.text, rows[i].complaint))
            fail_msg("'%s' has no '%s'", err.text, rows[i].complaint);
    }
}

#define BYTES24 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define BYTES32 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define KDF(name, n, salt)                                                                         \
    "{\"kdf\":{\"name\":\"" name "\",\"params\":{\"N\":" n ",\"r\":8,\"p\":1},\"salt\":\"" salt    \
    "\"},"
#define BOXED(name, nonce)                                                                         \
    "\"cipher\":{\"name\":\"" name "\",\"nonce\":\"" nonce "\"},\"ciphertext\":\"AAAA\"}"

static void hostile_key_files_are_refused(void **state)
{
    static const struct {
        const char *text;
        int code;
    } rows[] = {
        {"{}", -ENOENT},
        {"[]", -ENOENT},
        {KDF("scrypt", "65536", BYTES32) BOXED("nacl/secretbox", BYTES24), -EACCES},
        {KDF("scrypt", "32768", BYTES32) BOXED("nacl/secretbox", BYTES24), -EACCES},
        {KDF("scrypt", "1073741824", BYTES32) BOXED("nacl/secretbox", BYTES24), -ENOTSUP},
        {KDF("scrypt", "1", BYTES32) BOXED("nacl/secretbox", BYTES24), -ENOTSUP},
        {KDF("pbkdf2", "65536", BYTES32) BOXED("nacl/secretbox", BYTES24), -ENOTSUP},
        {KDF("scrypt", "65536", BYTES32) BOXED("aes", BYTES24), -ENOTSUP},
        {KDF("scrypt", "65536", BYTES24) BOXED("nacl/secretbox", BYTES24), -EINVAL},
        {KDF("scrypt", "65536", BYTES32) BOXED("nacl/secretbox", BYTES32), -EINVAL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        SECRET_AUTO(got);
        ERROR_AUTO(err);
        const int r = key_decrypt(crypto, view_of(rows[i].text), VIEW("x"), &got, &err);

        print_message("# %s\n", rows[i].text);
        assert_int_equal(r, rows[i].code);
        assert_int_equal(got.size, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(salsa20_is_salsa20),
        cmocka_unit_test(boxes_open_with_their_key_only),
        cmocka_unit_test(cosign_s_key_file_is_read),
        cmocka_unit_test(new_keys_sign_and_come_back),
        cmocka_unit_test(what_is_no_key_is_refused),
        cmocka_unit_test(hostile_key_files_are_refused),
    };

    return cmocka_run_group_tests(tests, load, unload);
}
