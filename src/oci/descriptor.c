#include "oci/descriptor.h"

#include <ctype.h>
#include <errno.h>

/* RFC 4648, 4: groups of four, padded. */
static bool base64_valid(const char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const size_t size = strlen(text), run = strspn(text, digits);

    return size % 4 == 0 && size - run <= 2 && strspn(text + run, "=") == size - run;
}

/* RFC 3986: a scheme, then only bytes that a URI may have. */
static bool uri_valid(const char *text)
{
    static const char more[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "-._~:/?#[]@!$&'()*+,;=%";
    const char *colon = strchr(text, ':');

    if (!colon || !isalpha((unsigned char)*text) || colon[1] == '\0')
        return false;
    for (const char *c = text; c < colon; c++)
        if (!isalnum((unsigned char)*c) && !strchr("+-.", *c))
            return false;
    return strspn(text, more) == strlen(text);
}

static int read_urls(json_t *doc, struct error *err)
{
    json_t *urls = NULL, *url;
    size_t i;
    const int r = doc_array(doc, "urls", &urls, err);

    if (r < 0)
        return r;
    json_array_foreach(urls, i, url)
    {
        if (!json_is_string(url) || !uri_valid(json_string_value(url)))
            return error_set(err, -EINVAL, "urls[%zu] is not a URL", i);
    }
    return 0;
}

int descriptor_read_annotations(json_t *doc, json_t **ret, struct error *err)
{
    const char *key;
    json_t *value;
    const int r = doc_object(doc, "annotations", ret, err);

    if (r < 0)
        return r;
    json_object_foreach(*ret, key, value)
    {
        if (!json_is_string(value) && !json_is_null(value)) /* null: as if it were absent */
            return error_set(err, -EINVAL, "annotation '%.80s' is not a text", key);
    }
    return 0;
}

int descriptor_read_artifact_type(json_t *doc, const char **ret, struct error *err)
{
    const char *type = NULL;
    const int r = doc_text(doc, "artifactType", &type, err);

    if (r == 0 && type && !type[0])
        type = NULL; /* as Go reads it */
    /* "sbom": no reader of Go minds, and one such referrer must not hide the others of its list */
    if (r == 0 && type && !media_valid(type) && !media_is_word(type))
        return error_set(err, -EINVAL, "artifactType '%.80s' is not type/subtype", type);
    if (r == 0)
        *ret = type;
    return r;
}

static int read_platform(json_t *doc, struct descriptor *d, struct error *err)
{
    json_t *p = NULL;
    const char *os, *architecture, *variant = NULL, *version = NULL;
    int r = doc_object(doc, "platform", &p, err);

    if (r < 0 || !p)
        return r;
    r = doc_need_text(p, "os", &os, err);
    if (r == 0)
        r = doc_need_text(p, "architecture", &architecture, err);
    if (r == 0)
        r = doc_text(p, "variant", &variant, err);
    if (r == 0)
        r = doc_text(p, "os.version", &version, err);
    if (r == 0)
        r = platform_make(os, architecture, variant, &d->platform, err);
    if (r < 0)
        return error_wrap(err, r == -ENOENT ? -EINVAL : r, "platform");
    if (version && strlen(version) < sizeof(d->platform.os_version))
        strcpy(d->platform.os_version, version);
    d->has_platform = true;
    return 0;
}

static int read_fields(json_t *doc, struct descriptor *d, struct error *err)
{
    int64_t size = 0;
    const char *data = NULL;
    int r = doc_need_text(doc, "mediaType", &d->media_type, err);

    if (r == 0)
        r = doc_need_text(doc, "digest", &d->digest_text, err);
    if (r == 0)
        r = doc_need_int(doc, "size", &size, err);
    if (r == 0)
        r = descriptor_read_artifact_type(doc, &d->artifact_type, err);
    if (r == 0)
        r = doc_text(doc, "data", &data, err);
    if (r < 0)
        return r;
    if (!media_valid(d->media_type))
        return error_set(err, -EINVAL, "mediaType '%.80s' is not type/subtype", d->media_type);
    if (!digest_valid(d->digest_text))
        return error_set(err, -EINVAL, "digest '%.80s' is malformed", d->digest_text);
    if (size < 0 || size > DESCRIPTOR_SIZE_MAX)
        return error_set(err, -EINVAL, "size %lld is impossible", (long long)size);
    if (data && !base64_valid(data))
        return error_set(err, -EINVAL, "data is not base64");
    d->size = (uint64_t)size;
    return 0;
}

int descriptor_read(json_t *doc, const char *what, struct descriptor *ret, struct error *err)
{
    struct descriptor d = {.doc = doc};
    int r;

    if (!json_is_object(doc))
        return error_set(err, -EINVAL, "%s is not a descriptor", what);
    r = read_fields(doc, &d, err);
    if (r == 0)
        r = read_urls(doc, err);
    if (r == 0)
        r = descriptor_read_annotations(doc, &d.annotations, err);
    if (r == 0)
        r = read_platform(doc, &d, err);
    if (r < 0)
        return error_wrap(err, r == -ENOENT ? -EINVAL : r, "%s", what);
    if (strncmp(d.digest_text, "sha256:", 7) == 0) {
        r = digest_parse(d.digest_text, &d.digest, err);
        if (r < 0)
            return r;
    }
    *ret = d;
    return 0;
}

int descriptor_need_sha256(const struct descriptor *d, struct error *err)
{
    if (!digest_is_zero(&d->digest))
        return 0;
    return error_set(err, -ENOTSUP, "digest '%.80s' is not sha256, the only algorithm supported",
                     d->digest_text);
}

const char *descriptor_annotation(const struct descriptor *d, const char *key)
{
    return json_string_value(json_object_get(d->annotations, key));
}

json_t *descriptor_new(const char *media_type, const struct digest *digest, uint64_t size)
{
    char text[DIGEST_TEXT_MAX];
    json_t *doc = json_object();

    doc_set_text(doc, "mediaType", media_type);
    doc_set_text(doc, "digest", digest_format(digest, text));
    doc_set_int(doc, "size", (int64_t)size);
    return doc;
}

void descriptor_set_platform(json_t *descriptor, const struct platform *p)
{
    json_t *doc = json_object();

    doc_set_text(doc, "architecture", p->architecture);
    doc_set_text(doc, "os", p->os);
    if (*p->os_version)
        doc_set_text(doc, "os.version", p->os_version);
    if (*p->variant)
        doc_set_text(doc, "variant", p->variant);
    doc_set(descriptor, "platform", doc);
}

void descriptor_set_annotation(json_t *descriptor, const char *key, const char *value)
{
    json_t *all = json_object_get(descriptor, "annotations");

    if (!all) {
        doc_set(descriptor, "annotations", json_object());
        all = json_object_get(descriptor, "annotations");
    }
    doc_set_text(all, key, value);
}

void descriptor_urls(const struct descriptor *d, struct strings *ret)
{
    const json_t *urls = json_object_get(d->doc, "urls"), *url;
    size_t i;

    if (!media_is_foreign(d->media_type))
        return;
    json_array_foreach(urls, i, url)
    {
        if (i < DESCRIPTOR_URLS_MAX)
            strings_add(ret, json_string_value(url));
    }
}
