/* test_trust_proof.c - signatures that a certificate or a log prove: the vectors of containers/image, made with the public
 * Fulcio and Rekor and with a PKI of their own, and each requirement broken in one place. */
#include "conformance.h"
#include "crypto_fixture.h"
#include "trust/policy.h"
#include "trust/rekor.h"

#define CONTAINERS "oci/cosign/containers-image/dir-img-cosign-"
#define FULCIO "fulcio-rekor-valid"
#define KEYED "key-rekor-valid"
#define PKI "pki-valid"
#define NOW 1735689600 /* 2025-01-01 */

/* Of the public log; its SHA-256 is the logID in the vectors. */
static const char rekor_key[] = "-----BEGIN PUBLIC KEY-----\n"
                                "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2G2Y+2tabdTV5BcGiBIx0a9fAFwr\n"
                                "kBbmLSGtks4L3qX6yYY0zufBnhC8Ur/iy55GhWP/9A/bY2LhC30M9+RYtw==\n"
                                "-----END PUBLIC KEY-----\n";

static json_t *annotations_of(const char *vector)
{
    cleanup_free char *name = xasprintf(CONTAINERS "%s/annotations-1.json", vector);
    json_t *doc = NULL;
    STR_AUTO(text);

    conformance_read(name, &text);
    assert_int_equal(doc_parse(str_view(&text), 1 << 20, "x", &doc, NULL), 0);
    return doc;
}

/* ---- what a policy may name ---- */

/* The last certificate of a chain: its root. */
static void add_root(const char *vector, struct str *ret)
{
    cleanup_doc json_t *doc = annotations_of(vector);
    const char *chain = json_string_value(json_object_get(doc, ANNOTATION_COSIGN_CHAIN));
    const char *last = chain;

    for (const char *at = chain; (at = strstr(at, "-----BEGIN")); at++)
        last = at;
    str_add_text(ret, last);
}

static int read_file(void *ctx, const char *path, struct str *ret, struct error *err)
{
    (void)ctx;
    if (strcmp(path, "rekor") == 0)
        str_add_text(ret, rekor_key);
    else if (strcmp(path, "fulcio") == 0)
        add_root(FULCIO, ret);
    else if (strcmp(path, "pki") == 0)
        add_root(PKI, ret);
    else if (strcmp(path, "cosign") == 0)
        conformance_read("oci/cosign/containers-image/cosign.pub", ret);
    else if (strcmp(path, "cosign2") == 0)
        conformance_read("oci/cosign/containers-image/cosign2.pub", ret);
    else
        return error_set(err, -ENOENT, "no such file");
    return 0;
}

/* ---- the image and its signature ---- */

/* Annotations of the vector, with those that `with` has (or null, for none) in their place. */
static void make_evidence(const char *vector, const char *with, struct evidence *ret)
{
    cleanup_free char *name = xasprintf(CONTAINERS "%s/payload-1", vector);
    cleanup_doc json_t *more = json_loads(with ? with : "{}", 0, NULL);
    json_t *annotations = annotations_of(vector), *value;
    struct descriptor layer;
    struct digest d;
    const char *key;
    STR_AUTO(payload);

    conformance_read(name, &payload);
    json_object_foreach(more, key, value)
    {
        const json_t *other =
            json_is_string(value) ? annotations_of(json_string_value(value)) : NULL;

        (void)json_object_del(annotations, key);
        if (other)
            (void)json_object_set(annotations, key, json_object_get(other, key));
        json_decref((json_t *)(uintptr_t)other);
    }
    digest_of(str_view(&payload), &d);
    cleanup_doc json_t *doc = descriptor_new(MEDIA_COSIGN_SIMPLE, &d, payload.size);
    doc_set(doc, "annotations", annotations);
    assert_int_equal(descriptor_read(doc, "layer", &layer, NULL), 0);
    assert_int_equal(evidence_read(&layer, str_view(&payload), ret, NULL), 0);
}

