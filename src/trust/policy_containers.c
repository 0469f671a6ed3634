/* containers-policy.json(5), the language of podman, skopeo, buildah and cri-o. */
#include <errno.h>

#include "trust/policy_internal.h"

/* ---- requirements ---- */

/* It refuses what it is about, whatever is in it; what podman would not read is refused for all. */
static int read_signed_by(const json_t *doc, struct requirement *q, struct error *err)
{
    static const char *const words[] = {"type",    "keyType",        "keyPath", "keyPaths",
                                        "keyData", "signedIdentity", NULL};
    static const char *const kinds[] = {"GPGKeys", "signedByGPGKeys", "X509Certificates",
                                        "signedByX509CAs"};
    const char *kind = NULL;
    bool known = false;
    int r = policy_know_keys(doc, words, err), given = 0;

    if (r == 0)
        r = doc_need_text(doc, "keyType", &kind, err);
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(kinds); i++)
        known = known || strcmp(kind, kinds[i]) == 0;
    for (size_t i = 2; i < 5; i++)
        given += json_object_get(doc, words[i]) != NULL;
    if (r == 0 && !known)
        r = error_set(err, -EINVAL, "keyType '%.40s' has no meaning here", kind);
    if (r == 0 && given != 1)
        r = error_set(err, -EINVAL, "signedBy has one of keyPath, keyPaths and keyData");
    q->what = xstrdup("signedBy (GPG)");
    return r;
}

static int read_requirement(const json_t *doc, struct policy_rule *rule, struct error *err)
{
    static const char *const alone[] = {"type", NULL};
    const char *type = NULL;
    int r = doc_need_text(doc, "type", &type, err);

    if (r < 0)
        return r;
    if (strcmp(type, "sigstoreSigned") == 0)
        return policy_read_sigstore(doc, policy_add_requirement(rule, REQUIRE_SIGNED), err);
    if (strcmp(type, "signedBy") == 0)
        return read_signed_by(doc, policy_add_requirement(rule, REQUIRE_UNKNOWN), err);
    if (strcmp(type, "signedBaseLayer") == 0) {
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

    p->of_instance = true;
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
