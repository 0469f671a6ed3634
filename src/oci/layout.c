/* The two small files on top of a layout directory (image-spec 1.1, image-layout.md). */
#include <errno.h>

#include "oci/manifest.h"
#include "oci/reference.h"

#define LAYOUT_SIZE_MAX 65536

int layout_parse(struct view bytes, struct error *err)
{
    cleanup_doc json_t *doc = NULL;
    const char *version;
    int r = doc_parse(bytes, LAYOUT_SIZE_MAX, "oci-layout", &doc, err);

    if (r >= 0)
        r = doc_need_text(doc, "imageLayoutVersion", &version, err);
    if (r < 0)
        return error_wrap(err, r == -ENOENT ? -EINVAL : r, LAYOUT_FILE);
    if (strcmp(version, "1.0.0") != 0)
        return error_set(err, -EINVAL, LAYOUT_FILE ": version '%.40s' is not 1.0.0", version);
    return 0;
}

/* The tag alone, the whole name, or any short form of it. */
static bool names(const struct descriptor *d, const char *tag)
{
    static const char *const keys[] = {ANNOTATION_REF_NAME, ANNOTATION_IMAGE_NAME};

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        const char *text = descriptor_annotation(d, keys[i]);
        REFERENCE_AUTO(ref);

        if (!text)
            continue;
        if (strcmp(text, tag) == 0)
            return true;
        if (!strpbrk(text, ":/@") || reference_parse(text, &ref, NULL) < 0)
            continue;
        cleanup_free char *familiar = reference_familiar(&ref), *whole = reference_format(&ref);
        if ((ref.tag && strcmp(ref.tag, tag) == 0) || strcmp(familiar, tag) == 0 ||
            strcmp(whole, tag) == 0)
            return true;
    }
    return strcmp(d->digest_text, tag) == 0;
}

static void list_tags(const struct image_index *x, struct str *ret)
{
    for (size_t i = 0; i < x->manifest_count && ret->size < 400; i++) {
        const char *text = descriptor_annotation(&x->manifests[i], ANNOTATION_REF_NAME);

        if (!text)
            text = x->manifests[i].digest_text;
        str_printf(ret, "%s%.80s", ret->size ? ", " : "", text);
    }
}

int layout_select(const struct image_index *x, const char *tag, const struct descriptor **ret,
                  struct error *err)
{
    STR_AUTO(tags);

    if (!tag && x->manifest_count == 1) {
        *ret = &x->manifests[0];
        return 0;
    }
    for (size_t i = 0; tag && i < x->manifest_count; i++) {
        if (names(&x->manifests[i], tag)) {
            *ret = &x->manifests[i];
            return 0;
        }
    }
    list_tags(x, &tags);
    if (x->manifest_count == 0)
        return error_set(err, -ENOENT, "the layout holds no image");
    if (tag)
        return error_hint(err, error_set(err, -ENOENT, "the layout has no image '%.128s'", tag),
                          "it has: %s", tags.at);
    return error_hint(err,
                      error_set(err, -ENOTUNIQ, "the layout holds %zu images", x->manifest_count),
                      "name one of: %s", tags.at);
}
