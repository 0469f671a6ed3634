#include "trust/policy.h"

#include <errno.h>

#include "trust/policy_internal.h"

/* ---- the document ---- */

static void key_done(struct requirement_key *k)
{
    free(k->path);
    if (k->pem.at) /* zeroed memory is none */
        str_done(&k->pem);
    trust_key_free(k->key);
}

void requirement_keys_done(struct requirement_keys *l)
{
    vec_each (k, l)
        key_done(k);
    vec_done(l);
}

static void by_free(struct requirement_authority *by)
{
    if (!by)
        return;
    key_done(&by->roots);
    key_done(&by->between);
    free(by->issuer);
    free(by->email);
    free(by->hostname);
    free(by->name);
    identity_pattern_free(by->issuer_like);
    identity_pattern_free(by->name_like);
    trusted_authorities_done(&by->loaded);
    free(by);
}

void requirement_done(struct requirement *q)
{
    requirement_keys_done(&q->keys);
    requirement_keys_done(&q->logs);
    by_free(q->by);
    by_free(q->clocks);
    key_done(&q->root);
    vec_each (m, &q->more_roots) {
        requirement_keys_done(&m->logs);
        trusted_authorities_done(&m->authorities);
        by_free(m->clocks);
    }
    vec_done(&q->more_roots);
    free(q->what);
    free(q->given);
    free(q->prefix);
    free(q->signed_prefix);
    free(q->statement);
}

void policy_free(struct policy *p)
{
    if (!p)
        return;
    vec_each (rule, &p->rules) {
        vec_each (q, &rule->requirements)
            requirement_done(q);
        vec_done(&rule->requirements);
        free(rule->transport);
        free(rule->scope);
    }
    vec_done(&p->rules);
    free(p);
}

struct policy_rule *policy_add_rule(struct policy *p, const char *transport, const char *scope)
{
    vec_push(&p->rules, (struct policy_rule){.transport = transport ? xstrdup(transport) : NULL,
                                             .scope = xstrdup(scope)});
    return vec_last(&p->rules);
}

struct requirement *policy_add_requirement(struct policy_rule *r, enum requirement_kind kind)
{
    vec_push(&r->requirements, (struct requirement){.kind = kind, .at_least = 1});
    return vec_last(&r->requirements);
}

int requirement_add_key(struct requirement_keys *l, const char *path, struct view pem,
                        struct error *err)
{
    if (l->size == POLICY_KEYS_MAX)
        return error_set(err, -EDQUOT, "a requirement has at most %d keys", POLICY_KEYS_MAX);
    vec_push(l, (struct requirement_key){.path = path ? xstrdup(path) : NULL, .pem = STR_INIT});
    str_add(&vec_last(l)->pem, pem);
    return 0;
}

int policy_know_keys(const json_t *doc, const char *const *words, struct error *err)
{
    for (void *i = json_object_iter((json_t *)(uintptr_t)doc); i;
         i = json_object_iter_next((json_t *)(uintptr_t)doc, i)) {
        const char *key = json_object_iter_key(i);
        const char *const *word = words;

        while (*word && strcmp(*word, key) != 0)
            word++;
        if (!*word)
            return error_set(err, -EINVAL, "'%.80s' has no meaning here", key);
    }
    return 0;
}

int policy_parse(struct view text, struct policy **ret, struct error *err)
{
    CLEANUP(policy_freep) struct policy *p = xcalloc(1, sizeof(*p));
    cleanup_doc json_t *doc = NULL;
    int r = doc_parse(text, POLICY_SIZE_MAX, "policy", &doc, err);

    if (r == 0 && !json_is_object(doc))
        r = error_set(err, -EINVAL, "a policy is a JSON object");
    if (r == 0)
        r = json_object_get(doc, "version") ? policy_read_cooper(doc, p, err)
                                            : policy_read_containers(doc, p, err);
    if (r < 0)
        return r == -ENOENT ? -EINVAL : r;
    *ret = steal(p);
    return 0;
}

/* ---- which rule ---- */

static struct policy_rule *find_rule(struct policy *p, const char *transport, struct view scope)
{
    vec_each (r, &p->rules)
        if (transport ? r->transport && strcmp(r->transport, transport) == 0 &&
                            view_eq_text(scope, r->scope)
                      : !r->transport)
            return r;
    return NULL;
}

