/* test_trust_witness.c - logs and clocks that bear witness for a bundle: what they say is believed as far as they have
 * signed it, and no further. */
#include "trust/rekor.h"
#include "trust/timestamp.h"

#include "base/fd.h"
#include "crypto_fixture.h"
#include "keyless.h"
#include "trust/policy.h"

#define LATE INT64_C(3471292800) /* 2080-01-01 */

static void read_bundle(struct str *ret)
{
    cleanup_free char *path =
        xasprintf("%s/tests/fuzz/corpus/evidence/bundle-keyless", getenv("SOURCE_ROOT"));
    STR_AUTO(seed);

    assert_int_equal(fd_read_file(AT_FDCWD, path, 1 << 20, &seed, NULL), 0);
    str_add(ret, view_make(seed.at + 1, seed.size - 1)); /* the first byte is the fuzzer's */
}

/* Changes the text at a path of the bundle: keys and numbers with dots between. */
static json_t *find(json_t *doc, const char *path)
{
    for (struct view rest = view_of(path), key; view_cut(&rest, '.', &key);) {
        cleanup_free char *name = view_dup(key);

        doc = json_is_array(doc) ? json_array_get(doc, (size_t)atoi(name))
                                 : json_object_get(doc, name);
        assert_non_null(doc);
    }
    return doc;
}

static void make_evidence(const json_t *bundle, struct evidence *ret)
{
    struct descriptor layer;
    struct digest d;
    STR_AUTO(text);

    doc_print(bundle, true, &text);
    digest_of(str_view(&text), &d);
    cleanup_doc json_t *doc = descriptor_new(MEDIA_SIGSTORE, &d, text.size);
    assert_int_equal(descriptor_read(doc, "layer", &layer, NULL), 0);
    assert_int_equal(evidence_read(&layer, str_view(&text), ret, NULL), 0);
}

/* ---- a certificate that has long expired ---- */

static int read_file(void *ctx, const char *path, struct str *ret, struct error *err)
{
    (void)ctx;
    (void)err;
    str_add_text(ret, strcmp(path, "log") == 0 ? keyless_log : keyless_root);
    return 0;
}

static struct requirement_authority *authority_of(const char *name)
{
    struct requirement_authority *by = xcalloc(1, sizeof(*by));

    by->roots = (struct requirement_key){.path = xstrdup("root"), .pem = STR_INIT};
    by->name = name ? xstrdup(name) : NULL;
    by->issuer = name ? xstrdup("https://issuer.example") : NULL;
    return by;
}

static const struct {
    const char *name, *manifest;
    bool log, clock;
    int64_t now_s;
    const char *complaint; /* NULL: it holds */
} verdicts[] = {
    {"https://git.example/a@v1", "{}", true, true, LATE, NULL},
    {"https://git.example/a@v1", "{}", false, true, LATE, NULL},
    {"https://git.example/a@v1", "{}", false, true, 1, NULL},
    {"https://git.example/a@v1", "{}", true, false, LATE, "nothing says when"},
    {"https://git.example/a@v1", "{}", false, false, LATE, "expired"},
    {"https://git.example/a@v1", "{ }", false, true, LATE, "not of this key"},
    {"https://git.example/a@v1", "{ }", true, true, LATE, "another signature"},
    {"https://GIT.example/a@v1", "{}", true, true, LATE, "not of the identity"},
    {"https://git.example/a@v", "{}", true, true, LATE, "not of the identity"},
};

static int prove(size_t i, const struct evidence *e, struct error *err)
{
    CLEANUP(requirement_done) struct requirement q = {.kind = REQUIRE_SIGNED, .at_least = 1};
    struct policy_facts f = {.subject = {.manifest = view_of(verdicts[i].manifest)},
                             .now_s = verdicts[i].now_s};
    int64_t time;

    digest_of(f.subject.manifest, &f.subject.digest);
    q.by = authority_of(verdicts[i].name);
    q.clocks = verdicts[i].clock ? authority_of(NULL) : NULL;
    if (verdicts[i].log)
        assert_int_equal(requirement_add_key(&q.logs, "log", VIEW(""), err), 0);
    assert_int_equal(requirement_load(&q, crypto, read_file, NULL, err), 0);
    return requirement_prove(&q, NULL, e, &f, &time, err);
}

