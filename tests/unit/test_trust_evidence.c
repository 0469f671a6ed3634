#include "conformance.h"
#include "crypto_fixture.h"
#include "trust/evidence.h"
#include "trust/sign.h"

#define COSIGN "oci/cosign/cooper/"
#define CONTAINERS "oci/cosign/containers-image/"

static struct trust_key *key_of(const char *folder, const char *name)
{
    cleanup_free char *path = xasprintf("%s%s", folder, name);
    struct trust_key *k = NULL;
    STR_AUTO(pem);

    conformance_read(path, &pem);
    assert_int_equal(trust_key_read(crypto, str_view(&pem), &k, NULL), 0);
    return k;
}

/* A layer's descriptor as a manifest would have it. */
static void describe(const char *media_type, struct view blob, const char *signature,
                     json_t **ret_doc, struct descriptor *ret)
{
    struct digest d;

    digest_of(blob, &d);
    *ret_doc = descriptor_new(media_type, &d, blob.size);
    if (signature)
        descriptor_set_annotation(*ret_doc, ANNOTATION_COSIGN_SIGNATURE, signature);
    assert_int_equal(descriptor_read(*ret_doc, "layer", ret, NULL), 0);
}

static int verdict(const char *media_type, struct view blob, const char *signature,
                   struct view manifest, const struct trust_key *k)
{
    cleanup_doc json_t *doc = NULL;
    struct descriptor layer;
    struct evidence e = {0};
    struct evidence_subject s = {.manifest = manifest};
    ERROR_AUTO(err);

    digest_of(manifest, &s.digest);
    describe(media_type, blob, signature, &doc, &layer);
    int r = evidence_read(&layer, blob, &e, &err);
    if (r == 0)
        r = evidence_verify(&e, &s, k, &err);
    evidence_done(&e);
    if (r < 0)
        print_message("#   %s\n", err.text);
    return r;
}

/* ---- the tables ---- */

/* "file", or "file .path.in[0].json". */
static void read_signature(struct view cell, struct str *ret)
{
    cleanup_free char *text = view_dup(cell);
    char *path = strchr(text, ' ');
    STR_AUTO(file);

    if (path)
        *path++ = '\0';
    cleanup_free char *name = xasprintf(COSIGN "%s", text);
    conformance_read(name, &file);
    if (!path) {
        assert_true(str_add_unbase64(ret, view_trim(str_view(&file))));
        return;
    }
    cleanup_doc json_t *doc = NULL;
    assert_int_equal(doc_parse(str_view(&file), 1 << 20, "x", &doc, NULL), 0);
    const json_t *at = doc;
    for (char *save, *part = strtok_r(path, ".", &save); part; part = strtok_r(NULL, ".", &save)) {
        char *index = strchr(part, '[');
        if (index)
            *index = '\0';
        at = json_object_get(at, part);
        if (index)
            at = json_array_get(at, strtoul(index + 1, NULL, 10));
    }
    assert_true(str_add_unbase64(ret, view_of(json_string_value(at))));
}

static void verdicts_of_cosign_s_signatures_hold(void **state)
{
    STR_AUTO(table);
    STR_AUTO(bytes);
    struct view rest, row[4];
    size_t count = 0;

    (void)state;
    conformance_read(COSIGN "verdicts.tsv", &table);
    rest = str_view(&table);
    assert_true(conformance_row(&rest, row, 4));
    for (; conformance_row(&rest, row, 4); count++) {
        cleanup_free char *name = xasprintf(COSIGN "%.*s", VIEW_ARG(row[0]));
        cleanup_free char *key = view_dup(row[2]);
        CLEANUP(trust_key_freep) struct trust_key *k = key_of(COSIGN, key);
        STR_AUTO(signature);

        conformance_read(name, &bytes);
        read_signature(row[1], &signature);
        const int r = trust_key_verify(k, str_view(&bytes), str_view(&signature), NULL);
        if (r != (view_eq_text(row[3], "valid") ? 0 : -EBADMSG))
            fail_msg("%.*s %.*s: %d", VIEW_ARG(row[0]), VIEW_ARG(row[1]), r);
    }
    assert_true(count >= 13);
}