/* name, and what is before each '/' in it, the longest first. */
static struct policy_rule *find_above(struct policy *p, const char *transport, struct view name)
{
    while (name.size > 0) {
        struct policy_rule *r = find_rule(p, transport, name);
        const char *slash = memrchr(name.at, '/', name.size);

        if (r)
            return r;
        name.size = slash ? (size_t)(slash - name.at) : 0;
    }
    return NULL;
}

/* "*.example.com", "*.com"; the port is not looked at, as in c/image. */
static struct policy_rule *find_domain(struct policy *p, const char *host)
{
    const struct view whole = view_make(host, strcspn(host, ":"));
    struct view rest = whole, label;

    while (view_cut(&rest, '.', &label) && rest.at) {
        cleanup_free char *scope = xasprintf("*.%.*s", VIEW_ARG(rest));
        struct policy_rule *r = find_rule(p, "docker", view_of(scope));

        if (r)
            return r;
    }
    return NULL;
}

static struct policy_rule *find_reference(struct policy *p, const struct reference *ref)
{
    struct reference one = *ref;
    cleanup_free char *name = reference_name(ref);

    if (one.has_digest)
        one.tag = NULL;
    cleanup_free char *whole = reference_format(&one);
    struct policy_rule *r = find_rule(p, "docker", view_of(whole));
    if (!r)
        r = find_above(p, "docker", view_of(name));
    return r ? r : find_domain(p, ref->host);
}

static struct policy_rule *find_path(struct policy *p, const struct policy_image *image)
{
    cleanup_free char *whole = xasprintf("%s:%s", image->path, image->tag ? image->tag : "");
    struct policy_rule *r = image->tag ? find_rule(p, image->transport, view_of(whole)) : NULL;

    return r ? r : find_above(p, image->transport, view_of(image->path));
}

struct policy_rule *policy_find(struct policy *p, const struct policy_image *image)
{
    struct policy_rule *r =
        image->reference ? find_reference(p, image->reference) : find_path(p, image);

    if (!r)
        r = find_rule(p, image->transport, VIEW(""));
    return r ? r : find_rule(p, NULL, VIEW(""));
}

bool policy_rule_is_own(const struct policy_rule *r)
{
    return r->transport && *r->scope;
}

bool policy_rule_is_plain(const struct policy_rule *r)
{
    vec_each (q, &r->requirements)
        if (q->kind == REQUIRE_SIGNED)
            return false;
    return true;
}

/* ---- the verdict ---- */

struct loader {
    const struct crypto *c;
    policy_read *read;
    void *ctx;
};

static int load_text(const struct loader *l, struct requirement_key *k, struct error *err)
{
    return k->path && k->pem.size == 0 ? l->read(l->ctx, k->path, &k->pem, err) : 0;
}

static int load_keys(const struct loader *l, struct requirement_keys *keys, struct error *err)
{
    vec_each (k, keys) {
        int r = load_text(l, k, err);

        if (r == 0 && !k->key)
            r = trust_key_read(l->c, str_view(&k->pem), &k->key, err);
        if (r < 0)
            return error_wrap(err, r, "the key '%s'", k->path ? k->path : "(in it)");
    }
    return 0;
}

static int load_authority(const struct loader *l, struct requirement_authority *by,
                          struct error *err)
{
    struct trusted_authority only = {0};

    if (!by || by->loaded.size > 0)
        return 0;
    if (!by->roots.pem.at)
        by->roots.pem = STR_INIT;
    if (!by->between.pem.at)
        by->between.pem = STR_INIT;
    int r = load_text(l, &by->roots, err);
    if (r == 0)
        r = load_text(l, &by->between, err);
    if (r == 0)
        r = authority_read(l->c, str_view(&by->roots.pem), str_view(&by->between.pem),
                           &only.authority, err);
    if (r == 0)
        vec_push(&by->loaded, only);
    return r < 0 ? error_wrap(err, r, "the certificates '%s'",
                              by->roots.path ? by->roots.path : "(in it)")
                 : 0;
}

