#include "image/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "image/kept.h"
#include "trust/certificate.h"
#include "trust/crypto.h"

#define OURS "COOPER_POLICY"
#define USERS ".config/containers/policy.json"
#define MACHINES "/etc/containers/policy.json"

void guard_done(struct guard *g)
{
    policy_free(g->policy);
    notation_policy_free(g->notation);
    crypto_close(g->crypto);
    free(g->path);
}

/* One that cannot be looked at, or a link to nowhere, is there: it refuses by not being read. */
static bool is_there(const char *path)
{
    return faccessat(AT_FDCWD, path, F_OK, AT_EACCESS | AT_SYMLINK_NOFOLLOW) == 0 ||
           (errno != ENOENT && errno != ENOTDIR);
}

/* NULL: there is none. Caller frees. */
static char *find_policy(const struct env *env)
{
    const char *asked = getenv(OURS);

    if (asked && *asked)
        return xstrdup(asked);
    cleanup_free char *users = env->home ? xasprintf("%s/" USERS, env->home) : NULL;
    if (users && is_there(users))
        return steal(users);
    return is_there(MACHINES) ? xstrdup(MACHINES) : NULL;
}

int guard_open(const struct env *env, const char *path, struct guard *ret, struct error *err)
{
    STR_AUTO(text);
    cleanup_free char *file = path ? xstrdup(path) : find_policy(env);
    int r = file ? fd_read_file(AT_FDCWD, file, POLICY_SIZE_MAX, &text, err) : 0;

    if (r == 0 && file && notation_is_policy(str_view(&text)))
        r = notation_policy_parse(str_view(&text), &ret->notation, err);
    else if (r == 0 && file)
        r = policy_parse(str_view(&text), &ret->policy, err);
    if (r < 0)
        return error_wrap(err, r, "policy '%s'", file);
    ret->path = steal(file);
    return 0;
}

/* Relative to the file that names it, whoever reads it. */
static int read_key(void *ctx, const char *path, struct str *ret, struct error *err)
{
    const struct guard *g = ctx;
    const char *slash = strrchr(g->path, '/');
    cleanup_free char *whole = *path == '/' || !slash
                                   ? xstrdup(path)
                                   : xasprintf("%.*s/%s", (int)(slash - g->path), g->path, path);

    return fd_read_file(AT_FDCWD, whole, CERTIFICATE_PEM_MAX, ret, err);
}

int guard_collect(struct site *site, struct testimony *t, struct error *err)
{
    if (t->collected)
        return 0; /* another rule has asked */
    if (site)
        return testimony_collect(site, t, err);
    return error_hint(err, error_set(err, -EPERM, "no signature is known of it"),
                      "signatures are kept when an image is pulled under a policy that asks for "
                      "them: 'cooper pull' it again");
}

static bool is_of_instance(const struct guard *g)
{
    return g->policy && g->policy->of_instance;
}

/* Of an index the image that the policy means. */
static int choose(const struct guard *g, struct site *site, struct testimony *t, struct error *err)
{
    if (!site || t->manifest.size || !is_of_instance(g) || (!g->platform && !g->image))
        return 0;
    int r = site->kind->image(site, &t->digest, &t->manifest, err);
    if (r == 0 && g->platform)
        return site_choose(site, g->platform, &t->digest, &t->manifest, err);
    if (r == 0 && !digest_eq(g->image, &t->digest)) {
        t->digest = *g->image;
        r = site->kind->manifest(site, g->image, &t->manifest, err);
    }
    return r;
}

/* Of an index that is used as a whole; *ret: its images are asked about, not it. */
static int is_list(const struct guard *g, struct site *site, struct testimony *t, bool *ret,
                   struct error *err)
{
    enum media kind = MEDIA_MANIFEST;
    int r = 0;

    if (!g->whole || !is_of_instance(g) || !site)
        return 0;
    if (t->manifest.size == 0)
        r = site->kind->image(site, &t->digest, &t->manifest, err);
    if (r == 0)
        r = manifest_kind(str_view(&t->manifest), &kind, err);
    *ret = kind == MEDIA_INDEX;
    return r;
}

static int look_at_signatures(struct guard *g, struct policy_rule *rule, struct site *site,
                              struct testimony *t, struct error *err)
{
    int r = g->crypto ? 0 : crypto_open(&g->crypto, err);

    if (r == 0)
        r = policy_load(rule, g->crypto, read_key, g, err);
    if (r == 0)
        r = choose(g, site, t, err);
    return r < 0 ? r : guard_collect(site, t, err);
}

int guard_decide(const struct env *env, struct guard *g, const struct policy_image *image,
                 struct site *site, struct testimony *t, bool *ret_read, struct error *err)
{
    if (g->notation)
        return notary_decide(env, g->notation, g->path, image->reference, site, t, ret_read, err);
    struct policy_rule *rule = policy_find(g->policy, image);
    bool list = false;
    int r = 0;

