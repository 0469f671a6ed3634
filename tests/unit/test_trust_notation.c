#include <openssl/x509v3.h>

#include "conformance.h"
#include "crypto_fixture.h"
#include "trust/cbor.h"
#include "trust/notation.h"
#include "trust/pem.h"

#define NOTATION "oci/notation/"

static void verdicts_of_trust_policies_hold(void **state)
{
    STR_AUTO(table);
    STR_AUTO(text);
    struct view rest, row[2];
    size_t count = 0;

    (void)state;
    conformance_read(NOTATION "trustpolicies/verdicts.tsv", &table);
    rest = str_view(&table);
    assert_true(conformance_row(&rest, row, 2));
    for (; conformance_row(&rest, row, 2); count++) {
        cleanup_free char *name = xasprintf(NOTATION "trustpolicies/%.*s", VIEW_ARG(row[0]));
        CLEANUP(notation_policy_freep) struct notation_policy *p = NULL;
        ERROR_AUTO(err);

        conformance_read(name, &text);
        const int r = notation_policy_parse(str_view(&text), &p, &err);
        if ((r == 0) != view_starts(row[1], "valid"))
            fail_msg("%s is %.*s: %s", name, VIEW_ARG(row[1]), err.text ? err.text : "read");
    }
    assert_true(count >= 40);
}

static void cbor_is_read_or_refused(void **state)
{
#define DEEP16 "\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81"
#define ROW(text, good)                                                                            \
    {                                                                                              \
        text, sizeof(text) - 1, good                                                               \
    }
    static const struct {
        const char *bytes;
        size_t size;
        bool good; /* one whole item, and nothing behind it */
    } cases[] = {
        ROW("\x00", true),
        ROW("\x17", true),
        ROW("\x18\xff", true),
        ROW("\x1b\xff\xff\xff\xff\xff\xff\xff\xff", true),
        ROW("\x38\x24", true),
        ROW("\x40", true),
        ROW("\x42xy", true),
        ROW("\x62xy", true),
        ROW("\x80", true),
        ROW("\x82\x00\x80", true),
        ROW("\xa1\x01\x82\x01\x02", true),
        ROW("\xd2\x00", true),
        ROW("\xf5", true),
        ROW(DEEP16 "\x00", true),
        ROW(DEEP16 "\x81\x00", false), /* too deep */
        ROW("", false),
        ROW("\x18", false),
        ROW("\x1c", false), /* reserved */
        ROW("\x42x", false),
        ROW("\x5b\xff\xff\xff\xff\xff\xff\xff\xff", false),
        ROW("\x5f\x41x\xff", false), /* indefinite */
        ROW("\x9f\xff", false),
        ROW("\x82\x00", false),
        ROW("\x9a\xff\xff\xff\xff", false),
        ROW("\xba\x00\x00\x04\x01", false), /* too many members */
        ROW("\xa1\x01", false),
        ROW("\xd2", false),
        ROW("\xf9\x00\x00", false), /* a float */
        ROW("\xff", false),
        ROW("\x00\x00", false),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct view rest = view_make(cases[i].bytes, cases[i].size);

        print_message("# row %zu\n", i);
        assert_int_equal(cbor_skip(&rest) && rest.size == 0, cases[i].good);
    }
}

static void cbor_heads_come_back(void **state)
{
    static const uint64_t numbers[] = {0,     23,    24,         255,        256,
                                       65535, 65536, UINT32_MAX, 1ull << 32, UINT64_MAX};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        STR_AUTO(text);
        struct cbor_item item;

        cbor_add(&text, CBOR_TAG, numbers[i]);
        struct view rest = str_view(&text);
        assert_true(cbor_expect(&rest, CBOR_TAG, &item));
        assert_true(item.value == numbers[i] && rest.size == 0);
    }
}