static int containers_verdict(const char *folder, struct view n, struct view mime, const char *key)
{
    CLEANUP(trust_key_freep) struct trust_key *k = key_of(CONTAINERS, key);
    cleanup_free char *type = view_dup(mime);
    cleanup_free char *payload_name = xasprintf("%s/payload-%.*s", folder, VIEW_ARG(n));
    cleanup_free char *annotation_name = xasprintf("%s/annotations-%.*s.json", folder, VIEW_ARG(n));
    cleanup_free char *manifest_name = xasprintf("%s/manifest.json", folder);
    cleanup_doc json_t *annotations = NULL;
    STR_AUTO(payload);
    STR_AUTO(text);
    STR_AUTO(manifest);

    conformance_read(payload_name, &payload);
    conformance_read(annotation_name, &text);
    if (!strstr(folder, "no-manifest"))
        conformance_read(manifest_name, &manifest);
    assert_int_equal(doc_parse(str_view(&text), 1 << 20, "x", &annotations, NULL), 0);
    const char *signature =
        json_string_value(json_object_get(annotations, ANNOTATION_COSIGN_SIGNATURE));
    return verdict(type, str_view(&payload), signature, str_view(&manifest), k);
}

static void verdicts_of_containers_images_hold(void **state)
{
    STR_AUTO(table);
    struct view rest, row[6];
    size_t count = 0;

    (void)state;
    conformance_read(CONTAINERS "verdicts.tsv", &table);
    rest = str_view(&table);
    assert_true(conformance_row(&rest, row, 6));
    for (; conformance_row(&rest, row, 6); count++) {
        cleanup_free char *folder = xasprintf(CONTAINERS "%.*s", VIEW_ARG(row[0]));
        const bool ours = view_eq_text(row[5], "True");

        print_message("# %.*s %.*s\n", VIEW_ARG(row[0]), VIEW_ARG(row[1]));
        assert_int_equal(containers_verdict(folder, row[1], row[2], "cosign.pub") == 0,
                         ours && view_eq_text(row[3], "True"));
        assert_int_equal(containers_verdict(folder, row[1], row[2], "cosign2.pub") == 0,
                         ours && view_eq_text(row[4], "True"));
    }
    assert_true(count >= 13);
}

/* ---- what cosign made, and the same changed ---- */

static void replace(struct str *s, const char *from, const char *to)
{
    char *at = strstr(s->at, from);
    STR_AUTO(out);

    assert_non_null(at);
    str_add(&out, view_make(s->at, (size_t)(at - s->at)));
    str_add_text(&out, to);
    str_add_text(&out, at + strlen(from));
    str_done(s);
    *s = out;
    out = STR_INIT;
}

static const struct {
    const char *name, *file, *media_type, *from, *to;
    int want;
} made[] = {
    {"envelope", "att-dsse-envelope.json", MEDIA_DSSE, "", "", 0},
    {"bundle", "referrer-bundle-blob.json", MEDIA_SIGSTORE, "", "", 0},
    {"a bundle is no envelope", "referrer-bundle-blob.json", MEDIA_DSSE, "", "", -EINVAL},
    {"an envelope is no bundle", "att-dsse-envelope.json", MEDIA_SIGSTORE, "", "", -EINVAL},
    {"another payload type", "att-dsse-envelope.json", MEDIA_DSSE, "vnd.in-toto+json",
     "vnd.in-toto+jsom", -ENOTSUP},
    {"payload changed", "att-dsse-envelope.json", MEDIA_DSSE, "MTI3LjAuMC4x", "MTI3LjAuMC4y",
     -EBADMSG},
    {"payload of a bundle changed", "referrer-bundle-blob.json", MEDIA_SIGSTORE, "MTI3LjAuMC4x",
     "MTI3LjAuMC4y", -EBADMSG},
    {"no signatures", "att-dsse-envelope.json", MEDIA_DSSE, "\"signatures\":[{",
     "\"signatures\":[],\"x\":[{", -EINVAL},
    {"no payload", "att-dsse-envelope.json", MEDIA_DSSE, "\"payload\":", "\"other\":", -EINVAL},
    {"bundle of another version", "referrer-bundle-blob.json", MEDIA_SIGSTORE, "bundle.v0.3",
     "bundle.v9.3", -ENOTSUP},
    {"both contents", "referrer-bundle-blob.json", MEDIA_SIGSTORE,
     "\"dsseEnvelope\":", "\"messageSignature\":{}, \"dsseEnvelope\":", -EINVAL},
    {"no content", "referrer-bundle-blob.json", MEDIA_SIGSTORE,
     "\"dsseEnvelope\":", "\"none\":", -EINVAL},
    {"a blob's bundle is about the blob", "blob.sigstore.json", MEDIA_SIGSTORE, "", "", -EBADMSG},
    {"no evidence at all", "att-statement.json", "text/plain", "", "", -ENOTSUP},
};

