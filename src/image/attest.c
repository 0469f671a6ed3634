/* Attestations of an image: predicates that its record keeps, which go out as artifacts beside the manifest that they speak
 * of (image-spec 1.1, manifest.md: subject and artifactType; in-toto Statement v1). */
#include "image/attest.h"

#include "oci/manifest.h"

#define KEY "attestations"

void image_attest(struct image *i, const char *predicate_type, json_t *take_predicate)
{
    json_t *item = json_object(), *list = json_array();

    doc_set_text(item, "predicateType", predicate_type);
    doc_set(item, "predicate", take_predicate);
    doc_push(list, item);
    if (!i->record.extra)
        i->record.extra = json_object();
    doc_set(i->record.extra, KEY, list);
}

json_t *image_attestation(const struct image *i, const char *predicate_type)
{
    const json_t *list = json_object_get(i->record.extra, KEY), *item;
    size_t n;

    json_array_foreach(list, n, item)
    {
        const char *type = json_string_value(json_object_get(item, "predicateType"));
        if (type && strcmp(type, predicate_type) == 0)
            return json_object_get(item, "predicate");
    }
    return NULL;
}

static json_t *subject_doc(const struct exporting *x, const struct strings *names)
{
    json_t *list = json_array();
    char hex[DIGEST_HEX_MAX];

    for (size_t i = 0; i < MAX(names->size, (size_t)1); i++) {
        json_t *subject = json_object(), *digest = json_object();
        doc_set_text(digest, "sha256", digest_hex(&x->manifest_digest, hex));
        doc_set_text(subject, "name", names->size ? names->at[i] : "_");
        doc_set(subject, "digest", digest);
        doc_push(list, subject);
    }
    return list;
}

static void make_statement(const struct exporting *x, const struct strings *names,
                           const json_t *item, struct str *ret)
{
    cleanup_doc json_t *doc = json_object();

    doc_set_text(doc, "_type", "https://in-toto.io/Statement/v1");
    doc_set(doc, "subject", subject_doc(x, names));
    doc_set(doc, "predicateType", json_incref(json_object_get(item, "predicateType")));
    doc_set(doc, "predicate", json_incref(json_object_get(item, "predicate")));
    doc_print(doc, true, ret);
}

static json_t *image_descriptor(const struct exporting *x)
{
    return descriptor_new(export_manifest_type(x), &x->manifest_digest, x->manifest.size);
}

static void make_artifact(const struct exporting *x, const char *predicate_type,
                          const struct digest *statement, uint64_t size, const struct digest *empty,
                          struct str *ret)
{
    cleanup_doc json_t *doc = json_object();
    json_t *layers = json_array(), *layer = descriptor_new(MEDIA_IN_TOTO, statement, size);

    descriptor_set_annotation(layer, "in-toto.io/predicate-type", predicate_type);
    doc_push(layers, layer);
    doc_set_int(doc, "schemaVersion", 2);
    doc_set_text(doc, "mediaType", MEDIA_OCI_MANIFEST);
    doc_set_text(doc, "artifactType", MEDIA_IN_TOTO);
    doc_set(doc, "config", descriptor_new(MEDIA_OCI_EMPTY, empty, 2));
    doc_set(doc, "layers", layers);
    doc_set(doc, "subject", image_descriptor(x));
    doc_print(doc, true, ret);
}

json_t *attestation_descriptor(const struct attestation *a)
{
    json_t *entry = descriptor_new(MEDIA_OCI_MANIFEST, &a->digest, a->manifest.size);

    doc_set_text(entry, "artifactType", MEDIA_IN_TOTO);
    return entry;
}

static int add_one(const struct exporting *x, const struct strings *names, const json_t *item,
                   attestation_put *put, void *ctx, struct error *err)
{
    const char *type = json_string_value(json_object_get(item, "predicateType"));
    struct digest statement_digest, empty;
    STR_AUTO(statement);
    STR_AUTO(artifact);

    if (!type)
        return 0;
    digest_of(VIEW("{}"), &empty);
    make_statement(x, names, item, &statement);
    digest_of(str_view(&statement), &statement_digest);
    make_artifact(x, type, &statement_digest, statement.size, &empty, &artifact);
    struct attestation a = {.blobs = {VIEW("{}"), str_view(&statement)},
                            .manifest = str_view(&artifact),
                            .subject = x->manifest_digest};
    digest_of(a.manifest, &a.digest);
    return put(ctx, &a, err);
}

int export_attestations(const struct export_set *set, attestation_put *put, void *ctx,
                        struct error *err)
{
    int r = 0;

    for (size_t i = 0; i < set->count; i++) {
        const json_t *list = json_object_get(set->at[i].image->record.extra, KEY);
        for (size_t n = 0; r == 0 && n < json_array_size(list); n++)
            r = add_one(&set->at[i], &set->names, json_array_get(list, n), put, ctx, err);
    }
    return r;
}