#define BY_KEY(key, log)                                                                           \
    "\"keyPath\":\"" key "\",\"rekorPublicKeyPath\":\"" log                                        \
    "\",\"signedIdentity\":{\"type\":\"exactRepository\",\"dockerRepository\":"                    \
    "\"192.168.64.2:5000/cosign-signed/key-1\"}"
#define BY_FULCIO(ca, issuer, email, log)                                                          \
    "\"fulcio\":{\"caPath\":\"" ca "\",\"oidcIssuer\":\"" issuer "\",\"subjectEmail\":\"" email    \
    "\"},\"rekorPublicKey" log                                                                     \
    ",\"signedIdentity\":{\"type\":\"exactRepository\",\"dockerRepository\":"                      \
    "\"192.168.64.2:5000/cosign-signed/fulcio-rekor-1\"}"
#define GITHUB "https://github.com/login/oauth"
#define MITR "mitr@redhat.com"
#define LOG "Path\":\"rekor\""
#define BY_PKI(ca, who)                                                                            \
    "\"pki\":{\"caRootsPath\":\"" ca "\"," who                                                     \
    "},\"signedIdentity\":{\"type\":\"exactRepository\",\"dockerRepository\":\"localhost:5000/"    \
    "test\"}"
#define EMAIL "\"subjectEmail\":\"qiwan@redhat.com\""
#define HOST "\"subjectHostname\":\"myhost.example.com\""
#define TAKE(annotation, from) "{\"" annotation "\":" from "}"

static const struct {
    const char *vector, *requirement, *with;
    int64_t now_s;
    const char *complaint; /* NULL: it may be used */
} cases[] = {
    {KEYED, BY_KEY("cosign2", "rekor"), NULL, NOW, NULL},
    {KEYED, BY_KEY("cosign", "rekor"), NULL, NOW, "not of this key"},
    {KEYED, BY_KEY("cosign2", "cosign2"), NULL, NOW, "the promise of the log"},
    {KEYED, BY_KEY("cosign2", "rekor"), TAKE(ANNOTATION_COSIGN_LOG, "null"), NOW, "no log"},
    {KEYED, BY_KEY("cosign2", "rekor"), TAKE(ANNOTATION_COSIGN_LOG, "\"" FULCIO "\""), NOW,
     "the log has another signature"},
    {KEYED, BY_KEY("cosign2", "rekor"), TAKE(ANNOTATION_COSIGN_SIGNATURE, "\"" FULCIO "\""), NOW,
     "not of this key"},

    {FULCIO, BY_FULCIO("fulcio", GITHUB, MITR, LOG), NULL, NOW, NULL},
    {FULCIO, BY_FULCIO("fulcio", GITHUB, MITR, "Paths\":[\"cosign\",\"rekor\"]"), NULL, NOW, NULL},
    /* what counts is when the log took it, not now */
    {FULCIO, BY_FULCIO("fulcio", GITHUB, MITR, LOG), NULL, NOW *INT64_C(2), NULL},
    {FULCIO, BY_FULCIO("fulcio", GITHUB, "mitr@example.com", LOG), NULL, NOW, "e-mail address"},
    {FULCIO, BY_FULCIO("fulcio", GITHUB "2", MITR, LOG), NULL, NOW, "another issuer"},
    {FULCIO, BY_FULCIO("pki", GITHUB, MITR, LOG), NULL, NOW, "its certificate: "},
    {FULCIO, BY_FULCIO("fulcio", GITHUB, MITR, "Path\":\"cosign2\""), NULL, NOW,
     "the promise of the log"},
    {FULCIO, BY_FULCIO("fulcio", GITHUB, MITR, LOG), TAKE(ANNOTATION_COSIGN_LOG, "null"), NOW,
     "no log"},
    {FULCIO, BY_FULCIO("fulcio", GITHUB, MITR, LOG), TAKE(ANNOTATION_COSIGN_CERTIFICATE, "null"),
     NOW, "no certificate"},
    {FULCIO, BY_FULCIO("fulcio", GITHUB, MITR, LOG),
     TAKE(ANNOTATION_COSIGN_CERTIFICATE, "\"" PKI "\""), NOW, "the log has another signature"},
    {FULCIO, BY_FULCIO("fulcio", GITHUB, MITR, LOG), TAKE(ANNOTATION_COSIGN_CHAIN, "null"), NOW,
     "its certificate: "},
    {FULCIO, BY_FULCIO("fulcio", GITHUB, MITR, LOG), TAKE(ANNOTATION_COSIGN_LOG, "\"" KEYED "\""),
     NOW, "the log has another signature"},
    {FULCIO, BY_FULCIO("fulcio", GITHUB, MITR, LOG),
     TAKE(ANNOTATION_COSIGN_SIGNATURE, "\"" KEYED "\""), NOW, "the log has another signature"},

    {PKI, BY_PKI("pki", EMAIL), NULL, NOW, NULL},
    {PKI, BY_PKI("pki", HOST), NULL, NOW, NULL},
    {PKI, BY_PKI("pki", EMAIL "," HOST), NULL, NOW, NULL},
    {PKI, BY_PKI("pki", EMAIL ",\"subjectHostname\":\"example.com\""), NULL, NOW, "host"},
    {PKI, BY_PKI("pki", "\"subjectEmail\":\"x@redhat.com\"," HOST), NULL, NOW, "e-mail address"},
    {PKI, BY_PKI("fulcio", EMAIL), NULL, NOW, "its certificate: "},
    {PKI, BY_PKI("pki", EMAIL), NULL, 1700000000, "not yet valid"},
    {PKI, BY_PKI("pki", EMAIL), NULL, INT64_C(2700000000), "expired"},
    {PKI, BY_PKI("pki", EMAIL), TAKE(ANNOTATION_COSIGN_SIGNATURE, "\"" KEYED "\""), NOW,
     "not of this key"},
    {PKI, BY_PKI("pki", EMAIL), TAKE(ANNOTATION_COSIGN_CERTIFICATE, "\"" FULCIO "\""), NOW,
     "its certificate: "},
    {PKI, BY_PKI("none", EMAIL), NULL, NOW, "no such file"},
    {PKI, BY_PKI("rekor", EMAIL), NULL, NOW, "there is no certificate in it"},
    {KEYED, BY_PKI("pki", EMAIL), NULL, NOW, "no certificate"},
};