static void what_is_changed_is_refused(void **state)
{
    CLEANUP(trust_key_freep)
    struct trust_key *k = key_of(COSIGN, "cosign.pub"), *other = key_of(COSIGN, "k2.pub");
    STR_AUTO(manifest);
    STR_AUTO(text);

    (void)state;
    conformance_read(COSIGN "image-manifest.json", &manifest);
    for (size_t i = 0; i < ARRAY_SIZE(made); i++) {
        cleanup_free char *name = xasprintf(COSIGN "%s", made[i].file);

        print_message("# %s\n", made[i].name);
        conformance_read(name, &text);
        replace(&text, made[i].from, made[i].to);
        assert_int_equal(verdict(made[i].media_type, str_view(&text), NULL, str_view(&manifest), k),
                         made[i].want);
        assert_true(verdict(made[i].media_type, str_view(&text), NULL, str_view(&manifest), other) <
                    0);
        assert_true(verdict(made[i].media_type, str_view(&text), NULL, VIEW("{}"), k) < 0);
    }
    conformance_read(COSIGN "blob.sigstore.json", &text);
    conformance_read(COSIGN "blob.txt", &manifest);
    assert_int_equal(verdict(MEDIA_SIGSTORE, str_view(&text), NULL, str_view(&manifest), k), 0);
}

/* ---- payloads, signed by ourselves ---- */

#define IMAGE "{\"docker-manifest-digest\":\"" DIGEST "\"}"
#define DIGEST "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a" /* of {} */
#define OTHER "sha256:54136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
#define CRITICAL(identity, image, type)                                                            \
    "\"critical\":{\"identity\":" identity ",\"image\":" image ",\"type\":" type "}"
#define NAMED "{\"docker-reference\":\"r.example/a\"}"
#define COSIGN_TYPE "\"cosign container image signature\""

static const struct {
    const char *text;
    int want;
} payloads[] = {
    {"{" CRITICAL(NAMED, IMAGE, COSIGN_TYPE) ",\"optional\":null}", 0},
    {"{" CRITICAL(NAMED, IMAGE, COSIGN_TYPE) ",\"optional\":{\"a\":\"b\",\"timestamp\":1}}", 0},
    {"{" CRITICAL(NAMED, IMAGE, COSIGN_TYPE) ",\"optional\":{}} ", 0},
    {"{" CRITICAL(NAMED, IMAGE, COSIGN_TYPE) ",\"optional\":{\"timestamp\":1.5}}", -EINVAL},
    {"{" CRITICAL(NAMED, IMAGE, COSIGN_TYPE) ",\"optional\":[]}", -EINVAL},
    {"{" CRITICAL(NAMED, IMAGE, COSIGN_TYPE) "}", -EINVAL},
    {"{" CRITICAL(NAMED, IMAGE, COSIGN_TYPE) ",\"optional\":null,\"x\":1}", -EINVAL},
    {"{" CRITICAL(NAMED, IMAGE, "\"atomic container signature\"") ",\"optional\":null}", -EINVAL},
    {"{" CRITICAL(NAMED, IMAGE, "\"cosign container image signature \"") ",\"optional\":null}",
     -EINVAL},
    {"{" CRITICAL(NAMED, "{\"docker-manifest-digest\":\"" OTHER "\"}",
                  COSIGN_TYPE) ",\"optional\":null}",
     -EBADMSG},
    {"{" CRITICAL(NAMED, "{\"docker-manifest-digest\":\"sha256:\"}",
                  COSIGN_TYPE) ",\"optional\":null}",
     -EINVAL},
    {"{" CRITICAL(NAMED, "{\"Docker-Manifest-Digest\":\"" DIGEST "\"}",
                  COSIGN_TYPE) ",\"optional\":null}",
     -EINVAL},
    {"{" CRITICAL("{}", IMAGE, COSIGN_TYPE) ",\"optional\":null}", -EINVAL},
    {"{" CRITICAL(NAMED, "{\"docker-manifest-digest\":\"" DIGEST "\",\"x\":1}",
                  COSIGN_TYPE) ",\"optional\":null}",
     -EINVAL},
    {"{\"critical\":1,\"critical\":2,\"optional\":null}", -EINVAL},
    {"[]", -EINVAL},
    {"", -EINVAL},
};

