#include "trust/sign.h"

#include <errno.h>

#define BUNDLE_CONTENT "dev.sigstore.bundle.content"
#define BUNDLE_PREDICATE "dev.sigstore.bundle.predicateType"
#define NO_TIME "0001-01-01T00:00:00Z" /* what Go writes for none */

void sign_layer_done(struct sign_layer *l)
{
    if (l->blob.at)
        str_done(&l->blob);
    doc_unref(l->descriptor);
    l->descriptor = NULL;
}

static json_t *describe(const char *media_type, const struct str *blob)
{
    struct digest digest;

    digest_of(str_view(blob), &digest);
    return descriptor_new(media_type, &digest, blob->size);
}

/* ---- layers ---- */

int sign_simple(const struct trust_key *k, const char *reference, const struct digest *image,
                json_t *take_optional, struct sign_layer *ret, struct error *err)
{
    STR_AUTO(payload);
    STR_AUTO(signature);
    STR_AUTO(text);

    simple_print(reference, image, take_optional, &payload);
    if (payload.size > SIMPLE_SIZE_MAX)
        return error_set(err, -EDQUOT, "the annotations have more than %u bytes", SIMPLE_SIZE_MAX);
    const int r = trust_key_sign(k, str_view(&payload), &signature, err);
    if (r < 0)
        return r;
    str_add_base64(&text, str_view(&signature));
    ret->descriptor = describe(MEDIA_COSIGN_SIMPLE, &payload);
    descriptor_set_annotation(ret->descriptor, ANNOTATION_COSIGN_SIGNATURE, text.at);
    ret->blob = payload;
    payload = STR_INIT;
    return 0;
}

int sign_dsse(const struct trust_key *k, struct view statement, const char *predicate_type,
              struct sign_layer *ret, struct error *err)
{
    cleanup_doc json_t *envelope = NULL;
    const int r = dsse_sign(MEDIA_IN_TOTO, statement, k, &envelope, err);

    if (r < 0)
        return r;
    ret->blob = STR_INIT;
    doc_print(envelope, true, &ret->blob);
    ret->descriptor = describe(MEDIA_DSSE, &ret->blob);
    descriptor_set_annotation(ret->descriptor, ANNOTATION_COSIGN_SIGNATURE, "");
    descriptor_set_annotation(ret->descriptor, "predicateType", predicate_type);
    return 0;
}

int sign_bundle(const struct trust_key *k, struct view statement, struct sign_layer *ret,
                struct error *err)
{
    json_t *envelope = NULL;
    const int r = dsse_sign(MEDIA_IN_TOTO, statement, k, &envelope, err);

    if (r < 0)
        return r;
    ret->blob = STR_INIT;
    sigstore_print(envelope, k, &ret->blob);
    ret->descriptor = describe(MEDIA_SIGSTORE, &ret->blob);
    return 0;
}

/* ---- manifests ---- */

/* What cosign writes: an image's configuration with the layers' digests in it and nothing else. */
static void print_config(const json_t *layers, struct str *ret)
{
    cleanup_doc json_t *doc = json_object();
    json_t *history = json_array(), *rootfs = json_object(), *ids = json_array();
    const json_t *layer;
    size_t i;

    json_array_foreach(layers, i, layer)
    {
        json_t *entry = json_object();

        doc_set_text(entry, "created", NO_TIME);
        doc_push(history, entry);
        doc_push(ids, json_incref(json_object_get(layer, "digest")));
    }
    doc_set_text(rootfs, "type", "layers");
    doc_set(rootfs, "diff_ids", ids);
    doc_set_text(doc, "architecture", "");
    doc_set_text(doc, "created", NO_TIME);
    doc_set(doc, "history", history);
    doc_set_text(doc, "os", "");
    doc_set(doc, "rootfs", rootfs);
    doc_set(doc, "config", json_object());
    doc_print(doc, true, ret);
}

int sign_tag_manifest(const struct manifest *old, const struct sign_layer *l,
                      struct str *ret_manifest, struct str *ret_config, struct error *err)
{
    json_t *layers = json_array();

    for (size_t i = 0; old && i < old->layer_count; i++)
        doc_push(layers, json_incref(old->layers[i].doc));
    if (json_array_size(layers) >= EVIDENCE_COUNT_MAX) {
        doc_unref(layers);
        return error_set(err, -EDQUOT, "the image has %d signatures or statements already",
                         EVIDENCE_COUNT_MAX);
    }
    doc_push(layers, json_incref(l->descriptor));
    print_config(layers, ret_config);
    json_t *annotations = old && old->annotations ? json_incref(old->annotations) : NULL;
    manifest_print(false, describe(MEDIA_OCI_CONFIG, ret_config), layers, annotations,
                   ret_manifest);
    return 0;
}

void sign_referrer_manifest(const struct sign_layer *l, json_t *take_subject,
                            const char *predicate_type, const char *created,
                            struct str *ret_manifest)
{
    cleanup_doc json_t *doc = json_object();
    json_t *layers = json_array(), *annotations = json_object();
    struct digest empty;

    digest_of(VIEW("{}"), &empty);
    doc_push(layers, json_incref(l->descriptor));
    doc_set_text(annotations, BUNDLE_CONTENT, "dsse-envelope");
    doc_set_text(annotations, BUNDLE_PREDICATE, predicate_type);
    doc_set_text(annotations, ANNOTATION_CREATED, created);
    doc_set_int(doc, "schemaVersion", 2);
    doc_set_text(doc, "mediaType", MEDIA_OCI_MANIFEST);
    doc_set_text(doc, "artifactType", MEDIA_SIGSTORE);
    doc_set(doc, "config", descriptor_new(MEDIA_OCI_EMPTY, &empty, 2));
    doc_set(doc, "layers", layers);
    doc_set(doc, "subject", take_subject);
    doc_set(doc, "annotations", annotations);
    doc_print(doc, true, ret_manifest);
}