static int decide(size_t i, struct error *err)
{
    cleanup_free char *text =
        xasprintf("{\"default\":[{\"type\":\"sigstoreSigned\",%s}]}", cases[i].requirement);
    cleanup_free char *name = xasprintf(CONTAINERS "%s/manifest.json", cases[i].vector);
    CLEANUP(policy_freep) struct policy *p = NULL;
    struct evidence e;
    REFERENCE_AUTO(ref);
    STR_AUTO(manifest);

    conformance_read(name, &manifest);
    assert_int_equal(policy_parse(view_of(text), &p, err), 0);
    assert_int_equal(reference_parse("r.example/a:1", &ref, NULL), 0);
    make_evidence(cases[i].vector, cases[i].with, &e);
    const struct policy_image image = {.transport = "docker", .reference = &ref};
    struct policy_facts facts = {&image, {{{0}}, str_view(&manifest)}, &e, 1, cases[i].now_s};
    digest_of(str_view(&manifest), &facts.subject.digest);
    struct policy_rule *rule = policy_find(p, &image);
    int r = policy_load(rule, crypto, read_file, NULL, err);
    if (r == 0)
        r = policy_decide(rule, &facts, err);
    evidence_done(&e);
    return r;
}

static void vectors_are_decided(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        ERROR_AUTO(err);
        const int r = decide(i, &err);

        print_message("# %s %s %s\n", cases[i].vector, cases[i].requirement,
                      cases[i].with ? cases[i].with : "");
        if (!cases[i].complaint && r < 0)
            fail_msg("refused: %s (%s)", err.text, err.hint ? err.hint : "");
        assert_int_equal(r == 0, !cases[i].complaint);
        if (r < 0 && !strstr(err.text, cases[i].complaint) &&
            !(err.hint && strstr(err.hint, cases[i].complaint)))
            fail_msg("'%s' '%s' has no '%s'", err.text, err.hint ? err.hint : "",
                     cases[i].complaint);
    }
}

