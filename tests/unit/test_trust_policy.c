#include "conformance.h"
#include "trust/policy.h"
#include "trust/sign.h"

#define SIGSTORE(more) "{\"type\":\"sigstoreSigned\"," more "}"
#define DEFAULT "\"default\":[{\"type\":\"reject\"}]"
#define ONE(requirement) "{\"default\":[" requirement "]}"
#define COOPER(more) "{\"version\":1,\"default\":\"reject\"" more "}"
#define BY(name, issuer) "\"" name "\":\"a\",\"certificate" issuer "\":\"b\""
#define CHAIN ",\"certificate-chain\":\"c\""
#define SCOPED(rule) COOPER(",\"images\":{\"r.example/a\":" rule "}")

static const struct {
    const char *text, *complaint; /* NULL: it is good */
} documents[] = {
    {ONE("{\"type\":\"insecureAcceptAnything\"}"), NULL},
    {"{" DEFAULT
     ",\"transports\":{\"docker\":{\"\":[{\"type\":\"reject\"}]},\"docker-daemon\":{}}}",
     NULL},
    {ONE(SIGSTORE("\"keyPath\":\"/k\"")), NULL},
    {ONE(SIGSTORE(
         "\"keyPaths\":[\"/k\",\"/l\"],\"signedIdentity\":{\"type\":\"matchRepository\"}")),
     NULL},
    {ONE(SIGSTORE("\"keyData\":\"AAAA\",\"signedIdentity\":{\"type\":\"exactReference\","
                  "\"dockerReference\":\"a:b\"}")),
     NULL},
    {ONE(SIGSTORE("\"fulcio\":{\"caPath\":\"/c\",\"oidcIssuer\":\"https://"
                  "i\",\"subjectEmail\":\"a@b\"},\"rekorPublicKeyPath\":\"/r\"")),
     NULL},
    {ONE(SIGSTORE(
         "\"fulcio\":{\"caPath\":\"/c\",\"oidcIssuer\":\"https://i\",\"subjectEmail\":\"a@b\"}")),
     "fulcio without a rekorPublicKeyPath"},
    {ONE(SIGSTORE(
         "\"fulcio\":{\"caPath\":\"/c\",\"oidcIssuer\":\"https://"
         "i\",\"subjectEmail\":\"a@b\",\"caData\":\"AAAA\"},\"rekorPublicKeyPath\":\"/r\"")),
     "there are 2 of caPath"},
    {ONE(SIGSTORE(
         "\"fulcio\":{\"caPath\":\"/c\",\"oidcIssuer\":\"https://"
         "i\",\"subjectEmail\":\"a@b\",\"caPaths\":[\"/c\"]},\"rekorPublicKeyPath\":\"/r\"")),
     "'caPaths' has no meaning"},
    {ONE(SIGSTORE(
         "\"fulcio\":{\"oidcIssuer\":\"x\",\"subjectEmail\":\"y\"},\"rekorPublicKeyPath\":\"/r\"")),
     "no caPath or caData"},
    {ONE(SIGSTORE(
         "\"fulcio\":{\"caPath\":\"/c\",\"subjectEmail\":\"y\"},\"rekorPublicKeyPath\":\"/r\"")),
     "no oidcIssuer"},
    {ONE(SIGSTORE("\"fulcio\":{\"caPath\":\"/"
                  "c\",\"oidcIssuer\":\"x\",\"subjectEmail\":\"\"},\"rekorPublicKeyPath\":\"/r\"")),
     "no subjectEmail"},
    {ONE(SIGSTORE(
         "\"fulcio\":{\"caPath\":\"/c\",\"oidcIssuer\":\"https://"
         "i\",\"subjectEmail\":\"a@b\"},\"keyPath\":\"/k\",\"rekorPublicKeyPath\":\"/r\"")),
     "one of"},
    {ONE(SIGSTORE("\"fulcio\":[],\"rekorPublicKeyPath\":\"/r\"")), "'fulcio'"},
    {ONE(SIGSTORE("\"keyPath\":\"/k\",\"rekorPublicKeyPaths\":[\"/r\",\"/s\"]")), NULL},
    {ONE(SIGSTORE(
         "\"keyPath\":\"/k\",\"rekorPublicKeyPath\":\"/r\",\"rekorPublicKeyData\":\"AAAA\"")),
     "there are 2 of rekorPublicKeyPath"},
    {ONE(SIGSTORE("\"rekorPublicKeyPath\":\"/r\"")), "one of"},
    {ONE(SIGSTORE("\"pki\":{\"caRootsPath\":\"/c\",\"subjectHostname\":\"h\"}")), NULL},
    {ONE(SIGSTORE("\"pki\":{\"caRootsPath\":\"/"
                  "c\",\"caIntermediatesData\":\"AAAA\",\"subjectEmail\":\"h\"}")),
     NULL},
    {ONE(SIGSTORE("\"pki\":{\"caRootsPath\":\"/c\"}")), "no subjectEmail or subjectHostname"},
    {ONE(SIGSTORE("\"pki\":{\"caRootsPath\":\"/c\",\"subjectHostname\":\".example.com\"}")),
     "is no host"},
    {ONE(SIGSTORE("\"pki\":{\"caRootsPath\":\"/c\",\"subjectHostname\":\"10.0.0.1\"}")),
     "is no host"},
    {ONE(SIGSTORE("\"pki\":{\"subjectEmail\":\"h\"}")), "no caRootsPath or caRootsData"},
    {ONE(SIGSTORE(
         "\"pki\":{\"caRootsPath\":\"/c\",\"subjectEmail\":\"h\"},\"rekorPublicKeyPath\":\"/r\"")),
     "pki with a key of Rekor"},
    {ONE("{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\",\"keyPath\":\"/k\"}"), NULL},
    {ONE("{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\",\"keyPaths\":[\"/k\"],\"signedIdentity\":{"
         "\"type\":\"matchExact\"}}"),
     NULL},
    {ONE("{\"type\":\"signedBy\",\"keyPath\":\"/k\"}"), "keyType"},
    {ONE("{\"type\":\"signedBy\",\"keyType\":\"GPG\",\"keyPath\":\"/k\"}"), "'GPG' has no meaning"},
    {ONE("{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\"}"), "one of keyPath"},
    {ONE("{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\",\"keyPath\":\"/k\",\"keyData\":\"eA==\"}"),
     "one of keyPath"},
    {ONE("{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\",\"key\":\"/k\"}"), "'key' has no meaning"},
    {"[]", "JSON object"},
    {"{}", "'default'"},
    {"{\"default\":[]}", "no list of requirements"},
    {"{" DEFAULT ",\"transport\":{}}", "'transport' has no meaning"},
    {"{" DEFAULT ",\"transports\":{\"docker\":[]}}", "'docker' is no object"},
    {"{" DEFAULT ",\"transports\":{\"docker\":{\"a\":[]}}}", "'a'"},
    {ONE("{\"type\":\"accept\"}"), "'accept' has no meaning"},
    {ONE("{\"type\":\"reject\",\"x\":1}"), "'x' has no meaning"},
    {ONE("{}"), "'type'"},
    {ONE(SIGSTORE("\"keyPath\":\"/k\",\"keyData\":\"AAAA\"")), "there are 2 of keyPath"},
    {ONE("{\"type\":\"sigstoreSigned\"}"), "one of"},
    {ONE(SIGSTORE("\"keyPath\":\"\"")), "path"},
    {ONE(SIGSTORE("\"keyData\":\"*\"")), "base64"},
    {ONE(SIGSTORE("\"keyDatas\":[]")), "no list of keys"},
    {ONE(SIGSTORE("\"keypath\":\"/k\"")), "'keypath' has no meaning"},
    {ONE(SIGSTORE("\"keyPath\":\"/k\",\"signedIdentity\":{\"type\":\"matchAll\"}")), "'matchAll'"},
    {ONE(SIGSTORE("\"keyPath\":\"/k\",\"signedIdentity\":{\"type\":\"exactReference\"}")),
     "dockerReference"},
    {COOPER(""), NULL},
    {SCOPED("\"accept\""), NULL},
    {SCOPED("[{\"signed-by\":[\"k\"]}]"), NULL},
    {SCOPED("[{\"signed-by\":[\"k\",\"l\"],\"at-least\":2,\"statement\":\"spdxjson\",\"max-age\":"
            "\"4w\"}]"),
     NULL},
    {COOPER(",\"images\":{\"oci:/srv\":\"accept\"}"), NULL},
    {"{\"version\":2,\"default\":\"reject\"}", "version 2"},
    {"{\"version\":1}", "no 'default'"},
    {COOPER(",\"image\":{}"), "'image' has no meaning"},
    {SCOPED("\"allow\""), "accept, reject or a list"},
    {SCOPED("[]"), "accept, reject or a list"},
    {SCOPED("[{\"signed-by\":[]}]"), "no list of keys"},
    {SCOPED("[{" BY("certificate-identity", "-oidc-issuer") CHAIN "}]"), NULL},
    {SCOPED("[{" BY("certificate-identity-regexp", "-oidc-issuer-regexp") CHAIN "}]"), NULL},
    {SCOPED("[{" BY("certificate-identity", "-oidc-issuer") CHAIN
            ",\"rekor-public-key\":[\"k\"],\"timestamp-certificate-chain\":\"t\"}]"),
     NULL},
    {SCOPED("[{\"signed-by\":[\"k\"],\"rekor-public-key\":[\"k\"]}]"), NULL},
    {SCOPED("[{\"signed-by\":[\"k\"],\"trusted-root\":\"r\"}]"), NULL},
    {SCOPED("[{" BY("certificate-identity", "-oidc-issuer") ",\"trusted-root\":\"r\"}]"), NULL},
    {SCOPED("[{" BY("certificate-identity", "-oidc-issuer") CHAIN ",\"trusted-root\":\"r\"}]"),
     "trusted-root and certificate-chain"},
    {SCOPED("[{\"signed-by\":[\"k\"],\"rekor-public-key\":[\"k\"],\"trusted-root\":\"r\"}]"),
     "trusted-root and rekor-public-key"},
    {SCOPED("[{\"signed-by\":[\"k\"],\"trusted-root\":\"\"}]"), "empty"},
    {SCOPED("[{" BY("certificate-identity", "-oidc-issuer") "}]"), "'certificate-chain'"},
    {SCOPED("[{\"certificate-identity\":\"a\"" CHAIN "}]"), "certificate-oidc-issuer"},
    {SCOPED("[{" BY("certificate-identity", "-oidc-issuer") ",\"signed-by\":[\"k\"]" CHAIN "}]"),
     "signed-by and certificate"},
    {SCOPED("[{" BY("certificate-identity", "-oidc-issuer") CHAIN ",\"at-least\":2}]"),
     "2 of 1 keys"},
    {SCOPED("[{" BY("certificate-identity", "-oidc-issuer") CHAIN
            ",\"certificate-identity-regexp\":\"a\"}]"),
     "either certificate-identity or"},
    {SCOPED("[{\"certificate-identity\":\"\",\"certificate-oidc-issuer\":\"b\"" CHAIN "}]"),
     "empty"},
    {SCOPED("[{\"certificate-identity-regexp\":\"\",\"certificate-oidc-issuer\":\"b\"" CHAIN "}]"),
     "certificate-identity-regexp is empty"},
    {SCOPED("[{\"certificate-identity\":\"a\",\"certificate-oidc-issuer-regexp\":\"\"" CHAIN "}]"),
     "certificate-oidc-issuer-regexp is empty"},
    {SCOPED("[{\"certificate-identity-regexp\":\"(?i)a\",\"certificate-oidc-issuer\":\"b\"" CHAIN
            "}]"),
     "pattern"},
    {SCOPED("[{\"signed-by\":[\"k\"],\"rekor-public-key\":\"k\"}]"), "rekor-public-key"},
    {SCOPED("[{\"signed-by\":[\"k\"],\"timestamp-certificate-chain\":\"\"}]"), "empty"},
    {SCOPED("[{}]"), "'signed-by'"},
    {SCOPED("[{\"signed-by\":[\"k\"],\"at-least\":2}]"), "2 of 1 keys"},
    {SCOPED("[{\"signed-by\":[\"k\"],\"at-least\":0}]"), "0 of 1 keys"},
    {SCOPED("[{\"signed-by\":[\"k\"],\"statement\":\"sbom\"}]"), "no known word"},
    {SCOPED("[{\"signed-by\":[\"k\"],\"max-age\":null}]"), "max-age is null"},
    {SCOPED("[{\"signed-by\":[\"k\"],\"rekor-public-key\":null}]"), "rekor-public-key is null"},
    {SCOPED("[{\"signed-by\":[\"k\"],\"max-age\":\"30\"}]"), "max-age"},
    {SCOPED("[{\"signed-by\":[\"k\"],\"max-age\":\"0d\"}]"), "max-age"},
    {SCOPED("[{\"signed-by\":[\"k\"],\"max-age\":\"99999999999999999w\"}]"), "max-age"},
    {SCOPED("[{\"signed-by\":[\"k\"],\"maxage\":\"1d\"}]"), "'maxage' has no meaning"},
    {COOPER(",\"images\":{\"r.example/\":\"accept\"}"), "no scope"},
    {COOPER(",\"images\":{\"oci:srv\":\"accept\"}"), "no scope"},
    {COOPER(",\"images\":{\"oci:\":\"accept\"}"), "no scope"},
    {COOPER(",\"images\":{\"oci:/srv/\":\"accept\"}"), "no scope"},
    {COOPER(",\"images\":{\"docker-archive:x.tar\":\"accept\"}"), "no scope"},
    {COOPER(",\"images\":{\"oci:/\":\"accept\",\"oci-archive:/a.tar\":\"reject\"}"), NULL},
    {COOPER(",\"images\":{\"\":\"accept\"}"), "no scope"},
};