static void envelopes_of_cose_are_read_strictly(void **state)
{
#define ALG "\x01\x26"
    static const struct {
        const char *bytes;
        size_t size;
        const char *complaint;
    } cases[] = {
        {"\xd1\x84", 2, "no COSE_Sign1"},
        {"\xd2\x83\x40\xa0\x40", 5, "no COSE_Sign1"},
        {"\xd2\x84\x41\x00\xa0\x40\x40", 7, "protected headers"},
        {"\xd2\x84\x43\xa1" ALG "\xa0\x40\x40", 9, "no certificates"},
        {"\xd2\x84\x44\xa1" ALG "\x00\xa0\x40\x40", 10, "protected headers"},  /* behind it */
        {"\xd2\x84\x45\xa2" ALG ALG "\xa0\x40\x40", 11, "protected headers"},  /* twice */
        {"\xd2\x84\x43\xa1\x01\x27\xa0\x40\x40", 9, "protected headers"},      /* EdDSA */
        {"\xd2\x84\x44\xa1\x03\x61\xff\xa0\x40\x40", 10, "protected headers"}, /* no UTF-8 */
        {"\xd2\x84\x43\xa1" ALG "\xa1\x18\x21\x00\x40\x40", 12, "certificates are malformed"},
        {"\xd2\x84\x43\xa1" ALG "\xa1\x18\x21\x42xy\x40\x40", 14, "certificate is damaged"},
        {"\xd2\x84\x43\xa1" ALG "\xa1\x18\x21\x81\x00\x40\x40", 13, "certificates are malformed"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct notation_facts f = {.c = crypto};
        CLEANUP(strings_done) struct strings log = {0};
        ERROR_AUTO(err);

        print_message("# row %zu\n", i);
        assert_int_equal(notation_verify(&f, view_make(cases[i].bytes, cases[i].size), &log, &err),
                         -EBADMSG);
        assert_non_null(strstr(err.text, cases[i].complaint));
    }
}

static void the_repository_finds_its_statement(void **state)
{
    static const char text[] =
        "{\"version\":\"1.0\",\"trustPolicies\":[{\"name\":\"all\",\"registryScopes\":[\"*\"],"
        "\"signatureVerification\":{\"level\":\"skip\"}},{\"name\":\"one\",\"registryScopes\":["
        "\"r.example/a\"],\"signatureVerification\":{\"level\":\"strict\",\"override\":{\"expiry\":"
        "\"log\"}},\"trustStores\":[\"ca:x\"],\"trustedIdentities\":[\"*\"]}]}";
    CLEANUP(notation_policy_freep) struct notation_policy *p = NULL;

    (void)state;
    assert_true(notation_is_policy(view_of(text)));
    assert_false(notation_is_policy(VIEW("{\"default\":[]}")));
    assert_int_equal(notation_policy_parse(view_of(text), &p, NULL), 0);
    const struct notation_statement *s = notation_find(p, "r.example/a");
    assert_string_equal(s->name, "one");
    assert_int_equal(s->action[NOTATION_EXPIRY], NOTATION_LOG);
    assert_int_equal(s->action[NOTATION_AUTHENTICITY], NOTATION_ENFORCE);
    assert_string_equal(notation_find(p, "r.example/a/b")->name, "all");
    assert_true(notation_find(p, "r.example/ab")->skip);
}

static void only_revocation_may_be_skipped(void **state)
{
    static const char *const checks[] = {"authenticity", "authenticTimestamp", "expiry",
                                         "revocation"};
    static const char *const actions[] = {"enforce", "log", "skip"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(checks) * ARRAY_SIZE(actions); i++) {
        const char *check = checks[i / ARRAY_SIZE(actions)],
                   *action = actions[i % ARRAY_SIZE(actions)];
        CLEANUP(notation_policy_freep) struct notation_policy *p = NULL;
        cleanup_free char *text = xasprintf(
            "{\"version\":\"1.0\",\"trustPolicies\":[{\"name\":\"n\",\"registryScopes\":[\"*\"],"
            "\"signatureVerification\":{\"level\":\"strict\",\"override\":{\"%s\":\"%s\"}},"
            "\"trustStores\":[\"ca:x\"],\"trustedIdentities\":[\"*\"]}]}",
            check, action);
        const bool good = strcmp(action, "skip") != 0 || strcmp(check, "revocation") == 0;

        print_message("# %s: %s\n", check, action);
        assert_int_equal(notation_policy_parse(view_of(text), &p, NULL), good ? 0 : -EINVAL);
    }
}

/* ---- signatures ---- */

#define POLICY(level, identity)                                                                    \
    "{\"version\":\"1.0\",\"trustPolicies\":[{\"name\":\"n\",\"registryScopes\":[\"*\"],"          \
    "\"signatureVerification\":" level                                                             \
    ",\"trustStores\":[\"ca:e2e\"],\"trustedIdentities\":[\"" identity "\"]}]}"
#define STRICT "{\"level\":\"strict\"}"
#define NOW 1790000000  /* 2026 */
#define THEN 1687843300 /* June 2023, between signing and the end of the short one */

static const struct {
    const char *layout, *signature, *certificate, *policy;
    int64_t now;
    const char *complaint; /* NULL: it holds */
} rows[] = {
    {"e2e-valid-signature", "90ceaff260d6", "e2e.crt", POLICY(STRICT, "*"), NOW, NULL},
    {"e2e-valid-signature", "90ceaff260d6", "e2e.crt",
     POLICY(STRICT, "x509.subject: C=US, ST=WA, O=Notary"), NOW, NULL},
    {"e2e-valid-signature", "90ceaff260d6", "e2e.crt",
     POLICY(STRICT, "x509.subject: CN=e2e,O=Notary,L=Seattle,ST=WA,C=US"), NOW, NULL},
    {"e2e-valid-signature", "90ceaff260d6", "e2e.crt",
     POLICY(STRICT, "x509.subject: C=US, ST=WA, O=Notary, CN=other"), NOW, "no identity"},
    {"e2e-valid-signature", "90ceaff260d6", "new_e2e.crt", POLICY(STRICT, "*"), NOW, "trust store"},
    {"e2e-valid-signature", "90ceaff260d6", NULL, POLICY(STRICT, "*"), NOW, "trust store"},
    {"e2e-valid-signature", "90ceaff260d6", NULL, POLICY("{\"level\":\"permissive\"}", "*"), NOW,
     "trust store"},
    {"e2e-valid-signature", "90ceaff260d6", NULL, POLICY("{\"level\":\"audit\"}", "*"), NOW, NULL},
    {"e2e-valid-multiple-signatures", "90ceaff260d6", "e2e.crt", POLICY(STRICT, "*"), NOW, NULL},
    {"e2e-valid-multiple-signatures", "c3ebe4a20b68", "e2e.crt", POLICY(STRICT, "*"), NOW,
     "trust store"},
    {"e2e-valid-multiple-signatures", "c3ebe4a20b68", "e2e.crt",
     POLICY("{\"level\":\"audit\"}", "*"), NOW, NULL},
    {"e2e-expired-signature", "3829708badae", "e2e.crt", POLICY(STRICT, "*"), NOW,
     "it has expired"},
    {"e2e-expired-signature", "3829708badae", "e2e.crt", POLICY(STRICT, "*"), THEN - 86400, NULL},
    {"e2e-expired-signature", "3829708badae", "e2e.crt", POLICY("{\"level\":\"permissive\"}", "*"),
     NOW, NULL},
    {"e2e-expired-signature", "3829708badae", "e2e.crt",
     POLICY("{\"level\":\"strict\",\"override\":{\"expiry\":\"log\"}}", "*"), NOW, NULL},
    {"e2e-with-expired-cert", "b06e392c2d88", "expired_e2e.crt", POLICY(STRICT, "*"), NOW,
     "not valid now"},
    {"e2e-with-expired-cert", "b06e392c2d88", "expired_e2e.crt",
     POLICY("{\"level\":\"permissive\"}", "*"), NOW, NULL},
    {"e2e-with-timestamped-signature", "6a5cd3a88670", "e2e.crt", POLICY(STRICT, "*"), NOW,
     "trust store"},
    {"e2e-with-timestamped-signature", "6a5cd3a88670", NULL, POLICY("{\"level\":\"audit\"}", "*"),
     NOW, NULL},
    {"e2e-with-invalid-timestamped-signature", "eee3eec7d294", NULL, POLICY(STRICT, "*"), NOW,
     "trust store"},
    {"e2e-with-invalid-timestamped-signature", "eee3eec7d294", NULL,
     POLICY("{\"level\":\"audit\"}", "*"), NOW, NULL},
};

static void read_manifest(const char *layout, const char *signature, struct manifest **ret)
{
    cleanup_free char *name = xasprintf(NOTATION "layouts/%s/index.json", layout);
    CLEANUP(image_index_freep) struct image_index *x = NULL;
    STR_AUTO(text);
    char hex[DIGEST_HEX_MAX];

    conformance_read(name, &text);
    assert_int_equal(image_index_parse(str_view(&text), &x, NULL), 0);
    for (size_t i = 0; i < x->manifest_count; i++) {
        digest_hex(&x->manifests[i].digest, hex);
        if (strncmp(hex, signature, strlen(signature)) != 0)
            continue;
        cleanup_free char *blob = xasprintf(NOTATION "layouts/%s/blobs/sha256/%s", layout, hex);
        conformance_read(blob, &text);
        assert_int_equal(manifest_parse(str_view(&text), ret, NULL), 0);
        return;
    }
    fail_msg("%s has no %s", layout, signature);
}

static void read_certificate(const char *file, struct str *ret)
{
    cleanup_free char *name = xasprintf(NOTATION "certs/%s", file);
    char label[PEM_LABEL_MAX];
    STR_AUTO(text);
    struct view rest;

    conformance_read(name, &text);
    rest = str_view(&text);
    assert_int_equal(pem_next(&rest, label, ret, NULL), 1);
}

struct given {
    struct notation_policy *policy;
    struct manifest *manifest;
    struct str envelope, certificate;
    struct notation_facts facts;
};

static void give(size_t i, struct given *g)
{
    char hex[DIGEST_HEX_MAX];

    *g = (struct given){.envelope = STR_INIT, .certificate = STR_INIT};
    read_manifest(rows[i].layout, rows[i].signature, &g->manifest);
    digest_hex(&g->manifest->layers[0].digest, hex);
    cleanup_free char *blob = xasprintf(NOTATION "layouts/%s/blobs/sha256/%s", rows[i].layout, hex);
    conformance_read(blob, &g->envelope);
    if (rows[i].certificate)
        read_certificate(rows[i].certificate, &g->certificate);
    assert_int_equal(notation_policy_parse(view_of(rows[i].policy), &g->policy, NULL), 0);
    g->facts = (struct notation_facts){.c = crypto,
                                       .statement = notation_find(g->policy, "r.example/a"),
                                       .digest = g->manifest->subject.digest,
                                       .size = g->manifest->subject.size,
                                       .ca = &g->certificate,
                                       .ca_count = rows[i].certificate != NULL,
                                       .now_s = rows[i].now};
}

static void take_back(struct given *g)
{
    notation_policy_free(g->policy);
    manifest_free(g->manifest);
    str_done(&g->envelope);
    str_done(&g->certificate);
}

static void verdicts_of_layouts_hold(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CLEANUP(strings_done) struct strings log = {0};
        struct given g;
        ERROR_AUTO(err);

        give(i, &g);
        print_message("# %s %s\n", rows[i].layout, rows[i].policy);
        const int r = notation_verify(&g.facts, str_view(&g.envelope), &log, &err);
        if (r < 0 && !rows[i].complaint)
            fail_msg("refused: %s", err.text);
        assert_int_equal(r, rows[i].complaint ? -EBADMSG : 0);
        if (r < 0 && !strstr(err.text, rows[i].complaint))
            fail_msg("'%s' has no '%s'", err.text, rows[i].complaint);
        take_back(&g);
    }
}

