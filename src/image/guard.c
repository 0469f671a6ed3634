#include "image/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
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

    return fd_read_file(AT_FDCWD, whole, KEY_FILE_MAX, ret, err);
}

static int look_at_signatures(struct guard *g, struct policy_rule *rule, struct site *site,
                              struct testimony *t, struct error *err)
{
    int r = g->crypto ? 0 : crypto_open(&g->crypto, err);

    if (r == 0)
        r = policy_load(rule, g->crypto, read_key, g, err);
    return r < 0 ? r : testimony_collect(site, t, err);
}

int guard_decide(const struct env *env, struct guard *g, const struct policy_image *image,
                 struct site *site, struct testimony *t, bool *ret_read, struct error *err)
{
    if (g->notation)
        return notary_decide(env, g->notation, g->path, image->reference, site, t, ret_read, err);
    struct policy_rule *rule = policy_find(g->policy, image);
    int r = 0;

    *ret_read = !policy_rule_is_plain(rule);
    if (*ret_read)
        r = look_at_signatures(g, rule, site, t, err);
    if (r < 0)
        return r;
    const struct policy_facts facts = {image, testimony_subject(t), t->evidence.at,
                                       t->evidence.size, env->now_s};
    r = policy_decide(rule, &facts, err);
    return r < 0 ? error_wrap(err, r, "'%s'", g->path) : 0;
}

/* Docker Content Trust was Notary v1, which is at its end; silence would look like protection. */
static void speak_of_content_trust(const struct env *env, bool checked)
{
    const char *word = getenv("DOCKER_CONTENT_TRUST");

    if (!checked && word && (strcmp(word, "1") == 0 || strcmp(word, "true") == 0))
        env_warn(env, "DOCKER_CONTENT_TRUST: Notary v1 is not asked, and nothing was verified; "
                      "signatures and "
                      "policy.json replace it, see cooper-verify(1)");
}

int guard_reference(const struct env *env, struct wire *w, const struct reference *ref,
                    struct reference *ret, struct error *err)
{
    const struct policy_image image = {.transport = "docker", .reference = ref};
    CLEANUP(site_closep) struct site *site = NULL;
    bool looked = false;
    GUARD_AUTO(g);
    TESTIMONY_AUTO(t);
    int r = guard_open(env, NULL, &g, err);

    if (r == 0 && g.path)
        r = site_open_registry(w, ref, false, &site, err);
    if (r == 0 && g.path)
        r = guard_decide(env, &g, &image, site, &t, &looked, err);
    if (r < 0)
        return r;
    speak_of_content_trust(env, looked);
    reference_copy(ref, ret);
    if (looked) {
        ret->has_digest = true;
        ret->digest = t.digest;
    }
    return 0;
}
