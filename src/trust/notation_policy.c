#include <ctype.h>
#include <errno.h>

#include "base/doc.h"
#include "oci/reference.h"
#include "trust/notation.h"

#define NAME_PREFIX "x509.subject:"

static const struct {
    const char *word;
    enum notation_action action[NOTATION_CHECKS]; /* in the order of enum notation_check */
    bool skip;
} levels[] = {
    {"strict", {NOTATION_ENFORCE, NOTATION_ENFORCE, NOTATION_ENFORCE, NOTATION_ENFORCE}, false},
    {"permissive", {NOTATION_ENFORCE, NOTATION_LOG, NOTATION_LOG, NOTATION_LOG}, false},
    {"audit", {NOTATION_LOG, NOTATION_LOG, NOTATION_LOG, NOTATION_LOG}, false},
    {"skip", {NOTATION_SKIP, NOTATION_SKIP, NOTATION_SKIP, NOTATION_SKIP}, true},
};
static const char *const checks[] = {"authenticity", "authenticTimestamp", "expiry", "revocation"};
static const char *const actions[] = {"enforce", "log", "skip"};

static int find_word(const char *const *words, size_t count, const char *word)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(words[i], word) == 0)
            return (int)i;
    return -1;
}

static bool has_text(const struct strings *list, const char *text)
{
    for (size_t i = 0; i < list->size; i++)
        if (strcmp(list->at[i], text) == 0)
            return true;
    return false;
}

/* ---- names of subjects (RFC 4514) ---- */

void notation_name_done(struct notation_name *n)
{
    strings_done(&n->keys);
    strings_done(&n->values);
}

/* Up to the next ',' that is not escaped; false at the end. */
static bool next_part(const char **at, struct str *key, struct str *value, bool *ret_good)
{
    struct str *to = key;

    str_clear(key);
    str_clear(value);
    if (!*at)
        return false;
    *ret_good = true;
    for (; **at && **at != ','; (*at)++) {
        if (**at == '\\' && (*at)[1])
            (*at)++;
        else if (**at == '=' && to == key) {
            to = value;
            continue;
        } else if (strchr("+\";<>#=", **at))
            *ret_good = false;
        str_add_char(to, **at);
    }
    *ret_good = *ret_good && to == value;
    *at = **at ? *at + 1 : NULL;
    return true;
}

int notation_name_parse(const char *text, struct notation_name *ret, struct error *err)
{
    static const char *const needed[] = {"C", "ST", "O"};
    struct notation_name n = {0};
    const char *at = text;
    STR_AUTO(key);
    STR_AUTO(value);
    bool good = true;

    while (good && next_part(&at, &key, &value, &good)) {
        cleanup_free char *k = view_dup(view_trim(str_view(&key))),
                          *v = view_dup(view_trim(str_view(&value)));
        const char *name = strcmp(k, "S") == 0 ? "ST" : k;

        good = good && *k && *v && !has_text(&n.keys, name);
        strings_add(&n.keys, name);
        strings_add(&n.values, v);
    }
    for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
        good = good && has_text(&n.keys, needed[i]);
    if (!good) {
        notation_name_done(&n);
        return error_set(err, -EINVAL, "'%.200s' is no name of a subject with C, ST and O", text);
    }
    *ret = n;
    return 0;
}

static bool is_within(const struct notation_name *a, const struct notation_name *b)
{
    for (size_t i = 0; i < a->keys.size; i++) {
        bool found = false;

        for (size_t k = 0; k < b->keys.size; k++)
            found = found || (strcmp(a->keys.at[i], b->keys.at[k]) == 0 &&
                              strcmp(a->values.at[i], b->values.at[k]) == 0);
        if (!found)
            return false;
    }
    return true;
}

/* ---- a statement ---- */

static void statement_free_texts(struct notation_statement *s)
{
    free(s->name);
    strings_done(&s->scopes);
    strings_done(&s->stores);
    vec_each (n, &s->identities)
        notation_name_done(n);
    vec_done(&s->identities);
}

void notation_policy_free(struct notation_policy *p)
{
    if (!p)
        return;
    vec_each (s, &p->statements)
        statement_free_texts(s);
    vec_done(&p->statements);
    free(p);
}

