/* containers-policy.json(5), the language of podman, skopeo, buildah and cri-o. */
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

/* ---- sigstoreSigned ---- */

/* Go's JSON holds bytes as base64. */
static int add_data(struct requirement *q, const json_t *text, struct error *err)
{
    STR_AUTO(pem);

    if (!json_is_string(text) || !str_add_unbase64(&pem, view_of(json_string_value(text))))
        return error_set(err, -EINVAL, "a key's data is not base64");
    return requirement_add_key(q, NULL, str_view(&pem), err);
}

static int add_path(struct requirement *q, const json_t *text, struct error *err)
{
    if (!json_is_string(text) || !*json_string_value(text))
        return error_set(err, -EINVAL, "a key's path is no text");
    return requirement_add_key(q, json_string_value(text), VIEW(""), err);
}

static const struct {
    const char *key;
    bool list;
    int (*add)(struct requirement *q, const json_t *text, struct error *err);
} sources[] = {
    {"keyPath", false, add_path},
    {"keyPaths", true, add_path},
    {"keyData", false, add_data},
    {"keyDatas", true, add_data},
};

static int read_source(const json_t *value, size_t i, struct requirement *q, struct error *err)
{
    const json_t *item;
    size_t n;
    int r = 0;

    if (!sources[i].list)
        return sources[i].add(q, value, err);
    if (json_array_size(value) == 0)
        return error_set(err, -EINVAL, "%s is no list of keys", sources[i].key);
    json_array_foreach(value, n, item)
    {
        r = r < 0 ? r : sources[i].add(q, item, err);
    }
    return r;
}

/* What else can prove a signature, and what must prove it besides. */
static const char *const unknown[] = {
    "fulcio",
    "pki",
    "rekorPublicKeyPath",
    "rekorPublicKeyPaths",
    "rekorPublicKeyData",
    "rekorPublicKeyDatas",
};

static int read_sigstore(const json_t *doc, struct requirement *q, struct error *err)
{
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
    json_t *identity = NULL;
    size_t given = json_object_get(doc, "fulcio") || json_object_get(doc, "pki");
    int r = policy_know_keys(doc, words, err);

    q->name = NAME_REPOSITORY_DIGEST_OR_EXACT;
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(sources); i++) {
        const json_t *value = json_object_get(doc, sources[i].key);

        given += value != NULL;
        if (value)
            r = read_source(value, i, q, err);
    }
    if (r == 0 && given != 1)
        r = error_set(
            err, -EINVAL,
            "sigstoreSigned has one of keyPath, keyPaths, keyData, keyDatas, fulcio and pki");
    if (r == 0)
        r = doc_object(doc, "signedIdentity", &identity, err);
    if (r == 0 && identity)
        r = read_identity(identity, q, err);
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(unknown); i++)
        if (json_object_get(doc, unknown[i]) && q->kind == REQUIRE_SIGNED) {
            q->kind = REQUIRE_UNKNOWN;
            q->what = xasprintf("sigstoreSigned with %s", unknown[i]);
        }
    return r;
}

/* ---- requirements ---- */

static int read_requirement(const json_t *doc, struct policy_rule *rule, struct error *err)
{
    static const char *const alone[] = {"type", NULL};
    const char *type = NULL;
    int r = doc_need_text(doc, "type", &type, err);

    if (r < 0)
        return r;
    if (strcmp(type, "sigstoreSigned") == 0)
        return read_sigstore(doc, policy_add_requirement(rule, REQUIRE_SIGNED), err);
    if (strcmp(type, "signedBy") == 0 || strcmp(type, "signedBaseLayer") == 0) {
        policy_add_requirement(rule, REQUIRE_UNKNOWN)->what = xasprintf("%s (GPG)", type);
        return 0;
    }
    r = policy_know_keys(doc, alone, err);
    if (r < 0)
        return r;
    if (strcmp(type, "insecureAcceptAnything") == 0)
        (void)policy_add_requirement(rule, REQUIRE_NOTHING);
    else if (strcmp(type, "reject") == 0)
        (void)policy_add_requirement(rule, REQUIRE_IMPOSSIBLE);
    else
        return error_set(err, -EINVAL, "a requirement of the type '%.80s' has no meaning here",
                         type);
    return 0;
}

static int read_rule(const json_t *list, struct policy *p, const char *transport, const char *scope,
                     struct error *err)
{
    struct policy_rule *rule = policy_add_rule(p, transport, scope);
    const json_t *item;
    size_t i;
    int r = 0;

    if (json_array_size(list) == 0)
        r = error_set(err, -EINVAL, "it is no list of requirements");
    json_array_foreach(list, i, item)
    {
        r = r < 0 ? r : read_requirement(item, rule, err);
    }
    return r < 0 ? error_wrap(err, r, "'%s'",
                              *scope      ? scope
                              : transport ? transport
                                          : "default")
                 : 0;
}

int policy_read_containers(const json_t *doc, struct policy *p, struct error *err)
{
    static const char *const words[] = {"default", "transports", NULL};
    json_t *transports = NULL, *scopes, *list;
    const char *transport, *scope;
    int r = policy_know_keys(doc, words, err);

    if (r == 0)
        r = doc_need_array(doc, "default", &list, err);
    if (r == 0)
        r = read_rule(list, p, NULL, "", err);
    if (r == 0)
        r = doc_object(doc, "transports", &transports, err);
    json_object_foreach(transports, transport, scopes)
    {
        if (r == 0 && !json_is_object(scopes))
            r = error_set(err, -EINVAL, "transports: '%.80s' is no object", transport);
        json_object_foreach(scopes, scope, list)
        {
            r = r < 0 ? r : read_rule(list, p, transport, scope, err);
        }
    }
    return r;
}