    *ret_read = !policy_rule_is_plain(rule);
    if (*ret_read)
        r = is_list(g, site, t, &list, err);
    if (list) {
        *ret_read = false;
        return r;
    }
    if (*ret_read && r == 0)
        r = look_at_signatures(g, rule, site, t, err);
    if (r < 0)
        return error_wrap(err, r, "'%s'", g->path);
    const struct policy_facts facts = {image, testimony_subject(t), t->evidence.at,
                                       t->evidence.size, env->now_s};
    r = policy_decide(rule, &facts, err);
    return r < 0 ? error_wrap(err, r, "'%s'", g->path) : 0;
}

/* Docker Content Trust was Notary v1, which is at its end; silence would look like protection. */
static bool wants_content_trust(void)
{
    const char *word = getenv("DOCKER_CONTENT_TRUST");

    return word && (strcmp(word, "1") == 0 || strcasecmp(word, "true") == 0);
}

static void speak_of_content_trust(const struct env *env, const char *name, bool checked)
{
    if (!checked && wants_content_trust())
        env_warn(env,
                 "DOCKER_CONTENT_TRUST: Notary v1 is not asked, and nothing was verified of '%s'; "
                 "signatures and policy.json replace it, see cooper-verify(1)",
                 name);
}

void guard_leaving(const struct env *env, const char *name)
{
    if (wants_content_trust())
        env_warn(env,
                 "DOCKER_CONTENT_TRUST: Notary v1 is not asked, and nothing was signed of '%s'; "
                 "'cooper sign' does, see cooper-sign(1)",
                 name);
}

int guard_reference(const struct env *env, struct wire *w, const struct reference *ref,
                    const struct platform *platform, bool keep, struct reference *ret,
                    struct error *err)
{
    const struct policy_image image = {.transport = "docker", .reference = ref};
    CLEANUP(site_closep) struct site *site = NULL;
    bool looked = false;
    GUARD_AUTO(g);
    TESTIMONY_AUTO(t);
    int r = guard_open(env, NULL, &g, err);

    g.platform = platform;
    g.whole = !platform;
    t.keep = keep;
    if (r == 0 && g.path)
        r = site_open_registry(w, ref, false, &site, err);
    if (r == 0 && g.path)
        r = guard_decide(env, &g, &image, site, &t, &looked, err);
    if (r == 0 && looked && keep)
        r = kept_write(env, &t, err);
    if (r < 0)
        return r;
    cleanup_free char *name = reference_format(ref);
    speak_of_content_trust(env, name, looked);
    reference_copy(ref, ret);
    if (t.manifest.size) {
        ret->has_digest = true;
        ret->digest = t.digest;
    }
    return 0;
}

int guard_part(const struct env *env, struct site *site, const struct place *place,
               const struct digest *part, struct view manifest, struct error *err)
{
    const bool remote = place->kind == PLACE_REGISTRY;
    bool looked = false;
    IMAGE_ORIGIN_AUTO(file);
    GUARD_AUTO(g);
    TESTIMONY_AUTO(t);
    const int r = guard_open(env, NULL, &g, err);

    if (r < 0 || !is_of_instance(&g))
        return r;
    if (!remote)
        image_origin_of_file(&file, place_transport(place), place->path, place->tag, part);
    t.digest = *part;
    str_add(&t.manifest, manifest);
    return guard_decide(env, &g,
                        &(struct policy_image){.transport = place_transport(place),
                                               .path = file.name,
                                               .tag = place->tag,
                                               .reference = remote ? &place->reference : NULL},
                        site, &t, &looked, err);
}

/* ---- what is here, or comes from a file ---- */

struct asking {
    const struct env *env;
    struct guard g;
    struct site *site; /* NULL: nothing lies beside it */
    struct testimony t;
    struct digest digest; /* of what is to be used */
    bool looked;
};

static void asking_done(struct asking *a)
{
    testimony_done(&a->t);
    site_close(a->site);
    guard_done(&a->g);
}
#define ASKING_AUTO(name)                                                                          \
    CLEANUP(asking_done) struct asking name = {.t = {.manifest = STR_INIT, .keep = true}}

static int ask(struct asking *a, const struct policy_image *image, struct error *err)
{
    bool looked = false;
    const int r = guard_decide(a->env, &a->g, image, a->site, &a->t, &looked, err);

    a->looked = a->looked || looked;
    if (r == 0 && looked && !digest_eq(&a->t.digest, &a->digest))
        return error_set(err, -EPERM, "its signatures are those of another image");
    return r;
}

static int ask_about_origin(struct asking *a, const struct image_origin *o, struct error *err)
{
    struct policy_image image = {.transport = o->transport, .path = o->name, .tag = o->tag};
    REFERENCE_AUTO(ref);

    if (strcmp(o->transport, "docker") != 0)
        return ask(a, &image, err);
    image.reference = &ref;
    const int r = reference_parse(o->name, &ref, err);
    return r < 0 ? r : ask(a, &image, err);
}

/* True where the policy means this name, and not only all there are. */
static bool has_own_rule(const struct guard *g, const struct policy_image *image)
{
    cleanup_free char *repository = reference_name(image->reference);

    if (!g->notation)
        return policy_rule_is_own(policy_find(g->policy, image));
    const struct notation_statement *s = notation_find(g->notation, repository);
    for (size_t i = 0; s && i < s->scopes.size; i++)
        if (strcmp(s->scopes.at[i], repository) == 0)
            return true;
    return false;
}

