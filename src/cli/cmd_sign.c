/* cooper sign - a signature beside an image, in cosign's forms. */
#include <errno.h>

#include "cli/access.h"
#include "cli/commands.h"
#include "cli/images.h"
#include "cli/signer.h"
#include "oci/config.h"

struct options {
    struct access_words access;
    const char *key, *identity;
    struct strings annotations;
    bool bundle;
};

/* What is signed besides: who made it, when, and what the user says. */
static int make_optional(const struct env *env, const struct strings *annotations, json_t **ret,
                         struct error *err)
{
    cleanup_doc json_t *doc = json_object();

    doc_set_text(doc, "creator", "cooper " COOPER_VERSION);
    doc_set_int(doc, "timestamp", env->now_s);
    for (size_t i = 0; i < annotations->size; i++) {
        const char *text = annotations->at[i], *equals = strchr(text, '=');

        if (!equals || equals == text)
            return error_set(err, -EINVAL, "--annotations '%s' is not KEY=VALUE", text);
        cleanup_free char *key = xstrndup(text, (size_t)(equals - text));
        if (strcmp(key, "timestamp") == 0)
            return error_set(err, -EINVAL, "--annotations: 'timestamp' is the time of signing");
        doc_set_text(doc, key, equals + 1);
    }
    *ret = steal(doc);
    return 0;
}

static int sign_bundled(const struct env *env, struct signer *g, const char *name,
                        json_t *take_optional, struct error *err)
{
    struct sign_layer l = {.blob = STR_INIT};
    char created[CONFIG_TIME_MAX];
    STR_AUTO(statement);

    doc_set_text(take_optional, "Timestamp", config_time_format(env->now_s, created));
    statement_print(name, &g->image.digest, PREDICATE_COSIGN_SIGN, take_optional, &statement);
    int r = sign_bundle(g->key, str_view(&statement), &l, err);
    if (r == 0)
        r = testimony_add_referrer(g->site, &g->image, &l, PREDICATE_COSIGN_SIGN, created, err);
    sign_layer_done(&l);
    return r;
}

static int sign_tagged(struct signer *g, const char *name, json_t *take_optional, struct error *err)
{
    struct sign_layer l = {.blob = STR_INIT};
    int r = sign_simple(g->key, name, &g->image.digest, take_optional, &l, err);

    if (r == 0)
        r = testimony_add_tag(g->site, &g->image, ".sig", &l, err);
    sign_layer_done(&l);
    return r;
}

static int sign(const struct env *env, const struct options *o, struct wire *w,
                const char *reference, struct error *err)
{
    SIGNER_AUTO(g);
    json_t *optional = NULL;
    char digest[DIGEST_TEXT_MAX], key[DIGEST_TEXT_MAX];
    int r = signer_open(w, reference, o->key, &g, err);

    if (r == 0)
        r = make_optional(env, &o->annotations, &optional, err);
    if (r < 0)
        return r;
    const char *name = o->identity ? o->identity : g.site->repository;
    r = o->bundle ? sign_bundled(env, &g, name, optional, err)
                  : sign_tagged(&g, name, optional, err);
    if (r == 0 && !env->quiet)
        fprintf(env->out, "Signed %s as '%s' with the key %s\n",
                digest_format(&g.image.digest, digest), name,
                digest_format(trust_key_id(g.key), key));
    return r;
}

static int run(const struct env *env, const void *options, char *const *arguments,
               struct error *err)
{
    const struct options *o = options;
    CLEANUP(wire_access_done) struct wire_access access = {0};
    int r = access_read(&o->access, &access, err);

    if (r == 0 && !o->key)
        r = error_hint(err, error_set(err, -EINVAL, "--key is missing"),
                       "'cooper keygen' makes a pair: --key cosign.key");
    if (r < 0)
        return image_exit(r);
    CLEANUP(wire_freep) struct wire *w = wire_new(env, &access, &access);
    return image_exit(sign(env, o, w, arguments[0], err));
}

static const struct option_row rows[] = {
    OPT_TEXT(0, "key", struct options, key, "FILE|env://NAME", "the private key"),
    OPT_TEXTS('a', "annotations", struct options, annotations, "KEY=VALUE",
              "what is signed besides the image"),
    OPT_TEXT(0, "sign-container-identity", struct options, identity, "NAME",
             "what the signature calls the image (default: its repository)"),
    OPT_FLAG(0, "new-bundle-format", struct options, bundle,
             "a Sigstore bundle that refers to the image, not a tag"),
    OPT_REGISTRY(struct options, access),
    OPT_END,
};

const struct command_row cmd_sign = {
    .name = "sign",
    .group = "ship and trust them",
    .arguments = "REF|oci:DIR[:TAG]",
    .help = "sign an image with a key",
    .options = rows,
    .options_size = sizeof(struct options),
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run,
    .example = "cooper sign --key cosign.key registry.example/app:1.0",
};
