#include "image/guard.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#include "base/fd.h"
#include "trust/crypto.h"
#include "trust/pem.h"

#define CERTIFICATES_MAX (1u << 20) /* bytes of one file */

struct store {
    VEC(struct str) at; /* DER */
};

static void store_done(struct store *s)
{
    vec_each (der, &s->at)
        str_done(der);
    vec_done(&s->at);
}

/* PEM, several in a file, or one as DER. */
static int add_certificates(struct store *s, const struct str *text, struct error *err)
{
    struct view rest = str_view(text);
    char label[PEM_LABEL_MAX];
    int r = 1;

    if (!memmem(text->at, text->size, "-----BEGIN ", 11)) {
        vec_push(&s->at, STR_INIT);
        str_add(vec_last(&s->at), str_view(text));
        return 0;
    }
    while (r > 0) {
        STR_AUTO(der);

        r = pem_next(&rest, label, &der, err);
        if (r <= 0 || strcmp(label, "CERTIFICATE") != 0)
            continue;
        if (s->at.size == NOTATION_STORE_MAX)
            return error_set(err, -EDQUOT, "a trust store has at most %d certificates",
                             NOTATION_STORE_MAX);
        vec_push(&s->at, der);
        der = STR_INIT;
    }
    return r;
}

static bool is_certificate(const char *name)
{
    const struct view v = view_of(name);

    return view_ends(v, ".pem") || view_ends(v, ".crt") || view_ends(v, ".cer");
}

/* Links are refused by the specification: who can make one could choose what is trusted. */
static int read_store(int root, const char *path, struct store *ret, struct error *err)
{
    cleanup_close int fd = fd_open_beneath(root, path, O_RDONLY | O_DIRECTORY, 0, err);
    int r = 0;

    if (fd < 0)
        return fd;
    DIR *dir = fdopendir(dup(fd));
    for (const struct dirent *e; dir && r == 0 && (e = readdir(dir));) {
        STR_AUTO(text);

        if (!is_certificate(e->d_name))
            continue;
        cleanup_close int file = fd_open_beneath(fd, e->d_name, O_RDONLY | O_NONBLOCK, 0, err);
        r = file < 0 ? file : fd_read_all(file, CERTIFICATES_MAX, &text, err);
        if (r == 0)
            r = add_certificates(ret, &text, err);
    }
    if (dir)
        closedir(dir);
    return r;
}

/* By the kinds of trust stores. */
struct stores {
    struct store ca, authority, clocks;
};

static void stores_done(struct stores *s)
{
    store_done(&s->ca);
    store_done(&s->authority);
    store_done(&s->clocks);
}

static struct store *store_of(struct stores *all, const char *name)
{
    return strncmp(name, "ca:", 3) == 0    ? &all->ca
           : strncmp(name, "tsa:", 4) == 0 ? &all->clocks
                                           : &all->authority;
}

static enum notation_store kind_of(const char *name)
{
    return strncmp(name, "tsa:", 4) == 0 ? NOTATION_STORE_TSA : NOTATION_STORE_SIGNERS;
}

static int read_stores(const struct crypto *c, const struct notation_statement *s,
                       const char *policy_path, struct stores *ret, struct error *err)
{
    const char *slash = strrchr(policy_path, '/');
    cleanup_free char *path =
        slash ? xasprintf("%.*s/truststore/x509", (int)(slash - policy_path), policy_path)
              : xstrdup("truststore/x509");
    cleanup_close int root = fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, err);
    int r = root < 0 ? root : 0;

    for (size_t i = 0; r == 0 && i < s->stores.size; i++) {
        const char *name = s->stores.at[i], *colon = strchr(name, ':');
        cleanup_free char *folder = xasprintf("%.*s/%s", (int)(colon - name), name, colon + 1);

        r = read_store(root, folder, store_of(ret, name), err);
        vec_each (der, &store_of(ret, name)->at)
            if (r == 0)
                r = notation_store_check(c, kind_of(name), str_view(der), err);
        r = r < 0 ? error_wrap(err, r, "%s", folder) : 0;
    }
    return r < 0 ? error_wrap(err, r, "trust store '%s'", path) : 0;
}

static int verify_any(const struct env *env, const struct notation_facts *f,
                      const struct testimony *t, struct error *err)
{
    const char *none = t->complaints.size ? t->complaints.at[0] : "none lies beside it";
    cleanup_free char *why = xstrdup(none);

    vec_each (envelope, &t->envelopes) {
        CLEANUP(strings_done) struct strings log = {0};
        ERROR_AUTO(own);

        if (notation_verify(f, str_view(envelope), &log, &own) < 0) {
            free(why);
            why = xstrdup(own.text);
            continue;
        }
        for (size_t i = 0; i < log.size; i++)
            env_warn(env, "a signature of notation: %s", log.at[i]);
        return 0;
    }
    return error_hint(err, error_set(err, -EPERM, "no signature of notation holds"), "%s", why);
}

static int look_at_signatures(const struct env *env, const struct notation_statement *s,
                              const char *policy_path, struct site *site, struct testimony *t,
                              struct error *err)
{
    CLEANUP(crypto_closep) struct crypto *c = NULL;
    CLEANUP(stores_done) struct stores stores = {0};
    int r = crypto_open(&c, err);

    if (r == 0)
        r = read_stores(c, s, policy_path, &stores, err);
    if (r == 0)
        r = guard_collect(site, t, err);
    if (r < 0)
        return r;
    const struct notation_facts f = {.c = c,
                                     .statement = s,
                                     .digest = t->digest,
                                     .size = t->manifest.size,
                                     .ca = stores.ca.at.at,
                                     .ca_count = stores.ca.at.size,
                                     .authority = stores.authority.at.at,
                                     .authority_count = stores.authority.at.size,
                                     .clocks = stores.clocks.at.at,
                                     .clock_count = stores.clocks.at.size,
                                     .now_s = env->now_s};
    return verify_any(env, &f, t, err);
}

int notary_decide(const struct env *env, const struct notation_policy *p, const char *policy_path,
                  const struct reference *asked, struct site *site, struct testimony *t,
                  bool *ret_read, struct error *err)
{
    cleanup_free char *repository = asked ? reference_name(asked) : NULL;
    const struct notation_statement *s = notation_find(p, repository);
    int r = 0;

    *ret_read = s && !s->skip;
    if (!s)
        r = error_set(err, -EPERM, "no statement is for '%s'", repository ? repository : "*");
    else if (!s->skip)
        r = look_at_signatures(env, s, policy_path, site, t, err);
    return r < 0 ? error_wrap(err, r, "'%s'%s%s", policy_path, s ? ", statement " : "",
                              s ? s->name : "")
                 : 0;
}
