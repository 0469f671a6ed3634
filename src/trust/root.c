#include "trust/root.h"

#include <errno.h>

#include "base/doc.h"
#include "base/vec.h"
#include "oci/config.h"
#include "trust/pem.h"

bool window_holds(const struct window *w, int64_t at_s)
{
    return at_s >= w->start_s && (w->end_s == 0 || at_s <= w->end_s);
}

static void keys_done(struct trusted_keys *l)
{
    vec_each (k, l)
        trust_key_free(k->key);
    vec_done(l);
}

void trusted_authorities_done(struct trusted_authorities *l)
{
    vec_each (a, l)
        authority_free(a->authority);
    vec_done(l);
}

void trusted_root_done(struct trusted_root *root)
{
    keys_done(&root->logs);
    keys_done(&root->ct_logs);
    trusted_authorities_done(&root->authorities);
    trusted_authorities_done(&root->clocks);
}

/* ---- what all parts have ---- */

static int know_keys(const json_t *doc, const char *const *words, struct error *err)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)doc, key, value)
    {
        const char *const *word = words;

        while (*word && strcmp(*word, key) != 0)
            word++;
        if (!*word || json_is_null(value))
            return error_set(err, -EINVAL, "'%.80s' %s", key,
                             *word ? "is null" : "has no meaning here");
    }
    return 0;
}

static int read_time(const json_t *doc, const char *key, int64_t *ret_s, struct error *err)
{
    const char *text = NULL;
    const int r = doc_text(doc, key, &text, err);

    if (r < 0 || !text)
        return r;
    if (!config_time_parse(text, ret_s))
        return error_set(err, -EINVAL, "%s '%.40s' is no time", key, text);
    return 0;
}

/* `cosign trusted-root create` writes 1970 as the start of a log where it is told none. An end then would read as none. */
static int read_window(const json_t *doc, struct window *ret, struct error *err)
{
    static const char *const words[] = {"start", "end", NULL};
    json_t *valid = NULL;
    int r = doc_object(doc, "validFor", &valid, err);

    if (r < 0 || !valid)
        return r;
    r = know_keys(valid, words, err);
    if (r == 0)
        r = read_time(valid, "start", &ret->start_s, err);
    if (r == 0)
        r = read_time(valid, "end", &ret->end_s, err);
    ret->start_s = MAX(ret->start_s, 0);
    return r == 0 && ret->end_s <= 0 && json_object_get(valid, "end")
               ? error_set(err, -EINVAL, "its end is before all time")
               : r;
}

/* Appends rawBytes, which protobuf's JSON has in base64, as a block of PEM. */
static int add_pem(const json_t *doc, const char *label, struct str *ret, struct error *err)
{
    const char *text = NULL;
    const int r = doc_need_text(doc, "rawBytes", &text, err);
    STR_AUTO(bytes);

    if (r < 0)
        return r;
    if (!str_add_unbase64(&bytes, view_of(text)))
        return error_set(err, -EINVAL, "rawBytes is not base64");
    pem_add(ret, label, str_view(&bytes));
    return 0;
}

/* ---- keys of logs ---- */

/* Signatures of other kinds nobody could check. */
static bool is_known_kind(const char *details)
{
    static const char *const known[] = {"PKIX_ECDSA_P", "PKIX_RSA_PKCS1V15_"};

    if (!details || strcmp(details, "PKIX_ED25519") == 0)
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (strncmp(details, known[i], strlen(known[i])) == 0)
            return true;
    return false;
}

static int read_key(const struct crypto *c, const json_t *doc, struct trusted_keys *ret,
                    struct error *err)
{
    static const char *const words[] = {"rawBytes", "keyDetails", "validFor", NULL};
    const json_t *details = json_object_get(doc, "keyDetails");
    struct trusted_key k = {0};
    STR_AUTO(pem);
    int r = know_keys(doc, words, err);

    if (r == 0)
        r = read_window(doc, &k.valid, err);
    if (r < 0 || !is_known_kind(json_string_value(details)))
        return r;
    r = add_pem(doc, "PUBLIC KEY", &pem, err);
    if (r == 0)
        r = trust_key_read(c, str_view(&pem), &k.key, err);
    if (r == 0)
        vec_push(ret, k);
    return r;
}

static int read_log(const struct crypto *c, const json_t *doc, void *ret, struct error *err)
{
    static const char *const words[] = {"baseUrl",         "hashAlgorithm", "publicKey", "logId",
                                        "checkpointKeyId", "operator",      NULL};
    json_t *key;
    int r = know_keys(doc, words, err);

    if (r == 0)
        r = doc_need_object(doc, "publicKey", &key, err);
    return r < 0 ? r : read_key(c, key, ret, err);
}

/* ---- chains of authorities ---- */

static int read_chain(const struct crypto *c, const json_t *doc, struct authority **ret,
                      struct error *err)
{
    static const char *const words[] = {"certificates", NULL};
    json_t *list, *item;
    size_t i;
    STR_AUTO(root);
    STR_AUTO(between);
    int r = know_keys(doc, words, err);