/* ---- promises that are not as they should be ---- */

/* Changed in one place; what a stranger wrote is refused while it is read, or by the log's signature. */
static const struct {
    const char *path, *value; /* NULL: taken out */
    int want;
} changes[] = {
    {"Payload.integratedTime", "1674251860", -EBADMSG},
    {"Payload.logIndex", "1", -EBADMSG},
    {"Payload.integratedTime", "0", -EINVAL},
    {"Payload.integratedTime", "9007199254740992", -EINVAL},
    {"Payload.integratedTime", "1.5", -EINVAL},
    {"Payload.logIndex", "-1", -EINVAL},
    {"Payload.logID", "\"x\"", -EINVAL},
    {"Payload.body", "\"e30=\"", -EINVAL},
    {"Payload.body", "\"*\"", -EINVAL},
    {"Payload.body", NULL, -EINVAL},
    {"Payload.more", "1", -EINVAL},
    {"more", "1", -EINVAL},
    {"SignedEntryTimestamp", NULL, -EINVAL},
    {"SignedEntryTimestamp", "\"\"", -EINVAL},
    {"SignedEntryTimestamp", "\"AAAA\"", -EBADMSG},
    {"Payload", "[]", -EINVAL},
};

static int try_change(size_t i, const struct trust_key *log)
{
    cleanup_doc json_t *annotations = annotations_of(KEYED);
    cleanup_doc json_t *doc =
        json_loads(json_string_value(json_object_get(annotations, ANNOTATION_COSIGN_LOG)), 0, NULL);
    const char *dot = strchr(changes[i].path, '.'), *key = dot ? dot + 1 : changes[i].path;
    json_t *at = dot ? json_object_get(doc, "Payload") : doc;
    struct rekor_entry e;
    STR_AUTO(text);

    if (changes[i].value)
        (void)json_object_set_new(at, key, json_loads(changes[i].value, JSON_DECODE_ANY, NULL));
    else
        (void)json_object_del(at, key);
    doc_print(doc, false, &text); /* blanks and the order of keys are no part of what is signed */
    int r = rekor_read(str_view(&text), &e, NULL);
    if (r < 0)
        return r;
    r = rekor_verify(&e, log, str_view(&e.signer), VIEW(""), str_view(&e.signature), NULL);
    rekor_done(&e);
    return r;
}

static void promises_are_read_strictly(void **state)
{
    CLEANUP(trust_key_freep) struct trust_key *log = NULL;

    (void)state;
    assert_int_equal(trust_key_read(crypto, view_of(rekor_key), &log, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        print_message("# %s = %s\n", changes[i].path, changes[i].value ? changes[i].value : "-");
        assert_int_equal(try_change(i, log), changes[i].want);
    }
}

/* Of all that it names, nothing may be another's. */
static void promises_are_about_one_signature(void **state)
{
    CLEANUP(trust_key_freep) struct trust_key *log = NULL;
    struct evidence e;
    REKOR_AUTO(entry);

    (void)state;
    assert_int_equal(trust_key_read(crypto, view_of(rekor_key), &log, NULL), 0);
    make_evidence(KEYED, NULL, &e);
    assert_int_equal(rekor_read(view_of(e.log), &entry, NULL), 0);
    const struct view signer = str_view(&entry.signer), data = str_view(&e.bytes),
                      signature = str_view(&e.signature), other = VIEW("x");
    assert_int_equal(rekor_verify(&entry, log, signer, data, signature, NULL), 0);
    assert_int_equal(rekor_verify(&entry, log, other, data, signature, NULL), -EBADMSG);
    assert_int_equal(rekor_verify(&entry, log, signer, other, signature, NULL), -EBADMSG);
    assert_int_equal(rekor_verify(&entry, log, signer, data, other, NULL), -EBADMSG);
    evidence_done(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_are_decided),
        cmocka_unit_test(promises_are_read_strictly),
        cmocka_unit_test(promises_are_about_one_signature),
    };

    return cmocka_run_group_tests(tests, load, unload);
}
