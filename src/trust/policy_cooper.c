/* cooper's own small language: who must have signed what, and how long ago at most. */
#include <errno.h>
#include <inttypes.h>

#include "trust/policy_internal.h"

/* What is no name of a registry: a path, or all of it with "/". */
static const char *const transports[] = {"oci", "oci-archive", "docker-archive"};

/* Known words, and something behind each: null would ask for nothing where a word stands. */
static int know_keys(const json_t *doc, const char *const *words, struct error *err)
{
    const char *key;
    json_t *value;
    int r = policy_know_keys(doc, words, err);

    json_object_foreach((json_t *)(uintptr_t)doc, key, value)
    {
        if (r == 0 && json_is_null(value))
            r = error_set(err, -EINVAL, "%s is null", key);
    }
    return r;
}

/* "90m", "720h", "30d", "4w": a number and one unit. */
static int read_age(const char *text, int64_t *ret_s, struct error *err)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    const size_t size = strlen(text);
    uint64_t n = 0;

    for (size_t i = 0; size > 1 && i < ARRAY_SIZE(units); i++)
        if (text[size - 1] == units[i].unit && view_to_u64(view_make(text, size - 1), &n) &&
            n > 0 && !mul_overflow(n, units[i].seconds, ret_s))
            return 0;
    return error_set(err, -EINVAL, "max-age '%.40s' is not a number with s, m, h, d or w", text);
}

/* A file, or PEM itself. */
static struct requirement_key file_or_pem(const char *text)
{
    const bool pem = strncmp(text, "-----BEGIN", 10) == 0;
    struct requirement_key k = {.path = pem ? NULL : xstrdup(text), .pem = STR_INIT};

    if (pem)
        str_add_text(&k.pem, text);
    return k;
}

static int read_keys(const json_t *list, const char *name, struct requirement_keys *ret,
                     struct error *err)
{
    const json_t *item;
    size_t i;
    int r = json_array_size(list) > 0 ? 0 : error_set(err, -EINVAL, "%s is no list of keys", name);

    json_array_foreach(list, i, item)
    {
        const char *text = json_string_value(item);

        if (r == 0 && (!text || !*text))
            r = error_set(err, -EINVAL, "%s[%zu] is no text", name, i);
        if (r == 0 && ret->size == POLICY_KEYS_MAX)
            r = error_set(err, -EDQUOT, "%s has more than %d keys", name, POLICY_KEYS_MAX);
        if (r < 0)
            break;
        vec_push(ret, file_or_pem(text));
    }
    return r;
}

static int read_statement(const json_t *doc, struct requirement *q, struct error *err)
{
    const char *word = NULL;
    const int r = doc_text(doc, "statement", &word, err);

    if (r < 0 || !word)
        return r;
    const char *type = statement_type_of(word);
    if (!type)
        return error_set(err, -EINVAL, "statement '%.80s' is no URI and no known word", word);
    q->statement = xstrdup(type);
    return 0;
}

static int read_certificates(const json_t *doc, const char *key, struct requirement_key *ret,
                             struct error *err)
{
    const char *text = NULL;
    const int r = doc_need_text(doc, key, &text, err);

    if (r < 0)
        return r;
    if (!*text)
        return error_set(err, -EINVAL, "%s is empty", key);
    *ret = file_or_pem(text);
    return 0;
}

static int read_identity(const json_t *doc, struct requirement *q, struct error *err)
{
    struct identity_words w = {0};
    int r = doc_text(doc, "certificate-identity", &w.name, err);

    if (r == 0)
        r = doc_text(doc, "certificate-identity-regexp", &w.name_like, err);
    if (r == 0)
        r = doc_text(doc, "certificate-oidc-issuer", &w.issuer, err);
    if (r == 0)
        r = doc_text(doc, "certificate-oidc-issuer-regexp", &w.issuer_like, err);
    if (r == 0)
        r = requirement_set_identity(q, &w, err);
    return r < 0 || q->root.path ? r
                                 : read_certificates(doc, "certificate-chain", &q->by->roots, err);
}

/* One file for all that could else be said one by one. */
static int read_root(const json_t *doc, struct requirement *q, struct error *err)
{
    static const char *const others[] = {"certificate-chain", "rekor-public-key",
                                         "timestamp-certificate-chain"};
    const char *file = NULL;
    const int r = doc_text(doc, "trusted-root", &file, err);

    if (r < 0 || !file)
        return r;
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (json_object_get(doc, others[i]))
            return error_set(err, -EINVAL, "there are trusted-root and %s", others[i]);
    if (!*file)
        return error_set(err, -EINVAL, "trusted-root is empty");
    q->root.path = xstrdup(file);
    return 0;
}

/* A log, a clock. */
static int read_witnesses(const json_t *doc, struct requirement *q, struct error *err)
{
    json_t *logs = NULL;
    int r = doc_array(doc, "rekor-public-key", &logs, err);

    if (r == 0 && logs)
        r = read_keys(logs, "rekor-public-key", &q->logs, err);
    if (r < 0 || !json_object_get(doc, "timestamp-certificate-chain"))
        return r;
    q->clocks = xcalloc(1, sizeof(*q->clocks));
    return read_certificates(doc, "timestamp-certificate-chain", &q->clocks->roots, err);
}