/* Any letter changed, anywhere in what is signed or signs; another image; another size. */
static void what_is_changed_is_refused(void **state)
{
    CLEANUP(strings_done) struct strings log = {0};
    struct given g;
    size_t tried = 0;

    (void)state;
    give(0, &g);
    const char *header = strstr(g.envelope.at, "\"header\""),
               *x5c = strstr(g.envelope.at, "\"x5c\"");
    assert_true(header && x5c);
    for (size_t i = 0; i < g.envelope.size; i += 7) {
        char *at = g.envelope.at + i, old = *at;

        if (strstr(g.envelope.at, "io.cncf.notary.signingAgent") <= at &&
            at < strstr(g.envelope.at, "\"signature\""))
            continue; /* not signed, not looked at */
        *at = old == 'A' ? 'B' : 'A';
        if (notation_verify(&g.facts, str_view(&g.envelope), &log, NULL) == 0)
            fail_msg("letter %zu ('%c') may be changed", i, old);
        *at = old;
        tried++;
    }
    assert_true(tried > 100);
    assert_int_equal(notation_verify(&g.facts, str_view(&g.envelope), &log, NULL), 0);
    g.facts.size++;
    assert_int_equal(notation_verify(&g.facts, str_view(&g.envelope), &log, NULL), -EBADMSG);
    g.facts.size--;
    g.facts.digest.sha256[0] ^= 1;
    assert_int_equal(notation_verify(&g.facts, str_view(&g.envelope), &log, NULL), -EBADMSG);
    take_back(&g);
}