    if (r == 0)
        r = doc_need_array(doc, "certificates", &list, err);
    if (r < 0)
        return r;
    if (json_array_size(list) > CERTIFICATE_CHAIN_MAX)
        return error_set(err, -EDQUOT, "a chain of more than %d certificates",
                         CERTIFICATE_CHAIN_MAX);
    json_array_foreach(list, i, item)
    {
        if (r == 0)
            r = add_pem(item, "CERTIFICATE", i + 1 == json_array_size(list) ? &root : &between,
                        err);
    }
    return r < 0 ? r : authority_read(c, str_view(&root), str_view(&between), ret, err);
}

static int read_authority(const struct crypto *c, const json_t *doc, void *ret, struct error *err)
{
    static const char *const words[] = {"subject",  "uri",      "certChain",
                                        "validFor", "operator", NULL};
    struct trusted_authorities *to = ret;
    struct trusted_authority a = {0};
    json_t *chain;
    int r = know_keys(doc, words, err);

    if (r == 0)
        r = read_window(doc, &a.valid, err);
    if (r == 0)
        r = doc_need_object(doc, "certChain", &chain, err);
    if (r == 0)
        r = read_chain(c, chain, &a.authority, err);
    if (r == 0)
        vec_push(to, a);
    return r;
}

/* ---- all of it ---- */

static int read_list(const struct crypto *c, const json_t *doc, const char *key,
                     int (*read)(const struct crypto *c, const json_t *doc, void *ret,
                                 struct error *err),
                     void *ret, struct error *err)
{
    json_t *list = NULL, *item;
    size_t i;
    int r = doc_array(doc, key, &list, err);

    if (r == 0 && json_array_size(list) > TRUSTED_ROOT_EACH_MAX)
        r = error_set(err, -EDQUOT, "%s has more than %d items", key, TRUSTED_ROOT_EACH_MAX);
    json_array_foreach(list, i, item)
    {
        if (r < 0)
            break;
        r = json_is_object(item) ? read(c, item, ret, err)
                                 : error_set(err, -EINVAL, "it is no object");
        if (r < 0)
            r = error_wrap(err, r, "%s[%zu]", key, i);
    }
    return r;
}

static int check_head(const json_t *doc, struct error *err)
{
    static const char *const words[] = {
        "mediaType", "tlogs", "certificateAuthorities", "ctlogs", "timestampAuthorities", NULL};
    static const char *const types[] = {"application/vnd.dev.sigstore.trustedroot+json;version=0.1",
                                        "application/vnd.dev.sigstore.trustedroot.v0.1+json",
                                        "application/vnd.dev.sigstore.trustedroot.v0.2+json"};
    const char *type = NULL;
    int r = json_is_object(doc) ? doc_need_text(doc, "mediaType", &type, err)
                                : error_set(err, -EINVAL, "it is no JSON object");

    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(types); i++)
        if (strcmp(type, types[i]) == 0)
            return know_keys(doc, words, err);
    return r < 0 ? r
                 : error_set(err, -ENOTSUP, "it has the type '%.80s', not '%s'", type, types[0]);
}

/* A list of logs of which none is left must not read as one that asks for none. */
static int read_logs(const struct crypto *c, const json_t *doc, const char *key,
                     struct trusted_keys *ret, struct error *err)
{
    const int r = read_list(c, doc, key, read_log, ret, err);

    if (r == 0 && ret->size == 0 && json_array_size(json_object_get(doc, key)) > 0)
        return error_set(err, -ENOTSUP, "%s has no key of a kind that can be checked", key);
    return r;
}

int trusted_root_parse(const struct crypto *c, struct view text, struct trusted_root *ret,
                       struct error *err)
{
    CLEANUP(trusted_root_done) struct trusted_root root = {0};
    cleanup_doc json_t *doc = NULL;
    int r = doc_parse(text, TRUSTED_ROOT_SIZE_MAX, "trusted root", &doc, err);

    if (r == 0)
        r = check_head(doc, err);
    if (r == 0)
        r = read_logs(c, doc, "tlogs", &root.logs, err);
    if (r == 0)
        r = read_logs(c, doc, "ctlogs", &root.ct_logs, err);
    if (r == 0)
        r = read_list(c, doc, "certificateAuthorities", read_authority, &root.authorities, err);
    if (r == 0)
        r = read_list(c, doc, "timestampAuthorities", read_authority, &root.clocks, err);
    if (r < 0)
        return r == -ENOENT ? -EINVAL : r;
    *ret = root;
    root = (struct trusted_root){0};
    return 0;
}

bool trusted_root_next(struct view *rest, struct view *ret)
{
    struct view after = view_trim(*rest), line;
    cleanup_doc json_t *doc = NULL;

    *ret = after;
    *rest = VIEW("");
    if (after.size == 0)
        return false;
    if (view_cut(&after, '\n', &line) && after.at &&
        doc_parse(line, TRUSTED_ROOT_SIZE_MAX, "trusted root", &doc, NULL) == 0) {
        *ret = line;
        *rest = after;
    }
    return true;
}
