/* sigstoreSigned of containers-policy.json(5): by whom, known to which log, under which name. */
#include <arpa/inet.h>
#include <errno.h>

#include "trust/policy_internal.h"

/* ---- signedIdentity ---- */

static const struct {
    const char *type;
    enum requirement_name name;
    const char *given; /* the key with the name, or NULL */
} identities[] = {
    {"matchExact", NAME_EXACT, NULL},
    {"matchRepoDigestOrExact", NAME_REPOSITORY_DIGEST_OR_EXACT, NULL},
    {"matchRepository", NAME_REPOSITORY, NULL},
    {"exactReference", NAME_GIVEN_REFERENCE, "dockerReference"},
    {"exactRepository", NAME_GIVEN_REPOSITORY, "dockerRepository"},
    {"remapIdentity", NAME_REMAPPED, NULL},
};

static int take_text(const json_t *doc, const char *key, char **ret, struct error *err)
{
    const char *text = NULL;
    const int r = doc_need_text(doc, key, &text, err);

    if (r == 0)
        *ret = xstrdup(text);
    return r;
}

static int read_identity(const json_t *doc, struct requirement *q, struct error *err)
{
    static const char *const words[] = {"type",   "dockerReference", "dockerRepository",
                                        "prefix", "signedPrefix",    NULL};
    const char *type = NULL;
    int r = doc_need_text(doc, "type", &type, err);

    if (r == 0)
        r = policy_know_keys(doc, words, err);
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(identities); i++) {
        if (strcmp(identities[i].type, type) != 0)
            continue;
        q->name = identities[i].name;
        if (identities[i].given)
            r = take_text(doc, identities[i].given, &q->given, err);
        if (r == 0 && q->name == NAME_REMAPPED)
            r = take_text(doc, "prefix", &q->prefix, err);
        if (r == 0 && q->name == NAME_REMAPPED)
            r = take_text(doc, "signedPrefix", &q->signed_prefix, err);
        return r;
    }
    return r < 0 ? r : error_set(err, -EINVAL, "signedIdentity '%.80s' has no meaning here", type);
}

/* ---- keys and certificates, in files or in the policy itself ---- */

/* Go's JSON holds bytes as base64. */
static int add_data(struct requirement_keys *l, const json_t *text, struct error *err)
{
    STR_AUTO(pem);

    if (!json_is_string(text) || !str_add_unbase64(&pem, view_of(json_string_value(text))))
        return error_set(err, -EINVAL, "a key's data is not base64");
    return requirement_add_key(l, NULL, str_view(&pem), err);
}

static int add_path(struct requirement_keys *l, const json_t *text, struct error *err)
{
    if (!json_is_string(text) || !*json_string_value(text))
        return error_set(err, -EINVAL, "a key's path is no text");
    return requirement_add_key(l, json_string_value(text), VIEW(""), err);
}

/* What is behind one of these keys, alone or in a list. */
static const struct source {
    const char *end;
    bool list;
    int (*add)(struct requirement_keys *l, const json_t *text, struct error *err);
} sources[] = {
    {"Path", false, add_path},
    {"Paths", true, add_path},
    {"Data", false, add_data},
    {"Datas", true, add_data},
};

static int read_source(const struct source *s, const char *key, const json_t *value,
                       struct requirement_keys *ret, struct error *err)
{
    const json_t *item;
    size_t n;
    int r = 0;

    if (!s->list)
        return s->add(ret, value, err);
    if (json_array_size(value) == 0)
        return error_set(err, -EINVAL, "%s is no list of keys", key);
    json_array_foreach(value, n, item)
    {
        r = r < 0 ? r : s->add(ret, item, err);
    }
    return r;
}

/* One of PREFIXPath, PREFIXPaths, PREFIXData and PREFIXDatas at most; a count of those. */
static int read_sources(const json_t *doc, const char *prefix, struct requirement_keys *ret,
                        struct error *err)
{
    int given = 0, r = 0;

    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(sources); i++) {
        cleanup_free char *key = xasprintf("%s%s", prefix, sources[i].end);
        const json_t *value = json_object_get(doc, key);

        given += value != NULL;
        if (value)
            r = read_source(&sources[i], key, value, ret, err);
    }
    if (r == 0 && given > 1)
        r = error_set(err, -EINVAL, "there are %d of %sPath, %sPaths, %sData and %sDatas", given,
                      prefix, prefix, prefix, prefix);
    return r < 0 ? r : given;
}

/* ---- certificates ---- */

/* PREFIXPath or PREFIXData. */
static int read_certificates(const json_t *doc, const char *prefix, bool needed,
                             struct requirement_key *ret, struct error *err)
{
    CLEANUP(requirement_keys_done) struct requirement_keys one = {0};
    const int r = read_sources(doc, prefix, &one, err);