/* A certificate of a day, long over, and the clock that saw its signature: Microsoft's, who name lists of what they revoked. */

static void find_authority(struct view token, struct str *ret)
{
    for (size_t i = 0; i + 4 < token.size; i++) {
        const unsigned char *at = (const unsigned char *)token.at + i;

        if (at[0] != 0x30 || at[1] != 0x82)
            continue;
        X509 *x = crypto->d2i_X509(NULL, &at, (long)(token.size - i));
        const bool issues = x && crypto->X509_get_extension_flags(x) & EXFLAG_CA;
        crypto->X509_free(x);
        crypto->ERR_clear_error();
        if (!issues)
            continue;
        str_add(ret, view_make(token.at + i, (size_t)((const char *)at - token.at) - i));
        return;
    }
    fail_msg("the token has no authority");
}

static void read_header(struct view envelope, struct str *ret_leaf, struct str *ret_authority)
{
    cleanup_doc json_t *doc = NULL;
    STR_AUTO(token);

    assert_int_equal(doc_parse(envelope, NOTATION_ENVELOPE_MAX, "envelope", &doc, NULL), 0);
    const json_t *header = json_object_get(doc, "header");
    const json_t *x5c = json_object_get(header, "x5c"),
                 *stamp = json_object_get(header, "io.cncf.notary.timestampSignature");
    assert_true(str_add_unbase64(ret_leaf, view_of(json_string_value(json_array_get(x5c, 0)))));
    assert_true(str_add_unbase64(&token, view_of(json_string_value(stamp))));
    find_authority(str_view(&token), ret_authority);
}