/* Keys, or the identity in a certificate. */
static int read_prover(const json_t *doc, struct requirement *q, struct error *err)
{
    static const char *const others[] = {"certificate-identity", "certificate-identity-regexp",
                                         "certificate-oidc-issuer",
                                         "certificate-oidc-issuer-regexp", "certificate-chain"};
    const char *other = NULL;
    json_t *keys = NULL;
    int r = read_root(doc, q, err);

    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (json_object_get(doc, others[i]))
            other = others[i];
    if (r < 0)
        return r;
    if (!other)
        r = doc_need_array(doc, "signed-by", &keys, err);
    else if (json_object_get(doc, "signed-by"))
        r = error_set(err, -EINVAL, "there are signed-by and %s", other);
    if (r == 0)
        r = other ? read_identity(doc, q, err) : read_keys(keys, "signed-by", &q->keys, err);
    return r < 0 ? r : read_witnesses(doc, q, err);
}

static int read_requirement(const json_t *doc, struct policy_rule *rule, struct error *err)
{
    static const char *const words[] = {"signed-by",
                                        "at-least",
                                        "statement",
                                        "max-age",
                                        "certificate-identity",
                                        "certificate-identity-regexp",
                                        "certificate-oidc-issuer",
                                        "certificate-oidc-issuer-regexp",
                                        "certificate-chain",
                                        "rekor-public-key",
                                        "timestamp-certificate-chain",
                                        "trusted-root",
                                        NULL};
    struct requirement *q = policy_add_requirement(rule, REQUIRE_SIGNED);
    const char *age = NULL;
    int r = know_keys(doc, words, err);

    if (r == 0)
        r = read_prover(doc, q, err);
    if (r == 0)
        r = doc_int(doc, "at-least", &q->at_least, err);
    const uint64_t most = q->by ? 1 : q->keys.size;
    if (r == 0 && (q->at_least < 1 || (uint64_t)q->at_least > most))
        r = error_set(err, -EINVAL, "at-least is %" PRId64 " of %" PRIu64 " keys", q->at_least,
                      most);
    if (r == 0)
        r = read_statement(doc, q, err);
    if (r == 0)
        r = doc_text(doc, "max-age", &age, err);
    return r == 0 && age ? read_age(age, &q->max_age_s, err) : r;
}

static int read_rule(const json_t *value, struct policy_rule *rule, struct error *err)
{
    const char *word = json_string_value(value);
    const json_t *item;
    size_t i;
    int r = 0;

    if (word && (strcmp(word, "accept") == 0 || strcmp(word, "reject") == 0)) {
        (void)policy_add_requirement(rule, *word == 'a' ? REQUIRE_NOTHING : REQUIRE_IMPOSSIBLE);
        return 0;
    }
    if (json_array_size(value) == 0)
        return error_set(err, -EINVAL, "it is not accept, reject or a list of requirements");
    json_array_foreach(value, i, item)
    {
        r = r < 0 ? r : read_requirement(item, rule, err);
    }
    return r;
}

static int add_scope(struct policy *p, const char *scope, const json_t *value, struct error *err)
{
    const char *name = scope, *transport = "docker";

    for (size_t i = 0; i < ARRAY_SIZE(transports); i++) {
        const size_t size = strlen(transports[i]);
        if (strncmp(scope, transports[i], size) == 0 && scope[size] == ':') {
            transport = transports[i];
            name = scope + size + 1;
        }
    }
    const bool file = name != scope, all = file && strcmp(name, "/") == 0;
    if (!*name || (file && *name != '/') || (!all && name[strlen(name) - 1] == '/'))
        return error_set(err, -EINVAL,
                         "'%s' is no scope: a host, a repository, a reference or oci:/DIR is",
                         scope);
    const int r = read_rule(value, policy_add_rule(p, transport, all ? "" : name), err);
    return r < 0 ? error_wrap(err, r, "'%s'", scope) : 0;
}

int policy_read_cooper(const json_t *doc, struct policy *p, struct error *err)
{
    static const char *const words[] = {"version", "default", "images", NULL};
    const json_t *fallback = json_object_get(doc, "default");
    json_t *images = NULL, *value;
    const char *scope;
    int64_t version = 0;
    int r = know_keys(doc, words, err);

    if (r == 0)
        r = doc_need_int(doc, "version", &version, err);
    if (r == 0 && version != 1)
        r = error_set(err, -ENOTSUP, "the policy has version %" PRId64 ", not 1", version);
    if (r == 0 && !fallback)
        r = error_set(err, -EINVAL, "the policy has no 'default'");
    if (r == 0)
        r = read_rule(fallback, policy_add_rule(p, NULL, ""), err);
    if (r == 0)
        r = doc_object(doc, "images", &images, err);
    json_object_foreach(images, scope, value)
    {
        r = r < 0 ? r : add_scope(p, scope, value, err);
    }
    return r;
}
