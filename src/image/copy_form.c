/* Documents of an image in another form: OCI's or docker's media types, fewer platforms. Configurations and layers stay. */
#include <errno.h>

#include "image/copy_internal.h"

void copy_note_made(struct copy *c, const struct digest *of, struct view bytes,
                    const char *media_type)
{
    struct copy_made *m = xcalloc(1, sizeof(*m));
    char hex[DIGEST_HEX_MAX];

    *m = (struct copy_made){.size = bytes.size, .media_type = media_type};
    digest_of(bytes, &m->digest);
    map_set(&c->made, view_of(digest_hex(of, hex)), m);
}

void copy_made_done(struct copy *c)
{
    map_each (entry, &c->made)
        free(entry->value);
    map_done(&c->made);
}

/* ---- manifests ---- */

/* docker's schema has no annotations. */
static void set_type(json_t *doc, const char *type, bool docker)
{
    doc_set_text(doc, "mediaType", type);
    if (docker)
        (void)json_object_del(doc, "annotations");
}

int copy_form_manifest(struct copy *c, const struct manifest *m, struct str *ret, bool *ret_changed,
                       struct error *err)
{
    const bool docker = c->options->form == COPY_V2S2;

    *ret_changed = false;
    if (c->options->form == COPY_AS_IS || m->docker == docker ||
        media_of(m->config.media_type) != MEDIA_CONFIG || m->has_subject)
        return 0;
    cleanup_doc json_t *doc = json_deep_copy(m->doc);
    json_t *layers = json_object_get(doc, "layers");
    for (size_t i = 0; i < m->layer_count; i++) {
        const char *type = media_layer_as(m->layers[i].media_type, docker);

        if (!type)
            return error_hint(err,
                              error_set(err, -ENOTSUP, "docker's schema 2 has no layers of type %s",
                                        m->layers[i].media_type),
                              "--dest-compress-format gzip packs them anew");
        set_type(json_array_get(layers, i), type, docker);
    }
    set_type(json_object_get(doc, "config"), docker ? MEDIA_DOCKER_CONFIG : MEDIA_OCI_CONFIG,
             docker);
    set_type(doc, docker ? MEDIA_DOCKER_MANIFEST : MEDIA_OCI_MANIFEST, docker);
    if (docker)
        (void)json_object_del(doc, "artifactType");
    doc_print(doc, true, ret);
    copy_note_made(c, &m->digest, str_view(ret),
                   docker ? MEDIA_DOCKER_MANIFEST : MEDIA_OCI_MANIFEST);
    *ret_changed = true;
    return 0;
}

/* ---- indexes ---- */

static bool replace_entry(const struct copy *c, const struct descriptor *d, json_t *entry,
                          bool docker)
{
    char hex[DIGEST_HEX_MAX], text[DIGEST_TEXT_MAX];
    const struct copy_made *m = map_get(&c->made, view_of(digest_hex(&d->digest, hex)));

    if (!m)
        return false;
    doc_set_text(entry, "digest", digest_format(&m->digest, text));
    doc_set_int(entry, "size", (int64_t)m->size);
    set_type(entry, m->media_type, docker);
    return true;
}

bool copy_form_index(struct copy *c, const struct image_index *x, struct str *ret)
{
    const bool docker = c->options->form == COPY_V2S2;
    bool changed = false;

    if (c->options->form == COPY_AS_IS)
        return false;
    cleanup_doc json_t *doc = json_deep_copy(x->doc);
    json_t *list = json_object_get(doc, "manifests");
    for (size_t i = 0; i < x->manifest_count; i++)
        changed = replace_entry(c, &x->manifests[i], json_array_get(list, i), docker) || changed;
    if (!changed && x->docker == docker)
        return false;
    set_type(doc, docker ? MEDIA_DOCKER_LIST : MEDIA_OCI_INDEX, docker);
    doc_print(doc, true, ret);
    copy_note_made(c, &x->digest, str_view(ret), docker ? MEDIA_DOCKER_LIST : MEDIA_OCI_INDEX);
    return true;
}

/* ---- fewer platforms ---- */

static bool is_about(const struct descriptor *entry, const struct descriptor *image)
{
    const char *digest = descriptor_annotation(entry, "vnd.docker.reference.digest");

    return digest && strcmp(digest, image->digest_text) == 0;
}

static bool is_kept(const struct descriptor *d, const struct descriptor *const *chosen,
                    size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (d == chosen[i] || is_about(d, chosen[i]))
            return true;
    return false;
}

int copy_subset(const struct image_index *x, const struct copy_options *o, struct str *ret,
                struct error *err)
{
    cleanup_free const struct descriptor **chosen = xcalloc(o->platform_count, sizeof(*chosen));
    cleanup_doc json_t *doc = json_deep_copy(x->doc);
    json_t *list = json_array();
    size_t kept = 0;
    int r = 0;

    for (size_t i = 0; r == 0 && i < o->platform_count; i++)
        r = image_index_select(x, &o->platforms[i], &chosen[i], err);
    for (size_t i = 0; r == 0 && i < x->manifest_count; i++) {
        if (!is_kept(&x->manifests[i], chosen, o->platform_count))
            continue;
        doc_push(list, json_incref(x->manifests[i].doc));
        kept++;
    }
    doc_set(doc, "manifests", list);
    if (r < 0)
        return r;
    if (kept == x->manifest_count) /* all of them: its bytes stay */
        str_add(ret, x->raw);
    else
        doc_print(doc, true, ret);
    return 0;
}