#define STAMPED(words)                                                                             \
    "{\"version\":\"1.0\",\"trustPolicies\":[{\"name\":\"n\",\"registryScopes\":[\"*\"],"          \
    "\"signatureVerification\":{\"level\":\"strict\"" words                                        \
    "},\"trustStores\":[\"ca:e2e\",\"tsa:clocks\"],\"trustedIdentities\":[\"*\"]}]}"
#define LATE ",\"verifyTimestamp\":\"afterCertExpiry\""
#define EXPIRED ",\"override\":{\"expiry\":\"log\""

static void a_stamp_says_when_it_was(void **state)
{
    static const struct {
        const char *policy;
        bool clock;
        const char *complaint;
    } cases[] = {
        {STAMPED(EXPIRED ",\"revocation\":\"skip\"}"), true, NULL},
        {STAMPED(LATE EXPIRED ",\"revocation\":\"skip\"}"), true, NULL},
        {STAMPED(EXPIRED "}"), true, "of its time stamp were revoked"},
        {STAMPED(LATE EXPIRED "}"), true, "of its time stamp were revoked"},
        {STAMPED(EXPIRED ",\"revocation\":\"skip\"}"), false, "over this signature"},
        {POLICY("{\"level\":\"strict\"" EXPIRED "}}", "*"), true, "not valid now"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(strings_done) struct strings log = {0};
        CLEANUP(notation_policy_freep) struct notation_policy *p = NULL;
        struct given g;
        STR_AUTO(leaf);
        STR_AUTO(clock);
        ERROR_AUTO(err);

        print_message("# row %zu\n", i);
        give(17, &g); /* e2e-with-timestamped-signature */
        assert_int_equal(notation_policy_parse(view_of(cases[i].policy), &p, NULL), 0);
        read_header(str_view(&g.envelope), &leaf, &clock);
        g.facts.statement = notation_find(p, NULL);
        g.facts.ca = &leaf;
        g.facts.ca_count = 1;
        g.facts.clocks = cases[i].clock ? &clock : &leaf;
        g.facts.clock_count = 1;
        const int r = notation_verify(&g.facts, str_view(&g.envelope), &log, &err);
        if (r < 0 && !cases[i].complaint)
            fail_msg("refused: %s", err.text);
        assert_int_equal(r, cases[i].complaint ? -EBADMSG : 0);
        if (r < 0 && !strstr(err.text, cases[i].complaint))
            fail_msg("'%s' has no '%s'", err.text, cases[i].complaint);
        /* which is no root, as a store of clocks would have it */
        assert_int_equal(notation_store_check(crypto, NOTATION_STORE_TSA, str_view(&clock), NULL),
                         -EINVAL);
        assert_int_equal(
            notation_store_check(crypto, NOTATION_STORE_SIGNERS, str_view(&clock), NULL), 0);
        take_back(&g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_of_trust_policies_hold),
        cmocka_unit_test(cbor_is_read_or_refused),
        cmocka_unit_test(cbor_heads_come_back),
        cmocka_unit_test(envelopes_of_cose_are_read_strictly),
        cmocka_unit_test(the_repository_finds_its_statement),
        cmocka_unit_test(only_revocation_may_be_skipped),
        cmocka_unit_test(verdicts_of_layouts_hold),
        cmocka_unit_test(what_is_changed_is_refused),
        cmocka_unit_test(a_stamp_says_when_it_was),
    };

    return cmocka_run_group_tests(tests, load, unload);
}
