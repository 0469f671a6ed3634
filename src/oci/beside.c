#include "oci/beside.h"

#include <stdio.h>

#include "oci/manifest.h"

static bool is_tag(struct view tag)
{
    static const char prefix[] = "sha256-";
    static const char *const suffixes[] = {"", ".sig", ".att", ".sbom"};
    const size_t begin = strlen(prefix), end = begin + 2 * sizeof(struct digest);
    struct digest d;

    if (!view_starts(tag, prefix) || tag.size < end)
        return false;
    cleanup_free char *hex = xstrndup(tag.at + begin, end - begin);
    for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
        if (view_eq_text(view_make(tag.at + end, tag.size - end), suffixes[i]))
            return digest_parse_hex(hex, &d, NULL) == 0;
    return false;
}

bool beside_is(const struct descriptor *entry)
{
    static const char *const keys[] = {ANNOTATION_REF_NAME, ANNOTATION_IMAGE_NAME};

    if (entry->artifact_type)
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        const char *text = descriptor_annotation(entry, keys[i]);
        const char *colon = text ? strrchr(text, ':') : NULL;

        if (text && is_tag(view_of(colon ? colon + 1 : text)))
            return true;
    }
    return false;
}

char *beside_tag(const char *digest, const char *suffix, char buf[static BESIDE_TAG_MAX])
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    const char *colon = strchr(digest, ':');

    snprintf(buf, BESIDE_TAG_MAX, "%.*s-%.64s%.7s", (int)MIN(colon - digest, 32), digest, colon + 1,
             suffix);
    for (char *at = buf; *at; at++)
        if (!strchr(allowed, *at))
            *at = '-';
    return buf;
}

/* ---- what refers ---- */

static int read_index(struct view bytes, struct referrer *ret, struct error *err)
{
    CLEANUP(image_index_freep) struct image_index *x = NULL;
    const int r = image_index_parse(bytes, &x, err);

    if (r < 0 || !x->subject)
        return r;
    ret->subject = xstrdup(x->subject);
    ret->entry = descriptor_new(x->media_type, &x->digest, bytes.size);
    if (x->artifact_type)
        doc_set_text(ret->entry, "artifactType", x->artifact_type);
    if (x->annotations)
        doc_set(ret->entry, "annotations", json_incref(x->annotations));
    return 0;
}

static int read_manifest(struct view bytes, struct referrer *ret, struct error *err)
{
    CLEANUP(manifest_freep) struct manifest *m = NULL;
    const int r = manifest_parse(bytes, &m, err);

    if (r < 0 || !m->has_subject)
        return r;
    ret->subject = xstrdup(m->subject.digest_text);
    ret->entry = descriptor_new(m->media_type, &m->digest, bytes.size);
    doc_set_text(ret->entry, "artifactType",
                 m->artifact_type ? m->artifact_type : m->config.media_type);
    if (m->annotations)
        doc_set(ret->entry, "annotations", json_incref(m->annotations));
    return 0;
}

int referrer_read(struct view bytes, struct referrer *ret, struct error *err)
{
    enum media kind;
    const int r = manifest_kind(bytes, &kind, err);

    *ret = (struct referrer){0};
    if (r < 0)
        return r;
    return kind == MEDIA_INDEX ? read_index(bytes, ret, err) : read_manifest(bytes, ret, err);
}

void referrer_done(struct referrer *r)
{
    free(r->subject);
    doc_unref(r->entry);
    *r = (struct referrer){0};
}