    if (r > 0) {
        *ret = one.at[0];
        one.at[0] = (struct requirement_key){0};
    }
    if (r == 0 && needed)
        return error_set(err, -EINVAL, "there is no %sPath or %sData", prefix, prefix);
    return MIN(r, 0);
}

static int take_optional(const json_t *doc, const char *key, char **ret, struct error *err)
{
    return json_object_get(doc, key) ? take_text(doc, key, ret, err) : 0;
}

static int need_text(const char *text, const char *what, struct error *err)
{
    return text && *text ? 0 : error_set(err, -EINVAL, "there is no %s", what);
}

static int read_fulcio(const json_t *doc, struct requirement_authority *by, struct error *err)
{
    static const char *const words[] = {"caPath", "caData", "oidcIssuer", "subjectEmail", NULL};
    int r = policy_know_keys(doc, words, err);

    if (r == 0)
        r = read_certificates(doc, "ca", true, &by->roots, err);
    if (r == 0)
        r = take_optional(doc, "oidcIssuer", &by->issuer, err);
    if (r == 0)
        r = take_optional(doc, "subjectEmail", &by->email, err);
    if (r == 0)
        r = need_text(by->issuer, "oidcIssuer", err);
    return r < 0 ? r : need_text(by->email, "subjectEmail", err);
}

static bool is_address(const char *host)
{
    struct in6_addr any;

    return inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
}

static int read_pki(const json_t *doc, struct requirement_authority *by, struct error *err)
{
    static const char *const words[] = {"caRootsPath",
                                        "caRootsData",
                                        "caIntermediatesPath",
                                        "caIntermediatesData",
                                        "subjectEmail",
                                        "subjectHostname",
                                        NULL};
    int r = policy_know_keys(doc, words, err);

    if (r == 0)
        r = read_certificates(doc, "caRoots", true, &by->roots, err);
    if (r == 0)
        r = read_certificates(doc, "caIntermediates", false, &by->between, err);
    if (r == 0)
        r = take_optional(doc, "subjectEmail", &by->email, err);
    if (r == 0)
        r = take_optional(doc, "subjectHostname", &by->hostname, err);
    /* to libcrypto the first would be all hosts below, and the second a name */
    if (r == 0 && by->hostname && (*by->hostname == '.' || is_address(by->hostname)))
        r = error_set(err, -EINVAL, "subjectHostname '%.80s' is no host", by->hostname);
    return r < 0 ? r
                 : need_text(by->email ? by->email : by->hostname,
                             "subjectEmail or subjectHostname", err);
}

static int read_authority(const json_t *doc, const char *key,
                          int (*read)(const json_t *doc, struct requirement_authority *by,
                                      struct error *err),
                          struct requirement *q, struct error *err)
{
    json_t *value = NULL;
    int r = doc_object(doc, key, &value, err);

    if (r < 0 || !value)
        return r;
    if (!q->by)
        q->by = xcalloc(1, sizeof(*q->by));
    r = read(value, q->by, err);
    return r < 0 ? error_wrap(err, r, "%s", key) : 1;
}

/* ---- all of it ---- */

static const char *const words[] = {"type",
                                    "keyPath",
                                    "keyPaths",
                                    "keyData",
                                    "keyDatas",
                                    "signedIdentity",
                                    "fulcio",
                                    "pki",
                                    "rekorPublicKeyPath",
                                    "rekorPublicKeyPaths",
                                    "rekorPublicKeyData",
                                    "rekorPublicKeyDatas",
                                    NULL};

/* Exactly one way to prove who signed. */
static int read_prover(const json_t *doc, struct requirement *q, struct error *err)
{
    const int keys = read_sources(doc, "key", &q->keys, err);
    const int fulcio = keys < 0 ? keys : read_authority(doc, "fulcio", read_fulcio, q, err);
    const int pki = fulcio < 0 ? fulcio : read_authority(doc, "pki", read_pki, q, err);
    const int logs = pki < 0 ? pki : read_sources(doc, "rekorPublicKey", &q->logs, err);

    if (logs < 0)
        return logs;
    if (keys + fulcio + pki != 1)
        return error_set(
            err, -EINVAL,
            "sigstoreSigned has one of keyPath, keyPaths, keyData, keyDatas, fulcio and pki");
    /* its certificates are valid for minutes: only a log says that it was in those */
    if (fulcio && !logs)
        return error_set(err, -EINVAL, "fulcio without a rekorPublicKeyPath or the like");
    return pki && logs ? error_set(err, -EINVAL, "pki with a key of Rekor") : 0;
}

int policy_read_sigstore(const json_t *doc, struct requirement *q, struct error *err)
{
    json_t *identity = NULL;
    int r = policy_know_keys(doc, words, err);

    q->name = NAME_REPOSITORY_DIGEST_OR_EXACT;
    if (r == 0)
        r = read_prover(doc, q, err);
    if (r == 0)
        r = doc_object(doc, "signedIdentity", &identity, err);
    return r == 0 && identity ? read_identity(identity, q, err) : r;
}