/* A list of texts, at least one. */
static int read_texts(const json_t *doc, const char *key, struct strings *ret, struct error *err)
{
    json_t *list = NULL;
    const json_t *item;
    size_t i;
    int r = doc_need_array(doc, key, &list, err);

    if (r == 0 && json_array_size(list) == 0)
        r = error_set(err, -EINVAL, "%s is empty", key);
    json_array_foreach(list, i, item)
    {
        const char *text = json_string_value(item);

        if (r == 0 && (!text || !*text))
            r = error_set(err, -EINVAL, "%s[%zu] is no text", key, i);
        if (r == 0)
            strings_add(ret, text);
    }
    return r;
}

static bool is_repository(const char *scope)
{
    REFERENCE_AUTO(ref);
    const char *slash = strchr(scope, '/');

    if (!slash || strchr(slash, ':') || strchr(scope, '@') ||
        reference_parse(scope, &ref, NULL) < 0)
        return false;
    cleanup_free char *name = reference_name(&ref);
    return strcmp(name, scope) == 0;
}

static int read_scopes(const json_t *doc, struct notation_policy *p, struct notation_statement *s,
                       struct error *err)
{
    const int r = read_texts(doc, "registryScopes", &s->scopes, err);

    for (size_t i = 0; r == 0 && i < s->scopes.size; i++) {
        const char *scope = s->scopes.at[i];

        if (strcmp(scope, "*") == 0 ? s->scopes.size > 1 : !is_repository(scope))
            return error_set(err, -EINVAL, "scope '%.200s' is no repository, nor * alone", scope);
        for (size_t k = 0; k < i; k++)
            if (strcmp(scope, s->scopes.at[k]) == 0)
                return error_set(err, -EINVAL, "scope '%.200s' is there twice", scope);
        vec_each (other, &p->statements)
            if (other != s && has_text(&other->scopes, scope))
                return error_set(err, -EINVAL, "scope '%.200s' is in two statements", scope);
    }
    return r;
}

static int read_override(const json_t *doc, struct notation_statement *s, struct error *err)
{
    json_t *override = NULL, *value;
    const char *key;
    int r = doc_object(doc, "override", &override, err);

    if (r == 0 && override && s->skip)
        r = error_set(err, -EINVAL, "skip has no override");
    json_object_foreach(override, key, value)
    {
        const int check = find_word(checks, ARRAY_SIZE(checks), key);
        const char *word = json_string_value(value);
        const int action = word ? find_word(actions, ARRAY_SIZE(actions), word) : -1;

        /* whoever must not look at who signed must not call it verified */
        const bool may = action != NOTATION_SKIP || check == NOTATION_REVOCATION;
        if (r == 0 && (check < 0 || action < 0 || !may))
            r = error_set(err, -EINVAL, "'%.40s' cannot be overridden like this", key);
        if (r == 0)
            s->action[check] = (enum notation_action)action;
    }
    return r;
}

/* Trust policy 1.1: when time stamps have to be there, where a store of their authorities is named. */
static int read_when(const json_t *doc, struct notation_statement *s, struct error *err)
{
    const char *word = NULL;
    const int r = doc_text(doc, "verifyTimestamp", &word, err);

    s->stamps_when_ended = word && strcmp(word, "afterCertExpiry") == 0;
    return r < 0 || !word || !*word || s->stamps_when_ended || strcmp(word, "always") == 0
               ? r
               : error_set(err, -EINVAL,
                           "verifyTimestamp is always or afterCertExpiry, not '%.40s'", word);
}

static int read_level(const json_t *doc, struct notation_statement *s, struct error *err)
{
    json_t *verification = NULL;
    const char *word = NULL;
    int r = doc_need_object(doc, "signatureVerification", &verification, err);

    if (r == 0)
        r = doc_need_text(verification, "level", &word, err);
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(levels); i++) {
        if (strcmp(levels[i].word, word) != 0)
            continue;
        memcpy(s->action, levels[i].action, sizeof(s->action));
        s->skip = levels[i].skip;
        r = read_when(verification, s, err);
        return r < 0 ? r : read_override(verification, s, err);
    }
    return r < 0 ? r : error_set(err, -EINVAL, "there is no level '%.40s'", word);
}

static int read_stores(const json_t *doc, struct notation_statement *s, struct error *err)
{
    static const char *const kinds[] = {"ca", "signingAuthority", "tsa"};
    const int r = read_texts(doc, "trustStores", &s->stores, err);

    for (size_t i = 0; r == 0 && i < s->stores.size; i++) {
        const char *colon = strchr(s->stores.at[i], ':');
        cleanup_free char *kind =
            xstrndup(s->stores.at[i], colon ? (size_t)(colon - s->stores.at[i]) : 0);
        bool good =
            colon && colon[1] && strcmp(colon + 1, ".") != 0 && strcmp(colon + 1, "..") != 0;

        /* it becomes the name of a directory */
        for (const char *at = colon; good && *++at;)
            good = isalnum((unsigned char)*at) || strchr("._-", *at);
        if (!good || find_word(kinds, ARRAY_SIZE(kinds), kind) < 0)
            return error_set(err, -EINVAL,
                             "trust store '%.80s' is not ca:, signingAuthority: or tsa: and a name",
                             s->stores.at[i]);
        s->stamps = s->stamps || strcmp(kind, "tsa") == 0;
    }
    return r;
}