static void hand_over(struct trusted_authorities *from, struct trusted_authorities *to)
{
    *to = *from;
    *from = (struct trusted_authorities){0};
}

/* What of the root is asked for, and is then the requirement's own: without a log or clock nothing would be asked of it but
 * certificates, and of keys nothing at all. */
static int take_root(bool by_certificate, struct trusted_root *root, struct requirement_root *ret,
                     struct error *err)
{
    if (by_certificate && root->authorities.size == 0)
        return error_set(err, -EINVAL, "it has no authority of certificates");
    if (root->logs.size == 0 && root->clocks.size == 0)
        return error_set(err, -EINVAL, "it has no log and no authority of time");
    hand_over(&root->authorities, &ret->authorities);
    vec_each (k, &root->logs) {
        vec_push(&ret->logs,
                 ((struct requirement_key){.pem = STR_INIT, .key = k->key, .valid = k->valid}));
        k->key = NULL;
    }
    if (root->clocks.size > 0) {
        ret->clocks = xcalloc(1, sizeof(*ret->clocks));
        hand_over(&root->clocks, &ret->clocks->loaded);
        ret->clocks_may = ret->logs.size > 0;
    }
    return 0;
}

static int read_root(const struct loader *l, struct requirement *q, struct view text,
                     struct error *err)
{
    CLEANUP(trusted_root_done) struct trusted_root root = {0};
    struct requirement_root own = {0};
    int r = q->root_is_loaded && q->more_roots.size + 1 >= TRUSTED_ROOTS_MAX
                ? error_set(err, -EDQUOT, "it has more than %d documents", TRUSTED_ROOTS_MAX)
                : trusted_root_parse(l->c, text, &root, err);

    if (r == 0)
        r = take_root(q->by != NULL, &root, &own, err);
    if (r < 0)
        return r;
    if (q->root_is_loaded) {
        vec_push(&q->more_roots, own);
        return 0;
    }
    q->logs = own.logs;
    q->clocks = own.clocks;
    q->clocks_may = own.clocks_may;
    if (q->by)
        hand_over(&own.authorities, &q->by->loaded);
    trusted_authorities_done(&own.authorities);
    q->root_is_loaded = true;
    return 0;
}

static int load_root(const struct loader *l, struct requirement *q, struct error *err)
{
    struct view rest, text;
    int r;

    if (!q->root.path || q->root_is_loaded)
        return 0;
    if (!q->root.pem.at)
        q->root.pem = STR_INIT;
    r = load_text(l, &q->root, err);
    rest = str_view(&q->root.pem);
    for (bool any = false; r == 0 && (trusted_root_next(&rest, &text) || !any); any = true)
        r = read_root(l, q, text, err);
    return r < 0 ? error_wrap(err, r, "the trusted root '%s'", q->root.path) : 0;
}

int requirement_load(struct requirement *q, const struct crypto *c, policy_read *read, void *ctx,
                     struct error *err)
{
    const struct loader l = {c, read, ctx};
    int r = load_keys(&l, &q->keys, err);

    if (r == 0)
        r = load_root(&l, q, err);
    if (r == 0)
        r = load_keys(&l, &q->logs, err);
    if (r == 0)
        r = load_authority(&l, q->by, err);
    return r < 0 ? r : load_authority(&l, q->clocks, err);
}

int policy_load(struct policy_rule *r, const struct crypto *c, policy_read *read, void *ctx,
                struct error *err)
{
    int result = 0;

    vec_each (q, &r->requirements)
        if (result == 0)
            result = requirement_load(q, c, read, ctx, err);
    return result;
}

/* Old, from the future, or of no known time; NULL: neither. A log or clock proves only that it was there by then, and whoever
 * has an old one can show it to them again: the time that the signer wrote down counts, too. */
static const char *age_complaint(const struct requirement *q, const struct evidence *e,
                                 int64_t proven_s, int64_t now_s)
{
    const int64_t slack_s = 300; /* clocks differ */
    int64_t said_s = proven_s;

    if (q->max_age_s == 0)
        return NULL;
    if (!evidence_time(e, &said_s) && !proven_s)
        return "it does not say when it was made";
    if (MAX(said_s, proven_s) > now_s + slack_s)
        return "it was made in the future";
    return MIN(said_s, proven_s ? proven_s : said_s) < now_s - q->max_age_s ? "it is too old"
                                                                            : NULL;
}

