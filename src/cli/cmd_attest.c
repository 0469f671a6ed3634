/* cooper attest - a signed statement about an image beside it. */
#include <errno.h>

#include "base/fd.h"
#include "cli/access.h"
#include "cli/commands.h"
#include "cli/images.h"
#include "cli/signer.h"
#include "oci/config.h"
#include "oci/manifest.h"

#define CUSTOM "custom" /* any text: cosign wraps it */

struct options {
    struct access_words access;
    const char *key, *predicate, *type;
    bool bundle;
};

static int wrap_text(const struct env *env, const struct str *text, json_t **ret)
{
    json_t *doc = json_object();
    char now[CONFIG_TIME_MAX];

    doc_set_text(doc, "Data", text->at);
    doc_set_text(doc, "Timestamp", config_time_format(env->now_s, now));
    *ret = doc;
    return 0;
}

static int read_predicate(const struct env *env, const struct options *o, json_t **ret,
                          struct error *err)
{
    STR_AUTO(text);
    int r = strcmp(o->predicate, "-") == 0
                ? fd_read_all(0, DSSE_SIZE_MAX, &text, err)
                : fd_read_file(AT_FDCWD, o->predicate, DSSE_SIZE_MAX, &text, err);

    if (r == 0 && strcmp(o->type, CUSTOM) == 0)
        return wrap_text(env, &text, ret);
    if (r == 0)
        r = doc_parse(str_view(&text), DSSE_SIZE_MAX, "predicate", ret, err);
    if (r == 0 && !json_is_object(*ret)) {
        doc_unref(*ret);
        r = error_set(err, -EINVAL, "it is no JSON object");
    }
    return r < 0 ? error_wrap(err, r, "predicate '%s'", o->predicate) : 0;
}

static int no_predicate(const struct options *o, struct error *err)
{
    return error_hint(
        err,
        error_set(err, -ENOENT,
                  "no image of the store is this one and has a "
                  "statement of type '%s'",
                  o->type),
        "say what there is to say with --predicate FILE, or keep it when it is built: "
        "--provenance and no --push alone");
}

/* What the build of this very image wrote down about itself, in this store. What lies unsigned beside
 * it in a registry is anybody's word, and not signed. */
static int find_predicate(const struct env *env, const struct options *o, const struct testimony *t,
                          json_t **ret, struct error *err)
{
    CLEANUP(manifest_freep) struct manifest *m = NULL;
    CLEANUP(image_freep) struct image *image = NULL;
    IMAGE_TOOLS_AUTO(tools);

    if (manifest_parse(str_view(&t->manifest), &m, NULL) < 0)
        return error_hint(err, error_set(err, -EINVAL, "it is an index"),
                          "name one of its manifests by digest, or say --predicate");
    int r = image_tools_open_store(env, &tools, err);
    if (r < 0)
        return r;
    if (image_open(&tools, m->config.digest_text, &image, NULL) < 0)
        return no_predicate(o, err);
    *ret = json_incref(image_attestation(image, statement_type_of(o->type)));
    return *ret ? 0 : no_predicate(o, err);
}

static int add(const struct env *env, const struct options *o, struct signer *g,
               json_t *take_predicate, struct error *err)
{
    const char *type = statement_type_of(o->type);
    struct sign_layer l = {.blob = STR_INIT};
    char now[CONFIG_TIME_MAX];
    STR_AUTO(statement);

    statement_print(g->site->repository, &g->image.digest, type, take_predicate, &statement);
    int r = o->bundle ? sign_bundle(g->key, str_view(&statement), &l, err)
                      : sign_dsse(g->key, str_view(&statement), type, &l, err);
    if (r == 0 && l.blob.size > DSSE_SIZE_MAX)
        r = error_set(err, -EDQUOT, "a statement has at most %u MiB", DSSE_SIZE_MAX >> 20);
    if (r == 0)
        r = o->bundle ? testimony_add_referrer(g->site, &g->image, &l, type,
                                               config_time_format(env->now_s, now), err)
                      : testimony_add_tag(g->site, &g->image, ".att", &l, err);
    sign_layer_done(&l);
    return r;
}

static int attest(const struct env *env, const struct options *o, struct wire *w,
                  const char *reference, struct error *err)
{
    SIGNER_AUTO(g);
    json_t *predicate = NULL;
    char digest[DIGEST_TEXT_MAX], key[DIGEST_TEXT_MAX];
    int r = signer_open(w, reference, o->key, &g, err);

    if (r == 0)
        r = o->predicate ? read_predicate(env, o, &predicate, err)
                         : find_predicate(env, o, &g.image, &predicate, err);
    if (r == 0)
        r = add(env, o, &g, predicate, err);
    if (r == 0 && !env->quiet)
        fprintf(env->out, "Attested %s: %s with the key %s\n",
                digest_format(&g.image.digest, digest), statement_type_of(o->type),
                digest_format(trust_key_id(g.key), key));
    return r;
}

#define KNOWN_TYPES "slsaprovenance1, spdxjson, cyclonedx, vuln, openvex and custom are some"

static int run(const struct env *env, const void *options, char *const *arguments,
               struct error *err)
{
    const struct options *o = options;
    CLEANUP(wire_access_done) struct wire_access access = {0};
    int r = access_read(&o->access, &access, err);

    if (r < 0)
        return image_exit(r);
    if (!o->key)
        r = error_hint(err, error_set(err, -EINVAL, "--key is missing"),
                       "'cooper keygen' makes a pair: --key cosign.key");
    else if (!o->type)
        r = error_hint(err, error_set(err, -EINVAL, "--type is missing"), KNOWN_TYPES);
    else if (!statement_type_of(o->type))
        r = error_hint(err,
                       error_set(err, -EINVAL, "--type '%s' is no URI and no known word", o->type),
                       KNOWN_TYPES);
    if (r < 0)
        return image_exit(r);
    CLEANUP(wire_freep) struct wire *w = wire_new(env, &access, &access);
    return image_exit(attest(env, o, w, arguments[0], err));
}

static const struct option_row rows[] = {
    OPT_TEXT(0, "key", struct options, key, "FILE|env://NAME", "the private key"),
    OPT_TEXT(0, "predicate", struct options, predicate, "FILE|-",
             "what is said, as JSON (default: what its build said)"),
    OPT_TEXT(0, "type", struct options, type, "TYPE",
             "slsaprovenance1, spdxjson, cyclonedx, vuln, openvex, custom or a URI"),
    OPT_FLAG(0, "new-bundle-format", struct options, bundle,
             "a Sigstore bundle that refers to the image, not a tag"),
    OPT_REGISTRY(struct options, access),
    OPT_END,
};

const struct command_row cmd_attest = {
    .name = "attest",
    .group = "ship and trust them",
    .arguments = "REF|oci:DIR[:TAG]",
    .help = "sign a statement about an image",
    .options = rows,
    .options_size = sizeof(struct options),
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run,
    .example = "cooper attest --key cosign.key --type spdxjson --predicate sbom.json "
               "registry.example/app:1.0",
};