static void the_time_of_signing_decides(void **state)
{
    cleanup_doc json_t *bundle = NULL;
    struct evidence e;
    STR_AUTO(text);

    (void)state;
    read_bundle(&text);
    assert_int_equal(doc_parse(str_view(&text), 1 << 20, "x", &bundle, NULL), 0);
    make_evidence(bundle, &e);
    for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++) {
        ERROR_AUTO(err);
        const int r = prove(i, &e, &err);

        print_message("# %zu: %s\n", i, r < 0 ? err.text : "it holds");
        assert_int_equal(r == 0, !verdicts[i].complaint);
        if (r < 0)
            assert_non_null(strstr(err.text, verdicts[i].complaint));
    }
    evidence_done(&e);
}

/* ---- one bit of it changed ---- */

/* Whatever is changed in an answer, no other time comes out. */
static void no_bit_of_a_stamp_gives_another_time(void **state)
{
    CLEANUP(authority_freep) struct authority *a = NULL;
    cleanup_doc json_t *bundle = NULL;
    int64_t want = 0;
    STR_AUTO(text);
    STR_AUTO(answer);
    STR_AUTO(signature);

    (void)state;
    read_bundle(&text);
    assert_int_equal(doc_parse(str_view(&text), 1 << 20, "x", &bundle, NULL), 0);
    assert_int_equal(authority_read(crypto, view_of(keyless_root), VIEW(""), &a, NULL), 0);
    const char *stamp = json_string_value(
        find(bundle,
             "verificationMaterial.timestampVerificationData.rfc3161Timestamps.0.signedTimestamp"));
    assert_true(str_add_unbase64(&answer, view_of(stamp)));
    assert_true(str_add_unbase64(
        &signature, view_of(json_string_value(find(bundle, "messageSignature.signature")))));
    assert_int_equal(timestamp_verify(str_view(&answer), a, str_view(&signature), &want, NULL), 0);
    assert_int_equal(timestamp_verify(str_view(&answer), a, VIEW("x"), &want, NULL), -EBADMSG);
    size_t held = 0;
    for (size_t i = 0; i < 8 * answer.size; i++) {
        int64_t time = want;

        answer.at[i / 8] ^= (char)(1 << i % 8);
        held += timestamp_verify(str_view(&answer), a, str_view(&signature), &time, NULL) == 0;
        answer.at[i / 8] ^= (char)(1 << i % 8);
        assert_int_equal(time, want);
    }
    assert_true(held < 8 * answer.size / 20); /* the status's second byte and the like */
    for (size_t size = 0; size < answer.size; size++)
        assert_true(
            timestamp_verify(view_make(answer.at, size), a, str_view(&signature), &want, NULL) < 0);
}