static void payloads_say_what_they_must(void **state)
{
    CLEANUP(trust_key_freep) struct trust_key *k = NULL;

    (void)state;
    assert_int_equal(trust_key_new(crypto, &k, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(payloads); i++) {
        STR_AUTO(signature);
        STR_AUTO(text);

        print_message("# %s\n", payloads[i].text);
        assert_int_equal(trust_key_sign(k, view_of(payloads[i].text), &signature, NULL), 0);
        str_add_base64(&text, str_view(&signature));
        assert_int_equal(
            verdict(MEDIA_COSIGN_SIMPLE, view_of(payloads[i].text), text.at, VIEW("{}"), k),
            payloads[i].want);
        assert_true(verdict(MEDIA_COSIGN_SIMPLE, view_of(payloads[i].text), NULL, VIEW("{}"), k) <
                    0);
        assert_true(verdict(MEDIA_COSIGN_SIMPLE, view_of(payloads[i].text), "", VIEW("{}"), k) < 0);
    }
}

/* ---- statements ---- */

#define SUBJECT(hex) "\"subject\":[{\"name\":\"a\",\"digest\":{\"sha256\":\"" hex "\"}}]"
#define V1 "{\"_type\":\"https://in-toto.io/Statement/v1\","
#define HEX "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"

static const struct {
    const char *text;
    int want;
} statements[] = {
    {V1 SUBJECT(HEX) ",\"predicateType\":\"p\",\"predicate\":{}}", 0},
    {V1 SUBJECT(HEX) ",\"predicateType\":\"p\"}", 0},
    {"{\"_type\":\"https://in-toto.io/Statement/v0.1\"," SUBJECT(HEX) ",\"predicateType\":\"p\"}",
     0},
    {V1 "\"subject\":[{\"digest\":{\"sha512\":\"00\"}},{\"digest\":{\"sha256\":\"" HEX
        "\"}}],\"predicateType\":\"p\"}",
     0},
    {V1 SUBJECT("54136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a") ",\"predicateTy"
                                                                                    "pe\":\"p\"}",
     -EBADMSG},
    {V1 SUBJECT("44136FA355B3678A1146AD16F7E8649E94FB4FC21FE77E8310C060F61CAAFF8A") ",\"predicateTy"
                                                                                    "pe\":\"p\"}",
     -EBADMSG},
    {V1 "\"subject\":[{\"digest\":{\"sha512\":\"" HEX "\"}}],\"predicateType\":\"p\"}", -EBADMSG},
    {V1 "\"subject\":[],\"predicateType\":\"p\"}", -EINVAL},
    {V1 "\"subject\":[{\"name\":\"a\"}],\"predicateType\":\"p\"}", -EINVAL},
    {V1 "\"predicateType\":\"p\"}", -EINVAL},
    {V1 SUBJECT(HEX) "}", -EINVAL},
    {V1 SUBJECT(HEX) ",\"predicateType\":\"\"}", -EINVAL},
    {V1 SUBJECT(HEX) ",\"predicateType\":\"p\",\"predicate\":[]}", 0},
    {"{\"_type\":\"https://in-toto.io/Statement/v2\"," SUBJECT(HEX) ",\"predicateType\":\"p\"}",
     -EINVAL},
    {"{}", -EINVAL},
    {"", -EINVAL},
};

static void statements_name_their_subject(void **state)
{
    CLEANUP(trust_key_freep) struct trust_key *k = NULL;

    (void)state;
    assert_int_equal(trust_key_new(crypto, &k, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(statements); i++) {
        struct sign_layer dsse = {0}, bundle = {0};

        print_message("# %s\n", statements[i].text);
        assert_int_equal(sign_dsse(k, view_of(statements[i].text), "p", &dsse, NULL), 0);
        assert_int_equal(sign_bundle(k, view_of(statements[i].text), &bundle, NULL), 0);
        assert_int_equal(verdict(MEDIA_DSSE, str_view(&dsse.blob), NULL, VIEW("{}"), k),
                         statements[i].want);
        assert_int_equal(verdict(MEDIA_SIGSTORE, str_view(&bundle.blob), NULL, VIEW("{}"), k),
                         statements[i].want);
        sign_layer_done(&dsse);
        sign_layer_done(&bundle);
    }
}

static void too_many_signatures_are_refused(void **state)
{
    STR_AUTO(text);

    (void)state;
    str_add_text(&text,
                 "{\"payloadType\":\"" MEDIA_IN_TOTO "\",\"payload\":\"e30=\",\"signatures\":[");
    for (size_t i = 0; i <= DSSE_SIGNATURES_MAX; i++)
        str_add_text(&text, i ? ",{\"sig\":\"AAAA\"}" : "{\"sig\":\"AAAA\"}");
    str_add_text(&text, "]}");
    assert_int_equal(verdict(MEDIA_DSSE, str_view(&text), NULL, VIEW("{}"), NULL), -EDQUOT);
}

/* ---- making ---- */

/* The bytes of cosign's own manifests: ours differ in what was signed only. */
static void manifests_are_cosign_s(void **state)
{
    CLEANUP(manifest_freep) struct manifest *theirs = NULL, *again = NULL;
    struct sign_layer l = {.blob = STR_INIT};
    STR_AUTO(manifest);
    STR_AUTO(config);
    STR_AUTO(want);
    STR_AUTO(want_config);

    (void)state;
    conformance_read(COSIGN "sig-tag-manifest.json", &want);
    conformance_read(COSIGN "sig-tag-config.json", &want_config);
    assert_int_equal(manifest_parse(str_view(&want), &theirs, NULL), 0);
    l.descriptor = json_incref(theirs->layers[0].doc);
    assert_int_equal(sign_tag_manifest(NULL, &l, &manifest, &config, NULL), 0);
    assert_true(view_eq(view_trim(str_view(&config)), view_trim(str_view(&want_config))));
    assert_int_equal(manifest_parse(str_view(&manifest), &again, NULL), 0);
    assert_true(digest_eq(&again->config.digest, &theirs->config.digest));
    assert_true(json_equal(again->layers[0].doc, theirs->layers[0].doc));
    str_clear(&manifest);
    str_clear(&config);
    assert_int_equal(sign_tag_manifest(theirs, &l, &manifest, &config, NULL), 0);
    manifest_free(steal(again));
    assert_int_equal(manifest_parse(str_view(&manifest), &again, NULL), 0);
    assert_int_equal(again->layer_count, 2);
    sign_layer_done(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_of_cosign_s_signatures_hold),
        cmocka_unit_test(verdicts_of_containers_images_hold),
        cmocka_unit_test(what_is_changed_is_refused),
        cmocka_unit_test(payloads_say_what_they_must),
        cmocka_unit_test(statements_name_their_subject),
        cmocka_unit_test(too_many_signatures_are_refused),
        cmocka_unit_test(manifests_are_cosign_s),
    };

    return cmocka_run_group_tests(tests, load, unload);
}