static bool is_wanted(const struct requirement *q, const struct evidence *e)
{
    if (q->statement)
        return e->has_statement && strcmp(e->statement.predicate_type, q->statement) == 0;
    /* c/image knows the form that has a name in it, and no other */
    return evidence_is_signature(e) && (q->name == NAME_ANY || e->form == EVIDENCE_SIMPLE);
}

static void note(char **why, const char *text)
{
    free(*why);
    *why = xstrdup(text);
}

/* Whether this key, or the authority, said what is required; *ret_why: why nothing of what it may have said counts. */
static bool key_holds(const struct requirement *q, const struct requirement_key *k,
                      const struct policy_facts *f, char **ret_why)
{
    for (size_t i = 0; i < f->evidence_count; i++) {
        const struct evidence *e = &f->evidence[i];
        int64_t time = 0;
        ERROR_AUTO(unproven);

        if (!is_wanted(q, e))
            continue;
        if (requirement_prove(q, k, e, f, &time, &unproven) < 0) {
            if (q->by || q->logs.size || q->clocks) /* else it is of another key, and no failure */
                note(ret_why, unproven.text);
            continue;
        }
        const char *why = age_complaint(q, e, time, f->now_s);
        if (!why && !requirement_name_fits(q, f->image->reference, evidence_reference(e)))
            why = "it is signed under another name";
        if (!why)
            return true;
        note(ret_why, why);
    }
    return false;
}

/* The same key twice is one key. */
static bool is_repeated(const struct requirement *q, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (digest_eq(trust_key_id(q->keys.at[k].key), trust_key_id(q->keys.at[i].key)))
            return true;
    return false;
}

static int refuse_signed(const struct requirement *q, const struct policy_facts *f, const char *why,
                         struct error *err)
{
    if (q->statement)
        (void)error_set(err, -EPERM, "it has no statement '%s' of the keys that are named",
                        q->statement);
    else
        (void)error_set(err, -EPERM, "it has no signature of the %s",
                        q->by ? "identity that is asked for" : "keys that are named");
    if (why)
        return error_hint(err, -EPERM, "there is one, but %s", why);
    return error_hint(err, -EPERM, "%zu signatures and statements lie beside it",
                      f->evidence_count);
}

static bool is_loaded(const struct requirement *q)
{
    vec_each (k, &q->keys)
        if (!k->key)
            return false;
    vec_each (k, &q->logs)
        if (!k->key)
            return false;
    return (!q->root.path || q->root_is_loaded) && (!q->by || q->by->loaded.size > 0) &&
           (!q->clocks || q->clocks->loaded.size > 0);
}

static int decide_signed(const struct requirement *q, const struct policy_facts *f,
                         struct error *err)
{
    cleanup_free char *why = NULL;
    int64_t holding = 0;

    if (!is_loaded(q))
        return error_set(err, -EPERM, "its keys are not read");
    if (q->by)
        holding = key_holds(q, NULL, f, &why);
    for (size_t i = 0; i < q->keys.size; i++)
        holding += !is_repeated(q, i) && key_holds(q, &q->keys.at[i], f, &why);
    return holding >= q->at_least ? 0 : refuse_signed(q, f, why, err);
}

static int decide_one(const struct requirement *q, const struct policy_facts *f, struct error *err)
{
    switch (q->kind) {
    case REQUIRE_NOTHING:
        return 0;
    case REQUIRE_IMPOSSIBLE:
        return error_set(err, -EPERM, "it is not to be used");
    case REQUIRE_SIGNED:
        return decide_signed(q, f, err);
    case REQUIRE_UNKNOWN:
        break;
    }
    return error_set(err, -EPERM, "%s is asked for, which cooper cannot check", q->what);
}

int policy_decide(const struct policy_rule *r, const struct policy_facts *facts, struct error *err)
{
    int result = 0;

    vec_each (q, &r->requirements)
        if (result == 0)
            result = decide_one(q, facts, err);
    if (result < 0)
        return error_wrap(err, result, "the policy for '%s' refuses it",
                          *r->scope ? r->scope : "all others");
    return 0;
}