static const struct {
    const char *path, *value; /* JSON; NULL: taken out */
    int want;
} changes[] = {
    {"", NULL, 0},
    {"inclusionProof.logIndex", "\"0\"", -EBADMSG},
    {"inclusionProof.logIndex", "1", 0}, /* a number does as well as its text */
    {"inclusionProof.logIndex", NULL, -EBADMSG},
    {"inclusionProof.logIndex", "\"2\"", -EINVAL},
    {"inclusionProof.logIndex", "\"-1\"", -EINVAL},
    {"inclusionProof.logIndex", "-1", -EINVAL},
    {"inclusionProof.logIndex", "\"18446744073709551615\"", -EINVAL},
    {"inclusionProof.treeSize", "\"3\"", -EBADMSG},
    {"inclusionProof.treeSize", "\"0\"", -EINVAL},
    {"inclusionProof.treeSize", "\"9223372036854775807\"", -EBADMSG},
    {"inclusionProof.hashes", "[]", -EBADMSG},
    {"inclusionProof.hashes", NULL, -EBADMSG},
    {"inclusionProof.hashes", "[\"AAAA\"]", -EINVAL},
    {"inclusionProof.hashes", "[1]", -EINVAL},
    {"inclusionProof.rootHash", "\"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"", -EBADMSG},
    {"inclusionProof.rootHash", NULL, -EINVAL},
    {"inclusionProof.checkpoint", NULL, -EINVAL},
    {"inclusionProof.checkpoint.envelope", "\"\"", -EBADMSG},
    {"inclusionProof.checkpoint.envelope", "\"\\n\\n\"", -EBADMSG},
    {"inclusionProof.checkpoint.envelope", "\"a\\n2\\nx\\n\\n\"", -EBADMSG},
    {"inclusionProof", NULL, -EBADMSG},
    {"inclusionProof", "{}", -EBADMSG},
    {"inclusionPromise", "{\"signedEntryTimestamp\": \"AAAA\"}", -EINVAL}, /* without a time */
    {"canonicalizedBody", "\"e30=\"", -EINVAL},
    {"canonicalizedBody", NULL, -EINVAL},
};

static int try_entry(const json_t *entry, const struct trust_key *log)
{
    REKOR_AUTO(e);
    const int r = rekor_read_entry(entry, &e, NULL);

    return r < 0 ? r
                 : rekor_verify(&e, log, str_view(&e.signer), VIEW("{}"), str_view(&e.signature),
                                NULL);
}

static void apply(json_t *entry, size_t i)
{
    const char *dot = strrchr(changes[i].path, '.'), *key = dot ? dot + 1 : changes[i].path;
    cleanup_free char *above = xstrndup(changes[i].path, dot ? (size_t)(dot - changes[i].path) : 0);
    json_t *at = dot ? find(entry, above) : entry;

    if (changes[i].value)
        (void)json_object_set_new(at, key, json_loads(changes[i].value, JSON_DECODE_ANY, NULL));
    else
        (void)json_object_del(at, key);
}

static void proofs_are_read_strictly(void **state)
{
    CLEANUP(trust_key_freep) struct trust_key *log = NULL;
    cleanup_doc json_t *bundle = NULL;
    STR_AUTO(text);

    (void)state;
    read_bundle(&text);
    assert_int_equal(doc_parse(str_view(&text), 1 << 20, "x", &bundle, NULL), 0);
    assert_int_equal(trust_key_read(crypto, view_of(keyless_log), &log, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        cleanup_doc json_t *entry =
            json_deep_copy(find(bundle, "verificationMaterial.tlogEntries.0"));

        print_message("# %s = %s\n", changes[i].path, changes[i].value ? changes[i].value : "-");
        apply(entry, i);
        assert_int_equal(try_entry(entry, log), changes[i].want);
    }
}

/* ---- patterns ---- */

static const struct {
    const char *pattern;
    int want;
} patterns[] = {
    {"^https://github\\.com/team/", 0},
    {"[^/]+@(main|v[0-9]+)$", 0},
    {"[]a]", 0},
    {"a{2,3}", 0},
    {"\\d", -EINVAL},
    {"x\\", -EINVAL},
    {"\\<a", -EINVAL},
    {"a\\'", -EINVAL},
    {"\\-\\/", 0},
    {"(a)\\1", -EINVAL},
    {"(?i)a", -EINVAL},
    {"a*?", -EINVAL},
    {"a{,3}", -EINVAL},
    {"[\\d]", -EINVAL},
    {"[[:digit:]]", -EINVAL},
    {"[a", -EINVAL},
    {"(a", -EINVAL},
};

static void patterns_mean_the_same_to_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
        regex_t *p = NULL;

        print_message("# %s\n", patterns[i].pattern);
        assert_int_equal(identity_pattern_read(patterns[i].pattern, &p, NULL), patterns[i].want);
        identity_pattern_free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_time_of_signing_decides),
        cmocka_unit_test(no_bit_of_a_stamp_gives_another_time),
        cmocka_unit_test(proofs_are_read_strictly),
        cmocka_unit_test(patterns_mean_the_same_to_all),
    };

    return cmocka_run_group_tests(tests, load, unload);
}