static void documents_are_read_strictly(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(documents); i++) {
        CLEANUP(policy_freep) struct policy *p = NULL;
        ERROR_AUTO(err);
        const int r = policy_parse(view_of(documents[i].text), &p, &err);

        print_message("# %s\n", documents[i].text);
        assert_int_equal(r == 0, !documents[i].complaint);
        if (r < 0 && !strstr(err.text, documents[i].complaint))
            fail_msg("'%s' has no '%s'", err.text, documents[i].complaint);
    }
}

/* ---- scopes ---- */

static void files_have_scopes(void **state)
{
    static const char text[] =
        COOPER(",\"images\":{\"oci:/\":\"accept\",\"oci:/srv\":\"accept\","
               "\"docker-archive:/srv/a.tar\":\"accept\",\"r.example\":\"accept\"}");
    static const struct {
        const char *transport, *path, *scope; /* scope NULL: the default */
        bool own;
    } cases[] = {
        {"oci", "/etc", "", false},
        {"oci", "/srv/x", "/srv", true},
        {"oci", "", "", false},
        {"docker-archive", "/srv/a.tar", "/srv/a.tar", true},
        {"docker-archive", "/srv/b.tar", NULL, false},
        {"docker-archive", "", NULL, false},
        {"oci-archive", "/srv/a.tar", NULL, false},
    };
    CLEANUP(policy_freep) struct policy *p = NULL;

    (void)state;
    assert_int_equal(policy_parse(view_of(text), &p, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct policy_image image = {.transport = cases[i].transport, .path = cases[i].path};
        const struct policy_rule *r = policy_find(p, &image);

        print_message("# %s:%s\n", cases[i].transport, cases[i].path);
        assert_int_equal(!r->transport, !cases[i].scope);
        assert_int_equal(policy_rule_is_own(r), cases[i].own);
        if (cases[i].scope)
            assert_string_equal(r->scope, cases[i].scope);
    }
}

#define R "[{\"type\":\"reject\"}]"
static const char scopes[] =
    "{\"default\":" R ",\"transports\":{\"docker\":{\"\":" R ",\"r.example\":" R
    ",\"r.example/a\":" R ",\"r.example/a/b\":" R ",\"r.example/a/b:1\":" R
    ",\"r.example/a/b@sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\":" R
    ",\"*.example.org\":" R ",\"*.sub.example.org\":" R ",\"docker.io/library\":" R
    ",\"h.example:5000\":" R "},\"oci\":{\"/srv/images\":" R ",\"/srv/images/app:2\":" R "}}}";

#define DIGEST "@sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
static const struct {
    const char *reference, *path, *tag; /* a reference, or a path */
    const char *scope;                  /* NULL: the default of all */
} asked[] = {
    {"r.example/a/b:1", NULL, NULL, "r.example/a/b:1"},
    {"r.example/a/b:2", NULL, NULL, "r.example/a/b"},
    {"r.example/a/b:2" DIGEST, NULL, NULL, "r.example/a/b" DIGEST},
    {"r.example/a/b:1" DIGEST, NULL, NULL, "r.example/a/b" DIGEST},
    {"r.example/a/b/c", NULL, NULL, "r.example/a/b"},
    {"r.example/a/bc", NULL, NULL, "r.example/a"},
    {"r.example/ab", NULL, NULL, "r.example"},
    {"r.example.com/a", NULL, NULL, ""},
    {"x.example.org/a", NULL, NULL, "*.example.org"},
    {"x.example.org:5000/a", NULL, NULL, "*.example.org"},
    {"x.sub.example.org/a", NULL, NULL, "*.sub.example.org"},
    {"x.y.sub.example.org/a", NULL, NULL, "*.sub.example.org"},
    {"example.org/a", NULL, NULL, ""},
    {"xexample.org/a", NULL, NULL, ""},
    {"debian", NULL, NULL, "docker.io/library"},
    {"user/debian", NULL, NULL, ""},
    {"h.example:5000/a", NULL, NULL, "h.example:5000"},
    {"h.example/a", NULL, NULL, ""},
    {NULL, "/srv/images", NULL, "/srv/images"},
    {NULL, "/srv/images/app", "1", "/srv/images"},
    {NULL, "/srv/images/app", "2", "/srv/images/app:2"},
    {NULL, "/srv/imagesx", "2", NULL},
};

static void the_longest_scope_decides(void **state)
{
    CLEANUP(policy_freep) struct policy *p = NULL;

    (void)state;
    assert_int_equal(policy_parse(view_of(scopes), &p, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
        REFERENCE_AUTO(ref);
        struct policy_image image = {"oci", asked[i].path, asked[i].tag, NULL};

        print_message("# %s\n", asked[i].reference ? asked[i].reference : asked[i].path);
        if (asked[i].reference) {
            assert_int_equal(reference_parse(asked[i].reference, &ref, NULL), 0);
            image = (struct policy_image){.transport = "docker", .reference = &ref};
        }
        const struct policy_rule *r = policy_find(p, &image);
        assert_non_null(r);
        assert_int_equal(!r->transport, !asked[i].scope);
        if (asked[i].scope)
            assert_string_equal(r->scope, asked[i].scope);
    }
}

/* ---- decisions ---- */

#define NOW 1000000000
#define DAY 86400

static struct crypto *crypto;
static struct trust_key *keys[3]; /* "0", "1", "2" */

static int load(void **state)
{
    int r = crypto_open(&crypto, NULL);

    (void)state;
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(keys); i++)
        r = trust_key_new(crypto, &keys[i], NULL);
    return r;
}

static int unload(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        trust_key_free(keys[i]);
    crypto_close(crypto);
    return 0;
}

/* "0", "1", "2": the keys above; "1again": the second once more. */
static int read_file(void *ctx, const char *path, struct str *ret, struct error *err)
{
    (void)ctx;
    if (path[0] < '0' || path[0] > '2')
        return error_set(err, -ENOENT, "no such file");
    trust_key_print_public(keys[path[0] - '0'], ret);
    return 0;
}

static void add(struct evidence *e, struct sign_layer *l)
{
    struct descriptor d;

    assert_int_equal(descriptor_read(l->descriptor, "layer", &d, NULL), 0);
    assert_int_equal(evidence_read(&d, str_view(&l->blob), e, NULL), 0);
    sign_layer_done(l);
}

/* "s<key><age in days>[=name]" a signature, "a..." an SPDX statement, "b..." a signature as a bundle,
 * "n..." a signature that names no time; several with blanks between. */
static size_t make(const char *words, struct evidence *ret)
{
    const struct digest image = {{0}};
    struct view rest = view_of(words), word;
    size_t count = 0;

    while (*words && view_cut(&rest, ' ', &word)) {
        const struct trust_key *k = keys[word.at[1] - '0'];
        const int64_t time = NOW - (word.at[2] - '0') * DAY;
        cleanup_free char *name =
            word.size > 4 ? xstrndup(word.at + 4, word.size - 4) : xstrdup("r.example/a");
        struct sign_layer l = {.blob = STR_INIT};
        json_t *more = json_object();
        STR_AUTO(statement);

        if (word.at[0] == 's' || word.at[0] == 'n') {
            if (word.at[0] == 's')
                doc_set_int(more, "timestamp", time);
            assert_int_equal(sign_simple(k, name, &image, more, &l, NULL), 0);
        } else {
            const bool spdx = word.at[0] == 'a';
            doc_set_text(more, "Timestamp",
                         time == NOW ? "2001-09-09T01:46:40Z" : "2001-08-01T00:00:00Z");
            const char *type = spdx ? "https://spdx.dev/Document" : PREDICATE_COSIGN_SIGN;
            statement_print(name, &image, type, more, &statement);
            assert_int_equal(spdx ? sign_dsse(k, str_view(&statement), type, &l, NULL)
                                  : sign_bundle(k, str_view(&statement), &l, NULL),
                             0);
        }
        add(&ret[count++], &l);
    }
    return count;
}

#define KEY(more) ONE(SIGSTORE("\"keyPath\":\"0\"" more))
#define NAMED(type, more) KEY(",\"signedIdentity\":{\"type\":\"" type "\"" more "}")
#define BOTH                                                                                       \
    ONE(SIGSTORE(                                                                                  \
        "\"keyPath\":\"0\",\"signedIdentity\":{\"type\":\"matchRepository\"}") "," SIGSTORE("\"ke" \
                                                                                            "yPat" \
                                                                                            "h\":" \
                                                                                            "\"1"  \
                                                                                            "\","  \
                                                                                            "\"si" \
                                                                                            "gned" \
                                                                                            "Iden" \
                                                                                            "tity" \
                                                                                            "\":{" \
                                                                                            "\"ty" \
                                                                                            "pe\"" \
                                                                                            ":\"m" \
                                                                                            "atch" \
                                                                                            "Repo" \
                                                                                            "sito" \
                                                                                            "ry\"" \
                                                                                            "}"))
#define MAP ",\"prefix\":\"r.example\",\"signedPrefix\":\"o.example/m\""

static const struct {
    const char *policy, *reference, *beside, *complaint; /* NULL: it may be used */
} decisions[] = {
    {ONE("{\"type\":\"insecureAcceptAnything\"}"), "r.example/a:1", "", NULL},
    {ONE("{\"type\":\"reject\"}"), "r.example/a:1", "s00", "not to be used"},
    {ONE("{\"type\":\"insecureAcceptAnything\"},{\"type\":\"reject\"}"), "r.example/a:1", "",
     "not to be used"},
    {ONE("{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\",\"keyPath\":\"/k\"}"), "r.example/a:1",
     "s00", "signedBy (GPG)"},
    {KEY(",\"rekorPublicKeyPath\":\"0\""), "r.example/a:1", "s00", "no log has promised it"},
    {KEY(""), "r.example/a:1", "", "no signature"},
    {KEY(""), "r.example/a:1", "s00=r.example/a:1", NULL},
    {KEY(""), "r.example/a:1", "s00=r.example/a:2", "another name"},
    {KEY(""), "r.example/a:1", "s00=r.example/a", "another name"},
    {KEY(""), "r.example/a:1", "s10=r.example/a:1", "no signature"},
    {KEY(""), "r.example/a:1", "s10=r.example/a:1 s00=r.example/a:1", NULL},
    {KEY(""), "r.example/a" DIGEST, "s00=r.example/a:2", NULL},
    {KEY(""), "r.example/a" DIGEST, "s00=r.example/a", "another name"},
    {KEY(""), "r.example/a" DIGEST, "s00=r.example/b:2", "another name"},
    {NAMED("matchExact", ""), "r.example/a:1", "s00=r.example/a:1", NULL},
    {NAMED("matchExact", ""), "r.example/a" DIGEST, "s00=r.example/a:1", "another name"},
    {NAMED("matchRepository", ""), "r.example/a:1", "s00", NULL},
    {NAMED("matchRepository", ""), "r.example/a:1", "s00=r.example/a:9", NULL},
    {NAMED("matchRepository", ""), "r.example/a:1", "s00=r.example/ab", "another name"},
    {NAMED("matchRepository", ""), "r.example/a:1", "s00=///", "another name"},
    {NAMED("matchRepository", ""), "r.example/a:1", "b00", "no signature"},
    {NAMED("matchRepository", ""), "r.example/a:1", "a00", "no signature"},
    {NAMED("matchRepository", ""), "debian", "s00=debian", NULL},
    {NAMED("matchRepository", ""), "debian", "s00=docker.io/library/debian:1", NULL},
    {NAMED("exactReference", ",\"dockerReference\":\"o.example/x:3\""), "r.example/a:1",
     "s00=o.example/x:3", NULL},
    {NAMED("exactReference", ",\"dockerReference\":\"o.example/x:3\""), "r.example/a:1",
     "s00=r.example/a:1", "another name"},
    {NAMED("exactReference", ",\"dockerReference\":\"o.example/x\""), "r.example/a:1",
     "s00=o.example/x", "another name"},
    {NAMED("exactRepository", ",\"dockerRepository\":\"o.example/x\""), "r.example/a:1",
     "s00=o.example/x:3", NULL},
    {NAMED("remapIdentity", MAP), "r.example/a:1", "s00=o.example/m/a:1", NULL},
    {NAMED("remapIdentity", MAP), "r.example/a:1", "s00=r.example/a:1", "another name"},
    {NAMED("remapIdentity", MAP), "r.example.com/a:1", "s00=r.example.com/a:1", NULL},
    {NAMED("remapIdentity", MAP), "r.example:5000/a:1", "s00=r.example:5000/a:1", NULL},
    {NAMED("remapIdentity", MAP), "r.example:5000/a:1", "s00=o.example/m:5000/a:1", "another name"},
    {BOTH, "r.example/a:1", "s00", "no signature"},
    {BOTH, "r.example/a:1", "s10 s00", NULL},
    {COOPER(""), "r.example/a:1", "s00", "not to be used"},
    {SCOPED("\"accept\""), "r.example/a:1", "", NULL},
    {SCOPED("\"accept\""), "r.example/ab:1", "", "not to be used"},
    {SCOPED("[{\"signed-by\":[\"0\"]}]"), "r.example/a:1", "s00=whatever", NULL},
    {SCOPED("[{\"signed-by\":[\"0\"]}]"), "r.example/a:1", "b00", NULL},
    {SCOPED("[{\"signed-by\":[\"0\"]}]"), "r.example/a:1", "a00", "no signature"},
    {SCOPED("[{\"signed-by\":[\"0\"]}]"), "r.example/a:1", "s10", "no signature"},
    {SCOPED("[{\"signed-by\":[\"0\",\"1\"]}]"), "r.example/a:1", "s10", NULL},
    {SCOPED("[{\"signed-by\":[\"0\",\"1\"],\"at-least\":2}]"), "r.example/a:1", "s10 s10",
     "no signature"},
    {SCOPED("[{\"signed-by\":[\"0\",\"1\"],\"at-least\":2}]"), "r.example/a:1", "s10 b00", NULL},
    {SCOPED("[{\"signed-by\":[\"1\",\"1again\"],\"at-least\":2}]"), "r.example/a:1", "s10 s10",
     "no signature"},
    {SCOPED("[{\"signed-by\":[\"0\"],\"statement\":\"spdxjson\"}]"), "r.example/a:1", "s00",
     "no statement"},
    {SCOPED("[{\"signed-by\":[\"0\"],\"statement\":\"spdxjson\"}]"), "r.example/a:1", "a00", NULL},
    {SCOPED("[{\"signed-by\":[\"0\"],\"statement\":\"cyclonedx\"}]"), "r.example/a:1", "a00",
     "no statement"},
    {SCOPED("[{\"signed-by\":[\"0\"],\"max-age\":\"2d\"}]"), "r.example/a:1", "s01", NULL},
    {SCOPED("[{\"signed-by\":[\"0\"],\"max-age\":\"2d\"}]"), "r.example/a:1", "s03", "too old"},
    {SCOPED("[{\"signed-by\":[\"0\"],\"max-age\":\"2d\"}]"), "r.example/a:1", "s03 s00", NULL},
    {SCOPED("[{\"signed-by\":[\"0\"],\"max-age\":\"2d\"}]"), "r.example/a:1", "s0/",
     "in the future"},
    {SCOPED("[{\"signed-by\":[\"0\"],\"max-age\":\"2d\"}]"), "r.example/a:1", "n00",
     "does not say when"},
    {SCOPED("[{\"signed-by\":[\"0\"],\"statement\":\"spdxjson\",\"max-age\":\"2d\"}]"),
     "r.example/a:1", "a01", "too old"},
    {SCOPED("[{\"signed-by\":[\"0\"],\"statement\":\"spdxjson\",\"max-age\":\"2d\"}]"),
     "r.example/a:1", "a00", NULL},
    {SCOPED("[{\"signed-by\":[\"0\"]},{\"signed-by\":[\"1\"],\"statement\":\"spdxjson\"}]"),
     "r.example/a:1", "s00 a00", "no statement"},
    {SCOPED("[{\"signed-by\":[\"0\"]},{\"signed-by\":[\"1\"],\"statement\":\"spdxjson\"}]"),
     "r.example/a:1", "s00 a10", NULL},
    {SCOPED("[{\"signed-by\":[\"missing\"]}]"), "r.example/a:1", "s00", "no such file"},
};

static int decide(size_t i, struct error *err)
{
    CLEANUP(policy_freep) struct policy *p = NULL;
    REFERENCE_AUTO(ref);
    struct evidence beside[4];
    const size_t count = make(decisions[i].beside, beside);

    assert_int_equal(policy_parse(view_of(decisions[i].policy), &p, err), 0);
    assert_int_equal(reference_parse(decisions[i].reference, &ref, NULL), 0);
    const struct policy_image image = {.transport = "docker", .reference = &ref};
    const struct policy_facts facts = {&image, {{{0}}, VIEW("")}, beside, count, NOW};
    struct policy_rule *rule = policy_find(p, &image);
    int r = policy_rule_is_plain(rule) ? 0 : policy_load(rule, crypto, read_file, NULL, err);
    if (r == 0)
        r = policy_decide(rule, &facts, err);
    for (size_t k = 0; k < count; k++)
        evidence_done(&beside[k]);
    return r;
}

static void policies_decide(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(decisions); i++) {
        ERROR_AUTO(err);

        print_message("# %s %s %s\n", decisions[i].policy, decisions[i].reference,
                      decisions[i].beside);
        const int r = decide(i, &err);
        if (!decisions[i].complaint && r < 0)
            fail_msg("refused: %s (%s)", err.text, err.hint ? err.hint : "");
        assert_int_equal(r == 0, !decisions[i].complaint);
        if (r < 0 && !strstr(err.text, decisions[i].complaint) &&
            !(err.hint && strstr(err.hint, decisions[i].complaint)))
            fail_msg("'%s' '%s' has no '%s'", err.text, err.hint ? err.hint : "",
                     decisions[i].complaint);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_are_read_strictly),
        cmocka_unit_test(the_longest_scope_decides),
        cmocka_unit_test(files_have_scopes),
        cmocka_unit_test(policies_decide),
    };

    return cmocka_run_group_tests(tests, load, unload);
}
