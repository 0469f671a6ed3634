#include "cli/prover.h"

#include <errno.h>
#include <fcntl.h>

#include "base/fd.h"
#include "cli/keys.h"

static bool has_certificate_options(const struct prover_options *o)
{
    return o->identity || o->identity_like || o->issuer || o->issuer_like || o->chain || o->roots ||
           o->between;
}

bool prover_is_named(const struct prover_options *o)
{
    return o->key || has_certificate_options(o) || o->log || o->clocks || o->trusted_root;
}

static int check_root(const struct prover_options *o, struct error *err)
{
    if (!o->trusted_root || !(o->chain || o->roots || o->between || o->log || o->clocks))
        return 0;
    return error_hint(
        err, error_set(err, -EINVAL, "--trusted-root has authorities, logs and clocks itself"),
        "leave out --certificate-chain, --ca-roots, --ca-intermediates, --rekor-public-key and "
        "--timestamp-certificate-chain");
}

static int check_authority(const struct prover_options *o, struct error *err)
{
    if (o->trusted_root)
        return 0;
    if (!o->chain == !o->roots)
        return error_hint(
            err,
            error_set(err, -EINVAL,
                      "an identity takes --trusted-root, --certificate-chain or --ca-roots"),
            "the authority's certificates, of Fulcio or your own; nothing is downloaded");
    return o->between && o->chain
               ? error_set(err, -EINVAL, "--ca-intermediates goes with --ca-roots")
               : 0;
}

int prover_check(const struct prover_options *o, struct error *err)
{
    if (!o->key == !has_certificate_options(o))
        return error_hint(
            err,
            error_set(err, -EINVAL, "it takes either --key, --certificate-identity or --policy"),
            "the public key: --key cosign.pub");
    const int r = check_root(o, err);
    return r < 0 || o->key ? r : check_authority(o, err);
}

static int read_file(void *ctx, const char *path, struct str *ret, struct error *err)
{
    (void)ctx;
    return fd_read_file(AT_FDCWD, path, CERTIFICATE_PEM_MAX, ret, err);
}

static struct requirement_key named(const char *path)
{
    return (struct requirement_key){.path = path ? xstrdup(path) : NULL, .pem = STR_INIT};
}

static int make_identity(const struct prover_options *o, struct requirement *q, struct error *err)
{
    const struct identity_words words = {o->identity, o->identity_like, o->issuer, o->issuer_like};
    const int r = requirement_set_identity(q, &words, err);

    if (r < 0 || o->trusted_root)
        return r;
    q->by->roots = named(o->chain ? o->chain : o->roots);
    q->by->between = named(o->between);
    return 0;
}

static int make_parts(const struct prover_options *o, struct requirement *q, struct error *err)
{
    int r = 0;

    if (o->trusted_root)
        q->root.path = xstrdup(o->trusted_root);
    if (o->log)
        r = requirement_add_key(&q->logs, o->log, VIEW(""), err);
    if (o->clocks) {
        q->clocks = xcalloc(1, sizeof(*q->clocks));
        q->clocks->roots = named(o->clocks);
    }
    return o->key || r < 0 ? r : make_identity(o, q, err);
}

int prover_make(const struct crypto *c, const struct prover_options *o, struct requirement *ret,
                struct error *err)
{
    CLEANUP(requirement_done) struct requirement q = {.kind = REQUIRE_SIGNED, .at_least = 1};
    struct trust_key *key = NULL;
    int r = make_parts(o, &q, err);

    if (r == 0)
        r = requirement_load(&q, c, read_file, NULL, err);
    if (r == 0 && o->key)
        r = keys_read(c, o->key, &key, err);
    if (r < 0)
        return r;
    if (o->key)
        vec_push(&q.keys, ((struct requirement_key){.pem = STR_INIT, .key = key}));
    *ret = q;
    q = (struct requirement){0};
    return 0;
}
