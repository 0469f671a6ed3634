#include "oci/beside.h"

#include <stdio.h>

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

json_t *beside_entry(const struct any_manifest *m)
{
    json_t *entry = descriptor_new(m->media_type, &m->digest, m->size);
    const char *type =
        m->artifact_type || !m->manifest ? m->artifact_type : m->manifest->config.media_type;

    if (type)
        doc_set_text(entry, "artifactType", type);
    if (m->annotations)
        doc_set(entry, "annotations", json_incref(m->annotations));
    return entry;
}