/* fully: no origin is known that could be asked about. An id is no name. */
static int ask_about_name(struct asking *a, const char *name, bool fully, struct error *err)
{
    cleanup_free char *plain = xstrndup(name, strcspn(name, " "));
    REFERENCE_AUTO(ref);
    const struct policy_image image = {.transport = "docker", .reference = &ref};

    if (reference_parse(plain, &ref, NULL) < 0 || (!fully && !has_own_rule(&a->g, &image)))
        return 0;
    const int r = ask(a, &image, err);
    return r < 0 ? error_wrap(err, r, "as '%s'", plain) : 0;
}

/* Where its signatures are: beside it in a layout, else those that were kept. */
static int open_site(struct asking *a, const struct image_origin *o, bool beside, struct error *err)
{
    char text[DIGEST_TEXT_MAX];
    ERROR_AUTO(absent);
    int r;

    a->g.whole = o->whole;
    if (is_of_instance(&a->g) && !digest_is_zero(&o->image))
        a->g.image = &o->image;
    a->digest = a->g.image ? o->image : o->digest;
    if (digest_is_zero(&o->digest) || !a->g.path)
        return 0;
    if (!beside || strcmp(o->transport, "oci") != 0) {
        r = kept_open(a->env, &a->digest, &a->site, &absent);
        return r == 0 || r == -ENOENT ? 0 : error_move(err, &absent);
    }
    struct place place = {.path = xstrdup(o->name),
                          .tag = xstrdup(digest_format(&o->digest, text))};
    r = site_open_layout(&place, &a->site, err);
    if (r == 0)
        a->site->name = xstrdup(place.path);
    place_done(&place);
    return r;
}

int guard_arriving(const struct env *env, const struct image_origin *from, bool allowed,
                   const struct strings *names, struct error *err)
{
    ASKING_AUTO(a);
    int r = guard_open(env, NULL, &a.g, err);

    a.env = env;
    if (r < 0 || !a.g.path)
        return r;
    r = open_site(&a, from, true, err);
    if (r == 0 && !allowed)
        r = ask_about_origin(&a, from, err);
    vec_each (name, names)
        if (r == 0 && strcmp(*name, from->name) != 0)
            r = ask_about_name(&a, *name, false, err);
    return r == 0 && a.looked ? kept_write(env, &a.t, err) : r;
}

/* One of those that an image is, or is made of. name: NULL: it is made of it. */
static int ask_about_present(const struct env *env, const struct image_origin *o, const char *name,
                             bool *looked, struct error *err)
{
    ASKING_AUTO(a);
    int r = guard_open(env, NULL, &a.g, err);

    a.env = env;
    if (r == 0)
        r = open_site(&a, o, false, err);
    if (r == 0)
        r = ask_about_origin(&a, o, err);
    if (r == 0 && name && strcmp(name, o->name) != 0)
        r = ask_about_name(&a, name, false, err);
    *looked = *looked || a.looked;
    return r;
}

/* A record of before this was written down: its name is all there is to ask about. */
static int ask_about_unknown(struct asking *a, const char *name, struct error *err)
{
    const struct policy_image nowhere = {.transport = "docker-archive", .path = ""};
    REFERENCE_AUTO(ref);
    const int r = name && reference_parse(name, &ref, NULL) == 0
                      ? ask_about_name(a, name, true, err)
                      : ask(a, &nowhere, err);

    return r < 0
               ? error_hint(err, r, "where it came from is not known: pull, load or build it again")
               : 0;
}

/* What it is called in full, by its record or by what was asked for. Caller frees. */
static char *full_name(const struct image *i, const char *name)
{
    REFERENCE_AUTO(ref);

    if (reference_is_id(name) || reference_parse(name, &ref, NULL) < 0)
        return i->record.name ? xstrndup(i->record.name, strcspn(i->record.name, " ")) : NULL;
    return reference_format(&ref);
}

static int ask_about_all(const struct env *env, const struct image *i, const char *whole,
                         bool *looked, struct error *err)
{
    CLEANUP(image_origins_done) struct image_origins from = {0};
    ASKING_AUTO(a);
    int r = guard_open(env, NULL, &a.g, err);

    a.env = env;
    if (r < 0 || !a.g.path)
        return r;
    image_origins_read(&i->record, &from);
    if (!from.known)
        r = ask_about_unknown(&a, whole, err);
    vec_each (o, &from)
        if (r == 0 && from.known)
            r = ask_about_present(env, o, from.made ? NULL : whole, looked, err);
    *looked = *looked || a.looked;
    return r;
}

int guard_present(const struct env *env, const struct image *i, const char *name, struct error *err)
{
    cleanup_free char *whole = full_name(i, name);
    bool looked = false;
    const int r = ask_about_all(env, i, whole, &looked, err);

    if (r < 0)
        return error_wrap(err, r, "image '%.120s' of the store", name);
    speak_of_content_trust(env, name, looked);
    return 0;
}