static int add_identity(struct notation_statement *s, const char *text, struct error *err)
{
    struct notation_name n = {0};
    int r = 0;

    if (strcmp(text, "*") != 0) {
        if (strncmp(text, NAME_PREFIX, strlen(NAME_PREFIX)) != 0)
            return error_set(err, -EINVAL, "identity '%.80s' does not begin with " NAME_PREFIX,
                             text);
        r = notation_name_parse(text + strlen(NAME_PREFIX), &n, err);
    }
    if (r < 0)
        return r;
    vec_each (other, &s->identities)
        if (is_within(other, &n) || is_within(&n, other)) {
            notation_name_done(&n);
            return error_set(err, -EINVAL, "identity '%.80s' holds another one, or is held by it",
                             text);
        }
    vec_push(&s->identities, n);
    return 0;
}

static int read_identities(const json_t *doc, struct notation_statement *s, struct error *err)
{
    CLEANUP(strings_done) struct strings texts = {0};
    int r = read_texts(doc, "trustedIdentities", &texts, err);

    for (size_t i = 0; r == 0 && i < texts.size; i++)
        r = add_identity(s, texts.at[i], err);
    return r;
}

static int read_statement(const json_t *doc, struct notation_policy *p, struct error *err)
{
    struct notation_statement *s;
    const char *name = NULL;
    int r = doc_need_text(doc, "name", &name, err);

    if (r < 0)
        return r;
    vec_each (other, &p->statements)
        if (strcmp(other->name, name) == 0)
            return error_set(err, -EINVAL, "two statements have the name '%.80s'", name);
    if (!*name)
        return error_set(err, -EINVAL, "a statement has no name");
    vec_push(&p->statements, (struct notation_statement){.name = xstrdup(name)});
    s = vec_last(&p->statements);
    /* a policy of blobs has no scopes: it fits no image */
    if (json_object_get(doc, "registryScopes"))
        r = read_scopes(doc, p, s, err);
    if (r == 0)
        r = read_level(doc, s, err);
    if (r == 0 && !s->skip)
        r = read_stores(doc, s, err);
    if (r == 0 && !s->skip)
        r = read_identities(doc, s, err);
    return r < 0 ? error_wrap(err, r, "statement '%s'", s->name) : 0;
}

bool notation_is_policy(struct view text)
{
    cleanup_doc json_t *doc = NULL;

    return doc_parse(text, NOTATION_POLICY_MAX, "policy", &doc, NULL) == 0 &&
           json_object_get(doc, "trustPolicies");
}

int notation_policy_parse(struct view text, struct notation_policy **ret, struct error *err)
{
    CLEANUP(notation_policy_freep) struct notation_policy *p = xcalloc(1, sizeof(*p));
    cleanup_doc json_t *doc = NULL;
    json_t *list = NULL;
    const json_t *item;
    const char *version = NULL;
    size_t i;
    int r = doc_parse(text, NOTATION_POLICY_MAX, "trust policy", &doc, err);

    if (r == 0)
        r = doc_need_text(doc, "version", &version, err);
    if (r == 0 && strcmp(version, "1.0") != 0)
        r = error_set(err, -ENOTSUP, "the trust policy has version '%.20s', not 1.0", version);
    if (r == 0)
        r = doc_need_array(doc, "trustPolicies", &list, err);
    if (r == 0 && json_array_size(list) == 0)
        r = error_set(err, -EINVAL, "the trust policy has no statement");
    json_array_foreach(list, i, item)
    {
        r = r < 0 ? r : read_statement(item, p, err);
    }
    if (r < 0)
        return r == -ENOENT ? -EINVAL : r;
    *ret = steal(p);
    return 0;
}

const struct notation_statement *notation_find(const struct notation_policy *p,
                                               const char *repository)
{
    vec_each (s, &p->statements)
        if (repository && has_text(&s->scopes, repository))
            return s;
    vec_each (s, &p->statements)
        if (has_text(&s->scopes, "*"))
            return s;
    return NULL;
}
