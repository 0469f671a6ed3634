/* trust/libcrypto.h - private: the calls of libcrypto.so.3 that we use, with their types out of
 * its own headers. */
#pragma once

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/ts.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "trust/crypto.h"

#define LIBCRYPTO_CALLS(X)                                                                         \
    X(OPENSSL_init_crypto)                                                                         \
    X(ERR_clear_error)                                                                             \
    X(CRYPTO_free)                                                                                 \
    X(EVP_sha256)                                                                                  \
    X(EVP_sha384)                                                                                  \
    X(EVP_sha512)                                                                                  \
    X(EVP_PBE_scrypt)                                                                              \
    X(EVP_Q_mac)                                                                                   \
    X(EVP_PKEY_free)                                                                               \
    X(EVP_PKEY_get_base_id)                                                                        \
    X(EVP_PKEY_get_bits)                                                                           \
    X(EVP_PKEY_get_security_bits)                                                                  \
    X(X509_get_signature_info)                                                                     \
    X(EVP_PKEY_Q_keygen)                                                                           \
    X(EVP_PKEY2PKCS8)                                                                              \
    X(PKCS8_PRIV_KEY_INFO_free)                                                                    \
    X(i2d_PKCS8_PRIV_KEY_INFO)                                                                     \
    X(i2d_PUBKEY)                                                                                  \
    X(d2i_PUBKEY)                                                                                  \
    X(d2i_AutoPrivateKey)                                                                          \
    X(EVP_MD_CTX_new)                                                                              \
    X(EVP_MD_CTX_free)                                                                             \
    X(EVP_DigestSignInit)                                                                          \
    X(EVP_DigestSign)                                                                              \
    X(EVP_DigestVerifyInit)                                                                        \
    X(EVP_DigestVerify)                                                                            \
    X(EVP_PKEY_CTX_set_rsa_padding)                                                                \
    X(EVP_PKEY_CTX_set_rsa_pss_saltlen)                                                            \
    X(d2i_X509)                                                                                    \
    X(X509_free)                                                                                   \
    X(X509_verify)                                                                                 \
    X(X509_get0_pubkey)                                                                            \
    X(X509_get0_notBefore)                                                                         \
    X(X509_get0_notAfter)                                                                          \
    X(X509_get_key_usage)                                                                          \
    X(X509_get_extended_key_usage)                                                                 \
    X(X509_get_extension_flags)                                                                    \
    X(X509_get_pathlen)                                                                            \
    X(X509_get_ext_by_NID)                                                                         \
    X(X509_get_subject_name)                                                                       \
    X(X509_get_issuer_name)                                                                        \
    X(X509_NAME_cmp)                                                                               \
    X(X509_NAME_entry_count)                                                                       \
    X(X509_NAME_get_entry)                                                                         \
    X(X509_NAME_ENTRY_get_object)                                                                  \
    X(X509_NAME_ENTRY_get_data)                                                                    \
    X(OBJ_obj2nid)                                                                                 \
    X(OBJ_nid2sn)                                                                                  \
    X(ASN1_STRING_to_UTF8)                                                                         \
    X(X509_get_pubkey)                                                                             \
    X(X509_get_ext_count)                                                                          \
    X(X509_get_ext)                                                                                \
    X(X509_EXTENSION_get_object)                                                                   \
    X(X509_EXTENSION_get_critical)                                                                 \
    X(X509_EXTENSION_get_data)                                                                     \
    X(X509_get_ext_d2i)                                                                            \
    X(GENERAL_NAMES_free)                                                                          \
    X(X509_check_host)                                                                             \
    X(X509_STORE_new)                                                                              \
    X(X509_STORE_free)                                                                             \
    X(X509_STORE_add_cert)                                                                         \
    X(X509_STORE_CTX_new)                                                                          \
    X(X509_STORE_CTX_free)                                                                         \
    X(X509_STORE_CTX_init)                                                                         \
    X(X509_STORE_CTX_get0_param)                                                                   \
    X(X509_STORE_CTX_get_error)                                                                    \
    X(X509_STORE_CTX_get0_chain)                                                                   \
    X(X509_VERIFY_PARAM_set_time)                                                                  \
    X(X509_VERIFY_PARAM_set_auth_level)                                                            \
    X(X509_VERIFY_PARAM_set_flags)                                                                 \
    X(X509_verify_cert)                                                                            \
    X(X509_verify_cert_error_string)                                                               \
    X(OPENSSL_sk_new_null)                                                                         \
    X(OPENSSL_sk_push)                                                                             \
    X(OPENSSL_sk_num)                                                                              \
    X(OPENSSL_sk_value)                                                                            \
    X(OPENSSL_sk_free)                                                                             \
    X(OBJ_obj2txt)                                                                                 \
    X(ASN1_STRING_get0_data)                                                                       \
    X(ASN1_STRING_length)                                                                          \
    X(TS_RESP_free)                                                                                \
    X(d2i_TS_RESP)                                                                                 \
    X(TS_RESP_get_tst_info)                                                                        \
    X(TS_RESP_get_token)                                                                           \
    X(TS_TST_INFO_get_accuracy)                                                                    \
    X(TS_TST_INFO_get_policy_id)                                                                   \
    X(TS_ACCURACY_get_seconds)                                                                     \
    X(TS_ACCURACY_get_millis)                                                                      \
    X(TS_ACCURACY_get_micros)                                                                      \
    X(ASN1_INTEGER_get)                                                                            \
    X(TS_TST_INFO_get_time)                                                                        \
    X(TS_TST_INFO_get_msg_imprint)                                                                 \
    X(TS_MSG_IMPRINT_get_algo)                                                                     \
    X(TS_VERIFY_CTX_new)                                                                           \
    X(TS_VERIFY_CTX_free)                                                                          \
    X(TS_VERIFY_CTX_set_flags)                                                                     \
    X(TS_VERIFY_CTX_set_certs)                                                                     \
    X(TS_VERIFY_CTX_set_store)                                                                     \
    X(TS_VERIFY_CTX_set_data)                                                                      \
    X(TS_RESP_verify_response)                                                                     \
    X(BIO_new_mem_buf)                                                                             \
    X(X509_up_ref)                                                                                 \
    X(X509_STORE_get0_param)                                                                       \
    X(ASN1_TIME_to_tm)

struct crypto {
#define LIBCRYPTO_MEMBER(name) __typeof__(name) *name;
    LIBCRYPTO_CALLS(LIBCRYPTO_MEMBER)
#undef LIBCRYPTO_MEMBER
};

/* Frees what i2d calls gave. */
void crypto_free_bytes(const struct crypto *c, void *bytes);
